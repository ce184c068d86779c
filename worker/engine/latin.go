package engine

import (
	"unicode"

	"github.com/openplp/khocr/internal/document"
)

// The script model reads lines of Latin, but not Latin words among Khmer ones: of pages full of them it has 8.9 % of the
// characters wrong, and mixedModel 1.2 %. That takes three times as long, so only such lines are read again.
const (
	scriptModel = "script/Khmer"
	mixedModel  = "khm+eng"
	// mixedLetters is how many Latin letters a line of Khmer has at least to be read again; fewer are often misread Khmer.
	mixedLetters = 3
)

// mixed tells whether the words are of both scripts.
func mixed(words []document.Word) bool {
	khmer, latin := 0, 0
	for _, word := range words {
		for _, r := range word.Text {
			switch {
			case unicode.Is(unicode.Khmer, r):
				khmer++
			case unicode.Is(unicode.Latin, r):
				latin++
			}
		}
	}
	return khmer > 0 && latin >= mixedLetters
}
