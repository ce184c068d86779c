package main

import (
	"bytes"
	"encoding/binary"
	"image"
	"image/png"
)

// sample is a line to learn from.
type sample struct {
	strip *image.Gray
	text  string
}

// serialise samples as a file of Tesseract's trainer (DocumentData of src/ccstruct/imagedata.cpp of Tesseract 5).
func serialise(samples []sample) []byte {
	var out bytes.Buffer
	number := func(value any) { _ = binary.Write(&out, binary.LittleEndian, value) } // a buffer takes everything
	text := func(value []byte) {
		number(uint32(len(value)))
		out.Write(value)
	}
	number(uint32(len(samples)))
	for i, sample := range samples {
		var picture bytes.Buffer
		_ = png.Encode(&picture, sample.strip) // fails on an image without pixels alone, and no line is empty
		number(int8(1))                        // there is a page
		text(nil)                              // the name of its image
		number(int32(i))
		text(picture.Bytes())
		text([]byte("khm"))
		text([]byte(sample.text))
		number(uint32(0)) // boxes
		number(uint32(0)) // texts of boxes
		number(int8(0))   // not written from top to bottom
	}
	return out.Bytes()
}
