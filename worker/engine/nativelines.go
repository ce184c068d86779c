package engine

import (
	"bytes"
	"cmp"
	"math"
	"slices"
	"strings"
	"unicode"

	"github.com/openplp/khocr/internal/document"
	"github.com/openplp/khocr/internal/khmer"
)

// Measures of type, as shares of its size.
const (
	// ascent and descent make the height of a line's box. They are the type's, not the ink's: room for a vowel above and
	// a subscript below.
	ascent, descent = 1.0, 0.4
	// sameBaseline is how far apart the baselines of parts of one line may be. The marks of a letter may be lifted, or
	// lowered, by as much as the size.
	sameBaseline, lifted = 0.3, 1.0
	// glued is the gap up to which parts of a line are not separated by a space, gluedBySpaces the same where the page has
	// spaces of its own. column is the gap from which they are lines of their own.
	glued, gluedBySpaces, column = 0.2, 0.8, 1.5
	// untold is the widest that can be missing of a syllable's width. Where a document says what several glyphs stand for,
	// MuPDF gives all characters but the first no width: of ឈ្មោះ that of ឈ and the right half of ោ are lost.
	untold = 1.5
	// narrowest is the least width of a box.
	narrowest = 0.05
)

// span is a stretch from left to right in points, along a baseline.
type span struct{ left, right float64 }

// unit is what is printed in one place: a character, or a syllable that several glyphs draw. Its place is told along its
// baseline, and across it, by which upright text has the usual coordinates.
type unit struct {
	text   string
	along  span
	across float64
	// size of the type in points.
	size      float64
	direction point
}

// nativeLine is a printed line that is being put together.
type nativeLine struct {
	words          []nativeWord
	across         span
	baseline, size float64
	direction      point
	// spaced is true behind a space.
	spaced bool
	// slack is how much wider than told the line may be, as a share of the size.
	slack float64
}

type nativeWord struct {
	text   []byte
	across span
}

// nativeLines joins what is printed one behind the other. MuPDF's own lines end where a mark is lifted, inside of syllables.
func nativeLines(units []unit) []nativeLine {
	var lines []nativeLine
	apart := glued
	if hasSpaces(units) {
		apart = gluedBySpaces
	}
	for _, u := range units {
		last := len(lines) - 1
		blank := isBlank(u)
		switch {
		case last >= 0 && lines[last].continues(u):
			lines[last].add(u, blank, apart)
		case !blank:
			line := nativeLine{across: u.along, baseline: u.across, size: u.size, direction: u.direction}
			line.add(u, false, apart)
			lines = append(lines, line)
		}
	}
	return outward(lines)
}

func isBlank(u unit) bool { return strings.TrimFunc(u.text, unicode.IsSpace) == "" }

// hasSpaces tells whether the document prints its spaces, as nearly all do. Khmer has one in some thirty characters.
func hasSpaces(units []unit) bool {
	const fewest = 0.005
	blank := 0
	for _, u := range units {
		if isBlank(u) {
			blank++
		}
	}
	return float64(blank) >= fewest*float64(len(units)) && blank > 0
}

// outward puts what a document prints first, but at the foot of the page, last, and what it prints last, but at the head,
// first: numbers of pages and running titles. All else stays in the order of the document, which knows its columns.
func outward(lines []nativeLine) []nativeLine {
	below := func(a, b nativeLine) int { return cmp.Compare(a.baseline, b.baseline) }
	const furniture = 4 // lines, at most
	for range min(furniture, len(lines)) {
		if slices.MaxFunc(lines, below).baseline > lines[0].baseline {
			break
		}
		lines = append(lines[1:], lines[0])
	}
	for range min(furniture, len(lines)) {
		last := len(lines) - 1
		if slices.MinFunc(lines, below).baseline < lines[last].baseline {
			break
		}
		lines = slices.Insert(lines[:last], 0, lines[last])
	}
	return lines
}

