// Package filename makes names of documents that can be kept and shown.
package filename

import (
	"net/url"
	"path"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/openplp/khocr/api/v1alpha1"
)

// maxBytes bounds the name of a file, as file systems do.
const maxBytes = 255

// Clean is the name of an uploaded file as it is kept: without folders, in valid UTF-8, without characters that
// control a terminal or turn the reading direction around, at most maxBytes bytes, cut between characters. It is empty
// where nothing of the name is left.
func Clean(given string) string {
	// Callers of old send the whole path, some of them with backslashes.
	if i := strings.LastIndexAny(given, `/\`); i >= 0 {
		given = given[i+1:]
	}
	name := strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || isBidiControl(r) {
			return -1
		}
		return r
	}, strings.ToValidUTF8(given, "\uFFFD"))
	name = strings.TrimSpace(Truncate(strings.TrimSpace(name), maxBytes))
	if name == "." || name == ".." {
		return ""
	}
	return name
}

// Of is the name that a document came with, or the last part of the address that it comes from.
func Of(source *v1alpha1.DocumentSource) string {
	if source.Upload != nil {
		return source.Upload.FileName
	}
	address, err := url.Parse(source.URL)
	if err != nil {
		return ""
	}
	if name := path.Base(address.Path); name != "." && name != "/" {
		return Clean(name)
	}
	return ""
}

// isBidiControl tells the characters that embed, override or isolate a direction (UAX #9). The zero-width space stays:
// Khmer is written with it.
func isBidiControl(r rune) bool {
	return r >= '\u202A' && r <= '\u202E' || r >= '\u2066' && r <= '\u2069'
}

// Truncate cuts a valid text to at most that many bytes, between characters.
func Truncate(text string, limit int) string {
	if len(text) <= limit {
		return text
	}
	for limit > 0 && !utf8.RuneStart(text[limit]) {
		limit--
	}
	return text[:limit]
}
