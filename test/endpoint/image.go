package endpoint

import (
	"bytes"
	"image"
	"image/jpeg"
	"image/png"
)

// PageImage is an empty page n as an image of the media type, for tests that need nobody to read it. Its longer side has as many
// pixels.
func PageImage(page, side int, mediaType string) []byte {
	return encode(side*Width(page)/Height, side, mediaType)
}

// LineImage is an empty line of a shape.
func LineImage(aspect float64, mediaType string) []byte {
	const height = 64
	return encode(int(aspect*height), height, mediaType)
}

func encode(width, height int, mediaType string) []byte {
	paper := image.NewGray(image.Rect(0, 0, width, height))
	for i := range paper.Pix {
		paper.Pix[i] = 0xff
	}
	var encoded bytes.Buffer
	// Neither fails on such an image, nor does the buffer.
	if mediaType == "image/png" {
		_ = png.Encode(&encoded, paper)
	} else {
		_ = jpeg.Encode(&encoded, paper, nil)
	}
	return encoded.Bytes()
}
