package vision

import (
	"slices"

	"github.com/openplp/khocr/internal/document"
	"github.com/openplp/khocr/internal/khmer"
)

// maxGlyphs bounds the characters of a quick pass that are looked at: ten times those of a dense page.
const maxGlyphs = 1 << 16

// glyph is a character of the quick pass in its place.
type glyph struct {
	r          rune
	line, word int
	// left and right in points: a word's width is shared evenly among its clusters.
	left, right float64
}

// glyphsOf the words of a page whose places are known.
func glyphsOf(page *document.Page) []glyph {
	var glyphs []glyph
	for i := range page.Lines {
		for j, word := range wordsOf(page.Lines[i]) {
			if word.Box.IsZero() {
				continue
			}
			parts := slices.Collect(khmer.Clusters(string(seen(word.Text))))
			for k, cluster := range parts {
				left, right := between(word.Box[0], word.Box[2], k, len(parts)), between(word.Box[0], word.Box[2], k+1, len(parts))
				for _, r := range cluster.Text {
					glyphs = append(glyphs, glyph{r, i, j, left, right})
				}
			}
			if len(glyphs) >= maxGlyphs {
				return glyphs[:maxGlyphs]
			}
		}
	}
	return glyphs
}

// wordsOf a line; the line itself where its words are not known.
func wordsOf(line document.Line) []document.Word {
	if len(line.Words) == 0 {
		return []document.Word{{Text: line.Text, Box: line.Box, Confidence: line.Confidence}}
	}
	return line.Words
}

// between is the i-th of n equal steps from one place to another, exact at both ends, whatever the numbers are.
func between(from, to float64, i, n int) float64 {
	share := float64(i) / float64(n)
	return from*(1-share) + to*share
}

// union of two boxes; that of no place and another is the other.
func union(a, b document.Box) document.Box {
	switch {
	case a.IsZero():
		return b
	case b.IsZero():
		return a
	}
	return document.Box{min(a[0], b[0]), min(a[1], b[1]), max(a[2], b[2]), max(a[3], b[3])}
}
