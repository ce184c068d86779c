package searchable

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/bits"
)

// Tags of TIFF 6.0.
const (
	tagWidth           = 256
	tagHeight          = 257
	tagBitsPerSample   = 258
	tagCompression     = 259
	tagPhotometric     = 262
	tagFillOrder       = 266
	tagStripOffsets    = 273
	tagOrientation     = 274
	tagSamplesPerPixel = 277
	tagRowsPerStrip    = 278
	tagStripByteCounts = 279
	tagPlanar          = 284
	tagGroup3Options   = 292
	tagPredictor       = 317
	tagColorMap        = 320
	tagTileWidth       = 322
	tagTileHeight      = 323
	tagTileOffsets     = 324
	tagTileByteCounts  = 325
	tagExtraSamples    = 338
	tagJPEGTables      = 347
)

// Compressions of TIFF.
const (
	tiffPlain    = 1
	tiffGroup3   = 3
	tiffGroup4   = 4
	tiffLZW      = 5
	tiffJPEG     = 7
	tiffDeflate  = 8
	tiffPackBits = 32773
	tiffDeflate2 = 32946
)

// Photometric interpretations of TIFF.
const (
	tiffWhiteIsZero = 0
	tiffBlackIsZero = 1
	tiffRGB         = 2
	tiffPalette     = 3
	tiffCMYK        = 5
	tiffYCbCr       = 6
)

const (
	maxDirectories = 5000
	// maxBlocks is the number of strips or tiles beyond which an image is drawn instead.
	maxBlocks = 4096
	// maxValues of one tag, whose sizes are of a palette or of strips.
	maxValues = 1 << 16
)

// directory holds the values of one image's tags.
type directory map[uint16][]int64

func (d directory) value(tag uint16, otherwise int64) int64 {
	if values := d[tag]; len(values) > 0 {
		return values[0]
	}
	return otherwise
}

func (d directory) orientation() int {
	if value := d.value(tagOrientation, 1); value >= 1 && value <= 8 {
		return int(value)
	}
	return 1
}

// readDirectories reads the images' tags, in order, as far as they are whole numbers.
func readDirectories(content io.ReaderAt, size int64, most int) ([]directory, error) {
	head := make([]byte, 8)
	if _, err := content.ReadAt(head, 0); err != nil {
		return nil, fmt.Errorf("read the header: %w", err)
	}
	var order binary.ByteOrder = binary.LittleEndian
	if head[0] == 'M' {
		order = binary.BigEndian
	}
	var found []directory
	seen := map[int64]bool{}
	for at := int64(order.Uint32(head[4:])); at != 0 && len(found) < most; {
		if seen[at] {
			return nil, fmt.Errorf("%w: directories in a circle", errSyntax)
		}
		seen[at] = true
		var count [2]byte
		if _, err := content.ReadAt(count[:], at); err != nil {
			return nil, fmt.Errorf("read a directory: %w", err)
		}
		entries := make([]byte, 12*int(order.Uint16(count[:]))+4)
		if n, err := content.ReadAt(entries, at+2); err != nil && (!errors.Is(err, io.EOF) || n < len(entries)-4) {
			return nil, fmt.Errorf("read a directory: %w", err)
		}
		tags := directory{}
		for ; len(entries) >= 16; entries = entries[12:] {
			values, err := tagValues(content, entries[:12], order, size)
			if err != nil {
				return nil, err
			}
			tags[order.Uint16(entries)] = values
		}
		found = append(found, tags)
		at = int64(order.Uint32(entries))
	}
	return found, nil
}

// widths in bytes of the types of values that are whole numbers: BYTE, SHORT, LONG and UNDEFINED.
var tagWidths = map[uint16]int64{1: 1, 3: 2, 4: 4, 7: 1}

func tagValues(content io.ReaderAt, entry []byte, order binary.ByteOrder, size int64) ([]int64, error) {
	width := tagWidths[order.Uint16(entry[2:])]
	count := int64(order.Uint32(entry[4:]))
	if width == 0 || count > maxValues {
		return nil, nil
	}
	data := entry[8:12]
	if width*count > 4 {
		at := int64(order.Uint32(data))
		if at+width*count > size {
			return nil, fmt.Errorf("%w: values beyond the end", errSyntax)
		}
		data = make([]byte, width*count)
		if _, err := content.ReadAt(data, at); err != nil && !errors.Is(err, io.EOF) {
			return nil, fmt.Errorf("read the values of a tag: %w", err)
		}
	}
	values := make([]int64, count)
	for i := range values {
		switch width {
		case 1:
			values[i] = int64(data[i])
		case 2:
			values[i] = int64(order.Uint16(data[2*i:]))
		default:
			values[i] = int64(order.Uint32(data[4*i:]))
		}
	}
	return values, nil
}

