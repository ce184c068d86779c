package image

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestWrittenImageIsReadBack(t *testing.T) {
	folder := t.TempDir()
	program := filepath.Join(folder, "program")
	if err := os.WriteFile(program, []byte("not really"), 0o755); err != nil {
		t.Fatal(err)
	}
	first, second := filepath.Join(folder, "1.tar"), filepath.Join(folder, "2.tar")
	for _, path := range []string{first, second} {
		if err := WriteProgram(path, "localhost/thing:1", program, "amd64"); err != nil {
			t.Fatal(err)
		}
	}
	references, err := References(first)
	if err != nil {
		t.Fatal(err)
	}
	if len(references) != 1 || !strings.HasPrefix(references["localhost/thing:1"], "sha256:") {
		t.Errorf("references are %v", references)
	}
	one, _ := os.ReadFile(first)
	two, _ := os.ReadFile(second)
	if !bytes.Equal(one, two) {
		t.Error("the same program gave two different images")
	}
}

func TestReferencesRefusesOtherFiles(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file.tar")
	if err := os.WriteFile(path, []byte("no tar"), 0o644); err != nil {
		t.Fatal(err)
	}
	if got, err := References(path); err == nil {
		t.Errorf("got %v", got)
	}
}

func TestFullName(t *testing.T) {
	for name, want := range map[string]string{
		"khocr-worker:dev":         "docker.io/library/khocr-worker:dev",
		"someone/thing:1":          "docker.io/someone/thing:1",
		"localhost/thing:1":        "localhost/thing:1",
		"registry.test/a/thing:1":  "registry.test/a/thing:1",
		"registry:5000/a/thing:v2": "registry:5000/a/thing:v2",
	} {
		if got := fullName(name); got != want {
			t.Errorf("fullName(%q) = %q; want %q", name, got, want)
		}
	}
}
