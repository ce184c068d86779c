package vision

import (
	"math"
	"slices"
	"strings"

	"github.com/openplp/khocr/internal/document"
	"github.com/openplp/khocr/internal/edits"
	"github.com/openplp/khocr/internal/khmer"
)

// Align gives the page with the text of a model: lines and words in the boxes of the quick pass where they can be found there, in no
// box where not. The order is the model's. What it has on one line and the page has on several, one below the other, is several
// lines. The confidence of a word is the share of its characters that the recogniser has read in the same place. The quick pass is
// not changed; the model of the page, and what is to be said of it, are the caller's to set.
func Align(text string, quick *document.Page) *document.Page {
	page := *quick
	page.Lines, page.Text, page.Confidence = nil, "", 0
	p := newPlacing(text, quick)
	var texts []string
	var words []document.Word
	for _, line := range p.lines {
		for _, piece := range p.pieces(line) {
			placed := p.place(piece)
			page.Lines = append(page.Lines, placed)
			texts = append(texts, placed.Text)
			words = append(words, placed.Words...)
		}
	}
	page.Text = strings.Join(texts, "\n")
	page.Confidence = meanConfidence(words)
	return &page
}

// word of a model's text. Its characters are those of the whole text from start up to end.
type word struct {
	text       string
	start, end int
}

// placing of a text on a page.
type placing struct {
	quick   *document.Page
	glyphs  []glyph
	lines   [][]word
	matches []int
	// lengths of the lines of the quick pass in glyphs.
	lengths []int
	// found tells for each glyph whether the text has it.
	found []bool
}

func newPlacing(text string, quick *document.Page) *placing {
	p := &placing{quick: quick, glyphs: glyphsOf(quick), lengths: make([]int, len(quick.Lines))}
	var characters []rune
	var textWords, quickWords []stretch
	for line := range strings.Lines(written(text)) {
		var words []word
		for field := range strings.FieldsSeq(line) {
			start := len(characters)
			characters = append(characters, seen(field)...)
			words = append(words, word{field, start, len(characters)})
			textWords = append(textWords, stretch{start, len(characters)})
		}
		if len(words) > 0 {
			p.lines = append(p.lines, words)
		}
	}
	read := make([]rune, len(p.glyphs))
	for i, g := range p.glyphs {
		read[i] = g.r
		p.lengths[g.line]++
		if i == 0 || g.line != p.glyphs[i-1].line || g.word != p.glyphs[i-1].word {
			quickWords = append(quickWords, stretch{i, i})
		}
		quickWords[len(quickWords)-1].end = i + 1
	}
	p.matches = match(read, characters, quickWords, textWords)
	for _, words := range p.lines {
		p.forgetStray(words)
	}
	p.found = make([]bool, len(p.glyphs))
	for _, place := range p.matches {
		if place != edits.Unmatched {
			p.found[place] = true
		}
	}
	return p
}

// forgetStray takes back what a line has in common with lines that it does not stand on.
func (p *placing) forgetStray(words []word) {
	matches := p.matches[words[0].start:words[len(words)-1].end]
	own := make(map[int][]int)
	for _, place := range matches {
		if place != edits.Unmatched {
			line := p.glyphs[place].line
			own[line] = append(own[line], place)
		}
	}
	stray := make(map[int]bool)
	for line, places := range own {
		shorter := min(len(matches), p.lengths[line])
		stray[line] = float64(solid(places, shorter)) < leastAlike*float64(shorter)
	}
	for i, place := range matches {
		if place != edits.Unmatched && stray[p.glyphs[place].line] {
			matches[i] = edits.Unmatched
		}
	}
}

// pieces of a line: it is cut where it goes on on another line of the page that is not beside the one before. It is cut at a space where there
// is one, and never inside a cluster.
func (p *placing) pieces(words []word) [][]word {
	start, end := words[0].start, words[len(words)-1].end
	var pieces [][]word
	last := edits.Unmatched
	for at := start; at < end; at++ {
		if p.matches[at] == edits.Unmatched {
			continue
		}
		if last != edits.Unmatched && !p.sameRow(p.matches[last], p.matches[at]) {
			if before, after, ok := cut(words, last+1, at); ok {
				pieces = append(pieces, before)
				words = after
			}
		}
		last = at
	}
	return append(pieces, words)
}

// sameRow tells whether two glyphs are of one line, or of two beside one another: half of the lower one's height is at the same height.
func (p *placing) sameRow(i, j int) bool {
	if p.glyphs[i].line == p.glyphs[j].line {
		return true
	}
	a, b := p.quick.Lines[p.glyphs[i].line].Box, p.quick.Lines[p.glyphs[j].line].Box
	common := min(a[3], b[3]) - max(a[1], b[1])
	return common > 0 && common >= min(a[3]-a[1], b[3]-b[1])/2
}

// cut words in two before one of their characters, which is the first one that begins a word, or else the last one that begins a cluster, from
// one place up to another.
func cut(words []word, from, to int) (before, after []word, ok bool) {
	for i, w := range words {
		if i > 0 && w.start >= from && w.start <= to {
			return words[:i], words[i:], true
		}
	}
	for i, w := range words {
		if w.end <= from {
			continue
		}
		size, at := 0, w.start // of the clusters so far, in bytes and in characters
		cutSize, cutAt := 0, w.start
		for cluster := range khmer.Clusters(w.text) {
			if at > w.start && at >= from && at <= to {
				cutSize, cutAt = size, at
			}
			size += len(cluster.Text)
			at += len(seen(cluster.Text))
		}
		if cutSize == 0 {
			return nil, nil, false
		}
		before = append(slices.Clone(words[:i]), word{w.text[:cutSize], w.start, cutAt})
		after = append([]word{{w.text[cutSize:], cutAt, w.end}}, words[i+1:]...)
		return before, after, true
	}
	return nil, nil, false
}

// place a line that stands on one row of the page, or on none.
func (p *placing) place(words []word) document.Line {
	var line document.Line
	row := p.row(words)
	if row.count > 0 {
		line.FontSize, line.Paragraph = row.main.FontSize, row.main.Paragraph
	}
	texts := make([]string, len(words))
	for i, w := range words {
		placed := document.Word{Text: w.text, Box: row.box(w), Confidence: p.confidence(w)}
		line.Box = union(line.Box, placed.Box)
		line.Words = append(line.Words, placed)
		texts[i] = w.text
	}
	if row.whole {
		line.Box = row.bounds // words reach over the lines that the recogniser put them on
	}
	line.Text = strings.Join(texts, " ")
	line.Confidence = meanConfidence(line.Words)
	return line
}

// confidence of a word.
func (p *placing) confidence(w word) float64 {
	count := 0
	for _, place := range p.matches[w.start:w.end] {
		if place != edits.Unmatched {
			count++
		}
	}
	return hundredth(100 * float64(count) / float64(max(w.end-w.start, 1)))
}

func meanConfidence(words []document.Word) float64 {
	if len(words) == 0 {
		return 0
	}
	sum := 0.0
	for _, word := range words {
		sum += word.Confidence
	}
	return hundredth(sum / float64(len(words)))
}

func hundredth(value float64) float64 { return math.Round(100*value) / 100 }
