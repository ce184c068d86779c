package vision

import (
	"cmp"
	"math"
	"slices"
	"strings"
	"unicode"

	"github.com/openplp/khocr/internal/document"
	"github.com/openplp/khocr/internal/edits"
	"github.com/openplp/khocr/internal/khmer"
)

// Unsure lists the lines of a page that a corrector is to be asked about: those below the confidence that have a text and a place, the
// least sure ones where they are more than most. They are in the page's order.
func Unsure(page *document.Page, below float64, most int) []int {
	var lines []int
	for i, line := range page.Lines {
		if line.Confidence < below && strings.TrimSpace(line.Text) != "" && !line.Box.IsZero() {
			lines = append(lines, i)
		}
	}
	slices.SortStableFunc(lines, func(a, b int) int { return cmp.Compare(page.Lines[a].Confidence, page.Lines[b].Confidence) })
	lines = lines[:min(len(lines), max(most, 0))]
	slices.Sort(lines)
	return lines
}

const (
	// editsPerDoubt is how many times the clusters that the confidence lets expect to be wrong may change, for the confidence is that of many words.
	editsPerDoubt = 2
	// mostEdits is the share of a line's clusters that may change at the most: beyond, it is another line.
	mostEdits = 0.5
	// sureDigits is the confidence from which a word's digits stay as they are. No word around tells whether a digit is right, and
	// at 80 the recogniser's words are right four times of five.
	sureDigits = 80
)

// CorrectLine takes a model's reading of a line if it is within the edit distance that the line's confidence allows, and tells whether it
// did. The words stay those of the line, with their boxes: what was read goes where it differs least, and spaces are the line's. line is
// not changed.
//
// A confidence is the share of such words that are right, so a word of n clusters with confidence c has at most about n(1-c/100) that are
// wrong. Twice the sum of that over the line's words may change, at least one cluster and at most half of them. In words of a confidence of 80 and
// more no digit may change, and no word may vanish.
func CorrectLine(line document.Line, text string) (document.Line, bool) {
	words := wordsOf(line)
	var old, read []string
	begins := make(map[int]bool) // a word, of what was read
	ends := make([]int, len(words))
	doubt := 0.0
	for i, word := range words {
		own := clusters(word.Text)
		old = append(old, own...)
		ends[i] = len(old)
		doubt += float64(len(own)) * (1 - min(max(word.Confidence, 0), 100)/100)
	}
	for word := range strings.FieldsSeq(written(Clean(text))) {
		begins[len(read)] = true
		for cluster := range khmer.Clusters(word) {
			read = append(read, cluster.Text)
		}
	}
	told := make([]string, len(read))
	for i, cluster := range read {
		told[i] = string(seen(cluster))
	}
	allowed := int(min(max(editsPerDoubt*doubt, 1), mostEdits*float64(len(old))))
	if len(read) == 0 || abs(len(told)-len(old)) > allowed || len(told) > 2*len(old) || edits.Distance(old, told) > allowed {
		return line, false
	}

	corrected := line
	corrected.Words = slices.Clone(words)
	changed := false
	matches, start, from := edits.Align(old, told), 0, 0
	for i := range corrected.Words {
		word := &corrected.Words[i]
		to := len(read)
		if i+1 < len(words) {
			to = endOf(matches, begins, from, start, ends[i])
		}
		text := strings.Join(read[from:to], "")
		kept := 0
		for _, match := range matches[from:to] {
			if match != edits.Unmatched {
				kept++
			}
		}
		switch {
		case text == "" || !slices.Equal(digits(text), digits(word.Text)) && word.Confidence >= sureDigits:
			return line, false
		case kept < to-from || to-from != ends[i]-start:
			word.Text, changed = text, true
			word.Confidence = hundredth(100 * float64(kept) / float64(to-from))
		}
		from, start = to, ends[i]
	}
	if !changed {
		return line, false
	}
	texts := make([]string, len(words))
	for i, word := range corrected.Words {
		texts[i] = word.Text
	}
	corrected.Text = strings.Join(texts, " ")
	corrected.Confidence = meanConfidence(corrected.Words)
	return corrected, true
}

// endOf the part of what was read that stands for the old clusters from start up to end, where it begins at from. What has no counterpart at the
// border is parted where a word begins that was read, or else goes with the word before as far as that lacks something.
func endOf(matches []int, begins map[int]bool, from, start, end int) int {
	sure, next := from, start // behind the last cluster that has its counterpart in the word, and that counterpart
	at := from
	for ; at < len(matches) && (matches[at] == edits.Unmatched || matches[at] < end); at++ {
		if matches[at] != edits.Unmatched {
			sure, next = at+1, matches[at]+1
		}
	}
	for to := max(sure, from+1); to <= at; to++ {
		if begins[to] {
			return to
		}
	}
	return min(at, sure+end-next)
}

func digits(text string) []rune {
	var all []rune
	for _, r := range text {
		if unicode.IsDigit(r) {
			all = append(all, r)
		}
	}
	return all
}

func abs(n int) int { return int(math.Abs(float64(n))) }
