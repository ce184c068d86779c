package vision

import (
	"strings"
	"unicode"

	"github.com/openplp/khocr/internal/document"
)

// Judge says why a text cannot be that of the page: one of document's AI reasons, or "" where it can be believed. text is what Clean left
// of an answer, and quick is the page as the recogniser read it.
func Judge(text string, quick *document.Page) string {
	if !strings.ContainsFunc(text, func(r rune) bool { return unicode.IsLetter(r) || unicode.IsNumber(r) }) {
		return document.AIEmpty
	}
	return ""
}
