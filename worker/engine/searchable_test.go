package engine

import (
	"bytes"
	"encoding/json"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/openplp/khocr/internal/document"
	"github.com/openplp/khocr/internal/workerport"
	"github.com/openplp/khocr/worker/wire"
)

// outcome is a document that was processed: its pages, and its searchable PDF.
type outcome struct {
	pages []*document.Page
	part  string
	pdf   []byte
	path  string
}

// searchableOf processes a document in a child as a supervisor does.
func searchableOf(t *testing.T, path, password, mode string) outcome {
	t.Helper()
	engine := startChild(t)
	opened, err := engine.ask(engine.opening(path, password))
	if err != nil || opened.Opened == nil {
		t.Fatalf("%s was not opened: %+v, %v", path, opened.Error, err)
	}
	var made outcome
	for number := 1; number <= opened.Opened.Pages; number++ {
		page := engine.page(number, mode)
		made.pages = append(made.pages, page)
		content, err := json.Marshal(page)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(engine.results, wire.ResultName(number)), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	output := filepath.Join(engine.work, "output")
	response, err := engine.ask(wire.Request{Searchable: &wire.Searchable{Results: engine.results, Output: output, MaxBytes: 1 << 30}})
	if err != nil || response.Searchable == nil {
		t.Fatalf("%s: response is %+v, %v", path, response.Error, err)
	}
	made.part = response.Searchable.Part
	if made.pdf, err = os.ReadFile(output); err != nil {
		t.Fatal(err)
	}
	if made.part == workerport.Appendix {
		original, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		made.pdf = append(original, made.pdf...)
	}
	made.path = filepath.Join(engine.work, "searchable.pdf")
	if err := os.WriteFile(made.path, made.pdf, 0o600); err != nil {
		t.Fatal(err)
	}
	return made
}

// checkText fails the test unless the PDF is sound and each recognised page reads as its result.
func (o outcome) checkText(t *testing.T) {
	t.Helper()
	for _, program := range []string{"qpdf", "pdftotext"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Skip("needs ", program)
		}
	}
	if output, err := exec.Command("qpdf", "--check", o.path).CombinedOutput(); err != nil {
		t.Errorf("qpdf: %v\n%s", err, output)
	}
	text, err := exec.Command("pdftotext", "-raw", o.path, "-").Output()
	if err != nil {
		t.Fatal(err)
	}
	texts := strings.Split(string(text), "\f")
	for i, page := range o.pages {
		if page.Source != document.SourceOCR {
			continue
		}
		got, want := strings.TrimRight(texts[i], "\n"), page.Text
		if page.Rotation != 0 {
			// On lines that do not run from left to right poppler breaks the line behind each word.
			got, want = strings.Join(strings.Fields(got), " "), strings.Join(strings.Fields(want), " ")
		}
		if got != want {
			t.Errorf("page %d reads %q, want %q", i+1, got, want)
		}
	}
}

// checkLook fails the test unless the PDF's pages look like the document's.
func (o outcome) checkLook(t *testing.T, path, password string) {
	t.Helper()
	before, failure := open(path, password)
	if failure != nil {
		t.Fatal(failure.Message)
	}
	defer before.close()
	after, failure := open(o.path, "")
	if failure != nil {
		t.Fatal(failure.Message)
	}
	defer after.close()
	if before.pages != after.pages {
		t.Fatalf("%d pages became %d", before.pages, after.pages)
	}
	for number := 1; number <= before.pages; number++ {
		a, err := before.draw(number, 72)
		if err != nil {
			t.Fatal(err)
		}
		b, err := after.draw(number, 72)
		if err != nil {
			t.Fatal(err)
		}
		// A page was measured in whole pixels.
		if math.Abs(float64(a.Rect.Dx()-b.Rect.Dx())) > 1 || math.Abs(float64(a.Rect.Dy()-b.Rect.Dy())) > 1 {
			t.Fatalf("page %d of %v became one of %v", number, a.Rect.Size(), b.Rect.Size())
		}
		sum, count := 0.0, 0
		for y := range min(a.Rect.Dy(), b.Rect.Dy()) {
			for x := range min(a.Rect.Dx(), b.Rect.Dx()) {
				sum += math.Abs(float64(a.GrayAt(x, y).Y) - float64(b.GrayAt(x, y).Y))
				count++
			}
		}
		// Text that is moved by a pixel makes 25.
		if difference := sum / float64(count); difference > 12 {
			t.Errorf("page %d differs by %.1f of 255", number, difference)
		}
	}
}

func TestAPDFIsMadeSearchable(t *testing.T) {
	for name, test := range map[string]struct{ file, password, mode, part string }{
		"a scan":                            {"sample.pdf", "", "auto", workerport.Appendix},
		"one with its own text":             {"native.pdf", "", "auto", workerport.Appendix},
		"one with its own text, recognised": {"native.pdf", "", "force", workerport.Appendix},
		"scanned pages among others":        {"mixed.pdf", "", "auto", workerport.Appendix},
		"many pages":                        {"pages20.pdf", "", "auto", workerport.Appendix},
		"one that is locked":                {"password.pdf", "user", "force", workerport.Whole},
		"one that its owner opens":          {"password.pdf", "owner", "auto", workerport.Whole},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(testdata, test.file)
			made := searchableOf(t, path, test.password, test.mode)
			if made.part != test.part {
				t.Errorf("part = %s, want %s", made.part, test.part)
			}
			made.checkText(t)
			made.checkLook(t, path, test.password)
		})
	}
}

