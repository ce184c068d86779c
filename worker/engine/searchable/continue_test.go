package searchable

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"github.com/openplp/khocr/internal/document"
)

// page is a result with one word at a place of the upright page.
func page(number int, width, height float64, rotation int, word string, box document.Box) *document.Page {
	return &document.Page{
		Number: number, Width: width, Height: height, Rotation: rotation, Source: document.SourceOCR, Text: word,
		Lines: []document.Line{{Text: word, Box: box, Words: []document.Word{{Text: word, Box: box}}}},
	}
}

func results(pages ...*document.Page) Results {
	return func(number int) (*document.Page, error) {
		for _, page := range pages {
			if page.Number == number {
				return page, nil
			}
		}
		return nil, nil
	}
}

// continued is a document with what Continue appends to it.
func continued(t *testing.T, content []byte, pages int, results Results) []byte {
	t.Helper()
	var appendix bytes.Buffer
	if err := Continue(bytes.NewReader(content), int64(len(content)), pages, results, &appendix); err != nil {
		t.Fatal(err)
	}
	return append(bytes.Clone(content), appendix.Bytes()...)
}

// simple makes a PDF of pages with entries and content of their own.
func simple(t *testing.T, byStream bool, pages ...dict) []byte {
	t.Helper()
	var to bytes.Buffer
	w := newWriter(&to, 0, 1)
	_, _ = w.Write([]byte("%PDF-1.6\n"))
	catalog, tree := w.reserve(), w.reserve()
	var kids array
	for _, entries := range pages {
		content, _ := entries["Contents"].(text)
		made := dict{"Type": name("Page"), "Parent": tree, "Resources": dict{}}
		for key, value := range entries {
			made[key] = value
		}
		made["Contents"] = w.compressed(dict{}, content)
		kids = append(kids, w.add(made))
	}
	w.put(tree, dict{"Type": name("Pages"), "Kids": kids, "Count": integer(int64(len(kids))), "MediaBox": numbers(0, 0, 200, 100)})
	w.put(catalog, dict{"Type": name("Catalog"), "Pages": tree})
	if err := w.finish(dict{"Root": catalog}, byStream); err != nil {
		t.Fatal(err)
	}
	return to.Bytes()
}

func numbers(values ...float64) array {
	var made array
	for _, value := range values {
		made = append(made, real(value))
	}
	return made
}

// tool runs a program of Debian's on a document, whose path it gets last but for what comes after.
func tool(t *testing.T, content []byte, program string, arguments ...string) string {
	t.Helper()
	if _, err := exec.LookPath(program); err != nil {
		t.Skipf("needs %s", program)
	}
	path := filepath.Join(t.TempDir(), "document.pdf")
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	for i, argument := range arguments {
		if argument == "DOCUMENT" {
			arguments[i] = path
		}
	}
	output, err := exec.Command(program, arguments...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", program, err, output)
	}
	return string(output)
}

// words of a document as poppler sees them on the pages that are shown.
func words(t *testing.T, content []byte) (found []document.Word) {
	t.Helper()
	tokens := html.NewTokenizer(strings.NewReader(tool(t, content, "pdftotext", "-bbox", "-cropbox", "DOCUMENT", "-")))
	for {
		switch tokens.Next() {
		case html.ErrorToken:
			return found
		case html.StartTagToken:
			token := tokens.Token()
			if token.Data != "word" {
				continue
			}
			var word document.Word
			for i, key := range []string{"xmin", "ymin", "xmax", "ymax"} {
				for _, attribute := range token.Attr {
					if attribute.Key == key {
						_, _ = fmt.Sscan(attribute.Val, &word.Box[i])
					}
				}
			}
			tokens.Next()
			word.Text = string(tokens.Text())
			found = append(found, word)
		}
	}
}

