package legacy

import (
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/openplp/khocr/internal/khmer"
)

const (
	coeng     = '\u17D2'
	coengSize = 3

	subscriptRO  = "\u17D2\u179A"
	subscriptNY  = "\u17D2\u1789"
	subscriptTHO = "\u17D2\u1792"

	vowelAA   = "\u17B6"
	vowelU    = "\u17BB"
	vowelE    = "\u17C1"
	finalDots = "\u17C8" // ៈ
	colon     = "\u17D6" // ៖
	letterNY  = "\u1789"
	letterBA  = "\u1794"
	letterPO  = "\u1796"
	letterQU  = "\u17A7" // ឧ
)

// class of a part of a syllable by the place where it is drawn.
type class int

const (
	other class = iota
	// before the letter to which it belongs: the vowels េ, ែ and ៃ, and the subscript ro.
	before
	letter
	// mark after, above or below the letter.
	mark
)

// part of a syllable, and the glyphs that draw it: one, or those of a ligature. A glyph may draw several.
type part struct {
	text     string
	class    class
	from, to int
}

// split what the glyphs draw into parts.
func split(text string, from, to int) []part {
	var parts []part
	for text != "" {
		first, size := utf8.DecodeRuneInString(text)
		if first == coeng {
			_, below := utf8.DecodeRuneInString(text[size:])
			size += below
		}
		parts = append(parts, part{text: text[:size], class: classOf(text[:size]), from: from, to: to})
		text = text[size:]
	}
	return parts
}

func classOf(text string) class {
	first, _ := utf8.DecodeRuneInString(text)
	switch {
	case text == subscriptRO, first >= '\u17C1' && first <= '\u17C3':
		return before
	case first >= '\u1780' && first <= '\u17B3':
		return letter
	case khmer.BeginsInside(text):
		return mark
	default:
		return other
	}
}

// syllables of parts that stand as they are drawn. What is drawn before a letter is part of its syllable; a mark that follows
// no letter stays what it is.
func syllables(parts []part) []Syllable {
	all := make([]Syllable, 0, len(parts))
	for start := 0; start < len(parts); {
		end := start
		for end < len(parts) && parts[end].class == before {
			end++
		}
		if end == len(parts) || parts[end].class != letter {
			// Nothing to be drawn before: each of them alone, and the one behind them.
			end = min(end, len(parts)-1)
			for _, alone := range parts[start : end+1] {
				all = append(all, Syllable{Text: strings.Replace(alone.text, finalDots, colon, 1), From: alone.from, To: alone.to})
			}
			start = end + 1
			continue
		}
		end++
		for end < len(parts) && parts[end].class == mark && !beginsColon(parts[end-1], parts[end]) {
			end++
		}
		text := write(parts[start:end])
		if text == letterPO+subscriptTHO && (start == 0 || parts[start-1].class == other) {
			text = "\u17B0" // ឰ, drawn by the same codes. No word begins with the other.
		}
		all = append(all, Syllable{Text: text, From: parts[start].from, To: parts[end-1].to})
		start = end
	}
	return all
}

// beginsColon tells whether ៈ is the colon ៖, for which the fonts have no code. It is a sign of letters that have no vowel.
func beginsColon(last, next part) bool {
	return next.text == finalDots && last.class == mark && !strings.HasPrefix(last.text, string(coeng))
}

// write the parts of a syllable in the order of Unicode.
func write(parts []part) string {
	var ahead, marks []string
	var base string
	for _, part := range parts {
		switch part.class {
		case before:
			ahead = append(ahead, part.text)
		case letter:
			base = part.text
		default:
			marks = append(marks, part.text)
		}
	}
	base, marks = compose(base, marks)
	if slices.ContainsFunc(marks, hasVowelE) {
		ahead = slices.DeleteFunc(ahead, func(text string) bool { return text == vowelE })
	}
	// One that is drawn twice, on itself, is one.
	var once []string
	for _, mark := range append(ahead, marks...) {
		if !slices.Contains(once, mark) {
			once = append(once, mark)
		}
	}
	return khmer.Order(base + strings.Join(once, ""))
}

// hasVowelE tells whether the mark is drawn behind a letter that has េ before it. The vowel that the two make has the name of
// the mark.
func hasVowelE(mark string) bool {
	return mark == "\u17BF" || mark == "\u17C0" || mark == "\u17C5"
}

// compose letters that the fonts draw as another letter with a mark.
func compose(base string, marks []string) (string, []string) {
	take := func(mark string) bool {
		at := slices.Index(marks, mark)
		if at >= 0 {
			marks = slices.Delete(marks, at, at+1)
		}
		return at >= 0
	}
	switch {
	case base == letterPO && slices.ContainsFunc(marks, isBelowNY) && take(vowelAA):
		// Above a subscript ញ loses its own lower half. The rest looks like ពា, and is typed so.
		base = letterNY
	case base == letterBA && take(subscriptNY):
		base = "\u17AB" // ឫ
		if take(vowelU) {
			base = "\u17AC" // ឬ
		}
	case base == letterPO && take(subscriptNY):
		base = "\u17AD" // ឭ
		if take(vowelU) {
			base = "\u17AE" // ឮ
		}
	case base == letterQU && take("\u17CD"):
		base = "\u17B3" // ឳ
	case base == letterQU && take("\u17CA"):
		base = "\u17A8" // ឨ
	case base == letterQU && take(vowelU):
		base = "\u17A9" // ឩ
	}
	return base, marks
}

// isBelowNY tells whether the mark is one of the subscripts that stand below ញ, which are those of its own row, and ហ.
func isBelowNY(mark string) bool {
	r, _ := utf8.DecodeLastRuneInString(mark)
	return len(mark) > coengSize && (r >= '\u1785' && r <= '\u1789' || r == '\u17A0')
}
