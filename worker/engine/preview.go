package engine

import (
	"bytes"
	"image"
	"image/jpeg"

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
	view, err := s.upright(number, rotation, func(width, height float64) float64 {
		return min(previewSide/max(width, height), maxPreviewScale)
	})
	if err != nil {
		return nil, err
	}
	drawn := image.NewRGBA(image.Rectangle{Max: view.size})
	return drawn, view.draw(s, 1, drawn.Pix)
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
