package document

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
)

// ErrUnreasonable: the JSON of a page would take much more memory than its length.
var ErrUnreasonable = errors.New("its lists have too many elements for its length")

// Decode reads JSON that holds a page and comes from a process which a hostile document may have taken over. What it
// allocates is at most some ten times the length of the content, whatever that is, and it fails with ErrUnreasonable
// where more would be needed. A page that it has read says what it likes: see Check.
func Decode(content []byte, into any) error {
	if !reasonable(content) {
		return ErrUnreasonable
	}
	return json.Unmarshal(content, into)
}

// leastBracket is how many bytes there are in EncodePage's form for each bracket at the least: a line without text, in a box
// and with a list of words, has 54 for three.
const leastBracket = 18

// reasonable tells whether lines and words are as long as EncodePage writes the shortest ones. Decoded, each takes a hundred
// bytes, even where it came as {} or as a number in its place, so a message of two bytes for each would take fifty times as
// much memory as was read.
func reasonable(content []byte) bool {
	// lists has a count for each bracket that is open: how many elements the list has that are no lists or objects.
	var lists []int
	brackets, before := 0, byte(0)
	for i := 0; i < len(content); i++ {
		c := content[i]
		switch c {
		case '"':
			for i++; i < len(content) && content[i] != '"'; i++ {
				if content[i] == '\\' {
					i++
				}
			}
		case '{', '[':
			brackets++
			if brackets*leastBracket > len(content)+2*leastBracket {
				return false
			}
			first := 0
			if c == '{' {
				first = math.MinInt // members of an object are no elements
			}
			lists = append(lists, first)
		case '}', ']':
			if len(lists) > 0 {
				lists = lists[:len(lists)-1]
			}
		case ',':
			if n := len(lists); n > 0 && before != '}' && before != ']' {
				// A box is the only list of that kind, and has four.
				if lists[n-1]++; lists[n-1] >= len(Box{}) {
					return false
				}
			}
		case ' ', '\t', '\r', '\n':
			continue
		}
		before = c
	}
	return true
}

// Check tells what is wrong with a page that was not made here: whatever the schema of the json format does not allow, and
// numbers that no format can express.
func (p *Page) Check() error {
	switch {
	case p.Number < 1:
		return fmt.Errorf("it has the number %d", p.Number)
	case !isLength(p.Width) || !isLength(p.Height):
		return fmt.Errorf("it is %g by %g points large", p.Width, p.Height)
	case p.Rotation != 0 && p.Rotation != 90 && p.Rotation != 180 && p.Rotation != 270:
		return fmt.Errorf("it was turned by %d degrees", p.Rotation)
	case p.DPI < 0:
		return fmt.Errorf("it was drawn at %d dpi", p.DPI)
	case !isPercent(p.Confidence):
		return fmt.Errorf("it has the confidence %g", p.Confidence)
	case p.Milliseconds < 0:
		return fmt.Errorf("it took %d ms", p.Milliseconds)
	case p.ProcessedAt.UTC().Year() < 0 || p.ProcessedAt.UTC().Year() > 9999:
		return errors.New("it was done at a time that cannot be written")
	case p.CorrectedWords != 0:
		return errors.New("it claims to have been corrected")
	case p.AI != nil:
		return errors.New("it claims to have been read by an AI model")
	case p.Error != nil && p.Error.Code == "":
		return errors.New("it has an error without a code")
	}
	switch p.Source {
	case SourceNative, SourceLegacy, SourceOCR, SourceMixed, SourceNone:
	default:
		return fmt.Errorf("it has the source %q", p.Source)
	}
	for i := range p.Lines {
		if err := p.Lines[i].check(); err != nil {
			return fmt.Errorf("line %d: %w", i+1, err)
		}
	}
	return nil
}

func (l *Line) check() error {
	switch {
	case !l.Box.isFinite():
		return fmt.Errorf("it is in the box %g", l.Box)
	case !isPercent(l.Confidence):
		return fmt.Errorf("it has the confidence %g", l.Confidence)
	case !isLength(l.FontSize):
		return fmt.Errorf("it is of type of %g points", l.FontSize)
	case l.Paragraph < 0:
		return fmt.Errorf("it is of the paragraph %d", l.Paragraph)
	}
	for i, word := range l.Words {
		if !word.Box.isFinite() || !isPercent(word.Confidence) {
			return fmt.Errorf("word %d is in the box %g, with the confidence %g", i+1, word.Box, word.Confidence)
		}
		if word.Recognized != "" {
			return fmt.Errorf("word %d claims to have been corrected", i+1)
		}
	}
	return nil
}

func isLength(points float64) bool { return points >= 0 && !math.IsInf(points, 1) }

// isPercent is false of what is not a number, too.
func isPercent(share float64) bool { return share >= 0 && share <= 100 }

func (b Box) isFinite() bool {
	for _, edge := range b {
		if math.IsNaN(edge) || math.IsInf(edge, 0) {
			return false
		}
	}
	return true
}
