package document

import (
	"bytes"
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
