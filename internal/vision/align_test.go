package vision

import (
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"

	"github.com/openplp/khocr/internal/document"
)

// printed is a line of words in boxes ten points wide for each cluster, with as much between them.
func printed(text string, left, top float64) document.Line {
	line := document.Line{Text: text, FontSize: 12, Paragraph: 1}
	for _, field := range strings.Fields(text) {
		right := left + 10*float64(len(clusters(field)))
		line.Words = append(line.Words, document.Word{Text: field, Box: document.Box{left, top, right, top + 12}, Confidence: 90})
		left = right + 10
	}
	line.Box = document.Box{line.Words[0].Box[0], top, left - 10, top + 12}
	line.Confidence = 90
	return line
}

func pageOf(lines ...document.Line) *document.Page {
	page := &document.Page{Number: 1, Width: 595, Height: 842, Source: document.SourceOCR, Confidence: 90, Lines: lines}
	var texts []string
	for _, line := range lines {
		texts = append(texts, line.Text)
	}
	page.Text = strings.Join(texts, "\n")
	return page
}

func letter() *document.Page {
	return pageOf(
		printed("ព្រះរាជាណាចក្រកម្ពុជា", 200, 50),
		printed("ជាតិ សាសនា ព្រះមហាក្សត្រ", 190, 70),
		printed("បណ្ណាល័យសាធារណៈ បើកទ្វារនៅម៉ោង ប្រាំបីព្រឹក។", 50, 110),
		printed("លេខ ១២៣ Phone 012 345 678", 50, 130),
	)
}

func TestTextThatIsTheSameStandsWhereItStood(t *testing.T) {
	quick := letter()
	before := letter()
	page := Align(quick.Text, quick)
	if !reflect.DeepEqual(quick, before) {
		t.Fatal("the quick pass was changed")
	}
	if page.Text != quick.Text || len(page.Lines) != len(quick.Lines) || page.Confidence != 100 {
		t.Fatalf("the page is %+v", page)
	}
	for i, line := range page.Lines {
		want := quick.Lines[i]
		if line.Box != want.Box || line.FontSize != want.FontSize || line.Paragraph != want.Paragraph || line.Confidence != 100 {
			t.Errorf("line %d is %+v, want %+v", i+1, line, want)
		}
		for j, word := range line.Words {
			if word.Box != want.Words[j].Box || word.Text != want.Words[j].Text || word.Confidence != 100 {
				t.Errorf("word %d of line %d is %+v, want %+v", j+1, i+1, word, want.Words[j])
			}
		}
	}
}

