package document

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestLibreOfficeReadsEveryWord opens a docx and looks at what LibreOffice reads in it, and at what it prints.
func TestLibreOfficeReadsEveryWord(t *testing.T) {
	for _, program := range []string{"soffice", "pdftotext", "pdffonts"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Skipf("%s is not installed", program)
		}
	}
	sentences, err := os.ReadFile("../../test/testdata/sentences.txt")
	if err != nil {
		t.Fatal(err)
	}
	// The last page is a paragraph of many lines without a space.
	long := strings.Join(strings.Fields(string(sentences)), "")
	pages := append(samplePages(), &Page{Number: 5, Width: 595, Height: 842, Text: long})
	info := sampleInfo()
	info.Pages = len(pages)
	folder := t.TempDir()
	path := filepath.Join(folder, "result.docx")
	if err := os.WriteFile(path, rendered(t, FormatDocx, info, pages), 0o600); err != nil {
		t.Fatal(err)
	}
	run := func(name string, arguments ...string) string {
		t.Helper()
		output, err := exec.CommandContext(t.Context(), name, arguments...).CombinedOutput()
		if err != nil {
			t.Fatalf("%s: %v\n%s", name, err, output)
		}
		return string(output)
	}
	convert := func(to string) {
		t.Helper()
		run("soffice", "-env:UserInstallation=file://"+folder+"/profile", "--headless", "--convert-to", to, "--outdir", folder, path)
	}

	convert("txt:Text (encoded):UTF8")
	read, err := os.ReadFile(filepath.Join(folder, "result.txt"))
	if err != nil {
		t.Fatal(err)
	}
	want := ""
	for _, page := range pages {
		want += page.Text
	}
	if got, want := unbroken(strings.TrimPrefix(string(read), "\ufeff")), unbroken(want); got != want {
		t.Errorf("LibreOffice reads\n%s\nwant\n%s", got, want)
	}

	convert("pdf")
	pdf := filepath.Join(folder, "result.pdf")
	sheets := strings.Split(run("pdftotext", "-enc", "UTF-8", pdf, "-"), "\f")
	if len(sheets) != len(pages)+1 {
		t.Fatalf("%d sheets for %d pages", len(sheets)-1, len(pages))
	}
	for i, page := range pages {
		// Signs above and below letters come out of a PDF in the order in which they were drawn.
		if got, want := sorted(unbroken(sheets[i])), sorted(unbroken(page.Text)); got != want {
			t.Errorf("sheet %d shows\n%s\nwant the characters of\n%s", i+1, sheets[i], page.Text)
		}
	}
	if lines := strings.Count(strings.TrimSpace(sheets[len(pages)-1]), "\n"); lines < 10 {
		t.Errorf("the long paragraph has %d lines", lines+1)
	}
	if fonts := run("pdffonts", pdf); !strings.Contains(strings.ToLower(fonts), "khmerosbattambang") {
		t.Errorf("the text is not shown in its font:\n%s", fonts)
	}
}

// unbroken is text without what stands between words and lines.
func unbroken(text string) string {
	return strings.NewReplacer("\u200b", "", " ", "", "\n", "", "\f", "").Replace(text)
}

func sorted(text string) string {
	characters := []rune(text)
	slices.Sort(characters)
	return string(characters)
}