// readTIFF embeds the strips or tiles of each image as images of their own, without decoding them. Images for which that
// cannot be done are nil.
func readTIFF(content io.ReaderAt, size int64) ([]*picturePage, error) {
	directories, err := readDirectories(content, size, maxDirectories)
	if err != nil {
		return nil, err
	}
	var order [1]byte
	if _, err := content.ReadAt(order[:], 0); err != nil {
		return nil, fmt.Errorf("read the header: %w", err)
	}
	pages := make([]*picturePage, len(directories))
	for i, tags := range directories {
		// One that cannot be embedded is drawn.
		pages[i], _ = tags.page(content, size, order[0] == 'M')
	}
	return pages, nil
}

// page embeds one image.
func (d directory) page(content io.ReaderAt, size int64, bigEndian bool) (*picturePage, error) {
	width, height := d.value(tagWidth, 0), d.value(tagHeight, 0)
	blockWidth, blockHeight := width, min(d.value(tagRowsPerStrip, height), height)
	offsets, lengths := d[tagStripOffsets], d[tagStripByteCounts]
	tiled := len(d[tagTileOffsets]) > 0
	if tiled {
		blockWidth, blockHeight = d.value(tagTileWidth, 0), d.value(tagTileHeight, 0)
		offsets, lengths = d[tagTileOffsets], d[tagTileByteCounts]
	}
	if width < 1 || height < 1 || blockWidth < 1 || blockHeight < 1 || len(offsets) != len(lengths) || len(offsets) > maxBlocks {
		return nil, errNotEmbedded
	}
	across := (width + blockWidth - 1) / blockWidth
	if int64(len(offsets)) != across*((height+blockHeight-1)/blockHeight) {
		return nil, errNotEmbedded
	}
	page := &picturePage{width: int(width), height: int(height), orientation: d.orientation()}
	for i, offset := range offsets {
		if offset+lengths[i] > size {
			return nil, fmt.Errorf("%w: a strip beyond the end", errSyntax)
		}
		x, y := int64(i)%across*blockWidth, int64(i)/across*blockHeight
		rows := blockHeight
		if !tiled {
			rows = min(rows, height-y)
		}
		made, err := d.block(io.NewSectionReader(content, offset, lengths[i]), blockWidth, rows, bigEndian)
		if err != nil {
			return nil, err
		}
		// What a tile has beyond the edge lies outside of the page.
		w, h := float64(width), float64(height)
		made.place = matrix{float64(blockWidth) / w, 0, 0, float64(rows) / h, float64(x) / w, 1 - float64(y+rows)/h}
		page.blocks = append(page.blocks, made)
	}
	return page, nil
}

// block embeds one strip or tile.
func (d directory) block(data *io.SectionReader, width, height int64, bigEndian bool) (block, error) {
	components := int(d.value(tagSamplesPerPixel, 1))
	depth := int(d.value(tagBitsPerSample, 1))
	for _, other := range d[tagBitsPerSample] {
		if int(other) != depth {
			return block{}, errNotEmbedded
		}
	}
	predictor := d.value(tagPredictor, 1)
	if d.value(tagPlanar, 1) != 1 && components > 1 || len(d[tagExtraSamples]) > 0 || predictor > 2 || depth == 16 && !bigEndian {
		return block{}, errNotEmbedded
	}
	head := imageHead(int(width), int(height), depth)
	made := block{head: head, length: data.Size(), data: func() (io.Reader, error) { return data, nil }}
	reversed := d.value(tagFillOrder, 1) == 2
	if err := d.colours(head, components, depth); err != nil {
		return block{}, err
	}
	switch compression := d.value(tagCompression, tiffPlain); compression {
	case tiffGroup3, tiffGroup4:
		if components != 1 || depth != 1 {
			return block{}, errNotEmbedded
		}
		// The colours of fax are told by BlackIs1 alone.
		delete(head, "Decode")
		head["Filter"], head["DecodeParms"] = name("CCITTFaxDecode"), d.fax(compression, width, height)
		if reversed {
			made.reverse()
		}
		return made, nil
	case tiffJPEG:
		return d.jpegBlock(head, data)
	case tiffLZW, tiffDeflate, tiffDeflate2:
		var start [2]byte
		_, _ = data.ReadAt(start[:], 0)
		if compression == tiffLZW && start[0] == 0 && start[1]&1 == 1 {
			return block{}, errNotEmbedded // from before TIFF 5, with its bits the other way round
		}
		head["Filter"] = name("FlateDecode")
		if compression == tiffLZW {
			head["Filter"] = name("LZWDecode")
		}
		if predictor == 2 {
			head["DecodeParms"] = predicted("2", components, depth, int(width))
		}
	case tiffPackBits:
		head["Filter"] = name("RunLengthDecode")
	case tiffPlain:
	default:
		return block{}, errNotEmbedded
	}
	if reversed {
		return block{}, errNotEmbedded
	}
	return made, nil
}