// continues tells whether the unit is printed behind the line, on the same line.
func (l nativeLine) continues(u unit) bool {
	gap, off := u.along.left-l.across.right, math.Abs(u.across-l.baseline)
	inside := l.cutBy(u)
	return u.direction == l.direction && math.Abs(gap) < (column+l.slack)*l.size &&
		(off <= sameBaseline*l.size && (u.along.left >= l.across.left || inside) || inside && off <= lifted*l.size)
}

// cutBy tells whether a syllable would be cut before the unit, because it belongs to the line's last one.
func (l nativeLine) cutBy(u unit) bool {
	return khmer.BeginsInside(u.text) || len(l.words) > 0 && bytes.HasSuffix(l.words[len(l.words)-1].text, []byte("\u17D2"))
}

// add the unit, as a word of its own behind a space, or behind a gap that is wider than told, as a share of the size.
func (l *nativeLine) add(u unit, blank bool, gap float64) {
	if blank {
		l.spaced = true
		return
	}
	last := len(l.words) - 1
	apart := l.spaced || u.along.left-l.across.right > (gap+l.slack)*l.size && !l.cutBy(u)
	if last < 0 || apart {
		l.words = append(l.words, nativeWord{text: []byte(u.text), across: u.along})
	} else {
		l.words[last].text = append(l.words[last].text, u.text...)
		l.words[last].across.right = max(l.words[last].across.right, u.along.right)
	}
	l.across.right = max(l.across.right, u.along.right)
	l.size = max(l.size, u.size)
	l.spaced, l.slack = false, 0
	if u.along.right-u.along.left < noWidth*u.size {
		l.slack = untold
	}
}

// finish makes the lines of the page's result.
func (p nativePage) finish() []document.Line {
	lines := make([]document.Line, len(p.lines))
	for i, line := range p.lines {
		lines[i] = line.finish(p)
	}
	numberParagraphs(p.lines, lines)
	return lines
}

func (l nativeLine) finish(page nativePage) document.Line {
	line := document.Line{Box: l.box(l.across, page), Confidence: 100, FontSize: hundredth(l.size), Words: make([]document.Word, len(l.words))}
	texts := make([]string, len(l.words))
	for i, word := range l.words {
		texts[i] = khmer.Order(string(word.text))
		line.Words[i] = document.Word{Text: texts[i], Box: l.box(word.across, page), Confidence: 100}
	}
	line.Text = strings.Join(texts, " ")
	return line
}

// box around a stretch of the line, within the page.
func (l nativeLine) box(across span, page nativePage) document.Box {
	top, bottom := l.baseline-ascent*l.size, l.baseline+descent*l.size
	box := document.Box{math.Inf(1), math.Inf(1), math.Inf(-1), math.Inf(-1)}
	for _, along := range []float64{across.left, max(across.right, across.left+narrowest*l.size)} {
		for _, over := range []float64{top, bottom} {
			x, y := along*l.direction.x-over*l.direction.y, along*l.direction.y+over*l.direction.x
			box = document.Box{min(box[0], x), min(box[1], y), max(box[2], x), max(box[3], y)}
		}
	}
	return document.Box{
		hundredth(max(0, box[0])), hundredth(max(0, box[1])), hundredth(min(page.width, box[2])), hundredth(min(page.height, box[3])),
	}
}

// numberParagraphs begins a paragraph where the type changes its size, where the gap to the line above is clearly wider
// than usual on the page, and where the text goes back up.
func numberParagraphs(measured []nativeLine, lines []document.Line) {
	var leadings []float64
	for i := 1; i < len(measured); i++ {
		if leading := measured[i].baseline - measured[i-1].baseline; leading > measured[i].size {
			leadings = append(leadings, leading)
		}
	}
	usual := math.Inf(1)
	if len(leadings) > 0 {
		slices.Sort(leadings)
		usual = leadings[len(leadings)/2]
	}
	paragraph := 0
	for i, line := range measured {
		if i == 0 || begins(measured[i-1], line, usual) {
			paragraph++
		}
		lines[i].Paragraph = paragraph
	}
}

func begins(above, line nativeLine, usual float64) bool {
	leading := line.baseline - above.baseline
	return leading < -sameBaseline*line.size || leading > 1.35*usual || math.Abs(line.size-above.size) > 0.1*line.size
}
