package vision

import (
	"strings"
	"testing"
)

func TestWhatTheEngineReadStandsWhereItReadIt(t *testing.T) {
	for name, sheet := range sheets(t) {
		t.Run(name, func(t *testing.T) {
			page := Align(sheet.quick.Text, sheet.quick)
			if page.Text != sheet.quick.Text || len(page.Lines) != len(sheet.quick.Lines) {
				t.Fatalf("%d lines of %d: %q", len(page.Lines), len(sheet.quick.Lines), page.Text)
			}
			for i, line := range page.Lines {
				want := sheet.quick.Lines[i]
				for j, word := range line.Words {
					if word.Box != want.Words[j].Box || word.Confidence != 100 {
						t.Errorf("%q of line %d is in %v, want %v", word.Text, i+1, word.Box, want.Words[j].Box)
					}
				}
				if line.Box != want.Box {
					t.Errorf("line %d is in %v, want %v", i+1, line.Box, want.Box)
				}
			}
		})
	}
}

// Of the words of a text that is right nearly all have a place, in whatever order they come.
func TestMostOfWhatStandsOnAPageHasAPlace(t *testing.T) {
	all := sheets(t)
	for _, name := range strings.Fields(clean + " " + worn) {
		sheet := all[name]
		for order, text := range map[string]string{"": sheet.truth, ", in another order": reordered(nil, sheet.truth), ", on one line": strings.ReplaceAll(sheet.truth, "\n", " ")} {
			page := Align(text, sheet.quick)
			checkAligned(t, text, sheet.quick)
			words, placed := 0, 0
			for _, line := range page.Lines {
				for _, word := range line.Words {
					words++
					if !word.Box.IsZero() {
						placed++
					}
				}
			}
			share := float64(placed) / float64(words)
			t.Logf("%s%s: %d words of %d, confidence %.1f, %d lines of %d", name, order, placed, words, page.Confidence, len(page.Lines), len(sheet.quick.Lines))
			if share < 0.85 {
				t.Errorf("%s%s: only %d words of %d have a place", name, order, placed, words)
			}
		}
	}
}