func TestTheLayerLiesOverThePrintHoweverThePageIsShown(t *testing.T) {
	for name, test := range map[string]struct {
		page          dict
		width, height float64 // as it is shown, in points
		scale         float64 // of poppler, which knows no user unit
		turned        int
	}{
		"as it is":                {dict{}, 200, 100, 1, 0},
		"turned right":            {dict{"Rotate": number("90")}, 100, 200, 1, 0},
		"upside down":             {dict{"Rotate": number("180")}, 200, 100, 1, 0},
		"turned left":             {dict{"Rotate": number("-90")}, 100, 200, 1, 0},
		"away from the origin":    {dict{"MediaBox": numbers(-50, 30, 150, 130)}, 200, 100, 1, 0},
		"cropped":                 {dict{"CropBox": numbers(20, 10, 220, 90)}, 180, 80, 1, 0},
		"cropped and turned":      {dict{"CropBox": numbers(20, 10, 180, 90), "Rotate": number("270")}, 80, 160, 1, 0},
		"in larger units":         {dict{"UserUnit": number("2.5")}, 500, 250, 2.5, 0},
		"recognised turned right": {dict{}, 200, 100, 1, 90},
		"recognised upside down":  {dict{}, 200, 100, 1, 180},
		"recognised turned left":  {dict{}, 200, 100, 1, 270},
		"turned both ways":        {dict{"Rotate": number("90")}, 100, 200, 1, 270},
	} {
		t.Run(name, func(t *testing.T) {
			// A box in the page as it is shown, and the same on the page that was turned upright for recognition.
			shown := document.Box{20 * test.scale, 30 * test.scale, 60 * test.scale, 40 * test.scale}
			width, height, box := turnBox(test.width, test.height, shown, test.turned)
			document := continued(t, simple(t, false, test.page), 1, results(page(1, width, height, test.turned, "word", box)))
			tool(t, document, "qpdf", "--check", "DOCUMENT")
			found := words(t, document)
			if len(found) != 1 || found[0].Text != "word" {
				t.Fatalf("words = %v", found)
			}
			for i := range shown {
				if math.Abs(found[0].Box[i]-shown[i]/test.scale) > 0.5 {
					t.Fatalf("box = %v, want %v by the scale %v", found[0].Box, shown, test.scale)
				}
			}
		})
	}
}

// turnBox turns a page of a size clockwise, with a box on it.
func turnBox(width, height float64, box document.Box, degrees int) (float64, float64, document.Box) {
	for range degrees / 90 {
		width, height, box = height, width, document.Box{height - box[3], box[0], height - box[1], box[2]}
	}
	return width, height, box
}

func TestTheTextComesBackAsItWasRecognised(t *testing.T) {
	lines := []string{"ពាក្យ ស្រុក ស្រី ព្រះ", "១២៣ (ខ្ញុំ) a-b <x>", "មួយ", "ឧ\u200bទាហរណ៍ ៛៥០០ ។"}
	result := &document.Page{Number: 1, Width: 200, Height: 100, Source: document.SourceOCR, Text: strings.Join(lines, "\n")}
	for i, text := range lines {
		line := document.Line{Text: text, Box: document.Box{10, float64(10 + 20*i), 190, float64(26 + 20*i)}}
		texts := strings.Fields(text)
		for j, word := range texts {
			// Boxes of neighbours touch, as those of a careless model.
			width := 180 / float64(len(texts))
			left := 10 + width*float64(j)
			line.Words = append(line.Words, document.Word{Text: word, Box: document.Box{left, line.Box[1], left + width, line.Box[3]}})
		}
		result.Lines = append(result.Lines, line)
	}
	for name, byStream := range map[string]bool{"by a table": false, "by a stream": true} {
		t.Run(name, func(t *testing.T) {
			original := simple(t, byStream, dict{}, dict{})
			made := continued(t, original, 2, results(result))
			if !bytes.HasPrefix(made, original) {
				t.Error("the original's bytes are not kept")
			}
			tool(t, made, "qpdf", "--check", "DOCUMENT")
			if got := strings.TrimRight(tool(t, made, "pdftotext", "-raw", "DOCUMENT", "-"), "\n\f"); got != result.Text {
				t.Errorf("text = %q, want %q", got, result.Text)
			}
			again := continued(t, made, 2, results(result))
			if got := strings.TrimRight(tool(t, again, "pdftotext", "-raw", "DOCUMENT", "-"), "\n\f"); got != result.Text {
				t.Errorf("after a second time text = %q, want %q", got, result.Text)
			}
		})
	}
}

func TestOnlyRecognisedPagesAreChanged(t *testing.T) {
	original := simple(t, false, dict{}, dict{})
	native := page(1, 200, 100, 0, "native", document.Box{1, 1, 50, 10})
	native.Source = document.SourceNative
	if made := continued(t, original, 2, results(native)); !bytes.Equal(made, original) {
		t.Errorf("something was appended to a document without recognised pages: %q", made[len(original):])
	}
	failed := &document.Page{Number: 2, Source: document.SourceNone, Error: &document.PageError{Code: document.PageErrorCrashed}}
	if made := continued(t, original, 2, results(failed)); !bytes.Equal(made, original) {
		t.Errorf("something was appended for a page that failed: %q", made[len(original):])
	}
}

