package engine

// #include "mupdf.h"
import "C"

import (
	"fmt"
	"image"
	"math"
)

// view of a page that stands upright.
type view struct {
	number int
	// size in pixels, scale in pixels a point.
	size  image.Point
	scale float64
	place C.fz_matrix
}

// upright is a page turned clockwise by so many degrees, at the scale in pixels a point that is told by its width and height in
// points as they are then.
func (s *source) upright(number, rotation int, scaleOf func(width, height float64) float64) (view, error) {
	left, top, right, bottom, err := s.bounds(number)
	if err != nil {
		return view{}, err
	}
	width, height := right-left, bottom-top
	if rotation%180 != 0 {
		width, height = height, width
	}
	if long := max(width, height); !(min(width, height) >= 0) || !(long > 0) || math.IsInf(long, 0) {
		return view{}, fmt.Errorf("draw page %d: it has no area", number)
	}
	scale := scaleOf(width, height)
	x := func(factor float64) C.float { return C.float(factor * scale) }
	var place C.fz_matrix
	switch rotation {
	case 0:
		place = C.fz_matrix{a: x(1), d: x(1), e: x(-left), f: x(-top)}
	case 90:
		place = C.fz_matrix{b: x(1), c: x(-1), e: x(bottom), f: x(-left)}
	case 180:
		place = C.fz_matrix{a: x(-1), d: x(-1), e: x(right), f: x(bottom)}
	case 270:
		place = C.fz_matrix{b: x(-1), c: x(1), e: x(-top), f: x(right)}
	default:
		return view{}, fmt.Errorf("draw page %d: it cannot be turned by %d degrees", number, rotation)
	}
	size := image.Pt(max(1, int(math.Round(width*scale))), max(1, int(math.Round(height*scale))))
	return view{number: number, size: size, scale: scale, place: place}, nil
}

// draw the page with its annotations into the pixels: in grey with a byte for each, or in colours with four.
func (v view) draw(s *source, colours int, pixels []byte) error {
	context, document := handles(s.fitz)
	if C.khocr_draw(context, document, C.int(v.number-1), v.place, C.int(v.size.X), C.int(v.size.Y), C.int(colours), (*C.uchar)(&pixels[0])) == 0 {
		return fmt.Errorf("draw page %d: the page is damaged", v.number)
	}
	return nil
}
