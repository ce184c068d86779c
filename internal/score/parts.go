package score

import "github.com/openplp/khocr/internal/edits"

// Parts of a truth that texts stand for, in reading order, in an alignment with the least edits: one for each text, and all together
// the whole truth, without what Syllables drops. What is missing between two texts belongs to the first of them, unless the
// second begins with mistakes, which stand for as much.
func Parts(truth string, texts []string) []string {
	var text []rune
	ends := make([]int, len(texts))
	for i, part := range texts {
		text = append(text, codePoints(Syllables(part))...)
		ends[i] = len(text)
	}
	want := codePoints(Syllables(truth))
	matches := edits.Align(want, text)

	// The end of each part, from the last text to the first: where the next one begins.
	parts := make([]string, len(texts))
	to, next := len(want), len(want)
	for i := len(texts) - 1; i >= 0; i-- {
		start := 0
		if i > 0 {
			start = ends[i-1]
		}
		for at := ends[i] - 1; at >= start; at-- {
			if matches[at] != edits.Unmatched {
				next = matches[at]
			} else {
				next = max(next-1, lastBefore(matches, at)+1)
			}
		}
		from := next
		if i == 0 {
			from = 0
		}
		parts[i] = string(want[from:to])
		to = from
	}
	return parts
}

// lastBefore is the last of the truth that is matched before a place of the text, or -1.
func lastBefore(matches []int, at int) int {
	for at--; at >= 0; at-- {
		if matches[at] != edits.Unmatched {
			return matches[at]
		}
	}
	return -1
}
