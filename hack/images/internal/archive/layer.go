// Package archive turns the content of an image into a tarball of the docker-archive format, or into a folder. The same
// content gives the same bytes: nothing in the output tells when, where or by whom it was made.
package archive

import (
	"archive/tar"
	"bytes"
	"cmp"
	"fmt"
	"path"
	"slices"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/static"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/openplp/khocr/hack/images/internal/content"
)

// epoch is the time of every file and image.
var epoch = time.Unix(0, 0).UTC()

// layer packs files, with the folders that they lie in, and tells how many bytes they take. It is not compressed: the
// tarball never leaves this machine, so time counts and not size.
func layer(files []content.File) (v1.Layer, int64, error) {
	packed, err := pack(files)
	if err != nil {
		return nil, 0, err
	}
	return static.NewLayer(packed, types.DockerUncompressedLayer), int64(len(packed)), nil
}

func pack(files []content.File) ([]byte, error) {
	files = slices.SortedFunc(slices.Values(files), func(a, b content.File) int { return cmp.Compare(a.Target, b.Target) })
	var packed bytes.Buffer
	writer := tar.NewWriter(&packed)
	for _, folder := range folders(files) {
		header := &tar.Header{Typeflag: tar.TypeDir, Name: folder + "/", Mode: 0o755, ModTime: epoch, Format: tar.FormatPAX}
		if err := writer.WriteHeader(header); err != nil {
			return nil, fmt.Errorf("packing %s: %w", folder, err)
		}
	}
	for _, file := range files {
		if err := packFile(writer, file); err != nil {
			return nil, fmt.Errorf("packing %s: %w", file.Target, err)
		}
	}
	if err := writer.Close(); err != nil {
		return nil, fmt.Errorf("packing a layer: %w", err)
	}
	return packed.Bytes(), nil
}

func packFile(writer *tar.Writer, file content.File) error {
	data, err := file.Content()
	if err != nil {
		return err
	}
	header := &tar.Header{
		Typeflag: tar.TypeReg, Name: file.Target, Mode: int64(file.Mode.Perm()), Size: int64(len(data)),
		ModTime: epoch, Format: tar.FormatPAX,
	}
	if err := writer.WriteHeader(header); err != nil {
		return err
	}
	_, err = writer.Write(data)
	return err
}

// folders lists every folder above the files, parents before children.
func folders(files []content.File) []string {
	var all []string
	for _, file := range files {
		for folder := path.Dir(file.Target); folder != "."; folder = path.Dir(folder) {
			all = append(all, folder)
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}
