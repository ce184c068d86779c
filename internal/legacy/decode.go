package legacy

import (
	"unicode/utf8"

	"golang.org/x/text/encoding/charmap"
)

// code says what the fonts of a family draw.
type code struct {
	glyphs glyphs
	// ligatures are sequences of codes that draw one thing together.
	ligatures map[string]string
}

// glyphs by code: a part of a syllable, a whole one, or a sign; "" where the code is not used. A subscript is a coeng with its
// letter.
type glyphs [256]string

// longestLigature is the number of codes in the longest one of any family.
const longestLigature = 3

// Syllable of decoded text, or a character that belongs to none, with the glyphs that draw it: those from From up to, not
// with, To. Syllables follow one another, and leave no glyph out.
type Syllable struct {
	Text     string
	From, To int
}

// Decode the glyphs of a piece of a line, which are in a font of the family, from left to right. A glyph is given by the
// character that a PDF reader has for it. The text is in the order that khmer.Order defines. A glyph that the family's code
// does not have is U+FFFD, which decoded text has no other way.
func (f *Family) Decode(glyphs []rune) []Syllable {
	if f.code == nil {
		return undecoded(f, glyphs)
	}
	codes := make([]byte, len(glyphs))
	for i, glyph := range glyphs {
		codes[i] = codeOf(glyph)
	}
	var parts []part
	for at := 0; at < len(codes); {
		text, size := f.code.next(codes[at:])
		parts = append(parts, split(text, at, at+size)...)
		at += size
	}
	return syllables(parts)
}

func undecoded(f *Family, glyphs []rune) []Syllable {
	text := string(utf8.RuneError)
	if f.Ornament {
		text = ""
	}
	syllables := make([]Syllable, len(glyphs))
	for i := range glyphs {
		syllables[i] = Syllable{Text: text, From: i, To: i + 1}
	}
	return syllables
}

// next is what the first of the codes draws, alone or with those behind it, and how many they are.
func (c *code) next(codes []byte) (string, int) {
	for size := min(longestLigature, len(codes)); size > 1 && c.ligatures != nil; size-- {
		if text, found := c.ligatures[string(codes[:size])]; found {
			return text, size
		}
	}
	text := c.glyphs[codes[0]]
	switch {
	case text != "":
	case codes[0] == ' ' || codes[0] == noBreakSpace:
		text = " "
	default:
		text = string(utf8.RuneError)
	}
	return text, 1
}

const noBreakSpace = 0xA0

// codeOf is the code of a glyph. A font without names for its glyphs has code 0xF000 and up for them (OpenType, "cmap", symbol
// fonts), and readers take the micro sign for the Greek letter. 0, which no family uses, for what has no code.
func codeOf(glyph rune) byte {
	switch {
	case glyph < 0x100:
		return byte(glyph)
	case glyph >= 0xF000 && glyph <= 0xF0FF:
		return byte(glyph - 0xF000)
	case glyph == 'μ':
		return 0xB5
	}
	code, _ := charmap.Windows1252.EncodeRune(glyph)
	return code
}
