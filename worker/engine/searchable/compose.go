package searchable

import (
	"bytes"
	"compress/zlib"
	"errors"
	"fmt"
	"image"
	"image/jpeg"
	"io"
	"math"

	"github.com/openplp/khocr/internal/document"
)

// errNotEmbedded: an image is of a kind that a PDF cannot hold as it is.
var errNotEmbedded = errors.New("the image cannot be embedded as it is")

// Drawing is a document by the look of its pages, which are numbered from 1.
type Drawing struct {
	Content io.ReaderAt
	// Size of the content in bytes.
	Size  int64
	Pages int
	// Measure is a page's size in points, as it is shown.
	Measure func(number int) (width, height float64, err error)
	// Draw a page in colours. It is asked for pages that cannot be taken over as they are; one that it fails on is left blank.
	Draw func(number int) (*image.RGBA, error)
}

// Compose writes a whole PDF that looks like the document and can be searched. JPEG, PNG and TIFF images are embedded as they
// are stored where PDF knows their compression, and without loss otherwise; anything else is drawn, page by page, and stored
// as JPEG.
func Compose(source Drawing, results Results, to io.Writer) error {
	w := newWriter(to, 0, 1)
	_, _ = w.Write([]byte("%PDF-1.7\n%\xe2\xe3\xcf\xd3\n"))
	images, picture := source.images()
	catalog, tree := w.reserve(), w.reserve()
	font := w.writeFont()
	var kids array
	for number := 1; number <= source.Pages; number++ {
		var own *picturePage
		if number <= len(images) {
			own = images[number-1]
		}
		kid, err := w.composePage(source, number, own, picture, results, tree, font)
		if err != nil {
			return fmt.Errorf("compose page %d: %w", number, err)
		}
		kids = append(kids, kid)
	}
	w.put(tree, dict{"Type": name("Pages"), "Kids": kids, "Count": integer(int64(len(kids)))})
	w.put(catalog, dict{"Type": name("Catalog"), "Pages": tree})
	if err := w.finish(dict{"Root": catalog}, false); err != nil {
		return fmt.Errorf("write: %w", err)
	}
	return nil
}

// picturePage is a page that is an image, in one block or in several.
type picturePage struct {
	// width and height of the image in pixels, as it is stored.
	width, height int
	// orientation as in Exif and TIFF, from 1 to 8.
	orientation int
	blocks      []block
}

// fit gives the page the size in points that the image has at the whole resolution that MuPDF shows it at. What comes in was
// measured in pixels of another one.
func (p *picturePage) fit(width, height float64) (float64, float64) {
	across, down := p.width, p.height
	if p.orientation >= 5 {
		across, down = down, across
	}
	return fitSide(width, across), fitSide(height, down)
}

func fitSide(points float64, pixels int) float64 {
	resolution := math.Round(72 * float64(pixels) / points)
	if fitting := 72 * float64(pixels) / resolution; math.Abs(fitting-points) < 0.5 {
		return fitting
	}
	return points
}

// block is a part of an image as an image of its own.
type block struct {
	// place maps the unit square to the block's part of the unit square that is the whole image.
	place matrix
	head  dict
	// data are length bytes.
	length int64
	data   func() (io.Reader, error)
}

// images are the pages that can be embedded as they are; nil stands for others. picture is false where the document is none.
func (d Drawing) images() (pages []*picturePage, picture bool) {
	head := make([]byte, 8)
	n, _ := d.Content.ReadAt(head, 0)
	read := map[string]func(io.ReaderAt, int64) ([]*picturePage, error){
		"\xff\xd8\xff": readJPEG, "\x89PNG\r\n\x1a\n": readPNG, "II*\x00": readTIFF, "MM\x00*": readTIFF,
	}
	for magic, pagesOf := range read {
		if bytes.HasPrefix(head[:n], []byte(magic)) {
			// What cannot be embedded is drawn, whatever the reason.
			pages, _ := pagesOf(d.Content, d.Size)
			return pages, true
		}
	}
	return nil, false
}

