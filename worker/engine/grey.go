package engine

import (
	"encoding/binary"
	"image"
)

// turn the image clockwise by 0, 90, 180 or 270 degrees.
func turn(source *image.Gray, degrees int) *image.Gray {
	if degrees == 0 {
		return source
	}
	w, h := source.Rect.Dx(), source.Rect.Dy()
	target := image.NewGray(image.Rect(0, 0, w, h))
	if degrees != 180 {
		target = image.NewGray(image.Rect(0, 0, h, w))
	}
	for y := range h {
		for x := range w {
			var at int
			switch degrees {
			case 90:
				at = x*target.Stride + h - 1 - y
			case 180:
				at = (h-1-y)*target.Stride + w - 1 - x
			case 270:
				at = (w-1-x)*target.Stride + y
			}
			target.Pix[at] = source.Pix[y*source.Stride+x]
		}
	}
	return target
}

// encodeSPIX writes the image as Leptonica keeps it in memory (its spixio.c), so that Tesseract's libraries need only copy it. They
// read a portable grey map byte by byte, which takes a hundredth of a page's time, and a PNG takes as long as the page.
func encodeSPIX(grey *image.Gray) []byte {
	w, h := grey.Rect.Dx(), grey.Rect.Dy()
	words := (w + 3) / 4
	out := append(make([]byte, 0, 28+4*words*h), "spix"...)
	// The depth in bits, the words in a row, no colours, and the bytes of all rows.
	for _, value := range []int{w, h, 8, words, 0, 4 * words * h} {
		out = binary.NativeEndian.AppendUint32(out, uint32(value))
	}
	for y := range h {
		row := grey.Pix[y*grey.Stride:][:w]
		for ; len(row) >= 4; row = row[4:] {
			out = binary.NativeEndian.AppendUint32(out, binary.BigEndian.Uint32(row))
		}
		if len(row) > 0 {
			var last [4]byte
			copy(last[:], row)
			out = binary.NativeEndian.AppendUint32(out, binary.BigEndian.Uint32(last[:]))
		}
	}
	return out
}
