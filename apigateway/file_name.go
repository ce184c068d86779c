package apigateway

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxFileName bounds the name of a file in bytes, as file systems do.
const maxFileName = 255

// cleanFileName is the name of an uploaded file as it is kept: without folders, in valid UTF-8, without characters that
// control a terminal or turn the reading direction around, at most maxFileName bytes, cut between characters. It is empty
// where nothing of the name is left.
func cleanFileName(given string) string {
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
	name = strings.TrimSpace(truncate(strings.TrimSpace(name), maxFileName))
	if name == "." || name == ".." {
		return ""
	}
	return name
}

// isBidiControl tells the characters that embed, override or isolate a direction (UAX #9). The zero-width space stays:
// Khmer is written with it.
func isBidiControl(r rune) bool {
	return r >= '\u202A' && r <= '\u202E' || r >= '\u2066' && r <= '\u2069'
}

// truncate cuts a valid text to at most that many bytes, between characters.
func truncate(text string, limit int) string {
	if len(text) <= limit {
		return text
	}
	for limit > 0 && !utf8.RuneStart(text[limit]) {
		limit--
	}
	return text[:limit]
}

// shown is a caller's word as it can be repeated in an answer.
func shown(word string) string {
	const limit = 64
	valid := strings.ToValidUTF8(word, "\uFFFD")
	if cut := truncate(valid, limit); cut != valid {
		return fmt.Sprintf("%q…", cut)
	}
	return fmt.Sprintf("%q", valid)
}