func TestDecodedAndMixedPagesGetALayer(t *testing.T) {
	original := simple(t, false, dict{"Contents": text("q Q")}, dict{})
	for _, source := range []document.Source{document.SourceLegacy, document.SourceMixed} {
		result := page(1, 200, 100, 0, "word", document.Box{20, 30, 60, 40})
		result.Source = source
		if found := words(t, continued(t, original, 2, results(result))); len(found) != 1 || found[0].Text != "word" {
			t.Errorf("words of a %s page = %v", source, found)
		}
	}
}

func TestADocumentThatObjectsOfLieInStreamsIsContinued(t *testing.T) {
	packed := tool(t, simple(t, false, dict{"Contents": text("q Q")}, dict{}), "qpdf", "--object-streams=generate", "DOCUMENT", "-")
	made := continued(t, []byte(packed), 2, results(page(2, 200, 100, 0, "word", document.Box{20, 30, 60, 40})))
	tool(t, made, "qpdf", "--check", "DOCUMENT")
	if found := words(t, made); len(found) != 1 || found[0].Text != "word" {
		t.Errorf("words = %v", found)
	}
}

func TestADocumentThatCannotBeContinuedIsRefused(t *testing.T) {
	whole := simple(t, false, dict{})
	encrypted := tool(t, whole, "qpdf", "--encrypt", "", "owner", "256", "--", "DOCUMENT", "-")
	for name, content := range map[string][]byte{
		"nothing":                   {},
		"no PDF":                    []byte("\x89PNG\r\n\x1a\n"),
		"something before it":       append([]byte("junk\n"), whole...),
		"cut off":                   whole[:len(whole)-40],
		"with another length":       bytes.Replace(whole, []byte("%PDF-1.6\n"), []byte("%PDF-1.6\n%moved\n"), 1),
		"encrypted":                 []byte(encrypted),
		"in a circle":               bytes.Replace(whole, []byte("trailer\n<<"), []byte("trailer\n<</Prev "+startOf(whole)), 1),
		"without a page":            bytes.Replace(whole, []byte("/Kids [4 0 R]"), []byte("/Kids [     ]"), 1),
		"with a page that is twice": bytes.Replace(whole, []byte("/Kids [4 0 R]"), []byte("/Kids [2 0 R]"), 1),
	} {
		t.Run(name, func(t *testing.T) {
			result := results(page(1, 200, 100, 0, "word", document.Box{20, 30, 60, 40}))
			err := Continue(bytes.NewReader(content), int64(len(content)), 1, result, new(bytes.Buffer))
			if !errors.Is(err, ErrNotContinued) {
				t.Errorf("error = %v, want ErrNotContinued", err)
			}
		})
	}
}

func TestAnObjectStreamThatHoldsItsOwnLengthIsRefused(t *testing.T) {
	f := &file{content: strings.NewReader(" 1 0 obj<</Type/ObjStm/N 1/First 4/Length 2 0 R>>stream\n2 0 9\nendstream endobj"), size: 80}
	f.entries = map[int]entry{1: {offset: 1}, 2: {inIndex: true, inStream: 1}}
	if _, err := f.get(ref{number: 2}); !errors.Is(err, errSyntax) {
		t.Errorf("error = %v", err)
	}
}

func startOf(document []byte) string {
	_, after, _ := bytes.Cut(document, []byte("startxref\n"))
	start, _, _ := bytes.Cut(after, []byte("\n"))
	return string(start)
}

func FuzzContinue(f *testing.F) {
	for _, name := range []string{"sample.pdf", "mixed.pdf", "native.pdf", "truncated.pdf", "crash.pdf"} {
		content, err := os.ReadFile(filepath.Join("../../../test/testdata", name))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(content)
	}
	f.Fuzz(func(t *testing.T, content []byte) {
		result := results(page(1, 200, 100, 0, "word", document.Box{20, 30, 60, 40}))
		_ = Continue(bytes.NewReader(content), int64(len(content)), 1, result, new(bytes.Buffer))
	})
}
