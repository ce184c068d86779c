package document

import (
	"archive/zip"
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"reflect"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/yuin/goldmark"
	html5 "github.com/yuin/goldmark/renderer/html"
)

// pageToCorrect has three lines, of two, one and one words.
func pageToCorrect() *Page {
	word := func(text string, confidence float64) Word {
		return Word{Text: text, Box: Box{10, 10, 50, 20}, Confidence: confidence}
	}
	return &Page{
		Number: 1, Width: 595, Height: 842, Source: SourceOCR, Reason: "no_text_layer", Confidence: 75, Text: "សាលា រៀន\nភូមិ\nឃុំ",
		Lines: []Line{
			{Text: "សាលា រៀន", Confidence: 70, Words: []Word{word("សាលា", 80), word("រៀន", 60)}, Paragraph: 1},
			{Text: "ភូមិ", Confidence: 90, Words: []Word{word("ភូមិ", 90)}, Paragraph: 1},
			{Text: "ឃុំ", Confidence: 70, Words: []Word{word("ឃុំ", 70)}, Paragraph: 2},
		},
	}
}

func TestCorrectedPages(t *testing.T) {
	for name, test := range map[string]struct {
		corrections []Correction
		text        string
		lines       []string
		confidences []float64 // of the lines
		confidence  float64
		words       int
	}{
		"a word":                   {[]Correction{{1, 2, "រៀង"}}, "សាលា រៀង\nភូមិ\nឃុំ", []string{"សាលា រៀង", "ភូមិ", "ឃុំ"}, []float64{90, 90, 70}, 85, 1},
		"a word that is confirmed": {[]Correction{{3, 1, "ឃុំ"}}, "សាលា រៀន\nភូមិ\nឃុំ", []string{"សាលា រៀន", "ភូមិ", "ឃុំ"}, []float64{70, 90, 100}, 82.5, 1},
		"several words for one":    {[]Correction{{2, 1, "ភូមិ ថ្មី"}}, "សាលា រៀន\nភូមិ ថ្មី\nឃុំ", []string{"សាលា រៀន", "ភូមិ ថ្មី", "ឃុំ"}, []float64{70, 100, 70}, 77.5, 1},
		"a word taken out":         {[]Correction{{1, 1, ""}}, "រៀន\nភូមិ\nឃុំ", []string{"រៀន", "ភូមិ", "ឃុំ"}, []float64{60, 90, 70}, 73.33, 1},
		"a line taken out":         {[]Correction{{2, 1, ""}}, "សាលា រៀន\nឃុំ", []string{"សាលា រៀន", "", "ឃុំ"}, []float64{70, 0, 70}, 70, 1},
		"everything taken out":     {[]Correction{{1, 1, ""}, {1, 2, ""}, {2, 1, ""}, {3, 1, ""}}, "", []string{"", "", ""}, []float64{0, 0, 0}, 0, 4},
		"none":                     {nil, "សាលា រៀន\nភូមិ\nឃុំ", []string{"សាលា រៀន", "ភូមិ", "ឃុំ"}, []float64{70, 90, 70}, 75, 0},
		"a word that is not there": {[]Correction{{1, 3, "x"}, {4, 1, "x"}, {0, 1, "x"}, {1, 0, "x"}, {-1, -1, "x"}}, "សាលា រៀន\nភូមិ\nឃុំ", []string{"សាលា រៀន", "ភូមិ", "ឃុំ"}, []float64{70, 90, 70}, 75, 0},
	} {
		t.Run(name, func(t *testing.T) {
			read := pageToCorrect()
			got := read.Corrected(test.corrections)
			if got.Text != test.text || got.Confidence != test.confidence || got.CorrectedWords != test.words {
				t.Errorf("text %q, confidence %g, %d corrected words", got.Text, got.Confidence, got.CorrectedWords)
			}
			for i, line := range got.Lines {
				if line.Text != test.lines[i] || line.Confidence != test.confidences[i] {
					t.Errorf("line %d is %q with %g", i+1, line.Text, line.Confidence)
				}
				if len(line.Words) != len(read.Lines[i].Words) || line.Box != read.Lines[i].Box || line.Paragraph != read.Lines[i].Paragraph {
					t.Errorf("line %d has moved: %+v", i+1, line)
				}
			}
			if !reflect.DeepEqual(read, pageToCorrect()) {
				t.Error("the page that was read has changed")
			}
			for _, c := range test.corrections[:test.words] {
				word, before := got.Lines[c.Line-1].Words[c.Word-1], read.Lines[c.Line-1].Words[c.Word-1]
				if want := (Word{Text: c.Text, Box: before.Box, Confidence: 100, Recognized: before.Text}); word != want {
					t.Errorf("the word is %+v, want %+v", word, want)
				}
			}
		})
	}
}

