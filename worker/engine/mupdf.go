package engine

// #include "mupdf.h"
// #include <stdlib.h>
import "C"

import (
	"fmt"
	"image"
	"math"
	"reflect"
	"unsafe"

	"github.com/gen2brain/go-fitz"
)

// Options of MuPDF's structured text, FZ_STEXT_PRESERVE_WHITESPACE and the like.
const (
	keepWhitespace = 2
	keepImages     = 4
	inhibitSpaces  = 8
)

// point on a page in points (1/72 inch), from the top left corner of the page.
type point struct{ x, y float64 }

// glyph is a character as it is printed.
type glyph struct {
	// code is the character that the document maps the glyph to, U+FFFD where it maps it to none.
	code rune
	// font is an index into the page's fonts.
	font int
	// line and block count the page's from 0, as MuPDF groups them.
	line, block int
	// hidden is true for what is printed invisibly: text behind a scan, for searching.
	hidden bool
	// size of the type in points.
	size float64
	// origin of the glyph on its baseline, and the direction of the baseline, of length 1.
	origin, direction point
	// corners of the space that the font gives the glyph: top left, top right, bottom left and bottom right as it is read.
	corners [4]point
}

// typeface is a font of a page. Its name may begin with the six letters and plus sign of a subset.
type typeface struct {
	name string
	bold bool
}

// picture is an image on a page: the smallest upright rectangle around it, in points, and its size in pixels.
type picture struct {
	topLeft, bottomRight point
	pixels               image.Point
	// block counts images and blocks of text together.
	block int
	// opaque is true where nothing can be seen through the image.
	opaque bool
}

// printedPage is what stands on a page and where.
type printedPage struct {
	// width and height in points.
	width, height float64
	glyphs        []glyph
	fonts         []typeface
	pictures      []picture
}

// printed reads what stands on a page, counted from 1. Options choose how MuPDF prepares the text.
func (s *source) printed(number, options int) (printedPage, error) {
	context, document := handles(s.fitz)
	var read C.khocr_page
	if C.khocr_read(context, document, C.int(number-1), C.int(options), &read) == 0 {
		return printedPage{}, fmt.Errorf("read the text of page %d: the page is damaged", number)
	}
	defer C.khocr_free(&read)
	corner := pointOf(C.fz_point{x: read.bounds.x0, y: read.bounds.y0})
	place := func(p C.fz_point) point {
		q := pointOf(p)
		return point{q.x - corner.x, q.y - corner.y}
	}
	page := printedPage{
		width: float64(read.bounds.x1 - read.bounds.x0), height: float64(read.bounds.y1 - read.bounds.y0),
		glyphs:   make([]glyph, read.glyph_count),
		fonts:    make([]typeface, read.font_count),
		pictures: make([]picture, read.image_count),
	}
	for i, font := range unsafe.Slice(read.fonts, read.font_count) {
		page.fonts[i] = typeface{name: C.GoString(font.name), bold: font.bold != 0}
	}
	for i, g := range unsafe.Slice(read.glyphs, read.glyph_count) {
		page.glyphs[i] = glyph{
			code: rune(g.code), font: int(g.font), line: int(g.line), block: int(g.block),
			hidden: g.hidden != 0, size: float64(g.size),
			origin: place(g.origin), direction: pointOf(g.direction),
			corners: [4]point{place(g.quad.ul), place(g.quad.ur), place(g.quad.ll), place(g.quad.lr)},
		}
	}
	for i, image := range unsafe.Slice(read.images, read.image_count) {
		page.pictures[i] = pictureOf(image, place)
	}
	return page, nil
}

func pictureOf(read C.khocr_image, place func(C.fz_point) point) picture {
	return picture{
		topLeft:     place(C.fz_point{x: read.box.x0, y: read.box.y0}),
		bottomRight: place(C.fz_point{x: read.box.x1, y: read.box.y1}),
		pixels:      image.Pt(int(read.width), int(read.height)),
		block:       int(read.block),
		opaque:      read.opaque != 0,
	}
}

func pointOf(p C.fz_point) point { return point{float64(p.x), float64(p.y)} }

// bounds of a page in points, counted from 1: the left, top, right and bottom edge in the document's own space.
func (s *source) bounds(number int) (left, top, right, bottom float64, err error) {
	context, document := handles(s.fitz)
	var bounds C.fz_rect
	if C.khocr_bounds(context, document, C.int(number-1), &bounds) == 0 {
		return 0, 0, 0, 0, fmt.Errorf("measure page %d: the page is damaged", number)
	}
	return float64(bounds.x0), float64(bounds.y0), float64(bounds.x1), float64(bounds.y1), nil
}

// draw a page with its annotations, such as stamps, in grey. The caller has checked that the resolution is one that the page
// can be drawn at: its image takes a byte for each pixel.
func (s *source) draw(number int, dpi float64) (*image.Gray, error) {
	left, top, right, bottom, err := s.bounds(number)
	if err != nil {
		return nil, err
	}
	scale := dpi / 72
	width, height := int(math.Round((right-left)*scale)), int(math.Round((bottom-top)*scale))
	if width < 1 || height < 1 {
		return nil, fmt.Errorf("draw page %d: it has no area", number)
	}
	drawn := image.NewGray(image.Rect(0, 0, width, height))
	transform := C.fz_matrix{a: C.float(scale), d: C.float(scale), e: C.float(-left * scale), f: C.float(-top * scale)}
	context, document := handles(s.fitz)
	if C.khocr_draw(context, document, C.int(number-1), transform, C.int(width), C.int(height), 0, (*C.uchar)(&drawn.Pix[0])) == 0 {
		return nil, fmt.Errorf("draw page %d: the page is damaged", number)
	}
	return drawn, nil
}

// authenticate opens an encrypted document by its password, which may be the user's or the owner's. Decrypting to a file first
// would take the memory of the whole document, and a second program that understands it.
func authenticate(document *fitz.Document, password string) bool {
	secret := C.CString(password)
	defer C.free(unsafe.Pointer(secret))
	context, opened := handles(document)
	return C.fz_authenticate_password(context, opened, secret) != 0
}

// handles are MuPDF's, which the binding keeps to itself.
func handles(document *fitz.Document) (*C.fz_context, *C.fz_document) {
	fields := reflect.ValueOf(document).Elem()
	return (*C.fz_context)(fields.FieldByName("ctx").UnsafePointer()), (*C.fz_document)(fields.FieldByName("doc").UnsafePointer())
}
