package searchable

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
)

var (
	// errShort: what is read goes on beyond the end of the data.
	errShort = errors.New("the data ends too early")
	// errSyntax: this is no PDF.
	errSyntax = errors.New("broken syntax")
)

// maxNesting of arrays and dictionaries.
const maxNesting = 100

// lexer reads objects from data that may be cut off.
type lexer struct {
	data []byte
	at   int
	// direct says that there are no references, as in a content stream.
	direct bool
}

// keyword is a token that is no object, such as obj, stream or an operator of a content stream.
type keyword string

func isSpace(c byte) bool {
	return c == ' ' || c == '\n' || c == '\r' || c == '\t' || c == '\f' || c == 0
}

func isDelimiter(c byte) bool { return bytes.IndexByte([]byte("()<>[]{}/%"), c) >= 0 }

func isRegular(c byte) bool { return !isSpace(c) && !isDelimiter(c) }

// skip white space and comments.
func (l *lexer) skip() {
	for l.at < len(l.data) {
		switch c := l.data[l.at]; {
		case isSpace(c):
			l.at++
		case c == '%':
			for l.at < len(l.data) && l.data[l.at] != '\n' && l.data[l.at] != '\r' {
				l.at++
			}
		default:
			return
		}
	}
}

// next is an object or a keyword.
func (l *lexer) next() (object, error) { return l.nested(0) }

func (l *lexer) nested(depth int) (object, error) {
	if depth > maxNesting {
		return nil, fmt.Errorf("%w: nested too deep", errSyntax)
	}
	l.skip()
	if l.at >= len(l.data) {
		return nil, errShort
	}
	switch c := l.data[l.at]; c {
	case '/':
		return l.name()
	case '(':
		return l.literal()
	case '[':
		l.at++
		items, err := l.items("]", depth)
		return array(items), err
	case '<':
		if l.at+1 >= len(l.data) {
			return nil, errShort
		}
		if l.data[l.at+1] == '<' {
			l.at += 2
			return l.dict(depth)
		}
		return l.hex()
	case '>':
		if l.at+1 >= len(l.data) {
			return nil, errShort
		}
		if l.data[l.at+1] != '>' {
			return nil, fmt.Errorf("%w: a single >", errSyntax)
		}
		l.at += 2
		return keyword(">>"), nil
	case ']', '{', '}':
		l.at++
		return keyword(c), nil
	case ')':
		return nil, fmt.Errorf("%w: a single )", errSyntax)
	}
	return l.word()
}

// word is a number, a reference, a constant or a keyword.
func (l *lexer) word() (object, error) {
	start := l.at
	for l.at < len(l.data) && isRegular(l.data[l.at]) {
		l.at++
	}
	if l.at == len(l.data) && !l.direct {
		return nil, errShort
	}
	switch word := string(l.data[start:l.at]); {
	case word == "null":
		return nil, nil
	case word == "true":
		return true, nil
	case word == "false":
		return false, nil
	case isNumber(word):
		if target, ok := l.reference(word); ok {
			return target, nil
		}
		return number(word), nil
	default:
		return keyword(word), nil
	}
}

func isNumber(word string) bool {
	digits := 0
	for i := range len(word) {
		switch c := word[i]; {
		case c >= '0' && c <= '9':
			digits++
		case c == '.', (c == '-' || c == '+') && i == 0:
		default:
			return false
		}
	}
	return digits > 0
}

// reference completes "12 0 R" behind its first number, or leaves the lexer where it is.
func (l *lexer) reference(first string) (ref, bool) {
	target, err := strconv.Atoi(first)
	if l.direct || err != nil || target < 0 {
		return ref{}, false
	}
	ahead := lexer{data: l.data, at: l.at, direct: true}
	ahead.skip()
	begin := ahead.at
	for ahead.at < len(ahead.data) && ahead.data[ahead.at] >= '0' && ahead.data[ahead.at] <= '9' {
		ahead.at++
	}
	generation, err := strconv.Atoi(string(ahead.data[begin:ahead.at]))
	if err != nil {
		return ref{}, false
	}
	ahead.skip()
	if ahead.at >= len(ahead.data) || ahead.data[ahead.at] != 'R' || ahead.at+1 < len(ahead.data) && isRegular(ahead.data[ahead.at+1]) {
		return ref{}, false
	}
	l.at = ahead.at + 1
	return ref{target, generation}, true
}

