package khmer

import (
	"slices"
	"strings"
	"unicode/utf8"
)

const (
	muusikatoan = '\u17C9'
	triisap     = '\u17CA'

	vowelAA = '\u17B6'
	vowelII = '\u17B8'
	vowelU  = '\u17BB'
	vowelOE = '\u17BE'
	vowelE  = '\u17C1'
	vowelOO = '\u17C4'

	nikahit        = '\u17C6'
	samyokSannya   = '\u17D0'
	letterBA       = '\u1794'
	letterRO       = '\u179A'
	lastConsonant  = '\u17A2'
	firstIndepUsed = '\u17A5' // the two before it are deprecated, and bear no marks
)

// Order puts the code points of every syllable of Khmer into the order of the Khmer Encoding Structure (Unicode Technical
// Note 61, first L2/22-290): base, robat, subscripts with ro last, shifter with its non-joiner, vowel, signs, final sign. Of
// the sequences that look alike it writes the one that the structure names: ើ and ោ for their parts, and a shifter for ុ
// below a vowel or sign that would push the shifter down there. A joiner or a second coeng inside a subscript is dropped.
//
// The letters stay: the structure would write every subscript ដ as ត, which looks the same, but is another spelling. All
// that is not a syllable of Khmer passes through, also bytes that are no UTF-8. The result never has more characters than
// the text, and ordering it again changes nothing.
func Order(text string) string {
	var ordered strings.Builder
	var s syllable
	done := 0 // what is written
	for at := 0; at < len(text); {
		r, size := utf8.DecodeRuneInString(text[at:])
		switch {
		case r == coeng:
			// It belongs to nothing.
			after := at + size
			for invisible := invisibleAt(text[after:]); invisible > 0; invisible = invisibleAt(text[after:]) {
				after += invisible
			}
			if after > at+size {
				ordered.WriteString(text[done : at+size])
				done = after
			}
			at = after
		case partOf(r) == base:
			after := at + s.read(text[at:])
			if s.arrange() {
				ordered.WriteString(text[done:at])
				s.write(&ordered)
				done = after
			}
			at = after
		default:
			at += size
		}
	}
	if done == 0 {
		return text
	}
	ordered.WriteString(text[done:])
	return ordered.String()
}

// part of a syllable, in the order in which the parts are written.
type part int

const (
	base part = iota
	robat
	subscripts
	subscriptRO
	shifter
	vowelBefore // all vowels that have a part before the base, also the split ones
	vowelBelow
	vowelAbove
	vowelAfter
	sign
	final
	parts
	none = parts
)

// partOf tells where in a syllable a character stands that is not put below by a coeng.
func partOf(r rune) part {
	switch {
	case r >= firstBase && r <= lastConsonant, r >= firstIndepUsed && r <= lastBase, r == dottedCircle:
		return base
	case r == '\u17CC':
		return robat
	case r == muusikatoan, r == triisap:
		return shifter
	case r >= vowelOE && r <= '\u17C5':
		return vowelBefore
	case r >= vowelU && r <= '\u17BD':
		return vowelBelow
	case r >= '\u17B7' && r <= '\u17BA':
		return vowelAbove
	case r == vowelAA:
		return vowelAfter
	case r == '\u17C7', r == '\u17C8':
		return final
	case r >= nikahit && r <= lastMark, r == viriam, r == atthacan:
		return sign
	default:
		return none
	}
}

// syllable has the characters of each of its parts, in the order in which they came.
type syllable struct {
	parts [parts][]rune
	// asRead is false where writing the parts would not give back what was read.
	asRead bool
}

// read the syllable at the beginning of a text, which is a base, and tell how many bytes it takes. It ends before what
// belongs to none: a coeng without a letter, a non-joiner without a shifter, a joiner (the structure puts one before a final
// coeng, from which on the order begins anew).
func (s *syllable) read(text string) int {
	for i := range s.parts {
		s.parts[i] = s.parts[i][:0]
	}
	s.asRead = true
	last := base
	add := func(p part, characters ...rune) {
		s.asRead = s.asRead && p >= last
		last = p
		s.parts[p] = append(s.parts[p], characters...)
	}
	first, at := utf8.DecodeRuneInString(text)
	add(base, first)
	for at < len(text) {
		r, size := utf8.DecodeRuneInString(text[at:])
		p := partOf(r)
		switch {
		case r == coeng:
			letter, taken := subscriptAt(text[at:])
			if taken == 0 {
				return at
			}
			p, size = subscripts, taken
			if letter == letterRO {
				p = subscriptRO
			}
			s.asRead = s.asRead && taken == 2*letterSize
			add(p, coeng, letter)
		case r == zeroWidthNonJoin:
			next, taken := utf8.DecodeRuneInString(text[at+size:])
			switch {
			case partOf(next) == shifter:
				size += taken
				add(shifter, next, r)
				s.asRead = false
			case last == shifter:
				if behind := s.parts[shifter]; behind[len(behind)-1] != r {
					add(shifter, r)
				} else {
					s.asRead = false
				}
			default:
				return at
			}
		case p == base, p == none:
			return at
		default:
			add(p, r)
		}
		at += size
	}
	return at
}

