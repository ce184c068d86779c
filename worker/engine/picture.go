package engine

import (
	"bytes"
	"image"
	"image/jpeg"
	"image/png"
	"math"

	"golang.org/x/image/draw"

	"github.com/openplp/khocr/internal/document"
	"github.com/openplp/khocr/internal/workerport"
	"github.com/openplp/khocr/worker/wire"
)

const (
	// maxDrawScale keeps a small page from being enlarged to a blur that costs a model more, in pixels a point.
	maxDrawScale = 300.0 / 72
	// lineHeight in pixels is what the lines of a page are drawn with: the marks of Khmer letters, a sixth of it, have some pixels.
	lineHeight = 64
	// lineDPI is the least resolution that lines are drawn at, maxLineDPI the highest: beyond it small print is a blur.
	lineDPI    = printDPI
	maxLineDPI = 600
	// maxLineEnlargement of a line that is still lower when its page has as many pixels as it may have.
	maxLineEnlargement = 3
	// lineMargin is how much of a line's height is shown around it: boxes may cut what hangs above and below.
	lineMargin = 0.2
	// leastSide in pixels of an image that is drawn smaller so that it has few bytes.
	leastSide = 16
)

// drawQualities of JPEG, best first. At the first one the marks of small type are as sharp as they were.
var drawQualities = []int{85, 70, 50}

// pictures of a page, or of lines of it, for an AI model. Grey: print is, and models take no more notice of coloured paper than
// the recogniser does.
func (s *source) pictures(request wire.Draw) *wire.Drawn {
	if request.MaxSide < 1 {
		return new(wire.Drawn)
	}
	if len(request.Boxes) == 0 {
		grey, _, err := s.drawUpright(request.Number, request.Rotation, func(width, height float64) float64 {
			return min(float64(request.MaxSide)/max(width, height), maxDrawScale)
		})
		if err != nil {
			return new(wire.Drawn)
		}
		return &wire.Drawn{Images: []wire.Image{encodeWithin(grey, request.MediaType, workerport.MaxImageBytes)}}
	}
	grey, scale, err := s.drawUpright(request.Number, request.Rotation, func(_, _ float64) float64 { return scaleForLines(request.Boxes) })
	if err != nil {
		return new(wire.Drawn)
	}
	drawn := &wire.Drawn{Images: make([]wire.Image, len(request.Boxes))}
	for i, box := range request.Boxes {
		if strip := cut(grey, lineRect(box, scale, grey.Rect), request.MaxSide); strip != nil {
			drawn.Images[i] = encodeWithin(strip, request.MediaType, workerport.MaxImageBytes/len(request.Boxes))
		}
	}
	return drawn
}

// drawUpright draws a page in grey, smaller where it would have too many pixels, and tells the scale in pixels a point.
func (s *source) drawUpright(number, rotation int, scaleOf func(width, height float64) float64) (*image.Gray, float64, error) {
	view, err := s.upright(number, rotation, func(width, height float64) float64 {
		scale := min(scaleOf(width, height), maxSide/max(width, height))
		if pixels := width * height * scale * scale; pixels > maxPixels {
			scale *= math.Sqrt(maxPixels / pixels)
		}
		return scale
	})
	if err != nil {
		return nil, 0, err
	}
	grey := image.NewGray(image.Rectangle{Max: view.size})
	return grey, view.scale, view.draw(s, 0, grey.Pix)
}

// scaleForLines in pixels a point shows the lowest of the lines well.
func scaleForLines(boxes []document.Box) float64 {
	lowest := math.Inf(1)
	for _, box := range boxes {
		if height := box[3] - box[1]; height > 0 {
			lowest = min(lowest, height)
		}
	}
	return max(lineDPI, min(72*lineHeight/lowest, maxLineDPI)) / 72
}

// lineRect is the part of the page's image with a line and what is around it; empty where the box is none, or elsewhere.
func lineRect(box document.Box, scale float64, page image.Rectangle) image.Rectangle {
	margin := lineMargin * (box[3] - box[1])
	if !(box[2] > box[0]) || !(margin > 0) {
		return image.Rectangle{}
	}
	within := func(edge float64, most int) int { return int(max(0, min(math.Round(edge*scale), float64(most)))) }
	return image.Rect(
		within(box[0]-margin, page.Max.X), within(box[1]-margin, page.Max.Y),
		within(box[2]+margin, page.Max.X), within(box[3]+margin, page.Max.Y))
}

// cut a line out of the image of its page, with at most so many pixels a side; nil where there is nothing. A low one is enlarged.
func cut(page *image.Gray, part image.Rectangle, most int) *image.Gray {
	if part.Empty() {
		return nil
	}
	strip := page.SubImage(part).(*image.Gray)
	size := part.Size()
	scale := min(max(1, min(float64(lineHeight)/float64(size.Y), maxLineEnlargement)), float64(most)/float64(max(size.X, size.Y)))
	if scale == 1 {
		return strip
	}
	scaled := image.NewGray(image.Rect(0, 0, max(1, int(float64(size.X)*scale)), max(1, int(float64(size.Y)*scale))))
	// It takes no memory but that of its result.
	draw.ApproxBiLinear.Scale(scaled, scaled.Rect, strip, strip.Rect, draw.Src, nil)
	return scaled
}

// encodeWithin makes an image of at most so many bytes: in the media type if it fits, else as a JPEG, of less quality and at
// last with fewer pixels. The image has no content where nothing fits.
func encodeWithin(grey *image.Gray, mediaType string, most int) wire.Image {
	var encoded bytes.Buffer
	if mediaType == "image/png" && png.Encode(&encoded, grey) == nil && encoded.Len() <= most {
		return wire.Image{MediaType: mediaType, Content: encoded.Bytes()}
	}
	for {
		for _, quality := range drawQualities {
			encoded.Reset()
			if jpeg.Encode(&encoded, grey, &jpeg.Options{Quality: quality}) == nil && encoded.Len() <= most {
				return wire.Image{MediaType: "image/jpeg", Content: encoded.Bytes()}
			}
		}
		if min(grey.Rect.Dx(), grey.Rect.Dy()) < 2*leastSide {
			return wire.Image{}
		}
		grey = halve(grey)
	}
}

// halve the sides of an image: each pixel is the mean of four.
func halve(grey *image.Gray) *image.Gray {
	half := image.NewGray(image.Rect(0, 0, grey.Rect.Dx()/2, grey.Rect.Dy()/2))
	for y := range half.Rect.Dy() {
		above, below := grey.Pix[2*y*grey.Stride:], grey.Pix[(2*y+1)*grey.Stride:]
		for x := range half.Rect.Dx() {
			sum := int(above[2*x]) + int(above[2*x+1]) + int(below[2*x]) + int(below[2*x+1])
			half.Pix[y*half.Stride+x] = uint8((sum + 2) / 4)
		}
	}
	return half
}
