package engine

import (
	"cmp"
	"image"
	"slices"

	"github.com/openplp/khocr/internal/document"
	"github.com/openplp/khocr/internal/flatten"
	"github.com/openplp/khocr/internal/scan"
)

const (
	// sureConfidence is the mean confidence that clean pages have; most have 80 and more.
	sureConfidence = 65
	// turnedConfidence is the mean confidence below which a page may stand on its side or its head: upright pages have 60 to
	// 85, pages on their side 35, on their head 16. A turned page must have as much to be believed: ornaments and
	// pictures are unsure any way up. Tesseract's own detection of orientation does not know Khmer.
	turnedConfidence = 50
	// turnedMargin is by how much a turned page must be surer: 25 and more where it is right, a few points where a table of short
	// words is unsure either way up.
	turnedMargin = 15
	// sampleLines is how many lines tell which way up a page is.
	sampleLines = 5
)

// reading is what was read on an image.
type reading struct {
	// lines in pixels of the upright image.
	lines []document.Line
	// rotation is the clockwise turn that made the image upright, in degrees.
	rotation int
}

func (r reading) confidence() float64 {
	var words []document.Word
	for _, line := range r.lines {
		words = append(words, line.Words...)
	}
	return meanConfidence(words)
}

// read an image of print that may lie on its side or its head, with a model in Tesseract's notation.
func (e *engine) read(grey *image.Gray, model string) (reading, error) {
	best, err := readBest(func(rotation int) *attempt {
		flat, place := flatten.Page(turn(grey, rotation))
		return &attempt{rotation: rotation, layout: scan.Read(flat), place: place, words: map[*scan.Line][]document.Word{}}
	}, func(a *attempt, line *scan.Line) ([]document.Word, error) {
		return readLine(&e.recognizer, a.layout, line, model)
	})
	if err != nil {
		return reading{}, err
	}
	lines := linesOf(best)
	if best.place != nil {
		putBack(lines, best.place)
	}
	return reading{lines: lines, rotation: best.rotation}, nil
}

// putBack moves the boxes of lines to where they are on the page.
func putBack(lines []document.Line, place func(x, y float64) (float64, float64)) {
	around := func(box document.Box) document.Box {
		left, top := place(box[0], box[1])
		placed := document.Box{left, top, left, top}
		for _, corner := range [][2]float64{{box[2], box[1]}, {box[0], box[3]}, {box[2], box[3]}} {
			x, y := place(corner[0], corner[1])
			placed = union(placed, document.Box{x, y, x, y})
		}
		return placed
	}
	for i := range lines {
		lines[i].Box = around(lines[i].Box)
		for j := range lines[i].Words {
			lines[i].Words[j].Box = around(lines[i].Words[j].Box)
		}
	}
}

// readLine recognises the words of a line, in pixels of the page.
func readLine(r *recognizer, layout *scan.Layout, line *scan.Line, model string) ([]document.Word, error) {
	height, err := r.height(model)
	if err != nil {
		return nil, err
	}
	strip := layout.Strip(line, height)
	words, err := r.line(strip.Image, model)
	for i := range words {
		words[i].Box = strip.Box(words[i].Box)
	}
	return words, err
}

// attempt is a way up to read a page, and what was read of it.
type attempt struct {
	rotation int
	layout   *scan.Layout
	// place tells where on the page a pixel of the layout is; nil where it is the same.
	place func(x, y float64) (float64, float64)
	words map[*scan.Line][]document.Word
}

// confidence of what was read.
func (a *attempt) confidence() float64 {
	var all []document.Word
	for _, words := range a.words {
		all = append(all, words...)
	}
	return meanConfidence(all)
}

func (a *attempt) characters() int {
	count := 0
	for _, words := range a.words {
		for _, word := range words {
			count += len([]rune(word.Text))
		}
	}
	return count
}

// betterThan compares what was read of as many lines. Lines that hold less than half of the characters are none, however sure
// they are: across the lines of badly printed text stand rows of what looks like a letter here and there.
func (a *attempt) betterThan(other *attempt) bool {
	return a.confidence() > other.confidence()+turnedMargin && 2*a.characters() >= other.characters()
}

// readBest reads a page as it lies if its longest lines are sure, and else the way up in which they are the surest.
func readBest(
	lay func(rotation int) *attempt, read func(*attempt, *scan.Line) ([]document.Word, error),
) (*attempt, error) {
	readAll := func(a *attempt, lines []*scan.Line) error {
		for _, line := range lines {
			if _, done := a.words[line]; done {
				continue
			}
			words, err := read(a, line)
			if err != nil {
				return err
			}
			a.words[line] = words
		}
		return nil
	}
	best := lay(0)
	if err := readAll(best, sample(best.layout.Lines)); err != nil {
		return nil, err
	}
	if len(best.layout.Lines) > 0 && best.confidence() < turnedConfidence {
		for _, rotation := range []int{90, 270, 180} {
			turned := lay(rotation)
			if err := readAll(turned, sample(turned.layout.Lines)); err != nil {
				return nil, err
			}
			if turned.confidence() >= turnedConfidence && turned.betterThan(best) {
				best = turned
			}
			if best.confidence() >= sureConfidence {
				break
			}
		}
	}
	return best, readAll(best, best.layout.Lines)
}

// sample of the lines: the longest, which say the most.
func sample(lines []*scan.Line) []*scan.Line {
	longest := slices.SortedStableFunc(slices.Values(lines), func(a, b *scan.Line) int { return cmp.Compare(b.Box.Dx(), a.Box.Dx()) })
	return longest[:min(len(longest), sampleLines)]
}
