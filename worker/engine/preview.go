package engine

// #include "mupdf.h"
import "C"

import (
	"bytes"
	"fmt"
	"image"
	"image/jpeg"
	"math"

	"github.com/openplp/khocr/internal/workerport"
	"github.com/openplp/khocr/worker/wire"
)

const (
	// previewSide is the long side of a preview in pixels: small type on A4 can be made out, and is compared with the text beside it.
	previewSide = 1100
	// maxPreviewScale keeps a small page, such as a card, from being enlarged to a blur, in pixels a point.
	maxPreviewScale = 200.0 / 72
	// previewQuality of JPEG: below it the marks of small type blur, above it files grow by half for what nobody sees.
	previewQuality = 60
	// greyTolerance is by how much the colours of a pixel may differ on a page without colour: scanners tint what is grey.
	greyTolerance = 12
	// fewPixels is the share of pixels with colour up to which a page has none: the fringes of a scanner's letters.
	fewPixels = 0.0005
)

// preview of a page for people: small, upright, in colours where it has any. Empty where it cannot be drawn.
func (s *source) preview(request wire.Preview) *wire.Picture {
	drawn, err := s.drawSmall(request.Number, request.Rotation)
	if err != nil {
		return new(wire.Picture)
	}
	var shown image.Image = drawn
	if grey := withoutColour(drawn); grey != nil {
		shown = grey
	}
	var encoded bytes.Buffer
	if err := jpeg.Encode(&encoded, shown, &jpeg.Options{Quality: previewQuality}); err != nil || encoded.Len() > workerport.MaxPreviewBytes {
		return new(wire.Picture)
	}
	return &wire.Picture{JPEG: encoded.Bytes()}
}

// drawSmall draws a page with its annotations, turned clockwise by so many degrees.
func (s *source) drawSmall(number, rotation int) (*image.RGBA, error) {
	left, top, right, bottom, err := s.bounds(number)
	if err != nil {
		return nil, err
	}
	long := max(right-left, bottom-top)
	if !(long > 0) || math.IsInf(long, 0) {
		return nil, fmt.Errorf("draw page %d: it has no area", number)
	}
	scale := min(previewSide/long, maxPreviewScale)
	width, height := max(1, int(math.Round((right-left)*scale))), max(1, int(math.Round((bottom-top)*scale)))
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
		return nil, fmt.Errorf("draw page %d: it cannot be turned by %d degrees", number, rotation)
	}
	if rotation%180 != 0 {
		width, height = height, width
	}
	drawn := image.NewRGBA(image.Rect(0, 0, width, height))
	context, document := handles(s.fitz)
	if C.khocr_draw(context, document, C.int(number-1), place, C.int(width), C.int(height), 1, (*C.uchar)(&drawn.Pix[0])) == 0 {
		return nil, fmt.Errorf("draw page %d: the page is damaged", number)
	}
	return drawn, nil
}

// withoutColour is the image in grey, nil where it has colour. An image in grey takes half of the time to be encoded.
func withoutColour(drawn *image.RGBA) *image.Gray {
	grey := image.NewGray(drawn.Rect)
	few := int(fewPixels * float64(len(grey.Pix)))
	for i := range grey.Pix {
		pixel := drawn.Pix[4*i : 4*i+3 : 4*i+3]
		r, g, b := pixel[0], pixel[1], pixel[2]
		if r == g && g == b { // most of a page is white
			grey.Pix[i] = r
			continue
		}
		if max(r, g, b)-min(r, g, b) > greyTolerance {
			if few--; few < 0 {
				return nil
			}
		}
		grey.Pix[i] = uint8((299*uint(r) + 587*uint(g) + 114*uint(b) + 500) / 1000)
	}
	return grey
}
