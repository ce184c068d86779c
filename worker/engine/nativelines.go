package engine

import (
	"math"
	"slices"
	"strings"

	"github.com/openplp/khocr/internal/document"
	"github.com/openplp/khocr/internal/khmer"
)

// Measures of type, as shares of its size.
const (
	// ascent and descent make the height of a line's box. They are the type's, not the ink's: room for a vowel above and
	// a subscript below.
	ascent, descent = 1.0, 0.4
	// Between these above and below the baseline every cluster has ink, and lines set tight have none of each other's.
	inkAbove, inkBelow = 0.6, 0.05
	// sameBaseline is how far apart the baselines of parts of one line may be.
	sameBaseline = 0.3
	// glued is the gap up to which parts of a line are not separated by a space, column the one from which they are
	// lines of their own.
	glued, column = 0.15, 1.5
	// wordGap is the narrowest gap that can be a space.
	wordGap = 0.1
	// clusterWidth is a cluster's usual width, for lines that leave no ink of their own to measure.
	clusterWidth = 0.55
)

// nativeLine is a printed line that is being put together.
type nativeLine struct {
	text           string
	across         span
	baseline, size float64
	runs           []span
	estimated      bool
}

// lines of the page. The left edges are MuPDF's. A right edge is where the line's ink ends, and words are told apart by
// the widest gaps in it; on a line without measurable ink, such as white type on a dark ground, both are estimated from the
// number of clusters.
func (p nativePage) lines(ink ink) []document.Line {
	var joined []nativeLine
	for i, part := range p.fragments {
		line := p.measure(i, part, ink)
		if last := len(joined) - 1; last >= 0 && joined[last].continues(line) {
			joined[last].add(line)
		} else {
			joined = append(joined, line)
		}
	}
	lines := make([]document.Line, len(joined))
	for i, line := range joined {
		lines[i] = line.finish(p)
	}
	numberParagraphs(joined, lines)
	return lines
}

// measure a fragment. It ends before the next one to its right on the same height.
func (p nativePage) measure(index int, part fragment, ink ink) nativeLine {
	limit := p.width
	for i, other := range p.fragments {
		if i != index && other.left > part.left && math.Abs(other.baseline-part.baseline) < part.size {
			limit = min(limit, other.left)
		}
	}
	line := nativeLine{text: part.text, baseline: part.baseline, size: part.size}
	count := float64(clusters(strings.TrimSpace(part.text)))
	runs := ink.runs(span{part.left, limit}, part.baseline-inkAbove*part.size, part.baseline+inkBelow*part.size)
	whole, ok := extent(runs, column*part.size)
	width := whole.right - part.left
	if !ok || width > 1.5*count*part.size || width < 0.15*count*part.size {
		line.estimated = true
		line.across = span{part.left, min(limit, part.left+clusterWidth*count*part.size)}
		return line
	}
	line.across = span{part.left, whole.right}
	for _, run := range runs {
		if run.right <= whole.right {
			line.runs = append(line.runs, run)
		}
	}
	return line
}

// continues tells whether other is printed behind the line, on the same line.
func (l nativeLine) continues(other nativeLine) bool {
	gap := other.across.left - l.across.right
	return math.Abs(other.baseline-l.baseline) <= sameBaseline*l.size && other.across.left > l.across.left &&
		(gap < column*l.size || khmer.BeginsInside(other.text))
}

func (l *nativeLine) add(other nativeLine) {
	gap := other.across.left - l.across.right
	if gap > glued*l.size && !khmer.BeginsInside(other.text) {
		l.text += " "
	}
	l.text += other.text
	l.across.right = other.across.right
	l.runs = append(l.runs, other.runs...)
	l.estimated = l.estimated || other.estimated
	l.size = max(l.size, other.size)
}

func (l nativeLine) finish(page nativePage) document.Line {
	texts := strings.Fields(l.text)
	spans, ok := split(l.runs, len(texts), wordGap*l.size)
	if !ok || l.estimated {
		spans = share(l.across, texts)
	}
	top, bottom := max(0, l.baseline-ascent*l.size), min(page.height, l.baseline+descent*l.size)
	box := func(across span) document.Box {
		return document.Box{hundredth(across.left), hundredth(top), hundredth(across.right), hundredth(bottom)}
	}
	line := document.Line{
		Text: strings.Join(texts, " "), Box: box(l.across), Confidence: 100, FontSize: l.size,
		Words: make([]document.Word, len(texts)),
	}
	for i, text := range texts {
		line.Words[i] = document.Word{Text: text, Box: box(spans[i]), Confidence: 100}
	}
	return line
}

// share a stretch among words by their clusters; a space counts as one half.
func share(whole span, words []string) []span {
	total := -0.5
	for _, word := range words {
		total += float64(clusters(word)) + 0.5
	}
	unit := (whole.right - whole.left) / total
	spans := make([]span, len(words))
	left := whole.left
	for i, word := range words {
		right := left + float64(clusters(word))*unit
		spans[i] = span{left, right}
		left = right + 0.5*unit
	}
	return spans
}

func clusters(text string) int {
	count := 0
	for range khmer.Clusters(text) {
		count++
	}
	return count
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
