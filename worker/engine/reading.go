package engine

import "github.com/openplp/khocr/internal/document"

const (
	// sureConfidence is the mean confidence of a page from which on nothing else is tried. Clean pages have 80 and more.
	sureConfidence = 65
	// turnedConfidence is the mean confidence below which a page may stand on its side or its head: upright pages have
	// about 82, pages on their side 35, on their head 16. A turned page must have as much to be believed: ornaments and
	// pictures are unsure any way up. Tesseract's own detection of orientation does not know Khmer.
	turnedConfidence = 50
)

// reading is what one pass over a page saw.
type reading struct {
	lines []document.Line
	// rotation is the clockwise turn of the image that was read, in degrees.
	rotation int
}

func (r reading) confidence() float64 {
	var words []document.Word
	for _, line := range r.lines {
		words = append(words, line.Words...)
	}
	return meanConfidence(words)
}

func (r reading) characters() int {
	count := 0
	for _, line := range r.lines {
		count += len([]rune(line.Text))
	}
	return count
}

// betterThan compares confidences. A reading that has lost half of the characters is none, however sure it is of the
// rest.
func (r reading) betterThan(other reading) bool {
	return r.confidence() > other.confidence() && 2*r.characters() >= other.characters()
}

// readBest reads a page as it stands, and only where it is unsure of that, in other ways: with Sauvola's threshold, which
// saves dirty scans but spoils clean ones a little, then turned. read makes one pass.
func readBest(read func(rotation int, method threshold) (reading, error)) (reading, error) {
	best, err := read(0, otsu)
	if err != nil || len(best.lines) == 0 || best.confidence() >= sureConfidence {
		return best, err
	}
	method := otsu
	adaptive, err := read(0, sauvola)
	if err != nil {
		return reading{}, err
	}
	if adaptive.betterThan(best) {
		best, method = adaptive, sauvola
	}
	if best.confidence() >= turnedConfidence {
		return best, nil
	}
	for _, rotation := range []int{90, 270, 180} {
		turned, err := read(rotation, method)
		if err != nil {
			return reading{}, err
		}
		if turned.confidence() >= turnedConfidence && turned.betterThan(best) {
			best = turned
		}
		if best.confidence() >= sureConfidence {
			break
		}
	}
	return best, nil
}
