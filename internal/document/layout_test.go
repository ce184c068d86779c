package document

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

// unusualPages are what formats with places have to get right besides the sample.
func unusualPages() []*Page {
	return []*Page{
		{Number: 1, Width: 595, Height: 842, Lines: []Line{
			{Text: "no words", Box: Box{72, 72, 200, 84}, Confidence: 50},
			{Text: "<a> & \"b\" 'c'\x00\ufffe", Box: Box{72, 90, 200, 102}, Words: []Word{
				{Text: "<a>", Box: Box{72, 90, 90, 102}, Confidence: 12.5}, {Text: "&", Box: Box{100, 90, 110, 102}, Confidence: 101},
				{Text: "\"b\"\x00\ufffe", Box: Box{105, 90, 120, 102}}, {Text: "'c'", Box: Box{-3, 90, 4, 102}, Confidence: 99.96},
			}},
		}},
		{Number: 2, Width: 100, Height: 50, Confidence: 80, Text: "ខ្មែរ\r\n\n b \fc"},
		{Number: 7, Width: 595, Height: 842},
	}
}

// unplacedPages have text whose place is not known: a line between others, words of a line, and a whole page.
func unplacedPages() []*Page {
	line := func(text string, box Box, words ...Word) Line {
		return Line{Text: text, Box: box, Confidence: 50, Words: words}
	}
	pages := []*Page{
		{Number: 1, Width: 595, Height: 842, Source: SourceOCR, Lines: []Line{
			line("មុនគេ", Box{}, Word{Text: "មុនគេ"}),
			line("ជាតិ សាសនា", Box{72, 72, 300, 90}, Word{Text: "ជាតិ", Box: Box{72, 72, 150, 90}}, Word{Text: "សាសនា"}),
			line("ទីបី ទីបួន", Box{}, Word{Text: "ទីបី"}, Word{Text: "ទីបួន"}),
			line("បន្ទាត់ខាងក្រោម", Box{72, 94, 300, 112}, Word{Text: "បន្ទាត់ខាងក្រោម", Box: Box{72, 94, 300, 112}}),
			line("without words", Box{}),
		}},
		{Number: 2, Width: 595, Height: 842, Source: SourceOCR, Lines: []Line{
			line("one line", Box{}, Word{Text: "one"}, Word{Text: "line"}), line("១. another", Box{}, Word{Text: "១."}, Word{Text: "another"}),
		}},
	}
	for _, page := range pages {
		for i, line := range page.Lines {
			if i > 0 {
				page.Text += "\n"
			}
			page.Text += line.Text
		}
	}
	return pages
}

// placedPage is what remains of a page in a format that says where text stands.
type placedPage struct {
	Number int
	Box    string
	Lines  [][]placedWord
}

type placedWord struct{ Text, Box, Confidence, Language string }

// placed is the page with the boxes and confidences as told by functions of the format.
func placed(page *Page, box func(Box) string, confidence func(float64) string, language string) placedPage {
	want := placedPage{Number: page.Number, Box: box(Box{0, 0, page.Width, page.Height})}
	for _, column := range columnsOf(page) {
		for _, line := range column.lines {
			var words []placedWord
			for _, word := range line.Words {
				w := placedWord{Text: carried(word.Text), Box: box(word.Box), Confidence: confidence(word.Confidence)}
				if isKhmer(word.Text) {
					w.Language = language
				}
				words = append(words, w)
			}
			want.Lines = append(want.Lines, words)
		}
	}
	return want
}

func TestLinesThatAreNotKnownAreMadeOfTheText(t *testing.T) {
	var got [][]Line
	for _, page := range unusualPages() {
		var lines []Line
		for _, column := range columnsOf(page) {
			lines = append(lines, column.lines...)
		}
		got = append(got, lines)
	}
	noWords := Line{Text: "no words", Box: Box{72, 72, 200, 84}, Confidence: 50}
	noWords.Words = []Word{{Text: noWords.Text, Box: noWords.Box, Confidence: 50}}
	if !reflect.DeepEqual(got[0][0], noWords) {
		t.Errorf("a line without words is %+v", got[0][0])
	}
	if unusualPages()[0].Lines[0].Words != nil {
		t.Error("the caller's page was changed")
	}
	whole := Box{0, 0, 100, 50}
	for i, text := range []string{"ខ្មែរ", "b", "c"} {
		want := Line{Text: text, Box: whole, Confidence: 80, Words: []Word{{Text: text, Box: whole, Confidence: 80}}}
		if !reflect.DeepEqual(got[1][i], want) {
			t.Errorf("line %d of a text without lines is %+v", i, got[1][i])
		}
	}
	if got[2] != nil {
		t.Errorf("a blank page has %+v", got[2])
	}
}

