package edits

import "slices"

// Unmatched is a symbol of a text without a counterpart in the truth.
const Unmatched = -1

// Align tells for each symbol of a text the index of the equal one of the truth that it stands for, or Unmatched where it was
// misread or invented, in an alignment with the least edits. Indices rise. Of several such alignments it takes any, always the
// same.
//
// The text is halved, the truth cut where the halves cost least together, and so on: D. S. Hirschberg, "A linear space
// algorithm for computing maximal common subsequences", Comm. ACM 18 (1975). It takes the memory of a distance, and the time of
// three.
func Align[T comparable](truth, text []T) []int {
	matches := make([]int, len(text))
	alignInto(matches, truth, text, 0)
	return matches
}

// alignInto fills in the matches of a part of the text with the part of the truth that begins at start.
func alignInto[T comparable](matches []int, truth, text []T, start int) {
	// Equal ends are matched in some alignment with the least edits.
	for len(truth) > 0 && len(text) > 0 && truth[0] == text[0] {
		matches[0] = start
		matches, truth, text, start = matches[1:], truth[1:], text[1:], start+1
	}
	for len(truth) > 0 && len(text) > 0 && truth[len(truth)-1] == text[len(text)-1] {
		matches[len(text)-1] = start + len(truth) - 1
		truth, text = truth[:len(truth)-1], text[:len(text)-1]
	}
	switch len(text) {
	case 0:
		return
	case 1:
		matches[0] = Unmatched
		if i := slices.Index(truth, text[0]); i >= 0 {
			matches[0] = start + i
		}
		return
	}
	half := len(text) / 2
	before, after := distances(truth, text[:half]), distances(reversed(truth), reversed(text[half:]))
	cut := 0
	for i := range before {
		if before[i]+after[len(truth)-i] < before[cut]+after[len(truth)-cut] {
			cut = i
		}
	}
	alignInto(matches[:half], truth[:cut], text[:half], start)
	alignInto(matches[half:], truth[cut:], text[half:], start+cut)
}

func reversed[T any](symbols []T) []T {
	turned := slices.Clone(symbols)
	slices.Reverse(turned)
	return turned
}
