package flatten

import (
	"image"
	"slices"
)

// pureShare is how many pixels of ink there are to one that is neither black nor white in a fax and the like. Print that was
// drawn or scanned in grey has less than two, because of the rims of its strokes.
const pureShare = 20

// bilevel reports whether an image has two levels only, most of them white.
func bilevel(grey *image.Gray) bool {
	w, h := grey.Rect.Dx(), grey.Rect.Dy()
	black, between := 0, 0
	// One row in four tells as well.
	for y := 0; y < h; y += 4 {
		for _, level := range grey.Pix[y*grey.Stride : y*grey.Stride+w] {
			switch {
			case level < 16:
				black++
			case level < 240:
				between++
			}
		}
		if 4*between > w*h/pureShare {
			return false
		}
	}
	return black > pureShare*between && 8*black < w*h
}

// smoothStrokes rounds the steps in the strokes of an image of two levels, which Tesseract has learned to read in grey.
func smoothStrokes(grey *image.Gray) *image.Gray {
	return convolve(grey, []int32{1, 4, 1}, func(_, mean uint8) uint8 { return mean })
}

// sharpen strokes that a camera has blurred, by what sets them apart from their surroundings.
func sharpen(grey *image.Gray) *image.Gray {
	return convolve(grey, []int32{1, 6, 15, 20, 15, 6, 1}, func(level, mean uint8) uint8 {
		return uint8(min(max(2*int(level)-int(mean), 0), 255))
	})
}

// convolve averages by the weights across and down, an odd number of them, and makes each pixel of its level and that mean.
func convolve(grey *image.Gray, weights []int32, pixel func(level, mean uint8) uint8) *image.Gray {
	w, h, radius := grey.Rect.Dx(), grey.Rect.Dy(), len(weights)/2
	total := int32(0)
	for _, weight := range weights {
		total += weight
	}
	out := image.NewGray(image.Rect(0, 0, w, h))
	sums := make([]int32, w+2*radius)
	for y := range h {
		clear(sums)
		for i, weight := range weights {
			row := grey.Pix[min(max(y+i-radius, 0), h-1)*grey.Stride:]
			for x, level := range row[:w] {
				sums[x+radius] += weight * int32(level)
			}
		}
		for i := range radius {
			sums[i], sums[w+radius+i] = sums[radius], sums[w+radius-1]
		}
		source, target := grey.Pix[y*grey.Stride:], out.Pix[y*out.Stride:]
		for x := range w {
			sum := total * total / 2
			for i, weight := range weights {
				sum += weight * sums[x+i]
			}
			target[x] = pixel(source[x], uint8(sum/(total*total)))
		}
	}
	return out
}

// specksAcross is the number of the largest specks of dirt that would fit side by side on a page: two pixels of A4 at 200 dpi
// square, less than half of the dots of its smallest print.
const specksAcross = 800

// removeSpecks whitens the smallest pieces of black, with corners that touch taken for one piece.
func removeSpecks(grey *image.Gray) *image.Gray {
	w, h := grey.Rect.Dx(), grey.Rect.Dy()
	out := image.NewGray(image.Rect(0, 0, w, h))
	for y := range h {
		copy(out.Pix[y*out.Stride:], grey.Pix[y*grey.Stride:y*grey.Stride+w])
	}
	side := max(1, min(w, h)/specksAcross)
	for y := range h {
		for x := range w {
			at := y*w + x
			// What hangs together with its neighbour was seen from there.
			if out.Pix[at] >= 128 || x > 0 && out.Pix[at-1] < 128 {
				continue
			}
			if speck := piece(out, image.Pt(x, y), side*side); speck != nil {
				for _, p := range speck {
					out.Pix[p.Y*w+p.X] = 255
				}
			}
		}
	}
	return out
}

// piece returns the black pixels that hang together with one, nil if there are more than most.
func piece(grey *image.Gray, from image.Point, most int) []image.Point {
	found := make([]image.Point, 0, 16)
	found = append(found, from)
	for i := 0; i < len(found); i++ {
		for y := found[i].Y - 1; y <= found[i].Y+1; y++ {
			for x := found[i].X - 1; x <= found[i].X+1; x++ {
				p := image.Pt(x, y)
				if !p.In(grey.Rect) || grey.Pix[y*grey.Stride+x] >= 128 || slices.Contains(found, p) {
					continue
				}
				if len(found) == most {
					return nil
				}
				found = append(found, p)
			}
		}
	}
	return found
}
