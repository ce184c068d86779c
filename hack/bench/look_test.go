package main

import (
	"image"
	"image/png"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/openplp/khocr/internal/document"
)

func TestLinesToLookAt(t *testing.T) {
	folder := t.TempDir()
	path := filepath.Join(folder, "law-1.png")
	file, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := png.Encode(file, image.NewGray(image.Rect(0, 0, 200, 100))); err != nil {
		t.Fatal(err)
	}
	if err := file.Close(); err != nil {
		t.Fatal(err)
	}

	truth := "ព្រះរាជាណាចក្រកម្ពុជា ជាតិសាសនាព្រះមហាក្សត្រ មាត្រា១ព្រះមហាក្សត្រ ៣"
	page := &document.Page{Width: 100, Height: 50}
	for i, text := range []string{"ព្រះរាជាណាចក្រកម្ពុជា", "ជាតិសាសនា<b>ក្សត្រ", "មាត្រា១ព្រះមហាក្សត្រ", "៨"} {
		top := float64(10 * i)
		page.Lines = append(page.Lines, document.Line{Text: text, Confidence: float64(90 - i), Box: document.Box{0, top, 100, top + 10}})
	}
	lines := result{sample: sample{name: "law-1", path: path, truth: &truth}, read: []readPage{{Page: page}}}.readLines()
	worst, right := extremes(lines)
	if len(worst) != 1 || worst[0].Truth != "ជាតិសាសនាព្រះមហាក្សត្រ" || worst[0].Document != "law-1" {
		t.Errorf("the worst are %+v", worst)
	}
	if len(right) != 2 || right[0].Confidence != 88 {
		t.Errorf("the right ones are %+v", right)
	}

	look := filepath.Join(folder, "look.html")
	if err := writeLook(look, lines); err != nil {
		t.Fatal(err)
	}
	html, err := os.ReadFile(look)
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Count(string(html), `<img src="data:image/png;base64,`); got != 3 {
		t.Errorf("%d strips are shown", got)
	}
	if !strings.Contains(string(html), "ជាតិសាសនា&lt;b&gt;") || strings.Contains(string(html), "<b>") {
		t.Error("what was read is taken for markup")
	}
	if err := writeLook(look, []readLine{{path: filepath.Join(folder, "gone.png"), Score: lines[0].Score}}); err == nil || !strings.Contains(err.Error(), "gone.png") {
		t.Errorf("an image that is gone: %v", err)
	}
}
