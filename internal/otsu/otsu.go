// Package otsu tells dark from light.
package otsu

// Split returns the level that separates a histogram of greys best into two kinds (Otsu 1979), the highest of the dark ones, and
// the mean levels of both. Where there is one level only nothing is dark: dark is -1, and the means are 0 and 255.
func Split(counts *[256]int) (dark int, darkMean, lightMean float64) {
	total, sum := 0, 0
	for level, n := range counts {
		total += n
		sum += level * n
	}
	dark, darkMean, lightMean = -1, 0, 255
	below, sumBelow, best := 0, 0, 0.0
	for level, n := range counts {
		below += n
		sumBelow += level * n
		if below == 0 || below == total {
			continue
		}
		d, l := float64(sumBelow)/float64(below), float64(sum-sumBelow)/float64(total-below)
		if between := float64(below) * float64(total-below) * (l - d) * (l - d); between > best {
			best, dark, darkMean, lightMean = between, level, d, l
		}
	}
	return dark, darkMean, lightMean
}
