package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

func TestTheCommandLineConvertsADocument(t *testing.T) {
	p := connect(t)
	org := p.newTenant("standard")
	folder := t.TempDir()
	path := filepath.Join(folder, "letter.pdf")
	p.must(os.WriteFile(path, nativePDF("A letter", 2), 0o600))
	khocr := func(arguments ...string) (string, error) {
		command := exec.CommandContext(t.Context(), "go", append([]string{"run", "../../cmd/khocr"}, arguments...)...)
		command.Env = append(os.Environ(), "KHOCR_URL="+p.url, "KHOCR_API_KEY="+org.key)
		output, err := command.CombinedOutput()
		return string(output), err
	}
	if output, err := khocr("convert", path, "--format", "text", "--out", "-"); err != nil || !strings.Contains(output, "A letter, page 2 of 2.") {
		t.Errorf("text: %v\n%s", err, output)
	}
	if output, err := khocr("convert", path, "--format", "docx"); err != nil {
		t.Errorf("docx: %v\n%s", err, output)
	}
	if docx, err := os.ReadFile(filepath.Join(folder, "letter.docx")); err != nil || len(docx) == 0 {
		t.Errorf("no result beside the document: %v", err)
	}
	if output, err := khocr("convert", path, "--format", "pdf", "--pages", "2"); err != nil {
		t.Errorf("pdf: %v\n%s", err, output)
	}
	if _, err := os.Stat(filepath.Join(folder, "letter-searchable.pdf")); err != nil {
		t.Errorf("the searchable PDF is not beside the document: %v", err)
	}
	if output, err := khocr("convert", path, "--format", "docx"); err == nil || !strings.Contains(output, "letter.docx") {
		t.Errorf("what is there was written over: %v\n%s", err, output)
	}
	if output, err := khocr("convert", path, "--format", "tiff"); err == nil || !strings.Contains(output, `unknown format "tiff"`) {
		t.Errorf("an unknown format: %v\n%s", err, output)
	}
}