func TestAlign(t *testing.T) {
	zero := document.Box{}
	for name, test := range map[string]struct {
		text string
		// want is each word with its box, a bar between lines.
		lines []string
		boxes [][]document.Box
	}{
		"a word in two": {
			"ជា តិ សាសនា ព្រះមហាក្សត្រ", []string{"ជា តិ សាសនា ព្រះមហាក្សត្រ"},
			[][]document.Box{{{190, 70, 200, 82}, {200, 70, 210, 82}, {220, 70, 250, 82}, {260, 70, 310, 82}}},
		},
		"two words in one": {
			"ជាតិសាសនា ព្រះមហាក្សត្រ", []string{"ជាតិសាសនា ព្រះមហាក្សត្រ"},
			[][]document.Box{{{190, 70, 250, 82}, {260, 70, 310, 82}}},
		},
		"a word that the recogniser misread": {
			"លេខ ១២៣ Phone 099 345 678", []string{"លេខ ១២៣ Phone 099 345 678"},
			[][]document.Box{{{50, 130, 70, 142}, {80, 130, 110, 142}, {120, 130, 170, 142}, {180, 130, 210, 142}, {220, 130, 250, 142}, {260, 130, 290, 142}}},
		},
		"a line that the recogniser does not have": {
			"ព្រះរាជាណាចក្រកម្ពុជា\nទន្លេសាបផ្តល់ត្រី", []string{"ព្រះរាជាណាចក្រកម្ពុជា", "ទន្លេសាបផ្តល់ត្រី"},
			[][]document.Box{{{200, 50, 290, 62}}, {zero}},
		},
		"two printed lines in one": {
			"ព្រះរាជាណាចក្រកម្ពុជា ជាតិ សាសនា ព្រះមហាក្សត្រ", []string{"ព្រះរាជាណាចក្រកម្ពុជា", "ជាតិ សាសនា ព្រះមហាក្សត្រ"},
			[][]document.Box{{{200, 50, 290, 62}}, {{190, 70, 210, 82}, {220, 70, 250, 82}, {260, 70, 310, 82}}},
		},
		"another order": {
			"លេខ ១២៣ Phone 012 345 678\nព្រះរាជាណាចក្រកម្ពុជា", []string{"លេខ ១២៣ Phone 012 345 678", "ព្រះរាជាណាចក្រកម្ពុជា"},
			[][]document.Box{{{50, 130, 70, 142}, {80, 130, 110, 142}, {120, 130, 170, 142}, {180, 130, 210, 142}, {220, 130, 250, 142}, {260, 130, 290, 142}}, {{200, 50, 290, 62}}},
		},
		"nothing": {"", nil, nil},
	} {
		t.Run(name, func(t *testing.T) {
			page := Align(test.text, letter())
			var lines []string
			var boxes [][]document.Box
			for _, line := range page.Lines {
				lines = append(lines, line.Text)
				var own []document.Box
				for _, word := range line.Words {
					own = append(own, word.Box)
				}
				boxes = append(boxes, own)
			}
			if !reflect.DeepEqual(lines, test.lines) || !reflect.DeepEqual(boxes, test.boxes) {
				t.Errorf("it is %q in %v,\nwant %q in %v", lines, boxes, test.lines, test.boxes)
			}
		})
	}
}

// Whatever is said of whatever page: no character is lost or added, and none stands where the recogniser read nothing.
func TestNoTextIsLostAndNoPlaceInvented(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for range 500 {
		quick := letter()
		text := scrambled(random, quick.Text)
		checkAligned(t, text, quick)
	}
}

func checkAligned(t *testing.T, text string, quick *document.Page) {
	t.Helper()
	page := Align(text, quick)
	if got, want := strings.Join(strings.Fields(page.Text), ""), strings.Join(strings.Fields(written(text)), ""); got != want {
		t.Fatalf("of %+q is left %+q", want, got)
	}
	var hull document.Box
	for _, line := range quick.Lines {
		hull = union(hull, line.Box)
		for _, word := range line.Words {
			hull = union(hull, word.Box)
		}
	}
	within := func(box document.Box) bool {
		return box.IsZero() || box[0] >= hull[0] && box[1] >= hull[1] && box[2] <= hull[2] && box[3] <= hull[3] && box[0] <= box[2] && box[1] <= box[3]
	}
	if err := page.Check(); err != nil {
		t.Fatalf("the page cannot be stored: %v", err)
	}
	for _, line := range page.Lines {
		if !within(line.Box) || len(line.Words) == 0 {
			t.Fatalf("the line %+v", line)
		}
		for _, word := range line.Words {
			if !within(word.Box) || !word.Box.IsZero() && line.Box.IsZero() || word.Text == "" {
				t.Fatalf("the word %+v in the line %+v", word, line)
			}
		}
	}
}

// scrambled is a text with mistakes of every kind.
func scrambled(random *rand.Rand, text string) string {
	runes := []rune(text)
	for range random.IntN(30) {
		at := random.IntN(len(runes))
		switch random.IntN(6) {
		case 0:
			runes[at] = ' '
		case 1:
			runes[at] = '\n'
		case 2:
			runes[at] = rune(0x1780 + random.IntN(0x60))
		case 3:
			end := min(len(runes), at+random.IntN(20))
			runes = append(runes[:at:at], runes[end:]...)
		case 4:
			other := random.IntN(len(runes))
			from, to := min(at, other), max(at, other)
			runes = append(append(append([]rune{}, runes[to:]...), runes[from:to]...), runes[:from]...)
		case 5:
			runes = append(append(append([]rune{}, runes[:at]...), []rune("ទន្លេសាប\u200b")...), runes[at:]...)
		}
		if len(runes) == 0 {
			return ""
		}
	}
	return string(runes)
}
