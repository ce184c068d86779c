package engine

import "math"

// Bounds of the image that a page is recognised from.
const (
	// printDPI suits printed Khmer: 300 reads no better and costs half as much again, 150 loses the subscripts.
	printDPI = 200
	// maxPixels keeps one page's share of memory and time in bounds; A3 at 200 dpi has 7.7 million, A4 at 300 has 8.7.
	maxPixels = 10e6
	// minPixels is A4 at 150 dpi. A smaller page is enlarged towards it, but not beyond maxEnlargement: small pages
	// tend to have small type, but blurred pixels tell nothing new.
	minPixels      = 1240 * 1754
	maxEnlargement = 2
	// maxReduction is how far below its natural resolution a page can still be read. A page that would have to be
	// reduced further, such as 64 by 64 inches of PDF or 160 megapixels of photograph, is too large.
	maxReduction = 4
	// maxSide is below what Tesseract takes, 32767 pixels.
	maxSide = 32000
)

// chooseDPI returns the resolution to draw a page at, from its size in points and the resolution that suits it without
// regard to its size. Not ok means that the page is too large to be drawn.
func chooseDPI(width, height int, natural float64) (dpi float64, ok bool) {
	if width < 1 || height < 1 || natural <= 0 {
		return 0, false
	}
	w, h := float64(width)/72*natural, float64(height)/72*natural
	scale := 1.0
	switch pixels := w * h; {
	case pixels > maxPixels:
		scale = math.Sqrt(maxPixels / pixels)
	case pixels < minPixels:
		scale = min(math.Sqrt(minPixels/pixels), maxEnlargement)
	}
	scale = min(scale, maxSide/max(w, h))
	if scale < 1.0/maxReduction {
		return 0, false
	}
	return natural * scale, true
}
