package document

import (
	"archive/zip"
	"bytes"
	"flag"
	"io"
	"os"
	"path/filepath"
	"testing"
)

var update = flag.Bool("update", false, "write the golden files anew")

func TestTheSampleLooksAsInTheGoldenFiles(t *testing.T) {
	for _, test := range []struct {
		format Format
		golden string
		view   func(*testing.T, []byte) []byte
	}{
		{FormatJSON, "sample.json", whole},
		{FormatText, "sample.txt", whole},
		{FormatDocx, "sample.document.xml", part("word/document.xml")},
		{FormatHOCR, "sample.hocr", whole},
		{FormatALTO, "sample.alto.xml", whole},
		{FormatMarkdown, "sample.md", whole},
		{FormatDocx, "sample.core.xml", part("docProps/core.xml")},
	} {
		t.Run(test.golden, func(t *testing.T) {
			got := test.view(t, rendered(t, test.format, sampleInfo(), samplePages()))
			path := filepath.Join("testdata", test.golden)
			if *update {
				if err := os.WriteFile(path, got, 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(got, want) {
				t.Errorf("differs from %s (go test -update writes it anew):\n%s", path, got)
			}
		})
	}
}

func rendered(t testing.TB, format Format, info Info, pages []*Page) []byte {
	t.Helper()
	var out bytes.Buffer
	if err := Render(&out, format, info, each(pages, nil)); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func whole(_ *testing.T, result []byte) []byte { return result }

// part unpacks a file of a docx.
func part(name string) func(*testing.T, []byte) []byte {
	return func(t *testing.T, result []byte) []byte {
		t.Helper()
		archive, err := zip.NewReader(bytes.NewReader(result), int64(len(result)))
		if err != nil {
			t.Fatal(err)
		}
		file, err := archive.Open(name)
		if err != nil {
			t.Fatal(err)
		}
		defer file.Close()
		content, err := io.ReadAll(file)
		if err != nil {
			t.Fatal(err)
		}
		return content
	}
}
