package vision

import (
	"github.com/openplp/khocr/internal/document"
	"github.com/openplp/khocr/internal/edits"
)

// leastWidth of a character that was not found, as a share of the mean width of those around it that were: what would have to be
// narrower does not stand there.
const leastWidth = 0.25

// row is where on the page a line stands.
type row struct {
	// count of its characters that were found.
	count int
	// main is the line of the quick pass that most of them are of.
	main document.Line
	// bounds of the lines of the quick pass that they are of.
	bounds document.Box
	// whole tells that something was found of each word of those lines.
	whole bool
	// start is the number of the first character; spots are those of all.
	start int
	spots []spot
}

// spot is where a character stands; the zero one is nowhere.
type spot struct {
	left, right float64
	// word of the quick pass that it is of; no place where it was not found.
	word document.Box
	// known is false where it stands nowhere.
	known bool
}

func (p *placing) row(words []word) row {
	start, end := words[0].start, words[len(words)-1].end
	r := row{start: start, spots: make([]spot, end-start)}
	counts := make(map[int]int)
	seenWords := make(map[[2]int]bool)
	most, width := 0, 0.0
	for i, place := range p.matches[start:end] {
		if place == edits.Unmatched {
			continue
		}
		g := p.glyphs[place]
		r.spots[i] = spot{g.left, g.right, wordsOf(p.quick.Lines[g.line])[g.word].Box, true}
		r.count++
		width += g.right - g.left
		seenWords[[2]int{g.line, g.word}] = true
		if counts[g.line]++; counts[g.line] > most {
			most, r.main = counts[g.line], p.quick.Lines[g.line]
		}
	}
	if r.count == 0 {
		return r
	}
	all := 0
	for line := range counts {
		r.bounds = union(r.bounds, p.quick.Lines[line].Box)
		all += len(wordsOf(p.quick.Lines[line]))
	}
	r.whole = all == len(seenWords)
	p.spread(&r, leastWidth*width/float64(r.count))
	return r
}

// spread the characters that were not found evenly over what is free between those that were.
func (p *placing) spread(r *row, least float64) {
	for start := 0; start < len(r.spots); {
		if r.spots[start].known {
			start++
			continue
		}
		end := start
		for end < len(r.spots) && !r.spots[end].known {
			end++
		}
		left, right := p.free(r, start, end)
		count := end - start
		if right > left && right-left >= least*float64(count) {
			for i := range count {
				r.spots[start+i] = spot{left: between(left, right, i, count), right: between(left, right, i+1, count), known: true}
			}
		}
		start = end
	}
}

// free is the room for characters that were not found: what the recogniser read there and no text was found for, or else the gap between the two
// neighbours. There is at least one neighbour.
func (p *placing) free(r *row, start, end int) (left, right float64) {
	from, to := -1, len(p.glyphs) // the neighbours' places
	if start > 0 {
		from = p.matches[r.start+start-1]
	}
	if end < len(r.spots) {
		to = p.matches[r.start+end]
	}
	first, last := from+1, to-1
	if start == 0 {
		for first = to; p.isFree(first-1, to); first-- {
		}
	}
	if end == len(r.spots) {
		for last = from; p.isFree(last+1, from); last++ {
		}
	}
	if first <= last && p.isFree(first, first) && p.isFree(last, first) {
		return p.glyphs[first].left, p.glyphs[last].right
	}
	if start > 0 && end < len(r.spots) {
		return p.glyphs[from].right, p.glyphs[to].left
	}
	return 0, 0
}

// isFree tells that there is such a glyph that no text was found for, on the line of another.
func (p *placing) isFree(at, other int) bool {
	return at >= 0 && at < len(p.glyphs) && !p.found[at] && p.glyphs[at].line == p.glyphs[other].line
}

// box of a word: across as its characters stand, and as high as the words of the quick pass that they are of, or else as the row.
func (r row) box(w word) document.Box {
	var box, high document.Box
	known := false
	for _, s := range r.spots[w.start-r.start : w.end-r.start] {
		if !s.known {
			continue
		}
		high = union(high, s.word)
		if !known {
			box[0], box[2] = s.left, s.right
		}
		box[0], box[2] = min(box[0], s.left, s.right), max(box[2], s.left, s.right)
		known = true
	}
	if !known {
		return document.Box{}
	}
	if high.IsZero() {
		high = r.bounds
	}
	box[1], box[3] = high[1], high[3]
	return box
}
