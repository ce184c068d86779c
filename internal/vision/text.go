// Package vision judges and places what an AI model says stands on a page, by what the recogniser read there. It is pure: it asks
// no model, and sees no image. What a model says is hostile input, for whoever wrote the document can have told it what to say;
// so nothing here takes longer than about in proportion to the length of the text.
package vision

import (
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"

	"github.com/openplp/khocr/internal/khmer"
)

const (
	coeng              = '\u17D2'
	letterDA, letterTA = '\u178A', '\u178F'
	zeroWidthNonJoiner = '\u200C'
	zeroWidthJoiner    = '\u200D'
)

// written is a text in the form in which results are kept: NFC, the marks of Khmer in their order, without what cannot be seen.
// The joiners stay, for they change how letters look.
func written(text string) string {
	text = strings.ToValidUTF8(text, "\uFFFD")
	text = strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r), r == zeroWidthNonJoiner, r == zeroWidthJoiner:
			return r
		case unicode.In(r, unicode.Cc, unicode.Cf, unicode.Noncharacter_Code_Point):
			return -1
		}
		return r
	}, text)
	return khmer.Order(norm.NFC.String(text))
}

// seen are the characters of a word that can be told apart on paper: without joiners, and with one spelling of the subscript
// that ដ and ត have in common.
func seen(word string) []rune {
	var all []rune
	for _, r := range word {
		switch {
		case r == zeroWidthNonJoiner, r == zeroWidthJoiner:
			continue
		case r == letterDA && len(all) > 0 && all[len(all)-1] == coeng:
			r = letterTA
		}
		all = append(all, r)
	}
	return all
}

// clusters of a text as they can be told apart on paper, without spaces.
func clusters(text string) []string {
	var all []string
	for word := range strings.FieldsSeq(text) {
		for cluster := range khmer.Clusters(string(seen(word))) {
			all = append(all, cluster.Text)
		}
	}
	return all
}
