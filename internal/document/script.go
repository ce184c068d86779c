package document

import (
	"unicode"
	"unicode/utf8"
)

// run is a stretch of text that one font is chosen for.
type run struct {
	text  string
	khmer bool
}

// splitScripts cuts text where Khmer and other letters or digits meet. Spaces, punctuation and marks belong to what they
// follow (at the start: to what follows them), except for opening brackets and quotes, which belong to what they open.
func splitScripts(text string) []run {
	var runs []run
	start, boundary := 0, 0 // boundary: where the next run would begin if the script changed here
	khmer, decided := false, false
	for i, next := 0, 0; i < len(text); i = next {
		r, width := utf8.DecodeRuneInString(text[i:])
		next = i + width
		isKhmer := unicode.Is(unicode.Khmer, r)
		switch {
		case isKhmer || unicode.IsLetter(r) || unicode.IsNumber(r):
			if decided && isKhmer != khmer {
				runs = append(runs, run{text[start:boundary], khmer})
				start = boundary
			}
			khmer, decided = isKhmer, true
			boundary = next
		case unicode.In(r, unicode.Ps, unicode.Pi):
		case boundary == i:
			boundary = next
		}
	}
	if start < len(text) {
		runs = append(runs, run{text[start:], khmer})
	}
	return runs
}
