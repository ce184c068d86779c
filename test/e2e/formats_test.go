package e2e

import (
	"encoding/xml"
	"errors"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// textOf has pdftotext read a PDF.
func textOf(t *testing.T, pdf []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "result.pdf")
	if err := os.WriteFile(path, pdf, 0o600); err != nil {
		t.Fatal(err)
	}
	if output, err := exec.CommandContext(t.Context(), "qpdf", "--check", path).CombinedOutput(); err != nil {
		t.Errorf("qpdf finds fault with it: %v\n%s", err, output)
	}
	text, err := exec.CommandContext(t.Context(), "pdftotext", "-raw", path, "-").Output()
	if err != nil {
		t.Fatalf("reading the PDF: %v", err)
	}
	return string(text)
}

// words are those of a text, whatever stands between them.
func words(text string) string { return strings.Join(strings.Fields(text), " ") }

func TestEveryFormatComesFromOneRecognition(t *testing.T) {
	p := connect(t)
	org := p.newTenant("standard")
	ids := map[string]string{}
	for _, name := range []string{"sample.pdf", "mixed.pdf", "photo.jpg", "pages3.tiff"} {
		ids[name] = org.submit(form{fileName: name, content: testdata(t, name), fields: map[string]string{"output_format": "pdf"}})
	}
	for name, id := range ids {
		t.Run(name, func(t *testing.T) {
			here := org.at(t)
			if job := here.await(id); job.Status != "COMPLETED" {
				t.Fatalf("job = %+v", job)
			}
			var pages []string
			for _, page := range here.jsonResult(id).Pages {
				pages = append(pages, page.Text)
			}
			want := words(strings.Join(pages, "\n"))
			if got := words(string(here.result(id, "text"))); got != want {
				t.Errorf("text says\n%s\nand json\n%s", got, want)
			}
			got := words(textOf(t, here.result(id, "pdf")))
			if name == "mixed.pdf" {
				// A page that keeps its own text also keeps its own gaps, in which pdftotext sees spaces.
				got, want = string(letters(got)), string(letters(want))
			}
			if got != want {
				t.Errorf("pdf says\n%s\nand json\n%s", got, want)
			}
			for _, format := range []string{"hocr", "alto"} {
				decoder := xml.NewDecoder(strings.NewReader(string(here.result(id, format))))
				decoder.Strict = true
				for {
					if _, err := decoder.Token(); errors.Is(err, io.EOF) {
						break
					} else if err != nil {
						t.Fatalf("%s is no XML: %v", format, err)
					}
				}
			}
			if markdown := string(here.result(id, "markdown")); strings.TrimSpace(markdown) == "" {
				t.Error("markdown is empty")
			}
			checkDocx(t, here.result(id, "docx"))
		})
	}

	t.Run("in parts, and not again", func(t *testing.T) {
		here := org.at(t)
		get := func(headers map[string]string) answer {
			request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, p.url+"/api/v1/jobs/"+ids["sample.pdf"]+"/result", nil)
			here.must(err)
			request.Header.Set("X-API-Key", org.key)
			for name, value := range headers {
				request.Header.Set(name, value)
			}
			response, err := web.Do(request)
			here.must(err)
			defer func() { _ = response.Body.Close() }()
			content, err := io.ReadAll(response.Body)
			here.must(err)
			return answer{status: response.StatusCode, header: response.Header, body: content}
		}
		whole := get(nil)
		tag := whole.header.Get("ETag")
		if whole.status != http.StatusOK || tag == "" || whole.header.Get("Content-Type") != "application/pdf" {
			t.Fatalf("answer %d %v", whole.status, whole.header)
		}
		if same := get(map[string]string{"If-None-Match": tag}); same.status != http.StatusNotModified || len(same.body) != 0 {
			t.Errorf("a known result: %d, %d bytes", same.status, len(same.body))
		}
		if part := get(map[string]string{"Range": "bytes=5-14"}); part.status != http.StatusPartialContent || string(part.body) != string(whole.body[5:15]) {
			t.Errorf("a part: %d %v %q", part.status, part.header, part.body)
		}
	})
}
