package scan

import "image"

// otsu returns the grey below which a pixel is ink, the level that separates the image's greys best into two kinds (Otsu
// 1979), and the mean grey of the paper.
func otsu(grey *image.Gray) (ink, paper uint8) {
	var count [256]int
	size := grey.Rect.Size()
	for y := range size.Y {
		for _, value := range grey.Pix[y*grey.Stride : y*grey.Stride+size.X] {
			count[value]++
		}
	}
	total, sum := float64(size.X*size.Y), 0.0
	for value, n := range count {
		sum += float64(value * n)
	}
	var below, sumBelow, best float64
	// Nothing is ink on an image of one grey.
	ink, paper = 0, 255
	for value, n := range count {
		below += float64(n)
		sumBelow += float64(value * n)
		if below == 0 || below == total {
			continue
		}
		light := (sum - sumBelow) / (total - below)
		apart := light - sumBelow/below
		if between := below * (total - below) * apart * apart; between > best {
			best, ink, paper = between, uint8(value+1), uint8(light+0.5)
		}
	}
	return ink, paper
}
