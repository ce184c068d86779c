package document

import (
	"bufio"
	"encoding/xml"
	"io"
	"strconv"
	"strings"
	"unicode"
)

// markup writes XML. Errors stay in the writer until it is flushed.
type markup struct{ *bufio.Writer }

func newMarkup(w io.Writer) markup { return markup{bufio.NewWriterSize(w, 64<<10)} }

// text writes character data, or the value of an attribute in double quotes.
func (m markup) text(text string) {
	text = spaced(text)
	if strings.ContainsAny(text, `&<>"'`) {
		_ = xml.EscapeText(m.Writer, []byte(text))
		return
	}
	_, _ = m.WriteString(text)
}

// whole writes a number without its fraction, 0 for one below.
func (m markup) whole(number float64) {
	_, _ = m.Write(strconv.AppendFloat(m.AvailableBuffer(), max(0, number), 'f', 0, 64))
}

// isKhmer tells whether a word is in Khmer script.
func isKhmer(word string) bool {
	return strings.ContainsFunc(word, func(r rune) bool { return unicode.Is(unicode.Khmer, r) })
}
