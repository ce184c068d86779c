package e2e

import (
	"archive/zip"
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"unicode"

	"github.com/openplp/khocr/internal/document"
)

// result is the json format as a client reads it.
type result struct {
	Schema    string          `json:"schema"`
	ID        string          `json:"id"`
	FileName  string          `json:"file_name"`
	PageCount int             `json:"page_count"`
	Pages     []document.Page `json:"pages"`
}

func (t *tenant) jsonResult(id string) result {
	t.Helper()
	var r result
	if err := json.Unmarshal(t.result(id, "json"), &r); err != nil {
		t.Fatalf("reading the result of %s: %v", id, err)
	}
	return r
}

func TestADocumentBecomesText(t *testing.T) {
	p := connect(t)
	org := p.newTenant("standard")
	id := org.submit(form{fileName: "ឯកសារ.pdf", content: testdata(t, "sample.pdf"), fields: map[string]string{"output_format": "json"}})
	if !regexp.MustCompile(`^[0-9a-f]{12}$`).MatchString(id) {
		t.Errorf("job id %q", id)
	}
	job := org.await(id)
	if job.Status != "COMPLETED" || job.Progress != 100 || job.TaskType != "convert" || job.ElapsedSeconds <= 0 || job.ID != id {
		t.Fatalf("job = %+v", job)
	}

	t.Run("as json with words and boxes", func(t *testing.T) {
		r := org.at(t).jsonResult(id)
		if r.ID != id || r.FileName != "ឯកសារ.pdf" || r.PageCount != 1 || len(r.Pages) != 1 {
			t.Fatalf("result = %+v", r)
		}
		page := r.Pages[0]
		if page.Source != document.SourceOCR || len(page.Lines) < 5 || page.Confidence < 50 {
			t.Errorf("page: source %s, %d lines, confidence %g", page.Source, len(page.Lines), page.Confidence)
		}
		for _, line := range page.Lines {
			if line.Box[0] < 0 || line.Box[2] > page.Width || line.Box[1] >= line.Box[3] || len(line.Words) == 0 {
				t.Errorf("line %q lies at %v on a page of %g x %g", line.Text, line.Box, page.Width, page.Height)
			}
		}
		if rate := errorRate(page.Text, string(testdata(t, "sample.txt"))); rate > 0.05 {
			t.Errorf("%.1f %% of the characters are wrong:\n%s", 100*rate, page.Text)
		}
	})
	t.Run("as text", func(t *testing.T) {
		text := string(org.at(t).result(id, "text"))
		if rate := errorRate(text, string(testdata(t, "sample.txt"))); rate > 0.05 {
			t.Errorf("%.1f %% of the characters are wrong:\n%s", 100*rate, text)
		}
	})
	t.Run("as docx that a word processor shows in Khmer", func(t *testing.T) {
		docx := org.at(t).result(id, "docx")
		checkDocx(t, docx)
	})
}

// checkDocx looks into the package, and has LibreOffice open it where there is one.
func checkDocx(t *testing.T, docx []byte) {
	archive, err := zip.NewReader(bytes.NewReader(docx), int64(len(docx)))
	if err != nil {
		t.Fatalf("opening the docx: %v", err)
	}
	body, err := archive.Open("word/document.xml")
	if err != nil {
		t.Fatal(err)
	}
	xml, err := io.ReadAll(body)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(xml), "<w:cs/>") && !strings.Contains(string(xml), "<w:cs ") {
		t.Error("no run is marked as complex script: Khmer would not be shaped in its font")
	}
	office, err := exec.LookPath("soffice")
	if err != nil {
		t.Log("LibreOffice is not installed: the docx is not opened")
		return
	}
	folder := t.TempDir()
	path := filepath.Join(folder, "result.docx")
	if err := os.WriteFile(path, docx, 0o600); err != nil {
		t.Fatal(err)
	}
	convert := exec.CommandContext(t.Context(), office, "-env:UserInstallation=file://"+folder+"/profile", "--headless",
		"--convert-to", "pdf", "--outdir", folder, path)
	if output, err := convert.CombinedOutput(); err != nil {
		t.Fatalf("opening the docx with LibreOffice: %v\n%s", err, output)
	}
	fonts, err := exec.CommandContext(t.Context(), "pdffonts", filepath.Join(folder, "result.pdf")).CombinedOutput()
	if err != nil {
		t.Fatalf("listing the fonts: %v\n%s", err, fonts)
	}
	if !strings.Contains(string(fonts), "KhmerOS") {
		t.Errorf("the text is not shown in a Khmer font:\n%s", fonts)
	}
}