func (w *writer) composePage(source Drawing, number int, own *picturePage, picture bool, results Results, tree, font ref) (ref, error) {
	result, err := results(number)
	if err != nil {
		return ref{}, fmt.Errorf("read its result: %w", err)
	}
	width, height := source.shown(number, result)
	if own == nil {
		if own, err = source.drawnPage(number, picture); err != nil {
			return ref{}, err
		}
	}
	if picture {
		width, height = own.fit(width, height)
	}
	objects := dict{}
	content := bytes.NewBufferString("")
	if result != nil && len(result.Lines) > 0 {
		shape := geometry{box: rectangle{0, 0, width, height}, unit: 1}
		content.Write(layer(result, shape.fromUpright(result.Width, result.Height, result.Rotation), "KhOCR"))
	}
	for i, part := range own.blocks {
		data, err := part.data()
		if err != nil {
			return ref{}, err
		}
		id := w.reserve()
		part.head["Type"], part.head["Subtype"] = name("XObject"), name("Image")
		w.putStream(id, part.head, part.length, data)
		key := name(fmt.Sprintf("Im%d", i))
		objects[key] = id
		content.WriteString("q ")
		for _, value := range part.place.then(oriented(own.orientation)).then(matrix{width, 0, 0, height, 0, 0}) {
			content.WriteString(precise(value) + " ")
		}
		fmt.Fprintf(content, "cm /%s Do Q\n", key)
	}
	shown := w.compressed(dict{}, content.Bytes())
	kid := w.add(dict{
		"Type": name("Page"), "Parent": tree, "Contents": shown,
		"MediaBox":  array{number0, number0, real(width), real(height)},
		"Resources": dict{"XObject": objects, "Font": dict{"KhOCR": font}},
	})
	return kid, w.err
}

const number0 = number("0")

// shown is the size of a page. The result tells it to a hundredth of a point. A page that cannot be measured is as large as
// one that does not say.
func (d Drawing) shown(number int, result *document.Page) (width, height float64) {
	if result == nil || result.Width <= 0 || result.Height <= 0 {
		width, height, err := d.Measure(number)
		if err != nil || width <= 0 || height <= 0 {
			return defaultBox[2], defaultBox[3]
		}
		return width, height
	}
	if result.Rotation%180 != 0 {
		return result.Height, result.Width
	}
	return result.Width, result.Height
}

// oriented maps the unit square of an image, as it is stored, to that of the image as it is shown.
func oriented(orientation int) matrix {
	switch orientation {
	case 2:
		return matrix{-1, 0, 0, 1, 1, 0}
	case 3:
		return matrix{-1, 0, 0, -1, 1, 1}
	case 4:
		return matrix{1, 0, 0, -1, 0, 1}
	case 5:
		return matrix{0, -1, -1, 0, 1, 1}
	case 6:
		return matrix{0, -1, 1, 0, 0, 1}
	case 7:
		return matrix{0, 1, 1, 0, 0, 0}
	case 8:
		return matrix{0, 1, -1, 0, 1, 0}
	default:
		return matrix{1, 0, 0, 1, 0, 0}
	}
}

// drawnQuality is the JPEG quality of pages that are drawn with loss.
const drawnQuality = 85

// drawnPage makes an image of a page. It is empty where the page cannot be drawn.
func (d Drawing) drawnPage(number int, lossless bool) (*picturePage, error) {
	drawn, err := d.Draw(number)
	if err != nil {
		return new(picturePage), nil
	}
	size := drawn.Rect.Size()
	head := imageHead(size.X, size.Y, 8)
	var data bytes.Buffer
	if lossless {
		head["Filter"] = name("FlateDecode")
		samples, space := samplesOf(drawn)
		head["ColorSpace"] = space
		compressor := zlib.NewWriter(&data)
		_, _ = compressor.Write(samples)
		_ = compressor.Close()
	} else {
		head["Filter"], head["ColorSpace"] = name("DCTDecode"), name("DeviceRGB")
		if err := jpeg.Encode(&data, drawn, &jpeg.Options{Quality: drawnQuality}); err != nil {
			return nil, fmt.Errorf("encode what was drawn: %w", err)
		}
	}
	only := block{head: head, length: int64(data.Len()), data: func() (io.Reader, error) { return &data, nil }}
	return onePicture(size.X, size.Y, 1, only), nil
}

// onePicture is a page whose image is one block.
func onePicture(width, height, orientation int, only block) *picturePage {
	only.place = matrix{1, 0, 0, 1, 0, 0}
	return &picturePage{width: width, height: height, orientation: orientation, blocks: []block{only}}
}

func imageHead(width, height, bits int) dict {
	return dict{"Width": integer(int64(width)), "Height": integer(int64(height)), "BitsPerComponent": integer(int64(bits))}
}

// samplesOf a drawing, in grey where nothing has a colour.
func samplesOf(drawn *image.RGBA) ([]byte, name) {
	size := drawn.Rect.Size()
	samples := make([]byte, 0, size.X*size.Y)
	grey := true
	for y := 0; y < size.Y && grey; y++ {
		row := drawn.Pix[y*drawn.Stride : y*drawn.Stride+4*size.X]
		for ; len(row) > 0; row = row[4:] {
			if row[0] != row[1] || row[1] != row[2] {
				grey = false
				break
			}
			samples = append(samples, row[0])
		}
	}
	if grey {
		return samples, "DeviceGray"
	}
	samples = make([]byte, 0, 3*size.X*size.Y)
	for y := range size.Y {
		row := drawn.Pix[y*drawn.Stride : y*drawn.Stride+4*size.X]
		for ; len(row) > 0; row = row[4:] {
			samples = append(samples, row[:3]...)
		}
	}
	return samples, "DeviceRGB"
}