func TestADamagedPDFIsMadeSearchable(t *testing.T) {
	content, err := os.ReadFile(filepath.Join(testdata, "sample.pdf"))
	if err != nil {
		t.Fatal(err)
	}
	at := bytes.LastIndex(content, []byte("startxref"))
	object := bytes.Index(content, []byte("/Type /Pages"))
	if at < 0 || object < 0 {
		t.Fatal("the test document is made in another way")
	}
	for name, damaged := range map[string][]byte{
		"without cross-references":     content[:at],
		"with something in front":      append([]byte("junk\n"), content...),
		"with another offset":          bytes.Replace(content, []byte("startxref\n"), []byte("startxref\n1"), 1),
		"beyond what can be rewritten": bytes.Replace(content[:at], []byte("%PDF-"), []byte("%FDP-"), 1),
	} {
		t.Run(name, func(t *testing.T) {
			if !bytes.Contains(damaged[:min(len(damaged), header)], []byte("%PDF-")) {
				// It is told by the header alone, behind which anything may stand.
				damaged = append([]byte("%PDF-?"), damaged...)
			}
			path := filepath.Join(t.TempDir(), "document")
			if err := os.WriteFile(path, damaged, 0o600); err != nil {
				t.Fatal(err)
			}
			made := searchableOf(t, path, "", "auto")
			if made.part != workerport.Whole {
				t.Errorf("part = %s", made.part)
			}
			made.checkText(t)
			made.checkLook(t, path, "")
		})
	}
}

func TestEveryKindOfImageIsReadAndMadeSearchable(t *testing.T) {
	for file, test := range map[string]struct {
		pages int
		// kept is what the PDF holds if the image is embedded as it is.
		kept string
	}{
		"cmyk.jpg":         {1, "/DCTDecode"},
		"progressive.jpg":  {1, "/DCTDecode"},
		"orientation3.jpg": {1, "/DCTDecode"},
		"orientation5.jpg": {1, "/DCTDecode"},
		"orientation6.jpg": {1, "/DCTDecode"},
		"orientation8.jpg": {1, "/DCTDecode"},
		"palette.png":      {1, "/Indexed"},
		"bilevel.png":      {1, "/Predictor 15"},
		"grey16.png":       {1, "/BitsPerComponent 16"},
		"interlaced.png":   {1, ""},
		"alpha.png":        {1, ""},
		"g4.tiff":          {3, "/K -1"},
		"reversed.tiff":    {3, "/K -1"},
		"g3.tiff":          {3, "/K 1"},
		"lzw.tiff":         {1, "/LZWDecode"},
		"big-endian.tiff":  {1, "/Predictor 2"},
		"palette.tiff":     {1, "/Indexed"},
		"tiles.tiff":       {1, "/LZWDecode"},
		"jpeg.tiff":        {1, "/DCTDecode"},
		"jpeg-tiles.tiff":  {1, "/DCTDecode"},
	} {
		t.Run(file, func(t *testing.T) {
			path := filepath.Join("testdata", file)
			made := searchableOf(t, path, "", "auto")
			if len(made.pages) != test.pages {
				t.Errorf("%d pages, want %d", len(made.pages), test.pages)
			}
			for _, page := range made.pages {
				if !strings.Contains(page.Text, "បណ្ណាល័យជាច្រើន") {
					t.Errorf("page %d reads %q", page.Number, page.Text)
				}
			}
			if made.part != workerport.Whole || !bytes.Contains(made.pdf, []byte(test.kept)) {
				t.Errorf("%s without %s", made.part, test.kept)
			}
			made.checkText(t)
			made.checkLook(t, path, "")
		})
	}
}

func TestAnImageWithoutAResultIsAPageAllTheSame(t *testing.T) {
	path := filepath.Join("testdata", "g4.tiff")
	engine := startChild(t)
	engine.open(path)
	made := outcome{path: filepath.Join(engine.work, "output")}
	response, err := engine.ask(wire.Request{Searchable: &wire.Searchable{Results: engine.results, Output: made.path, MaxBytes: 1 << 30}})
	if err != nil || response.Searchable == nil {
		t.Fatalf("response is %+v, %v", response.Error, err)
	}
	made.checkLook(t, path, "")
}

func TestAnOutputThatGetsTooLongIsNone(t *testing.T) {
	engine := startChild(t)
	engine.open(filepath.Join("testdata", "g4.tiff"))
	response, err := engine.ask(wire.Request{Searchable: &wire.Searchable{Results: engine.results, Output: filepath.Join(engine.work, "output"), MaxBytes: 100}})
	if err != nil || response.Error == nil {
		t.Errorf("response is %+v, %v; want an error", response, err)
	}
}

func TestAPasswordOpensTheDocument(t *testing.T) {
	path := filepath.Join(testdata, "password.pdf")
	for password, want := range map[string]string{
		"user": "", "owner": "",
		"":      "the document needs a password",
		"wrong": "the password is not the document's",
	} {
		engine := startChild(t)
		response, err := engine.ask(engine.opening(path, password))
		switch {
		case err != nil:
			t.Fatal(err)
		case want == "" && response.Opened == nil:
			t.Errorf("%s: response is %+v", password, response.Error)
		case want != "" && (response.Error == nil || *response.Error != wire.Error{Reason: reasonPasswordProtected, Message: want}):
			t.Errorf("%q: response is %+v, want %q", password, response.Error, want)
		}
	}
}

func TestNothingIsWrittenIntoAHome(t *testing.T) {
	home := t.TempDir()
	t.Setenv("HOME", home)
	t.Setenv("XDG_CONFIG_HOME", filepath.Join(home, "config"))
	searchableOf(t, filepath.Join(testdata, "password.pdf"), "user", "auto")
	if entries, err := os.ReadDir(home); err != nil || len(entries) > 0 {
		t.Errorf("home holds %v, %v", entries, err)
	}
}
