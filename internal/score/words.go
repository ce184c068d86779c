package score

import "github.com/openplp/khocr/internal/edits"

// RightWords tells for each word of a text, in reading order, whether it is right. Characters are aligned with those of the
// truth with the least edits, spaces aside, so that it does not matter where the truth has spaces. A word is right if all of
// its characters are matched and the truth has nothing else between them, or between its last one and the first of the next
// word. What is missing between two words thus counts against the first of them, unless the second begins with a mistake, which
// stands for it; what is missing before all words counts against the first word, and behind all against the last. A word
// without a visible character is wrong.
//
// Each word is normalised by itself, see Syllables: the parts of a syllable that a space tears have to stand in order.
func RightWords(truth string, words []string) []bool {
	var text []rune
	ends := make([]int, len(words))
	for i, word := range words {
		text = append(text, codePoints(Syllables(word))...)
		ends[i] = len(text)
	}
	want := codePoints(Syllables(truth))
	matches := edits.Align(want, text)

	right := make([]bool, len(words))
	start := 0
	for i, end := range ends {
		right[i] = end > start && isRight(matches, start, end, len(want))
		start = end
	}
	return right
}

// isRight tells whether the text from start up to end is a right word, by the matches of the whole text with a truth of that
// length.
func isRight(matches []int, start, end, length int) bool {
	if start == 0 && matches[0] != 0 {
		return false
	}
	for i := start; i < end; i++ {
		next := length
		if i+1 < len(matches) {
			next = matches[i+1]
		}
		replaced := i+1 == end && next == edits.Unmatched
		if matches[i] == edits.Unmatched || next != matches[i]+1 && !replaced {
			return false
		}
	}
	return true
}
