package document

import (
	"bufio"
	"io"
	"iter"
	"strings"
	"unicode"
)

// pageSeparator stands between two pages of a text result, so that splitting at it gives exactly the pages.
const pageSeparator = "\f"

// renderText writes the text of the pages. A page without text, failed or blank, is empty.
func renderText(w io.Writer, _ Info, pages iter.Seq2[*Page, error]) error {
	out := bufio.NewWriter(w)
	separator := ""
	for page, err := range pages {
		if err != nil {
			return err
		}
		out.WriteString(separator)
		separator = pageSeparator
		if text := plainText(page.Text); text != "" {
			out.WriteString(text)
			if err := out.WriteByte('\n'); err != nil {
				return err
			}
		}
	}
	return out.Flush()
}

// plainText is text whose only line break is the newline, without control characters (a tab may stay) and without line
// breaks at its end.
func plainText(text string) string {
	text = strings.ReplaceAll(text, "\r\n", "\n")
	text = strings.Map(func(r rune) rune {
		switch {
		case isLineBreak(r):
			return '\n'
		case r == '\t':
			return r
		case !isText(r):
			return -1
		}
		return r
	}, text)
	return strings.TrimRight(text, "\n")
}

// spaced is text on one line, for places where it flows: line breaks and tabs are spaces, and what XML 1.0 cannot carry
// (https://www.w3.org/TR/xml/#charsets) is dropped.
func spaced(text string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case isLineBreak(r) || r == '\t':
			return ' '
		case !isText(r):
			return -1
		}
		return r
	}, text)
}

func isLineBreak(r rune) bool {
	switch r {
	case '\n', '\v', '\f', '\r', '\u0085', '\u2028', '\u2029':
		return true
	}
	return false
}

func isText(r rune) bool {
	return !unicode.IsControl(r) && r != '\uFFFE' && r != '\uFFFF'
}