// colours tells the image's colour space.
func (d directory) colours(head dict, components, depth int) error {
	switch photometric := d.value(tagPhotometric, tiffWhiteIsZero); {
	case depth != 1 && depth != 2 && depth != 4 && depth != 8 && depth != 16:
		return errNotEmbedded
	case photometric == tiffWhiteIsZero && components == 1:
		head["ColorSpace"], head["Decode"] = name("DeviceGray"), inverted(1)
	case photometric == tiffBlackIsZero && components == 1:
		head["ColorSpace"] = name("DeviceGray")
	case photometric == tiffRGB && components == 3:
		head["ColorSpace"] = name("DeviceRGB")
	case photometric == tiffYCbCr && components == 3 && d.value(tagCompression, tiffPlain) == tiffJPEG:
		head["ColorSpace"] = name("DeviceRGB")
	case photometric == tiffCMYK && components == 4:
		head["ColorSpace"] = name("DeviceCMYK")
	case photometric == tiffPalette && components == 1 && depth <= 8 && len(d[tagColorMap]) == 3<<depth:
		colours, count := d[tagColorMap], 1<<depth
		palette := make([]byte, 0, 3*count)
		for i := range count {
			palette = append(palette, byte(colours[i]>>8), byte(colours[count+i]>>8), byte(colours[2*count+i]>>8))
		}
		head["ColorSpace"] = indexed(palette)
	default:
		return errNotEmbedded
	}
	return nil
}

func (d directory) fax(compression, width, height int64) dict {
	parameters := dict{"Columns": integer(width), "Rows": integer(height), "K": number("-1"), "BlackIs1": d.value(tagPhotometric, 0) == tiffBlackIsZero}
	if compression == tiffGroup3 {
		parameters["K"] = number0
		options := d.value(tagGroup3Options, 0)
		if options&1 != 0 {
			parameters["K"] = number("1")
		}
		parameters["EncodedByteAlign"] = options&4 != 0
	}
	return parameters
}

// reverse the bits of each byte.
func (b *block) reverse() {
	read := b.data
	b.data = func() (io.Reader, error) {
		source, err := read()
		if err != nil {
			return nil, err
		}
		data, err := io.ReadAll(source)
		if err != nil {
			return nil, fmt.Errorf("read a strip: %w", err)
		}
		for i := range data {
			data[i] = bits.Reverse8(data[i])
		}
		return bytes.NewReader(data), nil
	}
}

// jpegBlock puts the tables that the strips share into each of them.
func (d directory) jpegBlock(head dict, data *io.SectionReader) (block, error) {
	if data.Size() < 4 {
		return block{}, errNotEmbedded
	}
	found, err := readFrame(data, data.Size())
	if err != nil {
		return block{}, err
	}
	head["Filter"] = name("DCTDecode")
	head["BitsPerComponent"] = number("8")
	// The frame may be higher than the last strip is.
	head["Width"], head["Height"] = integer(int64(found.width)), integer(int64(found.height))
	if photometric := d.value(tagPhotometric, tiffWhiteIsZero); photometric == tiffRGB || photometric == tiffCMYK {
		head["DecodeParms"] = dict{"ColorTransform": number0}
	}
	tables := make([]byte, 0, len(d[tagJPEGTables]))
	for _, value := range d[tagJPEGTables] {
		tables = append(tables, byte(value))
	}
	const soi = 2
	// Without their own begin and end.
	tables = bytes.TrimSuffix(tables[min(soi, len(tables)):], []byte{0xff, 0xd9})
	return block{head: head, length: data.Size() + int64(len(tables)), data: func() (io.Reader, error) {
		return io.MultiReader(io.NewSectionReader(data, 0, soi), bytes.NewReader(tables), io.NewSectionReader(data, soi, data.Size()-soi)), nil
	}}, nil
}
