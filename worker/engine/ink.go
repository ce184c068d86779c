package engine

import (
	"image"
	"slices"
)

const (
	// inkDPI is the resolution at which a page is drawn to see where its type ends: exact to three quarters of a point.
	inkDPI = 100.0
	// inkPixels bounds that image.
	inkPixels = maxPixels
	// inkLevel is the grey below which a pixel is ink.
	inkLevel = 160
)

// ink tells where a drawn page is not paper. MuPDF says where a line of text begins but not where it ends.
type ink struct {
	grey *image.Gray
	// scale is pixels per point.
	scale float64
}

// newInk of an image of a page that is width points wide.
func newInk(grey *image.Gray, width float64) ink {
	return ink{grey: grey, scale: float64(grey.Rect.Dx()) / max(width, 1)}
}

// span is a stretch from left to right in points.
type span struct{ left, right float64 }

// runs of columns that have ink between top and bottom, in points, from left to right.
func (k ink) runs(area span, top, bottom float64) []span {
	bounds := k.grey.Rect
	x0, x1 := max(0, int(area.left*k.scale)), min(bounds.Dx(), int(area.right*k.scale))
	y0, y1 := max(0, int(top*k.scale)), min(bounds.Dy(), int(bottom*k.scale)+1)
	var runs []span
	for x := x0; x < x1; x++ {
		if !k.column(x, y0, y1) {
			continue
		}
		left, right := float64(x)/k.scale, float64(x+1)/k.scale
		if last := len(runs) - 1; last >= 0 && runs[last].right >= left-1e-9 {
			runs[last].right = right
		} else {
			runs = append(runs, span{left, right})
		}
	}
	return runs
}

func (k ink) column(x, y0, y1 int) bool {
	for y := y0; y < y1; y++ {
		if k.grey.Pix[y*k.grey.Stride+x] < inkLevel {
			return true
		}
	}
	return false
}

// extent is the stretch of the runs up to the first gap that is wider than the given one.
func extent(runs []span, gap float64) (span, bool) {
	if len(runs) == 0 {
		return span{}, false
	}
	whole := runs[0]
	for _, run := range runs[1:] {
		if run.left-whole.right > gap {
			break
		}
		whole.right = run.right
	}
	return whole, true
}

// split the runs at their widest gaps into the given number of parts. Not ok where there are not as many gaps of at least
// the given width.
func split(runs []span, parts int, narrowest float64) ([]span, bool) {
	if len(runs) < parts || parts < 1 {
		return nil, false
	}
	gap := func(i int) float64 { return runs[i].left - runs[i-1].right }
	order := make([]int, 0, len(runs)-1)
	for i := 1; i < len(runs); i++ {
		order = append(order, i)
	}
	slices.SortStableFunc(order, func(a, b int) int {
		switch {
		case gap(a) > gap(b):
			return -1
		case gap(a) < gap(b):
			return 1
		default:
			return 0
		}
	})
	cuts := order[:parts-1]
	for _, cut := range cuts {
		if gap(cut) < narrowest {
			return nil, false
		}
	}
	slices.Sort(cuts)
	spans := make([]span, 0, parts)
	from := 0
	for _, cut := range append(cuts, len(runs)) {
		spans = append(spans, span{runs[from].left, runs[cut-1].right})
		from = cut
	}
	return spans, true
}
