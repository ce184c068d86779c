package batch

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/openplp/khocr/internal/document"
)

func TestFind(t *testing.T) {
	folder := t.TempDir()
	t.Chdir(folder)
	for _, name := range []string{"a.pdf", "a.png", "b.PDF", "notes.txt", ".trash/c.pdf", "sub/._d.pdf", "sub/d.tiff", "sub/d-searchable.pdf"} {
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink("a.pdf", "link.pdf"); err != nil {
		t.Fatal(err)
	}
	written := map[string]bool{filepath.Join(folder, "sub", "d-searchable.pdf"): true}
	for name, test := range map[string]struct {
		named  []string
		into   string
		format document.Format
		want   []string
	}{
		"a folder":                         {[]string{"."}, "out", document.FormatDocx, []string{"out/a.pdf.docx", "out/a.png.docx", "out/b.docx", "out/sub/d.docx"}},
		"a pattern":                        {[]string{"*.PDF"}, "", document.FormatText, []string{"b.txt"}},
		"a file twice, whatever its name":  {[]string{"notes.txt", "./notes.txt"}, "out", document.FormatJSON, []string{"out/notes.json"}},
		"a PDF that becomes one beside it": {[]string{"a.pdf"}, "", document.FormatPDF, []string{"a-searchable.pdf"}},
		"a PDF that becomes one elsewhere": {[]string{"a.pdf"}, "out", document.FormatPDF, []string{"out/a.pdf"}},
	} {
		t.Run(name, func(t *testing.T) {
			found, err := Find(test.named, test.into, test.format, written)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, d := range found {
				got = append(got, d.Result())
			}
			if !slices.Equal(got, test.want) {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
	if _, err := Find([]string{"missing.pdf"}, "", document.FormatJSON, nil); err == nil {
		t.Error("what is not there was found")
	}
}