func TestEveryKindOfDocumentIsRead(t *testing.T) {
	p := connect(t)
	org := p.newTenant("standard")
	tests := map[string]struct {
		pages   int
		sources []document.Source
		truth   string
		force   bool
	}{
		"native.pdf":      {pages: 1, sources: []document.Source{document.SourceNative}, truth: "native.txt"},
		"mixed.pdf":       {pages: 2, sources: []document.Source{document.SourceNative, document.SourceOCR}},
		"image.png":       {pages: 1, sources: []document.Source{document.SourceOCR}},
		"image-named.pdf": {pages: 1, sources: []document.Source{document.SourceOCR}},
		"photo.jpg":       {pages: 1, sources: []document.Source{document.SourceOCR}},
		"pages3.tiff":     {pages: 3, sources: []document.Source{document.SourceOCR, document.SourceOCR, document.SourceOCR}},
	}
	ids := map[string]string{}
	for name := range tests {
		ids[name] = org.submit(form{fileName: name, content: testdata(t, name)})
	}
	forced := org.submit(form{fileName: "native.pdf", content: testdata(t, "native.pdf"), fields: map[string]string{"force_ocr": "True"}})
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			here := org.at(t)
			if job := here.await(ids[name]); job.Status != "COMPLETED" {
				t.Fatalf("job = %+v", job)
			}
			r := here.jsonResult(ids[name])
			if len(r.Pages) != test.pages {
				t.Fatalf("%d pages, want %d", len(r.Pages), test.pages)
			}
			for i, page := range r.Pages {
				if page.Number != i+1 || page.Source != test.sources[i] || page.Text == "" {
					t.Errorf("page %d: number %d, source %s (%s), %d bytes of text", i+1, page.Number, page.Source, page.Reason, len(page.Text))
				}
			}
			if test.truth != "" {
				if rate := errorRate(r.Pages[0].Text, string(testdata(t, test.truth))); rate > 0 {
					t.Errorf("%.2f %% of the characters of a page's own text are wrong:\n%s", 100*rate, r.Pages[0].Text)
				}
			}
		})
	}
	t.Run("a native document that is forced is recognised", func(t *testing.T) {
		here := org.at(t)
		here.await(forced)
		if page := here.jsonResult(forced).Pages[0]; page.Source != document.SourceOCR {
			t.Errorf("source %s (%s)", page.Source, page.Reason)
		}
	})
}

func TestAKeyMayComeInTheQuery(t *testing.T) {
	p := connect(t)
	org := p.newTenant("standard")
	id := org.submit(form{fileName: "native.pdf", content: testdata(t, "native.pdf")})
	org.await(id)
	keyless := &tenant{platform: p}
	a, err := keyless.send(http.MethodGet, "/api/v1/jobs/"+id+"?api_key="+org.key, nil, "")
	p.must(err)
	var job jobStatus
	a.decode(t, &job)
	if job.Status != "COMPLETED" {
		t.Errorf("job = %+v", job)
	}
	if a, err = keyless.send(http.MethodGet, "/api/v1/health", nil, ""); err != nil || a.status != http.StatusOK || !bytes.Contains(a.body, []byte(`"ok"`)) {
		t.Errorf("health = %+v, %v", a, err)
	}
}

func TestJobsOfOthersCannotBeSeen(t *testing.T) {
	p := connect(t)
	mine, theirs := p.newTenant("free"), p.newTenant("free")
	id := mine.submit(form{fileName: "native.pdf", content: testdata(t, "native.pdf")})
	mine.await(id)
	for _, path := range []string{"/api/v1/jobs/" + id, "/api/v1/jobs/" + id + "/result"} {
		status, answer, err := theirs.try(http.MethodGet, path, nil, "")
		p.must(err)
		var seen problem
		p.must(json.Unmarshal(answer, &seen))
		if status != http.StatusNotFound || seen.MessageKm != "រកមិនឃើញ" {
			t.Errorf("GET %s of another organization: %d %s", path, status, answer)
		}
	}
}

// errorRate is the edit distance between two texts without spaces, over the length of the truth.
func errorRate(got, truth string) float64 {
	a, b := letters(got), letters(truth)
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i, x := range a {
		diagonal := row[0]
		row[0] = i + 1
		for j, y := range b {
			cost := diagonal
			if x != y {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j]+1, row[j+1]+1)
		}
	}
	return float64(row[len(b)]) / float64(len(b))
}

func letters(text string) []rune {
	var kept []rune
	for _, r := range text {
		if !unicode.IsSpace(r) && r != '\u200b' {
			kept = append(kept, r)
		}
	}
	return kept
}
