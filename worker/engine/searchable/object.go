package searchable

import (
	"bytes"
	"fmt"
	"math"
	"slices"
	"strconv"
)

// object is a PDF object (ISO 32000-1, 7.3): nil, bool, number, name, text, array, dict, ref or *stream.
type object any

type (
	// number as it was written, so that it is written again without loss.
	number string
	name   string
	// text is the content of a string.
	text  []byte
	array []object
	dict  map[name]object
	// ref is a reference to an indirect object.
	ref struct{ number, generation int }
)

// stream is a dictionary and where its encoded data lies in the file.
type stream struct {
	dict   dict
	offset int64
}

func integer(value int64) number { return number(strconv.FormatInt(value, 10)) }

// real writes a number of points to a thousandth, without an exponent, which PDF does not know.
func real(value float64) number {
	digits := strconv.FormatFloat(written(value), 'f', 3, 64)
	digits = string(bytes.TrimSuffix(bytes.TrimRight([]byte(digits), "0"), []byte(".")))
	if digits == "-0" {
		return "0"
	}
	return number(digits)
}

// greatest number that readers of PDF have to know (ISO 32000-1, annex C).
const greatest = 3.403e38

// written is a number as a PDF can have it: 0 for none at all.
func written(value float64) float64 {
	if math.IsNaN(value) {
		return 0
	}
	return max(-greatest, min(value, greatest))
}

func toInt(o object) (int64, bool) {
	n, ok := o.(number)
	if !ok {
		return 0, false
	}
	value, err := strconv.ParseInt(string(n), 10, 64)
	return value, err == nil
}

func toFloat(o object) (float64, bool) {
	n, ok := o.(number)
	if !ok {
		return 0, false
	}
	value, err := strconv.ParseFloat(string(n), 64)
	return value, err == nil
}

// appendObject writes an object in PDF's syntax. Dictionaries come in the order of their keys, so that the same document
// gives the same bytes. A stream cannot be part of another object.
func appendObject(to []byte, o object) []byte {
	switch o := o.(type) {
	case nil:
		return append(to, "null"...)
	case bool:
		return strconv.AppendBool(to, o)
	case number:
		return append(to, o...)
	case name:
		return appendName(to, o)
	case text:
		return fmt.Appendf(to, "<%x>", []byte(o))
	case ref:
		return fmt.Appendf(to, "%d %d R", o.number, o.generation)
	case array:
		to = append(to, '[')
		for i, item := range o {
			if i > 0 {
				to = append(to, ' ')
			}
			to = appendObject(to, item)
		}
		return append(to, ']')
	case dict:
		keys := make([]name, 0, len(o))
		for key := range o {
			keys = append(keys, key)
		}
		slices.Sort(keys)
		to = append(to, "<<"...)
		for _, key := range keys {
			to = append(appendObject(append(appendName(to, key), ' '), o[key]), '\n')
		}
		return append(to, ">>"...)
	default:
		panic(fmt.Sprintf("%T is no object", o))
	}
}

func appendName(to []byte, n name) []byte {
	to = append(to, '/')
	for i := range len(n) {
		if c := n[i]; c <= ' ' || c > '~' || c == '#' || isDelimiter(c) {
			to = fmt.Appendf(to, "#%02x", c)
		} else {
			to = append(to, c)
		}
	}
	return to
}
