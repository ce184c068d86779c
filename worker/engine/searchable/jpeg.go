package searchable

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// maxMarkers bounds how far into a JPEG its frame is looked for, in bytes.
const maxMarkers = 16 << 20

// readJPEG embeds a JPEG as it is.
func readJPEG(content io.ReaderAt, size int64) ([]*picturePage, error) {
	frame, err := readFrame(content, size)
	if err != nil {
		return nil, err
	}
	page := onePicture(frame.width, frame.height, frame.orientation, block{
		head: frame.head(), length: size,
		data: func() (io.Reader, error) { return io.NewSectionReader(content, 0, size), nil },
	})
	return []*picturePage{page}, nil
}

// frame is what the markers of a JPEG tell.
type frame struct {
	width, height, components int
	// adobe: the file has Adobe's marker, and its CMYK is then stored inverted.
	adobe       bool
	orientation int
}

func (f frame) head() dict {
	head := imageHead(f.width, f.height, 8)
	head["Filter"] = name("DCTDecode")
	switch f.components {
	case 1:
		head["ColorSpace"] = name("DeviceGray")
	case 3:
		head["ColorSpace"] = name("DeviceRGB")
	default:
		head["ColorSpace"] = name("DeviceCMYK")
		if f.adobe {
			head["Decode"] = inverted(4)
		}
	}
	return head
}

// inverted is the decoding of so many components whose highest value is none of the colour.
func inverted(components int) array {
	var decode array
	for range components {
		decode = append(decode, number("1"), number0)
	}
	return decode
}

// readFrame reads markers up to the frame's. Only what DCTDecode knows is good: 8 bits, sequential or progressive, Huffman.
func readFrame(content io.ReaderAt, size int64) (frame, error) {
	found := frame{orientation: 1}
	for at := int64(2); at < min(size, maxMarkers); {
		var marker [4]byte
		if _, err := content.ReadAt(marker[:], at); err != nil {
			return found, fmt.Errorf("read a marker: %w", err)
		}
		if marker[0] != 0xff {
			return found, fmt.Errorf("%w: no marker", errSyntax)
		}
		if marker[1] == 0xff {
			at++ // fill bytes
			continue
		}
		length := int64(binary.BigEndian.Uint16(marker[2:]))
		segment := make([]byte, max(length-2, 0))
		if _, err := content.ReadAt(segment, at+4); err != nil && !errors.Is(err, io.EOF) {
			return found, fmt.Errorf("read a marker: %w", err)
		}
		switch code := marker[1]; {
		case code == 0xe1 && bytes.HasPrefix(segment, []byte("Exif\x00\x00")):
			found.orientation = exifOrientation(segment[6:])
		case code == 0xee && bytes.HasPrefix(segment, []byte("Adobe")):
			found.adobe = true
		case code >= 0xc0 && code <= 0xc2:
			return found, found.read(segment)
		case code == 0xd9, code == 0xda, code > 0xc2 && code <= 0xcf && code != 0xc4 && code != 0xc8 && code != 0xcc:
			return found, errNotEmbedded
		}
		at += 2 + length
	}
	return found, errNotEmbedded
}

func (f *frame) read(segment []byte) error {
	if len(segment) < 6 {
		return fmt.Errorf("%w: frame", errSyntax)
	}
	f.height, f.width = int(binary.BigEndian.Uint16(segment[1:])), int(binary.BigEndian.Uint16(segment[3:]))
	f.components = int(segment[5])
	if segment[0] != 8 || f.width == 0 || f.height == 0 || f.components != 1 && f.components != 3 && f.components != 4 {
		return errNotEmbedded
	}
	return nil
}

// exifOrientation of an Exif block, which is a TIFF; 1 where it says none.
func exifOrientation(exif []byte) int {
	directories, err := readDirectories(bytes.NewReader(exif), int64(len(exif)), 1)
	if err != nil || len(directories) == 0 {
		return 1
	}
	return directories[0].orientation()
}
