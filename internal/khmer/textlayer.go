package khmer

import (
	"strings"
	"unicode"
)

// Verdict about the text that a page carries.
type Verdict string

const (
	// Empty: there is no text.
	Empty Verdict = "empty"
	// Sound: the text is what the page shows.
	Sound Verdict = "sound"
	// Broken: the text cannot be trusted, because the document maps its glyphs wrongly, keeps them in visual order, or
	// uses a font with a code of its own.
	Broken Verdict = "broken"
)

// Bounds of a sound text layer. On pages made by LibreOffice, cairo, Chromium, WeasyPrint, Ghostscript and wkhtmltopdf,
// with and without their character maps, the first three told right from wrong without an error.
const (
	maxJunkShare    = 0.005
	maxInvalidShare = 0.005
	minKhmerShare   = 0.2
	// minSubscriptShare of the letters stand below others in text of at least fewestLetters. Law, news and encyclopedias have
	// 9 to 20 % on every page; where a document maps the glyphs below to nothing, or to the letters alone, there are none.
	minSubscriptShare = 0.03
	fewestLetters     = 200
	// maxMistypedShare is the bound of invalid clusters in text that was decoded.
	maxMistypedShare = 0.03
	// minWordShare of the Latin words are written as words are: text in a legacy font's code, which looks like Latin, has
	// capitals and symbols inside its words.
	minWordShare = 0.9
)

// TextLayer counts what tells a sound text layer from a broken one.
type TextLayer struct {
	// Characters without white space and invisible ones.
	Characters int
	// Letters among the characters, of any script.
	Letters int
	// Junk are replacement, private-use, control and unassigned characters, and letters of scripts other than Khmer and
	// Latin.
	Junk int
	// Khmer are characters of the Khmer block.
	Khmer int
	// Bases are the letters of Khmer among them, Subscripts those that stand below others.
	Bases, Subscripts int
	// Clusters of Khmer, and those of them that cannot be right: see Cluster.Valid, and two vowels.
	Clusters, Invalid int
	// Words with at least two Latin letters, and those of them that are written as words are.
	LatinWords, Wordlike int
}

// Examine counts over the text of one page.
func Examine(text string) TextLayer {
	var layer TextLayer
	for _, r := range text {
		layer.count(r)
	}
	for cluster := range Clusters(text) {
		if cluster.Khmer {
			layer.Clusters++
			if !cluster.Valid || hasTwoVowels(cluster.Text) {
				layer.Invalid++
			}
		}
	}
	for _, word := range strings.Fields(text) {
		if countLatin(word) >= 2 {
			layer.LatinWords++
			if isWordlike(word) {
				layer.Wordlike++
			}
		}
	}
	return layer
}

// Verdict by the shares of junk, of invalid clusters, of subscripts and of Khmer.
func (l TextLayer) Verdict() Verdict {
	switch {
	case l.Characters == 0:
		return Empty
	case share(l.Junk, l.Characters) > maxJunkShare,
		share(l.Invalid, l.Clusters) > maxInvalidShare,
		l.Bases >= fewestLetters && share(l.Subscripts, l.Bases) < minSubscriptShare:
		return Broken
	case share(l.Khmer, l.Characters) >= minKhmerShare, l.plainlyLatin():
		return Sound
	default:
		return Broken
	}
}

// Decoded tells whether text that was decoded from the code of a legacy font is right. The code is known, so what cannot be
// right is what was typed: some documents have a mistake in a hundred clusters. It need not have Khmer or words.
func (l TextLayer) Decoded() bool {
	return share(l.Junk, l.Characters) <= maxJunkShare && share(l.Invalid, l.Clusters) <= maxMistypedShare
}

func (l TextLayer) plainlyLatin() bool {
	return l.LatinWords > 0 && share(l.Wordlike, l.LatinWords) >= minWordShare
}

func (l *TextLayer) count(r rune) {
	switch {
	case unicode.IsSpace(r), unicode.Is(unicode.Cf, r):
		return
	case r == unicode.ReplacementChar, unicode.Is(unicode.Co, r), unicode.Is(unicode.Cc, r), !unicode.IsGraphic(r):
		l.Junk++
	case r >= 0x1780 && r <= 0x17FF, r >= 0x19E0 && r <= 0x19FF:
		l.Khmer++
	case unicode.In(r, unicode.L, unicode.M) && !unicode.In(r, unicode.Latin, unicode.Common, unicode.Inherited):
		l.Junk++
	}
	switch {
	case r == coeng:
		l.Subscripts++
	case r >= firstBase && r <= lastBase:
		l.Bases++
	}
	l.Characters++
	if unicode.IsLetter(r) {
		l.Letters++
	}
}

// hasTwoVowels tells whether a cluster has more vowels than the one that it can have, as text in visual order does: the vowel
// that stands before the next letter joins those of the letter behind it.
func hasTwoVowels(cluster string) bool {
	vowels := 0
	for _, r := range Order(cluster) {
		if r >= vowelAA && r <= '\u17C5' {
			vowels++
		}
	}
	return vowels > 1
}

func share(part, whole int) float64 {
	if whole == 0 {
		return 0
	}
	return float64(part) / float64(whole)
}

func countLatin(word string) int {
	count := 0
	for _, r := range word {
		if unicode.Is(unicode.Latin, r) {
			count++
		}
	}
	return count
}

// isWordlike tells whether every part of the word, between punctuation, is in small letters, in capitals, or in small
// letters after one capital; digits may stand anywhere.
func isWordlike(word string) bool {
	word = strings.TrimFunc(word, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
	parts := strings.FieldsFunc(word, func(r rune) bool { return strings.ContainsRune("-–—'’./,:@&()", r) })
	for _, part := range parts {
		var letters []rune
		for _, r := range part {
			switch {
			case unicode.IsLetter(r):
				letters = append(letters, r)
			case !unicode.IsDigit(r) && !unicode.IsMark(r):
				return false
			}
		}
		if len(letters) == 0 {
			continue
		}
		rest := string(letters[1:])
		if rest != strings.ToLower(rest) && string(letters) != strings.ToUpper(string(letters)) {
			return false
		}
	}
	return true
}