func TestNoPlaceIsInventedForText(t *testing.T) {
	pages := unplacedPages()
	info := Info{Pages: len(pages)}
	nowhere := map[Format][]string{
		FormatJSON: {`"box":[0,0,0,0]`},
		FormatHOCR: {"bbox 0 0 0 0", `title=""`},
		FormatALTO: {`WIDTH="0"`, `HEIGHT="0"`},
	}
	for format, absent := range nowhere {
		result := string(rendered(t, format, info, pages))
		for _, text := range absent {
			if strings.Contains(result, text) {
				t.Errorf("%s has %s: %s", format, text, result)
			}
		}
	}
	hocr := string(rendered(t, FormatHOCR, info, pages))
	for _, text := range []string{
		`<div class="ocr_carea" id="carea_1_1" title="bbox 300 300 1250 467">`, // around what has a place
		`<div class="ocr_carea" id="carea_2_1">`,
		`<span class="ocr_line" id="line_1_1"><span class="ocrx_word" title="x_wconf 0" lang="km" xml:lang="km">មុនគេ</span></span>`,
	} {
		if !strings.Contains(hocr, text) {
			t.Errorf("there is no %s in %s", text, hocr)
		}
	}
	var result any
	info = sampleInfo()
	info.Pages = len(pages)
	if err := json.Unmarshal(rendered(t, FormatJSON, info, pages), &result); err != nil {
		t.Fatal(err)
	}
	if err := compiledSchema(t).Validate(result); err != nil {
		t.Errorf("%#v", err)
	}
}

func TestTextWithoutAPlaceIsAParagraphOfItsOwn(t *testing.T) {
	var got [][]string
	for _, page := range unplacedPages() {
		var texts []string
		for _, p := range paragraphs(page) {
			texts = append(texts, p.text)
			if p.align != "" || p.indent != 0 || p.heading != 0 {
				t.Errorf("%q is %+v", p.text, p)
			}
		}
		got = append(got, texts)
	}
	want := [][]string{{"មុនគេ", "ជាតិ សាសនា", "ទីបី ទីបួន", "បន្ទាត់ខាងក្រោម", "without words"}, {"one line", "១. another"}}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("paragraphs %q, want %q", got, want)
	}
}

func TestWordsWithoutAPlaceCanBeCorrected(t *testing.T) {
	page := unplacedPages()[0]
	corrections, err := page.CheckCorrections([]Correction{{Line: 3, Word: 1, Text: "ទី៣"}, {Line: 2, Word: 2, Text: ""}})
	if err != nil {
		t.Fatal(err)
	}
	corrected := page.Corrected(corrections)
	want := Word{Text: "ទី៣", Confidence: 100, Recognized: "ទីបី"}
	if got := corrected.Lines[2]; got.Text != "ទី៣ ទីបួន" || got.Words[0] != want || !got.Box.IsZero() {
		t.Errorf("the line is %+v", got)
	}
	hocr := string(rendered(t, FormatHOCR, Info{Pages: 1}, []*Page{corrected}))
	if !strings.Contains(hocr, ">ទី៣<") || strings.Contains(hocr, "សាសនា") {
		t.Errorf("as hOCR it is %s", hocr)
	}
}

// check has xmllint look at a result.
func check(t *testing.T, result []byte, options ...string) {
	t.Helper()
	xmllint, err := exec.LookPath("xmllint")
	if err != nil {
		t.Skip("xmllint is not installed")
	}
	path := filepath.Join(t.TempDir(), "result.xml")
	if err := os.WriteFile(path, result, 0o600); err != nil {
		t.Fatal(err)
	}
	lint := exec.CommandContext(t.Context(), xmllint, append(options, "--nonet", "--noout", path)...)
	if output, err := lint.CombinedOutput(); err != nil {
		t.Errorf("%s: %v\n%s", strings.Join(options, " "), err, output)
	}
}

func unmarshal(t *testing.T, result []byte, into any) {
	t.Helper()
	if err := xml.NewDecoder(bytes.NewReader(result)).Decode(into); err != nil {
		t.Fatalf("%v in %s", err, result)
	}
}
