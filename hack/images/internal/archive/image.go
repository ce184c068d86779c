package archive

import (
	"fmt"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"

	"github.com/openplp/khocr/hack/images/internal/content"
)

// Written describes a tarball.
type Written struct {
	// Reference is the image's name with a tag derived from its content: it changes when, and only when, the image does.
	Reference string
	// Unpacked is the sum of the layers as they lie on a node, in bytes.
	Unpacked int64
}

// Write makes the tarball of an image for a processor architecture in Go's spelling, at path.
func Write(path, architecture string, of content.Image) (Written, error) {
	image, unpacked, err := build(architecture, of)
	if err != nil {
		return Written{}, fmt.Errorf("building image %s: %w", of.Name, err)
	}
	digest, err := image.ConfigName()
	if err != nil {
		return Written{}, fmt.Errorf("naming image %s: %w", of.Name, err)
	}
	reference := "khocr/" + of.Name + ":" + digest.Hex[:12]
	// containerd would take a name without a host for one of Docker Hub's; so does Kubernetes, and the two agree.
	tag, err := name.NewTag(reference)
	if err != nil {
		return Written{}, fmt.Errorf("naming image %s: %w", of.Name, err)
	}
	if err := tarball.WriteToFile(path, tag, image); err != nil {
		return Written{}, fmt.Errorf("writing image %s: %w", of.Name, err)
	}
	return Written{Reference: reference, Unpacked: unpacked}, nil
}

func build(architecture string, of content.Image) (v1.Image, int64, error) {
	var unpacked int64
	image := empty.Image
	for _, part := range []struct {
		name  string
		files []content.File
	}{{"base", of.Base}, {"programs", of.Programs}} {
		packed, size, err := layer(part.files)
		if err != nil {
			return nil, 0, err
		}
		added, err := mutate.Append(image, mutate.Addendum{
			Layer: packed, History: v1.History{CreatedBy: part.name, Created: v1.Time{Time: epoch}},
		})
		if err != nil {
			return nil, 0, err
		}
		image, unpacked = added, unpacked+size
	}
	config, err := image.ConfigFile()
	if err != nil {
		return nil, 0, err
	}
	config = config.DeepCopy()
	config.OS, config.Architecture, config.Created = "linux", architecture, v1.Time{Time: epoch}
	config.Config = v1.Config{
		User: content.User, Entrypoint: of.Entrypoint, Env: of.Env, Labels: of.Labels, WorkingDir: "/",
	}
	configured, err := mutate.ConfigFile(image, config)
	return configured, unpacked, err
}