func (l *lexer) items(end keyword, depth int) ([]object, error) {
	var items []object
	for {
		item, err := l.nested(depth + 1)
		if err != nil {
			return nil, err
		}
		if word, ok := item.(keyword); ok {
			if word == end {
				return items, nil
			}
			return nil, fmt.Errorf("%w: a keyword among objects", errSyntax)
		}
		items = append(items, item)
	}
}

func (l *lexer) dict(depth int) (object, error) {
	items, err := l.items(">>", depth)
	if err != nil {
		return nil, err
	}
	if len(items)%2 != 0 {
		return nil, fmt.Errorf("%w: a key without a value", errSyntax)
	}
	made := make(dict, len(items)/2)
	for i := 0; i < len(items); i += 2 {
		key, ok := items[i].(name)
		if !ok {
			return nil, fmt.Errorf("%w: a key that is no name", errSyntax)
		}
		made[key] = items[i+1]
	}
	return made, nil
}

func (l *lexer) name() (object, error) {
	l.at++
	var made []byte
	for l.at < len(l.data) && isRegular(l.data[l.at]) {
		c := l.data[l.at]
		if c == '#' && l.at+2 < len(l.data) {
			if code, err := strconv.ParseUint(string(l.data[l.at+1:l.at+3]), 16, 8); err == nil {
				c = byte(code)
				l.at += 2
			}
		}
		made = append(made, c)
		l.at++
	}
	if l.at == len(l.data) && !l.direct {
		return nil, errShort
	}
	return name(made), nil
}

func (l *lexer) hex() (object, error) {
	l.at++
	length := bytes.IndexByte(l.data[l.at:], '>')
	if length < 0 {
		return nil, errShort
	}
	var digits []byte
	for _, c := range l.data[l.at : l.at+length] {
		if !isSpace(c) {
			digits = append(digits, c)
		}
	}
	l.at += length + 1
	if len(digits)%2 != 0 {
		digits = append(digits, '0')
	}
	made := make(text, len(digits)/2)
	for i := range made {
		code, err := strconv.ParseUint(string(digits[2*i:2*i+2]), 16, 8)
		if err != nil {
			return nil, fmt.Errorf("%w: a string that is not hexadecimal", errSyntax)
		}
		made[i] = byte(code)
	}
	return made, nil
}

// escapes of literal strings; others stand for themselves.
var escapes = map[byte]byte{'n': '\n', 'r': '\r', 't': '\t', 'b': '\b', 'f': '\f'}

func (l *lexer) literal() (object, error) {
	l.at++
	made := text{}
	for depth := 1; l.at < len(l.data); {
		c := l.data[l.at]
		l.at++
		switch c {
		case '(':
			depth++
		case ')':
			if depth--; depth == 0 {
				return made, nil
			}
		case '\r':
			if l.at < len(l.data) && l.data[l.at] == '\n' {
				l.at++
			}
			c = '\n'
		case '\\':
			code, ok, err := l.escape()
			if err != nil {
				return nil, err
			}
			if !ok {
				continue
			}
			c = code
		}
		made = append(made, c)
	}
	return nil, errShort
}

// escape reads what follows a backslash; not ok where that stands for nothing.
func (l *lexer) escape() (code byte, ok bool, err error) {
	if l.at >= len(l.data) {
		return 0, false, errShort
	}
	c := l.data[l.at]
	l.at++
	switch {
	case c == '\n':
		return 0, false, nil
	case c == '\r':
		if l.at < len(l.data) && l.data[l.at] == '\n' {
			l.at++
		}
		return 0, false, nil
	case c >= '0' && c <= '7':
		value := c - '0'
		for i := 0; i < 2 && l.at < len(l.data) && l.data[l.at] >= '0' && l.data[l.at] <= '7'; i++ {
			value = value<<3 + l.data[l.at] - '0'
			l.at++
		}
		return value, true, nil
	}
	if code, known := escapes[c]; known {
		return code, true, nil
	}
	return c, true, nil
}