func TestCorrectionsAreChecked(t *testing.T) {
	good, err := pageToCorrect().CheckCorrections([]Correction{{1, 1, "  e\u0301cole "}, {3, 1, ""}})
	if want := []Correction{{1, 1, "école"}, {3, 1, ""}}; err != nil || !reflect.DeepEqual(good, want) {
		t.Errorf("%+v, %v, want %+v", good, err, want)
	}
	for name, bad := range map[string][]Correction{
		"no such line":        {{4, 1, "x"}},
		"no such word":        {{2, 2, "x"}},
		"line 0":              {{0, 1, "x"}},
		"a negative word":     {{1, -1, "x"}},
		"twice":               {{1, 1, "x"}, {1, 1, "y"}},
		"two lines":           {{1, 1, "x\ny"}},
		"a line separator":    {{1, 1, "x\u2028y"}},
		"a tab":               {{1, 1, "x\ty"}},
		"a control character": {{1, 1, "x\x00"}},
		"a long text":         {{1, 1, strings.Repeat("ក", MaxCorrectionLength+1)}},
		"too many":            make([]Correction, MaxCorrections+1),
	} {
		if got, err := pageToCorrect().CheckCorrections(bad); !errors.Is(err, ErrCorrection) {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
}

// hostile are texts that are markup somewhere.
var hostile = []string{
	"<script>alert(1)</script>", "</text:p><x/>", "&amp;&lt;", `" onload="x`, "]]>", "<!-- x -->", "**b** [l](javascript:x) `c`", "# h", "{{7*7}}", "=cmd|'/c'!A1",
	"<w:p/>", "\u202eabc",
}

// TestWhatPeopleWriteIsNoMarkup has people write what is markup in one format or another.
func TestWhatPeopleWriteIsNoMarkup(t *testing.T) {
	for _, text := range hostile {
		checked, err := pageToCorrect().CheckCorrections([]Correction{{1, 1, text}, {2, 1, ""}})
		if err != nil {
			t.Fatalf("%q: %v", text, err)
		}
		page := pageToCorrect().Corrected(checked)
		info := Info{ID: "a", FileName: "a.pdf", Pages: 1}
		for _, format := range []Format{FormatHOCR, FormatALTO} {
			content := rendered(t, format, info, []*Page{page})
			if got := attributesAndText(t, content); !strings.Contains(got, text) {
				t.Errorf("%s: %q is not its text: %s", format, text, content)
			}
		}
		archive := rendered(t, FormatDocx, info, []*Page{page})
		files, err := zip.NewReader(bytes.NewReader(archive), int64(len(archive)))
		if err != nil {
			t.Fatal(err)
		}
		body, err := files.Open("word/document.xml")
		if err != nil {
			t.Fatal(err)
		}
		content, err := io.ReadAll(body)
		if err != nil {
			t.Fatal(err)
		}
		if got := attributesAndText(t, content); !strings.Contains(strings.ReplaceAll(got, "\u200b", ""), text) {
			t.Errorf("docx: %q is not its text: %s", text, content)
		}
		if got := string(rendered(t, FormatText, info, []*Page{page})); got != text+" រៀន\nឃុំ\n" {
			t.Errorf("text: %q", got)
		}
		var html bytes.Buffer
		if err := goldmark.New(goldmark.WithRendererOptions(html5.WithUnsafe())).Convert(rendered(t, FormatMarkdown, info, []*Page{page}), &html); err != nil {
			t.Fatal(err)
		}
		for _, tag := range []string{"<script", "<a ", "<code", "<strong", "<h1", "<x", "<w:", "<!-- x"} {
			if strings.Contains(html.String(), tag) {
				t.Errorf("markdown: there is %q: %s", tag, &html)
			}
		}
	}
}

// attributesAndText are the values that an XML parser finds, which fails where it is broken.
func attributesAndText(t *testing.T, content []byte) string {
	t.Helper()
	var found strings.Builder
	decoder := xml.NewDecoder(bytes.NewReader(content))
	decoder.Strict = true
	decoder.Entity = map[string]string{}
	for {
		token, err := decoder.Token()
		if errors.Is(err, io.EOF) {
			return found.String()
		}
		if err != nil {
			t.Fatalf("%v: %s", err, content)
		}
		switch token := token.(type) {
		case xml.CharData:
			found.Write(token)
		case xml.StartElement:
			if name := strings.ToLower(token.Name.Local); name == "script" || name == "x" {
				t.Fatalf("there is an element %s: %s", name, content)
			}
			for _, attribute := range token.Attr {
				found.WriteString(attribute.Value + "\n")
			}
		}
	}
}

func TestAPageOfAWorkerClaimsNoCorrections(t *testing.T) {
	page := pageToCorrect().Corrected([]Correction{{1, 1, "x"}})
	if page.Check() == nil {
		t.Error("the count is taken")
	}
	page.CorrectedWords = 0
	if page.Check() == nil {
		t.Error("the word is taken")
	}
}

func TestACorrectedPageKeepsToTheSchema(t *testing.T) {
	page := pageToCorrect().Corrected([]Correction{{1, 1, "x"}, {2, 1, ""}})
	info := sampleInfo()
	info.Pages = 1
	content := rendered(t, FormatJSON, info, []*Page{page})
	result, err := jsonschema.UnmarshalJSON(bytes.NewReader(content))
	if err != nil {
		t.Fatal(err)
	}
	if err := compiledSchema(t).Validate(result); err != nil {
		t.Errorf("%v: %s", err, content)
	}
}
