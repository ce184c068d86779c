package searchable

import (
	"bytes"
	"slices"
)

// invisible is the rendering mode of text that is not shown (ISO 32000-1, 9.3.6).
const invisible = "3"

// withoutHidden takes the text that is shown invisibly off a content stream, and what says what a part of it reads as, and
// leaves everything else as it is. forms are the names of the objects that the content paints. Content that cannot be read to its end is left as it is from there on.
//
// Visible text that follows invisible text on the same line without a place of its own would move; no program is known that
// writes such.
func withoutHidden(content []byte) (shown []byte, changed bool, forms []name) {
	l := &lexer{data: content, direct: true}
	var (
		kept  bytes.Buffer
		upTo  int // content up to here is kept or was taken off
		begin = 0 // of the operands of the next operator
		mode  = "0"
		saved []string
		last  object // operand
	)
	for {
		token, err := l.next()
		if err != nil {
			break
		}
		operator, ok := token.(keyword)
		if !ok {
			last = token
			continue
		}
		switch operator {
		case "q":
			saved = append(saved, mode)
		case "Q":
			if n := len(saved); n > 0 {
				mode, saved = saved[n-1], saved[:n-1]
			}
		case "Tr":
			if n, ok := last.(number); ok {
				mode = string(n)
			}
		case "Do":
			if form, ok := last.(name); ok && !slices.Contains(forms, form) {
				forms = append(forms, form)
			}
		case "BDC":
			// What encloses all of it would end with the first of these.
			if properties, ok := last.(dict); ok && properties["ActualText"] != nil {
				kept.Write(content[upTo:begin])
				kept.WriteString(" /Span BMC")
				upTo = l.at
				changed = true
			}
		case "BI":
			l.skipImage()
		case "Tj", "TJ", "'", `"`:
			if mode != invisible {
				break
			}
			kept.Write(content[upTo:begin])
			upTo = l.at
			changed = true
			switch operator {
			case "'", `"`:
				// Both go to the next line first.
				kept.WriteString(" T*")
			}
		}
		begin, last = l.at, nil
	}
	if !changed {
		return content, false, forms
	}
	kept.Write(content[upTo:])
	return kept.Bytes(), true, forms
}

// skipImage goes behind an image that stands in the content itself: behind an EI between white space.
func (l *lexer) skipImage() {
	for rest := l.data[l.at:]; ; {
		at := bytes.Index(rest, []byte("EI"))
		if at < 0 {
			l.at = len(l.data)
			return
		}
		end := at + 2
		if at > 0 && isSpace(rest[at-1]) && (end == len(rest) || isSpace(rest[end])) && looksLikeContent(rest[end:]) {
			l.at = len(l.data) - len(rest) + end
			return
		}
		rest = rest[end:]
	}
}

// looksLikeContent tells operators from the data of an image by the bytes that come first.
func looksLikeContent(data []byte) bool {
	for _, c := range data[:min(len(data), 16)] {
		if c > '~' || c < ' ' && !isSpace(c) {
			return false
		}
	}
	return true
}
