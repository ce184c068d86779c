package web

import (
	"archive/zip"
	"bytes"
	"context"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

// TestPage holds the tests, which share a gateway and a browser.
func TestPage(t *testing.T) {
	s, browser := open(t), startBrowser(t)
	for _, test := range []struct {
		name string
		run  func(*testing.T, *site, context.Context)
	}{
		{"a page from upload to download", testUploadToDownload},
	} {
		t.Run(test.name, func(t *testing.T) { test.run(t, s, browser) })
	}
}

func testUploadToDownload(t *testing.T, s *site, browser context.Context) {
	p := s.visit(t, browser, visit{})
	p.signIn(s.key)
	p.choose(sample(t, "sample.pdf"))
	p.await("the job is done", `document.querySelector('.badge[data-status=COMPLETED]')`)
	p.press("Open")
	p.await("the words of the first page are there", `document.querySelectorAll('#page-1 .word').length > 10`)
	p.press("Download")
	p.do(chromedp.Click(chromedp.CSS("[data-format=docx]"), chromedp.NodeVisible))
	text := docx(t, p.download())
	if first := value[string](p, `document.querySelector('#page-1 .word').textContent`); !strings.Contains(text, first) {
		t.Errorf("the Word file lacks %q:\n%s", first, text)
	}
}

// docx is the text of a Word file, without what helps Word to break lines.
func docx(t *testing.T, content []byte) string {
	t.Helper()
	archive, err := zip.NewReader(bytes.NewReader(content), int64(len(content)))
	if err != nil {
		t.Fatalf("the Word file is none: %v", err)
	}
	file, err := archive.Open("word/document.xml")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	text, err := io.ReadAll(file)
	if err != nil {
		t.Fatal(err)
	}
	return strings.ReplaceAll(fmt.Sprintf("%s", text), "\u200b", "")
}
