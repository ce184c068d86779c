package document

import (
	"bufio"
	"encoding/xml"
	"io"
	"math"
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

// whole writes a number without its fraction, as shown has it.
func (m markup) whole(number float64) {
	_, _ = m.Write(strconv.AppendFloat(m.AvailableBuffer(), shown(number), 'f', 0, 64))
}

// shown is a number that is written: 0 for one below or for none, and for one above what readers keep lengths in the
// greatest that they do.
func shown(number float64) float64 {
	if !(number > 0) {
		return 0
	}
	return min(number, math.MaxInt32)
}

// isKhmer tells whether a word is in Khmer script.
func isKhmer(word string) bool {
	return strings.ContainsFunc(word, func(r rune) bool { return unicode.Is(unicode.Khmer, r) })
}
