package engine

import (
	"bytes"
	"errors"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/openplp/khocr/internal/document"
)

func TestScannedPage(t *testing.T) {
	page := openSample(t, "sample.pdf").page(1, "auto")
	if page.Error != nil || page.Source != document.SourceOCR || page.Reason != ReasonNoTextLayer {
		t.Fatalf("page is %s for %s, error %+v", page.Source, page.Reason, page.Error)
	}
	if page.Model != "khocr" || page.DPI != 200 || page.Rotation != 0 || page.Number != 1 {
		t.Errorf("page %d was recognised by %q at %d dpi, turned by %d", page.Number, page.Model, page.DPI, page.Rotation)
	}
	// Tesseract 5.3.0 has 4.3 %.
	if cer := characterErrorRate(strings.Join(readLines(t, "sample.txt"), "\n"), page.Text); cer > 0.09 {
		t.Errorf("CER is %.3f:\n%s", cer, page.Text)
	}
	if page.Confidence < sureConfidence || page.Confidence > 100 {
		t.Errorf("confidence is %v", page.Confidence)
	}
	checkPage(t, page)
}

func TestNativePage(t *testing.T) {
	page := openSample(t, "native.pdf").page(1, "auto")
	if page.Error != nil || page.Source != document.SourceNative || page.Reason != ReasonNativeTextOK {
		t.Fatalf("page is %s for %s, error %+v", page.Source, page.Reason, page.Error)
	}
	want := readLines(t, "native.txt")
	if got := strings.Split(page.Text, "\n"); !slices.Equal(got, want) {
		t.Errorf("text is\n%s\nwant\n%s", page.Text, strings.Join(want, "\n"))
	}
	checkPage(t, page)
	heading, first := page.Lines[0], page.Lines[1]
	if heading.FontSize != 16 || first.FontSize != 12 {
		t.Errorf("sizes of type are %v and %v, want 16 and 12", heading.FontSize, first.FontSize)
	}
	if heading.Paragraph != 1 || first.Paragraph != 2 || page.Lines[2].Paragraph != 2 {
		t.Errorf("paragraphs are %d, %d and %d, want 1, 2 and 2", heading.Paragraph, first.Paragraph, page.Lines[2].Paragraph)
	}
	// The edges that the PDF's own metrics give.
	for i, edges := range map[int][2]float64{0: {62, 149}, 1: {62, 422.6}, 2: {62, 386.1}, 6: {62, 325}} {
		box := page.Lines[i].Box
		if math.Abs(box[0]-edges[0]) > 2 || math.Abs(box[2]-edges[1]) > 2 {
			t.Errorf("line %d goes from %v to %v, want %v", i, box[0], box[2], edges)
		}
	}
	if second := page.Lines[2].Words[1].Box; math.Abs(second[0]-110.9) > 2 {
		t.Errorf("the second word begins at %v, want 110.9", second[0])
	}
}

func TestModes(t *testing.T) {
	tests := []struct {
		name   string
		file   string
		page   int
		mode   string
		source document.Source
		reason string
	}{
		{"right text is recognised when that is forced", "native.pdf", 1, "force", document.SourceOCR, ReasonForced},
		{"right text is kept where recognition is not wanted", "native.pdf", 1, "skip", document.SourceNative, ReasonNativeTextOK},
		{"a scan is left where recognition is not wanted", "sample.pdf", 1, "skip", document.SourceNone, ReasonSkipped},
		{"the right page of a mixed document is kept", "mixed.pdf", 1, "auto", document.SourceNative, ReasonNativeTextOK},
		{"the scanned page of a mixed document is recognised", "mixed.pdf", 2, "auto", document.SourceOCR, ReasonNoTextLayer},
		{"a PNG is recognised", "image.png", 1, "auto", document.SourceOCR, ReasonNoTextLayer},
		{"a photograph is recognised", "photo.jpg", 1, "auto", document.SourceOCR, ReasonNoTextLayer},
		{"a page of a TIFF is recognised", "pages3.tiff", 3, "auto", document.SourceOCR, ReasonNoTextLayer},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			page := openSample(t, test.file).page(test.page, test.mode)
			if page.Error != nil || page.Source != test.source || page.Reason != test.reason {
				t.Fatalf("page is %s for %s, error %+v", page.Source, page.Reason, page.Error)
			}
			if (page.Text == "") != (test.source == document.SourceNone) {
				t.Errorf("text is %q", page.Text)
			}
			checkPage(t, page)
		})
	}
}

func TestSmallImageIsEnlarged(t *testing.T) {
	page := openSample(t, "image.png").page(1, "auto")
	// 520 by 220 points at 200 dpi have less pixels than A4 at 150 by a factor of 2.47.
	if page.DPI != 315 || math.Abs(page.Width-520) > 1 || math.Abs(page.Height-220) > 1 {
		t.Errorf("page has %v by %v points at %d dpi", page.Width, page.Height, page.DPI)
	}
}

