package score

import (
	"cmp"
	"slices"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// Syllables normalises a text and cuts it into orthographic syllables: NFC, without white space and zero-width characters,
// the marks of each Khmer syllable in one order. Anything else is a syllable for each code point.
func Syllables(text string) []string {
	visible := []rune(strings.Map(dropInvisible, norm.NFC.String(text)))
	var syllables []string
	for len(visible) > 0 {
		end := syllableEnd(visible)
		syllables = append(syllables, order(visible[:end]))
		visible = visible[end:]
	}
	return syllables
}

func dropInvisible(r rune) rune {
	switch {
	case unicode.IsSpace(r),
		r >= 0x1c && r <= 0x1f,     // separators of files, groups, records and units
		r >= 0x200b && r <= 0x200f, // zero-width space, joiners, marks of direction
		r == 0x2060, r == 0xfeff,   // word joiner, byte order mark
		r == 0xad: // soft hyphen
		return -1
	}
	return r
}

// Code points that syllables are told by.
const (
	coeng  = '\u17d2' // makes a subscript of the letter that follows
	ro     = '\u179a'
	da     = '\u178a'
	ta     = '\u178f'
	circle = '\u25cc' // stands for a missing base
)

func isLetter(r rune) bool { return r >= '\u1780' && r <= '\u17b3' }

func isMark(r rune) bool { return r >= '\u17b4' && r <= '\u17d1' || r == '\u17d3' || r == '\u17dd' }

// syllableEnd is the length of the syllable that a text begins with, at least 1.
func syllableEnd(text []rune) int {
	if !isLetter(text[0]) && text[0] != circle {
		return 1
	}
	end := 1
	for end < len(text) {
		switch {
		case text[end] == coeng && end+1 < len(text) && isLetter(text[end+1]):
			end += 2
		case isMark(text[end]):
			end++
		default:
			return end
		}
	}
	return end
}

// sameLook replaces what looks the same by one spelling: a subscript da by a subscript ta, and vowels in two parts by the
// one that they make.
var sameLook = []*strings.Replacer{
	strings.NewReplacer(string([]rune{coeng, da}), string([]rune{coeng, ta})),
	strings.NewReplacer("\u17c1\u17b8", "\u17be"),
	strings.NewReplacer("\u17c1\u17b6", "\u17c4"),
}

// order puts the marks of a syllable after its base: robat, subscripts with ro last, shifters, vowels, signs. Those of the
// same rank stay as they are.
func order(syllable []rune) string {
	if len(syllable) == 1 {
		return string(syllable)
	}
	var marks [][]rune
	for rest := syllable[1:]; len(rest) > 0; {
		length := 1
		if rest[0] == coeng {
			length = 2
		}
		marks = append(marks, rest[:length])
		rest = rest[length:]
	}
	slices.SortStableFunc(marks, func(a, b []rune) int { return cmp.Compare(rank(a), rank(b)) })
	ordered := string(syllable[0]) + string(slices.Concat(marks...))
	for _, replacer := range sameLook {
		ordered = replacer.Replace(ordered)
	}
	return ordered
}

func rank(mark []rune) int {
	switch r := mark[0]; {
	case r == '\u17cc': // robat
		return 0
	case r == coeng && mark[1] != ro:
		return 1
	case r == coeng:
		return 2
	case r == '\u17c9' || r == '\u17ca': // shifters
		return 3
	case r >= '\u17b6' && r <= '\u17c5': // vowels
		return 4
	case r == '\u17c7' || r == '\u17c8': // reahmuk, yuukaleapintu
		return 6
	case r == '\u17c6', r == '\u17cb', r >= '\u17cd' && r <= '\u17d1', r == '\u17d3', r == '\u17dd':
		return 5
	default: // the two vowels that are never written
		return 7
	}
}
