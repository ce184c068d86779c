package cluster

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/openplp/khocr/hack/localcluster/internal/image"
)

// Load imports the images of docker-archives and returns their names. An
// archive whose images are all there already is not read twice.
func (c *Cluster) Load(ctx context.Context, archives ...string) ([]string, error) {
	if err := c.checkRunning(); err != nil {
		return nil, err
	}
	present, err := c.images(ctx)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, archive := range archives {
		references, err := image.References(archive)
		if err != nil {
			return nil, err
		}
		if !c.allPresent(ctx, references, present) {
			if _, err := c.ctr(ctx, "images", "import", archive); err != nil {
				return nil, fmt.Errorf("importing %s: %w", archive, err)
			}
		}
		names = append(names, slices.Sorted(maps.Keys(references))...)
	}
	return names, nil
}

// allPresent compares the digests of the images' configurations: containerd
// writes a manifest of its own for each import, so that one's digest says
// nothing.
func (c *Cluster) allPresent(ctx context.Context, references, present map[string]string) bool {
	for name, config := range references {
		manifest, found := present[name]
		if !found || config == "" {
			return false
		}
		output, err := c.ctr(ctx, "content", "get", manifest)
		if err != nil {
			return false
		}
		var content struct{ Config struct{ Digest string } }
		if json.Unmarshal(output, &content) != nil || content.Config.Digest != config {
			return false
		}
	}
	return true
}

// images returns the digest of the manifest of each image.
func (c *Cluster) images(ctx context.Context) (map[string]string, error) {
	output, err := c.ctr(ctx, "images", "list")
	if err != nil {
		return nil, fmt.Errorf("listing images: %w", err)
	}
	return parseImages(string(output)), nil
}

// parseImages reads a table with the columns REF, TYPE, DIGEST and more.
func parseImages(table string) map[string]string {
	images := make(map[string]string)
	for line := range strings.Lines(table) {
		if fields := strings.Fields(line); len(fields) > 2 && strings.HasPrefix(fields[2], "sha256:") {
			images[fields[0]] = fields[2]
		}
	}
	return images
}

// ctr runs containerd's command line in the kubelet's namespace of images.
func (c *Cluster) ctr(ctx context.Context, arguments ...string) ([]byte, error) {
	command := c.inside(ctx, append([]string{"ctr", "--namespace=k8s.io"}, arguments...)...)
	var complaints strings.Builder
	command.Stderr = &complaints
	output, err := command.Output()
	if err != nil {
		return nil, fmt.Errorf("running ctr %s: %w: %s", arguments[0], err, complaints.String())
	}
	return output, nil
}