func TestPageTooLarge(t *testing.T) {
	for name, size := range map[string]string{
		"a large page":            "/MediaBox [0 0 14400 14400]",
		"a large unit":            "/MediaBox [0 0 595 842] /UserUnit 1000",
		"a strip of no thickness": "/MediaBox [0 0 1000000 1]",
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "document")
			content := "%PDF-1.7\n1 0 obj <</Type /Catalog /Pages 2 0 R>> endobj\n" +
				"2 0 obj <</Type /Pages /Kids [3 0 R] /Count 1>> endobj\n" +
				"3 0 obj <</Type /Page /Parent 2 0 R " + size + ">> endobj\ntrailer <</Root 1 0 R>>\n"
			if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
				t.Fatal(err)
			}
			engine := startChild(t)
			engine.open(path)
			if page := engine.page(1, "force"); page.Error == nil || page.Error.Code != document.PageErrorTooLarge {
				t.Errorf("page has the error %+v, size %v by %v", page.Error, page.Width, page.Height)
			}
		})
	}
}

func TestHostilePageCostsItsProcessOnly(t *testing.T) {
	first := openSample(t, "crash.pdf")
	if page := first.page(1, "auto"); page.Text != "The first page of three." {
		t.Errorf("text of the first page is %q", page.Text)
	}
	if response, err := first.ask(pageRequest(2, "auto")); !errors.Is(err, io.EOF) {
		t.Errorf("the page that crashes MuPDF gave %+v, %v", response.Page, err)
	}
	if page := openSample(t, "crash.pdf").page(3, "auto"); page.Text != "The last page of three." {
		t.Errorf("text of the last page is %q", page.Text)
	}
}

func TestPageOutOfRange(t *testing.T) {
	engine := openSample(t, "native.pdf")
	for _, number := range []int{-1, 0, 2} {
		if page := engine.page(number, "auto"); page.Error == nil || page.Error.Code != document.PageErrorUnreadable {
			t.Errorf("page %d has the error %+v", number, page.Error)
		}
	}
}

func TestTurnedPageIsTurnedBack(t *testing.T) {
	content, err := os.ReadFile(filepath.Join(testdata, "sample.pdf"))
	if err != nil {
		t.Fatal(err)
	}
	mediaBox := []byte("/MediaBox [ 0 0 ")
	if bytes.Count(content, mediaBox) != 1 {
		t.Fatal("sample.pdf has not one page")
	}
	// The same page, shown on its side. The file's offsets are wrong now, which MuPDF repairs.
	turned := bytes.Replace(content, mediaBox, append([]byte("/Rotate 90 "), mediaBox...), 1)
	path := filepath.Join(t.TempDir(), "turned.pdf")
	if err := os.WriteFile(path, turned, 0o600); err != nil {
		t.Fatal(err)
	}
	engine := startChild(t)
	engine.open(path)
	page := engine.page(1, "auto")
	if page.Rotation != 270 || page.Width > page.Height {
		t.Errorf("page was turned by %d degrees and is %v by %v points", page.Rotation, page.Width, page.Height)
	}
	if cer := characterErrorRate(strings.Join(readLines(t, "sample.txt"), "\n"), page.Text); cer > 0.09 {
		t.Errorf("CER is %.3f:\n%s", cer, page.Text)
	}
	checkPage(t, page)
}

// checkPage checks what holds for every page.
func checkPage(t *testing.T, page *document.Page) {
	t.Helper()
	if page.ProcessedAt.IsZero() || page.Lines == nil || page.Width <= 0 || page.Height <= 0 {
		t.Errorf("page was done at %v with %d lines on %v by %v points", page.ProcessedAt, len(page.Lines), page.Width, page.Height)
	}
	within := func(box document.Box) bool {
		const slack = 1
		return box[0] >= -slack && box[1] >= -slack && box[0] < box[2] && box[1] < box[3] &&
			box[2] <= page.Width+slack && box[3] <= page.Height+slack
	}
	var texts []string
	paragraph := 0
	for _, line := range page.Lines {
		texts = append(texts, line.Text)
		if !within(line.Box) || line.Confidence < 0 || line.Confidence > 100 {
			t.Errorf("line %q has the box %v and the confidence %v", line.Text, line.Box, line.Confidence)
		}
		if line.Paragraph < paragraph || line.Paragraph > paragraph+1 {
			t.Errorf("paragraph %d comes after %d", line.Paragraph, paragraph)
		}
		paragraph = line.Paragraph
		var words []string
		left := line.Box[0]
		for _, word := range line.Words {
			words = append(words, word.Text)
			if !within(word.Box) || word.Box[0] < left-1 {
				t.Errorf("word %q has the box %v in the line %v", word.Text, word.Box, line.Box)
			}
			left = word.Box[0]
		}
		if strings.Join(words, " ") != line.Text || line.Text == "" {
			t.Errorf("line %q has the words %q", line.Text, words)
		}
	}
	if strings.Join(texts, "\n") != page.Text {
		t.Errorf("text is %q, the lines are %q", page.Text, texts)
	}
}

// characterErrorRate is the edit distance over the truth's length, white space and zero width spaces removed.
func characterErrorRate(truth, text string) float64 {
	clean := strings.NewReplacer(" ", "", "\n", "", "\u200B", "")
	a, b := []rune(clean.Replace(truth)), []rune(clean.Replace(text))
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range a {
		diagonal := row[0]
		row[0] = i + 1
		for j := range b {
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j]+1, row[j+1]+1)
		}
	}
	return float64(row[len(b)]) / float64(len(a))
}
