package searchable

import (
	"encoding/binary"
	"fmt"
	"io"
)

// Colour types of PNG.
const (
	pngGrey    = 0
	pngRGB     = 2
	pngIndexed = 3
)

// readPNG embeds a PNG's own compressed data, which are what PDF's Flate filter with a PNG predictor takes. Not so with
// transparency or interlacing.
func readPNG(content io.ReaderAt, size int64) ([]*picturePage, error) {
	var head, palette []byte
	var data []io.Reader
	var length int64
	for at := int64(8); at+12 <= size; {
		var start [8]byte
		if _, err := content.ReadAt(start[:], at); err != nil {
			return nil, fmt.Errorf("read a chunk: %w", err)
		}
		chunk := int64(binary.BigEndian.Uint32(start[:]))
		if at+12+chunk > size {
			return nil, fmt.Errorf("%w: a chunk is cut off", errSyntax)
		}
		body := io.NewSectionReader(content, at+8, chunk)
		switch kind := string(start[4:]); kind {
		case "IHDR", "PLTE":
			if chunk > 3*256 {
				return nil, fmt.Errorf("%w: %s", errSyntax, kind)
			}
			read, err := io.ReadAll(body)
			if err != nil {
				return nil, fmt.Errorf("read a chunk: %w", err)
			}
			if kind == "IHDR" {
				head = read
			} else {
				palette = read
			}
		case "tRNS":
			return nil, errNotEmbedded
		case "IDAT":
			data = append(data, body)
			length += chunk
		}
		at += 12 + chunk
	}
	if len(head) != 13 || length == 0 {
		return nil, fmt.Errorf("%w: no header or no data", errSyntax)
	}
	width, height := int(binary.BigEndian.Uint32(head)), int(binary.BigEndian.Uint32(head[4:]))
	bits, colours, interlaced := int(head[8]), head[9], head[12] != 0
	made := imageHead(width, height, bits)
	components := 1
	switch {
	case interlaced:
		return nil, errNotEmbedded
	case colours == pngGrey:
		made["ColorSpace"] = name("DeviceGray")
	case colours == pngRGB:
		made["ColorSpace"] = name("DeviceRGB")
		components = 3
	case colours == pngIndexed && len(palette) >= 3:
		made["ColorSpace"] = indexed(palette)
	default:
		return nil, errNotEmbedded
	}
	made["Filter"] = name("FlateDecode")
	made["DecodeParms"] = predicted("15", components, bits, width)
	page := onePicture(width, height, 1, block{
		head: made, length: length,
		data: func() (io.Reader, error) { return io.MultiReader(data...), nil },
	})
	return []*picturePage{page}, nil
}

func indexed(palette []byte) array {
	return array{name("Indexed"), name("DeviceRGB"), integer(int64(len(palette)/3 - 1)), text(palette)}
}

func predicted(predictor number, components, bits, width int) dict {
	return dict{
		"Predictor": predictor, "Colors": integer(int64(components)), "BitsPerComponent": integer(int64(bits)),
		"Columns": integer(int64(width)),
	}
}
