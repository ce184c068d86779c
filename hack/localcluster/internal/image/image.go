// Package image writes and reads container images as docker-archive tarballs,
// which containerd imports without a registry. It knows only as much of the
// format as that takes: one layer to write, names and the configuration's
// digest to read.
package image

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
)

// manifestFile is the table of contents of a docker-archive.
const manifestFile = "manifest.json"

// A manifest describes one image of an archive.
type manifest struct {
	Config   string
	RepoTags []string
	Layers   []string
}

// WriteProgram writes an image of a single static program to a file. The same
// program gives the same bytes.
func WriteProgram(path, name, programFile, architecture string) error {
	program, err := os.ReadFile(programFile)
	if err != nil {
		return fmt.Errorf("reading the program: %w", err)
	}
	layer, err := archive(file{"program", program, 0o755})
	if err != nil {
		return err
	}
	config, err := json.Marshal(map[string]any{
		"architecture": architecture,
		"os":           "linux",
		"config":       map[string]any{"Entrypoint": []string{"/program"}, "User": "65535:65535"},
		"rootfs":       map[string]any{"type": "layers", "diff_ids": []string{"sha256:" + digest(layer)}},
	})
	if err != nil {
		return fmt.Errorf("writing the image's configuration: %w", err)
	}
	configFile := digest(config) + ".json"
	contents, err := json.Marshal([]manifest{{configFile, []string{name}, []string{"layer.tar"}}})
	if err != nil {
		return fmt.Errorf("writing the image's manifest: %w", err)
	}
	whole, err := archive(
		file{configFile, config, 0o644},
		file{"layer.tar", layer, 0o644},
		file{manifestFile, contents, 0o644},
	)
	if err != nil {
		return err
	}
	if err := os.WriteFile(path+".partial", whole, 0o644); err != nil {
		return fmt.Errorf("writing the image: %w", err)
	}
	return os.Rename(path+".partial", path)
}

type file struct {
	name    string
	content []byte
	mode    int64
}

func archive(files ...file) ([]byte, error) {
	var buffer bytes.Buffer
	writer := tar.NewWriter(&buffer)
	for _, f := range files {
		header := &tar.Header{Name: f.name, Mode: f.mode, Size: int64(len(f.content))}
		if err := writer.WriteHeader(header); err != nil {
			return nil, fmt.Errorf("archiving %s: %w", f.name, err)
		}
		if _, err := writer.Write(f.content); err != nil {
			return nil, fmt.Errorf("archiving %s: %w", f.name, err)
		}
	}
	if err := writer.Close(); err != nil {
		return nil, fmt.Errorf("ending the archive: %w", err)
	}
	return buffer.Bytes(), nil
}

// References returns the names of the images in an archive, spelled out as
// containerd does, each with the digest of its configuration, which stands for
// the image's whole content.
func References(path string) (map[string]string, error) {
	input, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("opening the image: %w", err)
	}
	defer input.Close()

	var manifests []manifest
	digests := make(map[string]string)
	for reader := tar.NewReader(input); ; {
		header, err := reader.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, fmt.Errorf("reading image %s: %w", path, err)
		}
		switch {
		case header.Name == manifestFile:
			if err := json.NewDecoder(reader).Decode(&manifests); err != nil {
				return nil, fmt.Errorf("reading the manifest of %s: %w", path, err)
			}
		case header.Typeflag == tar.TypeReg && header.Size < 1<<20:
			// Small enough for a configuration, which may have any name.
			content, err := io.ReadAll(reader)
			if err != nil {
				return nil, fmt.Errorf("reading %s of %s: %w", header.Name, path, err)
			}
			digests[header.Name] = "sha256:" + digest(content)
		}
	}
	if len(manifests) == 0 {
		return nil, fmt.Errorf("reading image %s: not a docker-archive with a %s", path, manifestFile)
	}
	references := make(map[string]string)
	for _, m := range manifests {
		for _, tag := range m.RepoTags {
			references[fullName(tag)] = digests[m.Config]
		}
	}
	if len(references) == 0 {
		return nil, fmt.Errorf("reading image %s: no image in it has a name", path)
	}
	return references, nil
}

// fullName spells out a short image name: a first part that cannot be a host is
// a path on Docker's hub.
func fullName(name string) string {
	host, _, found := strings.Cut(name, "/")
	switch {
	case !found:
		return "docker.io/library/" + name
	case host != "localhost" && !strings.ContainsAny(host, ".:"):
		return "docker.io/" + name
	}
	return name
}

func digest(content []byte) string {
	sum := sha256.Sum256(content)
	return hex.EncodeToString(sum[:])
}
