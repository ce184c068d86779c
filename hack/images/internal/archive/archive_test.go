package archive

import (
	"archive/tar"
	"bytes"
	"io"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/tarball"

	"github.com/openplp/khocr/hack/images/internal/content"
)

func image(program string) content.Image {
	return content.Image{
		Name:       "trial",
		Base:       []content.File{{Target: "etc/b", Data: []byte("b"), Mode: 0o644}, {Target: "etc/a", Data: []byte("a"), Mode: 0o644}},
		Programs:   []content.File{{Target: "usr/local/bin/trial", Data: []byte(program), Mode: 0o755}},
		Entrypoint: []string{"/usr/local/bin/trial"},
	}
}

func write(t *testing.T, of content.Image) (string, Written) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "trial.tar")
	written, err := Write(path, "amd64", of)
	if err != nil {
		t.Fatal(err)
	}
	return path, written
}

func TestTheSameContentGivesTheSameBytes(t *testing.T) {
	first, a := write(t, image("one"))
	second, b := write(t, image("one"))
	if a != b {
		t.Errorf("got %v and %v", a, b)
	}
	one, err := os.ReadFile(first)
	if err != nil {
		t.Fatal(err)
	}
	two, err := os.ReadFile(second)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(one, two) {
		t.Error("the tarballs differ")
	}
}

func TestAnotherProgramGivesAnotherTagAndTheSameBaseLayer(t *testing.T) {
	first, a := write(t, image("one"))
	second, b := write(t, image("two"))
	if a.Reference == b.Reference {
		t.Errorf("both are %s", a.Reference)
	}
	one, two := layers(t, first, a), layers(t, second, b)
	if one[0] != two[0] || one[1] == two[1] {
		t.Errorf("got layers %v and %v, want the first alike and the second not", one, two)
	}
}

func TestTheTarballHoldsTheImageThatItsTagNames(t *testing.T) {
	path, written := write(t, image("one"))
	tag, err := name.NewTag(written.Reference)
	if err != nil {
		t.Fatal(err)
	}
	read, err := tarball.ImageFromPath(path, &tag)
	if err != nil {
		t.Fatal(err)
	}
	config, err := read.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	if config.Config.User != content.User || !slices.Equal(config.Config.Entrypoint, []string{"/usr/local/bin/trial"}) {
		t.Errorf("got user %q and entry point %q", config.Config.User, config.Config.Entrypoint)
	}
}

func TestALayerListsFoldersBeforeTheirFiles(t *testing.T) {
	packed, err := pack(image("one").Base)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for reader := tar.NewReader(bytes.NewReader(packed)); ; {
		header, err := reader.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, header.Name)
	}
	if want := []string{"etc/", "etc/a", "etc/b"}; !slices.Equal(names, want) {
		t.Errorf("got %q, want %q", names, want)
	}
}

func TestStageLaysOutTheFiles(t *testing.T) {
	folder := t.TempDir()
	if err := Stage(folder, image("one")); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(filepath.Join(folder, "usr/local/bin/trial"))
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode().Perm() != 0o755 {
		t.Errorf("the program has mode %v", info.Mode().Perm())
	}
}

func layers(t *testing.T, path string, written Written) []string {
	t.Helper()
	tag, err := name.NewTag(written.Reference)
	if err != nil {
		t.Fatal(err)
	}
	image, err := tarball.ImageFromPath(path, &tag)
	if err != nil {
		t.Fatal(err)
	}
	all, err := image.Layers()
	if err != nil {
		t.Fatal(err)
	}
	var ids []string
	for _, layer := range all {
		id, err := layer.DiffID()
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, id.String())
	}
	return ids
}
