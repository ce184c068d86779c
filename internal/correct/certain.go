package correct

import "strings"

const (
	reahmuk     = 'ះ' // U+17C7
	camnuc      = '៖' // U+17D6, a colon
	firstMark   = '\u17B6'
	lastMark    = '\u17D1'
	firstLetter = '\u1780'
	lastLetter  = '\u17B3'

	// khan is the full stop. The sign of repetition, which looks like it, belongs to a word: of 3,775 lines of law that end in
	// one of them behind a space, none ends in the sign.
	khan       = '។' // U+17D4
	repetition = 'ៗ' // U+17D7
)

// certain mends in a word what is never written, however sure Tesseract was of it:
//   - ៖ after េ or ោ is ះ, which those vowels want, and so it is between what may bear a ះ (a letter, ិ or ុ) and a letter:
//     the colon stands at the end of a word.
//   - The same vowel or sign twice in a row is a stroke that was read for a second time.
//   - "=" behind a number and its period ("មាត្រា ១.=") is the dash of a heading.
func certain(text string) string {
	if !strings.ContainsFunc(text, func(r rune) bool { return r == '=' || isMark(r) || r == camnuc }) {
		return text
	}
	runes := []rune(text)
	mended := runes[:0]
	for i, r := range runes {
		before, twoBefore := rune(0), rune(0)
		if n := len(mended); n > 0 {
			before = mended[n-1]
			if n > 1 {
				twoBefore = mended[n-2]
			}
		}
		switch {
		case r == camnuc && (before == 'េ' || before == 'ោ' ||
			(isLetter(before) || before == 'ិ' || before == 'ុ') && i+1 < len(runes) && isLetter(runes[i+1])):
			r = reahmuk
		case isMark(r) && r == before:
			continue
		case r == '=' && before == '.' && isDigit(twoBefore):
			r = '-'
		}
		mended = append(mended, r)
	}
	return string(mended)
}

func isMark(r rune) bool   { return r >= firstMark && r <= lastMark }
func isLetter(r rune) bool { return r >= firstLetter && r <= lastLetter }
func isDigit(r rune) bool  { return r >= '០' && r <= '៩' || r >= '0' && r <= '9' }
