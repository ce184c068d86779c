package scan

import (
	"image"

	"golang.org/x/image/draw"
)

const (
	// lightCell is the side in pixels of the squares in which light is measured: larger than a letter with its marks.
	lightCell = 48
	// evenLight is the difference of paper's greys over a page from which on its light is uneven.
	evenLight = 30
)

// evenOut divides an unevenly lit image, such as a photograph, by the light that falls on its paper. Others stay as they
// are.
func evenOut(grey *image.Gray) *image.Gray {
	size := grey.Rect.Size()
	if size.X < 2*lightCell || size.Y < 2*lightCell {
		return grey
	}
	light := image.NewGray(image.Rect(0, 0, size.X/lightCell, size.Y/lightCell))
	least, most := uint8(255), uint8(0)
	for y := range light.Rect.Dy() {
		for x := range light.Rect.Dx() {
			paper := paperOf(grey, image.Rect(x*lightCell, y*lightCell, (x+1)*lightCell, (y+1)*lightCell))
			light.Pix[y*light.Stride+x] = paper
			least, most = min(least, paper), max(most, paper)
		}
	}
	if most-least < evenLight {
		return grey
	}
	smooth := image.NewRGBA(grey.Rect)
	draw.ApproxBiLinear.Scale(smooth, smooth.Rect, light, light.Rect, draw.Src, nil)
	even := image.NewGray(grey.Rect)
	for y := range size.Y {
		for x := range size.X {
			value := 255 * int(grey.Pix[y*grey.Stride+x]) / max(1, int(smooth.Pix[y*smooth.Stride+4*x]))
			even.Pix[y*even.Stride+x] = uint8(min(255, value))
		}
	}
	return even
}

// paperOf an area is the grey that one pixel in ten is lighter than.
func paperOf(grey *image.Gray, area image.Rectangle) uint8 {
	var count [256]int
	for y := area.Min.Y; y < area.Max.Y; y++ {
		for _, value := range grey.Pix[y*grey.Stride+area.Min.X : y*grey.Stride+area.Max.X] {
			count[value]++
		}
	}
	lighter := 0
	for value := 255; value > 0; value-- {
		if lighter += count[value]; 10*lighter >= area.Dx()*area.Dy() {
			return uint8(value)
		}
	}
	return 0
}