// subscriptAt finds the letter that the coeng at the beginning of a text puts below, and how many bytes the two take with
// all that is not seen between them; 0 where there is no letter.
func subscriptAt(text string) (rune, int) {
	at := letterSize
	for at < len(text) {
		if size := invisibleAt(text[at:]); size > 0 {
			at += size
			continue
		}
		r, size := utf8.DecodeRuneInString(text[at:])
		if partOf(r) == base && r != dottedCircle {
			return r, at + size
		}
		break
	}
	return 0, 0
}

// invisibleAt is the size of the coeng or joiner at the beginning of a text, 0 where there is none.
func invisibleAt(text string) int {
	switch r, size := utf8.DecodeRuneInString(text); r {
	case coeng, zeroWidthJoin, zeroWidthNonJoin:
		return size
	default:
		return 0
	}
}

// arrange the parts that look like others, and tell whether the syllable is not written as it was read.
func (s *syllable) arrange() bool {
	changed := s.compose()
	if s.shift() {
		changed = true
	}
	return changed || !s.asRead
}

// compose the split vowels of their parts.
func (s *syllable) compose() bool {
	before := s.parts[vowelBefore]
	if len(before) == 0 {
		return false
	}
	vowel := &before[len(before)-1]
	switch above := s.parts[vowelAbove]; {
	case *vowel == vowelE && len(s.parts[vowelAfter]) > 0:
		*vowel = vowelOO
		s.parts[vowelAfter] = s.parts[vowelAfter][1:]
	case *vowel == vowelE && len(above) > 0 && above[0] == vowelII:
		*vowel = vowelOE
		s.parts[vowelAbove] = above[1:]
	case *vowel == vowelOE && len(s.parts[vowelAfter]) > 0:
		*vowel = vowelOO
		s.parts[vowelAbove] = slices.Insert(above, 0, vowelII)
		s.parts[vowelAfter] = s.parts[vowelAfter][1:]
	default:
		return false
	}
	return true
}

// shift writes the shifter that ុ is below a vowel or sign that pushes it down: triisap where a consonant of the first series
// or one of its like is in the cluster and no ba, else muusikatoan.
func (s *syllable) shift() bool {
	if len(s.parts[shifter]) > 0 || len(s.parts[vowelBelow]) != 1 || s.parts[vowelBelow][0] != vowelU || !s.pushesDown() {
		return false
	}
	s.parts[vowelBelow] = s.parts[vowelBelow][:0]
	s.parts[shifter] = append(s.parts[shifter], muusikatoan)
	if s.strong() {
		s.parts[shifter][0] = triisap
	}
	return true
}

func (s *syllable) pushesDown() bool {
	var firstSign rune
	if len(s.parts[sign]) > 0 {
		firstSign = s.parts[sign][0]
	}
	switch {
	case len(s.parts[vowelAbove]) > 0:
		return true
	case len(s.parts[vowelAfter]) > 0:
		return firstSign == nikahit
	case slices.Equal(s.parts[vowelBefore], []rune{vowelOE}):
		return true
	default:
		return firstSign == samyokSannya || firstSign == atthacan
	}
}

func (s *syllable) strong() bool {
	strong := false
	for _, p := range []part{base, subscripts} {
		for _, r := range s.parts[p] {
			if r == letterBA {
				return false
			}
			strong = strong || isStrong(r)
		}
	}
	return strong
}

// isStrong tells whether r is one of the consonants before which triisap is pushed down: all but the nasals, ba, and from yo
// on the soft ones.
func isStrong(r rune) bool {
	switch r {
	case '\u1784', '\u1789', '\u178E', '\u1793', letterBA, '\u1798', '\u1799', letterRO, '\u179B', '\u179C', '\u179D', '\u17A1':
		return false
	default:
		return r >= firstBase && r <= lastConsonant
	}
}

func (s *syllable) write(out *strings.Builder) {
	for _, characters := range s.parts {
		for _, r := range characters {
			out.WriteRune(r)
		}
	}
}
