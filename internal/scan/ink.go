package scan

import (
	"image"

	"github.com/openplp/khocr/internal/otsu"
)

// inkOf returns the grey below which a pixel is ink, and the mean grey of the paper.
func inkOf(grey *image.Gray) (ink, paper uint8) {
	var counts [256]int
	size := grey.Rect.Size()
	// One row in four tells as well.
	for y := 0; y < size.Y; y += 4 {
		for _, level := range grey.Pix[y*grey.Stride : y*grey.Stride+size.X] {
			counts[level]++
		}
	}
	dark, _, light := otsu.Split(&counts)
	return uint8(dark + 1), uint8(light + 0.5)
}
