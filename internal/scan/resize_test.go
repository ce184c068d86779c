package scan

import (
	"image"
	"image/color"
	"math/rand/v2"
	"testing"

	"golang.org/x/image/draw"
)

func TestResizeDrawsAsTheLibraryDoes(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	source := image.NewGray(image.Rect(0, 0, 90, 40))
	for i := range source.Pix {
		source.Pix[i] = uint8(255 * random.IntN(2))
	}
	for _, size := range []image.Point{{41, 18}, {200, 88}, {90, 18}, {33, 40}, {90, 40}, {1, 1}} {
		resized, expected := resize(source, size.X, size.Y), image.NewRGBA(image.Rectangle{Max: size})
		draw.CatmullRom.Scale(expected, expected.Rect, source, source.Rect, draw.Src, nil)
		for y := range size.Y {
			for x := range size.X {
				// A level is rounded another way.
				got, want := int(resized.GrayAt(x, y).Y), int(expected.RGBAAt(x, y).R)
				if got < want-1 || got > want+1 {
					t.Fatalf("%v: pixel %d, %d is %d, want %d", size, x, y, got, want)
				}
			}
		}
	}
}

func TestResizeKeepsPaper(t *testing.T) {
	source := image.NewGray(image.Rect(0, 0, 3, 7))
	for i := range source.Pix {
		source.Pix[i] = 201
	}
	for _, size := range []image.Point{{1, 2}, {5, 36}, {2, 300}} {
		for _, level := range resize(source, size.X, size.Y).Pix {
			if level != 201 {
				t.Errorf("%v: paper is %v", size, color.Gray{Y: level})
			}
		}
	}
}
