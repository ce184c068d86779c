// Package correct mends what Tesseract confuses in Khmer, by what stands around it. What cannot be written so is mended
// wherever it stands. Of what can, only a word that Tesseract is unsure of is touched, where one of its usual confusions
// explains a text that is far likelier. Digits and Latin letters are never changed, and it opens no document.
package correct

import (
	"slices"
	"strings"

	"github.com/openplp/khocr/internal/document"
	"github.com/openplp/khocr/internal/khmer"
)

const (
	// sureConfidence is the confidence in percent from which on a word is left as it was read. Of the characters of such words
	// 0.1 to 0.6 % were wrong on clean and scanned print, of those of all others 3 to 6 %.
	sureConfidence = 90
	// surePage is the mean confidence from which on a page is changed only by what is far likelier. In clean modern print, which has
	// about 1 % of wrong characters and a mean of 76 to 88, other guesses spoil as many words as they mend; print that is worth them
	// has 55 to 80.
	surePage = 80

	// margin by which a change must be likelier than that Tesseract was right, in natural logarithms: 150 times. Up to 7 the gain
	// falls by a seventh, below 4 more pages become worse than few.
	margin = 5
	// sureMargin is that on a sure page: 20,000 times.
	sureMargin = 10
)

// Lines mends the text of the words of the recognised lines of a page in place, and with them the text of the lines; boxes and
// confidences stay. No word becomes empty, and the words of a line stay as many.
func Lines(lines []document.Line) {
	limit := float64(margin)
	if meanConfidence(lines) >= surePage {
		limit = sureMargin
	}
	for i := range lines {
		line := &lines[i]
		if mendLine(line.Words, limit) {
			texts := make([]string, len(line.Words))
			for j, word := range line.Words {
				texts[j] = word.Text
			}
			line.Text = strings.Join(texts, " ")
		}
	}
}

func meanConfidence(lines []document.Line) float64 {
	sum, words := 0.0, 0
	for _, line := range lines {
		for _, word := range line.Words {
			sum += word.Confidence
			words++
		}
	}
	return sum / float64(max(words, 1))
}

// mendLine mends the words of one line, by what is certain and by what is likelier by more than a margin, and tells whether it has
// changed any.
func mendLine(words []document.Word, margin float64) bool {
	changed := false
	for i := range words {
		if text := certain(words[i].Text); text != words[i].Text {
			words[i].Text, changed = khmer.Order(text), true
		}
	}
	if last := len(words) - 1; last > 0 && words[last].Text == string(repetition) {
		words[last].Text, changed = string(khan), true
	}
	passage := newPassage(words, margin)
	for passage.mendOnce() {
		changed = true
	}
	for i, text := range passage.changed() {
		words[i].Text = khmer.Order(text)
	}
	return changed
}

// unsure tells whether a word may be changed by what is likely. One with invisible characters was not read but made.
func unsure(word document.Word) bool {
	return word.Confidence < sureConfidence && !strings.ContainsFunc(word.Text, isInvisible)
}

func isInvisible(r rune) bool { return slices.Contains(invisible, r) }

// invisible characters, and spaces, are passed over: print does not show the first, and readers put the others anywhere.
var invisible = []rune{'\u200B', '\u200C', '\u200D', '\u2060', '\uFEFF', '\u00AD'}
