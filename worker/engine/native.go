package engine

import (
	"math"
	"strings"

	"github.com/openplp/khocr/internal/document"
	"github.com/openplp/khocr/internal/khmer"
	"github.com/openplp/khocr/internal/legacy"
)

// nativePage is what a page carries that can be seen: text, whether right or not, and images.
type nativePage struct {
	width, height float64
	lines         []nativeLine
	// layer tells whether the text is right.
	layer khmer.TextLayer
	// legacy is true where a part of the text was decoded, mostly where that is most of it.
	legacy, mostly bool
	// unknown is the family of a legacy font whose code is not known, "" where the page has none.
	unknown string
	// hidden is true where the page has text that is not seen.
	hidden   bool
	pictures []picture
}

// native reads what the page carries. Nothing where the page's content is damaged.
func (s *source) native(number int) nativePage {
	printed, err := s.printed(number, keepWhitespace|keepImages|inhibitSpaces)
	if err != nil {
		return nativePage{}
	}
	return printed.native()
}

func (p printedPage) native() nativePage {
	page := nativePage{width: p.width, height: p.height, pictures: p.pictures}
	families := make([]*legacy.Family, len(p.fonts))
	for i, font := range p.fonts {
		families[i] = legacy.Find(font.name)
	}
	glyphs := p.seen()
	page.hidden = len(glyphs) < len(p.glyphs)
	glyphs = once(glyphs, func(g glyph) bool { return families[g.font] != nil })
	var units []unit
	total, decoded := len(glyphs), 0
	for len(glyphs) > 0 {
		family := families[glyphs[0].font]
		if family == nil {
			units = append(units, unitOf(glyphs[0]))
			glyphs = glyphs[1:]
			continue
		}
		run := 1
		for run < len(glyphs) && families[glyphs[run].font] == family && follows(glyphs[run-1], glyphs[run]) {
			run++
		}
		page.legacy = page.legacy || !family.Ornament
		if !family.Decodes() {
			page.unknown = family.Name
		}
		units = append(units, decode(family, glyphs[:run])...)
		glyphs = glyphs[run:]
		decoded += run
	}
	page.mostly = 2*decoded > total
	page.lines = nativeLines(units)
	page.layer = khmer.Examine(rawText(page.lines))
	return page
}

// seen are the glyphs that are not hidden: not printed invisibly, and not below an image that was printed later.
func (p printedPage) seen() []glyph {
	seen := make([]glyph, 0, len(p.glyphs))
	for _, g := range p.glyphs {
		if !g.hidden && !p.covered(g) {
			seen = append(seen, g)
		}
	}
	return seen
}

func (p printedPage) covered(g glyph) bool {
	x, y := (g.corners[0].x+g.corners[3].x)/2, (g.corners[0].y+g.corners[3].y)/2
	for _, picture := range p.pictures {
		if picture.opaque && picture.block > g.block && picture.contains(x, y) {
			return true
		}
	}
	return false
}

func (p picture) contains(x, y float64) bool {
	return x >= p.topLeft.x && x <= p.bottomRight.x && y >= p.topLeft.y && y <= p.bottomRight.y
}

const (
	// struck is how far apart, as a share of the type's size, the same glyph is printed twice to make it bold. No letter is
	// that narrow.
	struck = 0.1
	// spread is how many glyphs apart the characters are that a document says one glyph stands for. MuPDF puts all of them
	// but the first in one place.
	spread = 4
)

// once drops glyphs that are printed again in nearly the same place. The legacy fonts' overstruck glyphs have no width; with
// others what has no width may be a part of one glyph's text.
func once(glyphs []glyph, isLegacy func(glyph) bool) []glyph {
	type place struct {
		code rune
		x, y int
	}
	seen := make(map[place]int, len(glyphs))
	kept := glyphs[:0:0]
	for i, g := range glyphs {
		step := max(struck*g.size, 0.01)
		at := place{g.code, int(math.Floor(g.origin.x / step)), int(math.Floor(g.origin.y / step))}
		again := false
		for n := range 9 {
			if before, found := seen[place{g.code, at.x + n%3 - 1, at.y + n/3 - 1}]; found && glyphs[before].repeats(g, step) {
				again = again || i-before > spread || g.width() > 0 || isLegacy(g)
			}
		}
		if !again {
			seen[at] = i
			kept = append(kept, g)
		}
	}
	return kept
}

// repeats tells whether a glyph of the same code is nearly in the same place, and has the same width.
func (g glyph) repeats(other glyph, near float64) bool {
	return math.Hypot(g.origin.x-other.origin.x, g.origin.y-other.origin.y) < near && math.Abs(g.width()-other.width()) < near
}

// width of the space that the font gives the glyph.
func (g glyph) width() float64 {
	return math.Hypot(g.corners[1].x-g.corners[0].x, g.corners[1].y-g.corners[0].y)
}

// follows tells whether a glyph stands behind another on the same line.
func follows(last, next glyph) bool {
	a, b := unitOf(last), unitOf(next)
	gap := b.along.left - a.along.right
	return a.direction == b.direction && math.Abs(a.across-b.across) <= sameBaseline*a.size && math.Abs(gap) < column*a.size
}

// unitOf a glyph that stands for a character.
func unitOf(g glyph) unit {
	d := g.direction
	along := func(p point) float64 { return p.x*d.x + p.y*d.y }
	u := unit{
		text: string(g.code), size: g.size, direction: d,
		across: g.origin.y*d.x - g.origin.x*d.y,
		along:  span{math.Inf(1), math.Inf(-1)},
	}
	for _, corner := range g.corners {
		u.along.left, u.along.right = min(u.along.left, along(corner)), max(u.along.right, along(corner))
	}
	return u
}

const (
	// legacySize is the size of type in a font for Unicode that looks as large as a legacy font's of size 1: ក is 0.39 of the
	// size wide in Limon S1 and 0.68 in Khmer OS.
	legacySize = 0.57
	// noWidth is the width of a space, as a share of its size, that only moves what follows.
	noWidth = 0.05
)

// decode glyphs of a legacy font that stand on one line.
func decode(family *legacy.Family, glyphs []glyph) []unit {
	codes := make([]rune, 0, len(glyphs))
	kept := make([]glyph, 0, len(glyphs))
	for _, g := range glyphs {
		if g.code != ' ' || g.width() > noWidth*g.size {
			codes, kept = append(codes, g.code), append(kept, g)
		}
	}
	syllables := family.Decode(codes)
	units := make([]unit, 0, len(syllables))
	for _, syllable := range syllables {
		if syllable.Text == "" {
			continue
		}
		whole := unitOf(kept[syllable.From])
		whole.text = syllable.Text
		whole.size *= legacySize
		for _, g := range kept[syllable.From+1 : syllable.To] {
			part := unitOf(g)
			whole.along.left, whole.along.right = min(whole.along.left, part.along.left), max(whole.along.right, part.along.right)
		}
		units = append(units, whole)
	}
	return units
}

// rawText is the text of the lines as the document has it, by which it is judged.
func rawText(lines []nativeLine) string {
	var text strings.Builder
	for _, line := range lines {
		for i, word := range line.words {
			if i > 0 {
				text.WriteByte(' ')
			}
			text.Write(word.text)
		}
		text.WriteByte('\n')
	}
	return text.String()
}

// keep the text that the page carries.
func (p nativePage) keep(page *document.Page) {
	if p.width > 0 && p.height > 0 {
		page.Width, page.Height = p.width, p.height
	}
	page.Lines = p.finish()
	page.Text = textOf(page.Lines)
	page.Confidence = 100
}
