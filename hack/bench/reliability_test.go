package main

import (
	"reflect"
	"strings"
	"testing"

	"github.com/openplp/khocr/internal/document"
)

// wordsOn a page, all with that confidence.
func wordsOn(number int, source document.Source, confidence float64, texts string) readPage {
	var line document.Line
	for text := range strings.FieldsSeq(texts) {
		line.Words = append(line.Words, document.Word{Text: text, Confidence: confidence})
	}
	return readPage{Page: &document.Page{Number: number, Source: source, Lines: []document.Line{line}}}
}

func TestRecognisedWordsAreGuessesWhereThereIsATruth(t *testing.T) {
	truth, empty := "ab cd ef gh", ""
	for name, test := range map[string]struct {
		result result
		want   []guess
	}{
		"an image": {
			result{sample: sample{truth: &truth}, read: []readPage{wordsOn(1, document.SourceOCR, 80, "ab cx ef gh")}},
			[]guess{{80, true}, {80, false}, {80, true}, {80, true}},
		},
		"a document, with text that was kept": {
			result{sample: sample{truth: &truth}, read: []readPage{
				wordsOn(1, document.SourceNative, 100, "ab"), wordsOn(2, document.SourceOCR, 60, "cd"),
				wordsOn(3, document.SourceMixed, 70, "ef"), wordsOn(4, document.SourceOCR, 50, "xx"),
			}},
			[]guess{{60, true}, {50, false}},
		},
		"pages with truths of their own": {
			result{sample: sample{truth: &truth, pages: map[int]string{2: "cd", 3: "ef"}}, read: []readPage{
				wordsOn(1, document.SourceOCR, 10, "ab"), wordsOn(2, document.SourceOCR, 20, "cd"), wordsOn(3, document.SourceOCR, 30, "cd"),
			}},
			[]guess{{20, true}, {30, false}},
		},
		"nothing to read": {
			result{sample: sample{truth: &empty}, read: []readPage{wordsOn(1, document.SourceOCR, 40, "x")}},
			[]guess{{40, false}},
		},
		"no truth": {result{read: []readPage{wordsOn(1, document.SourceOCR, 40, "x")}}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			if got := test.result.guesses(); !reflect.DeepEqual(got, test.want) {
				t.Errorf("guesses = %v, want %v", got, test.want)
			}
		})
	}
}

func TestReliabilityIsTheShareOfRightWordsByConfidence(t *testing.T) {
	rows := reliabilityOf([]guess{{0, false}, {49.9, true}, {50, true}, {94.9, true}, {95, true}, {97, false}, {96, true}, {100, true}})
	want := []trust{
		{0, 50, 2, 24.95, 50}, {50, 60, 1, 50, 100}, {60, 70, 0, 0, 0}, {70, 80, 0, 0, 0},
		{80, 90, 0, 0, 0}, {90, 95, 1, 94.9, 100}, {95, 100, 4, 97, 75},
	}
	if !reflect.DeepEqual(rows, want) {
		t.Errorf("rows = %v, want %v", rows, want)
	}
	var printed strings.Builder
	printReliability(&printed, rows)
	lines := strings.Split(strings.TrimSpace(printed.String()), "\n")
	for i, want := range map[int]string{1: "0-50 2 24.9 50.0", 3: "60-70 0 - -", 7: "95-100 4 97.0 75.0"} {
		if got := strings.Join(strings.Fields(lines[i]), " "); got != want {
			t.Errorf("row %d = %q, want %q", i, got, want)
		}
	}
}
