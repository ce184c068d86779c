package engine

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	_ "image/jpeg" // the resolution of photographs
	_ "image/png"  // the resolution of images
	"io"
	"os"

	"github.com/gen2brain/go-fitz"

	"github.com/openplp/khocr/worker/wire"
)

// mupdfStore bounds MuPDF's cache of decoded images and fonts in bytes. Fonts serve every page, and images mostly one: a scan of
// A4 fits, while one of A3 in colours, of 52 MB, would stay beside the next.
const mupdfStore = 16 << 20

// source is an open document.
type source struct {
	fitz  *fitz.Document
	pages int
	// path of the file, and its password where it needs one.
	path, password string
	kind           kind
	// pixels is the size of the only page in pixels where the document is an image whose header tells it.
	pixels image.Point
}

// open a document by its content; the name of the file says nothing. The password is for documents that need one.
func open(path, password string) (*source, *wire.Error) {
	kind, pixels, err := sniff(path)
	switch {
	case err != nil:
		return nil, &wire.Error{Reason: reasonInvalidDocument, Message: "the document cannot be read"}
	case kind == kindEmpty:
		return nil, &wire.Error{Reason: reasonEmptyDocument, Message: "the document has no content"}
	case kind == kindOther:
		return nil, &wire.Error{Reason: reasonUnsupportedDocument, Message: "the document is no PDF, PNG, JPEG or TIFF"}
	}
	fitz.MaxStore = mupdfStore
	opened, err := fitz.New(path)
	switch {
	case errors.Is(err, fitz.ErrNeedsPassword):
		// The library has opened it all the same, with pages that are blank without the password.
		if password == "" || !authenticate(opened, password) {
			opened.Close()
			return nil, passwordError(password)
		}
	case err != nil:
		return nil, &wire.Error{Reason: reasonInvalidDocument, Message: "the document is damaged"}
	}
	pages := opened.NumPage()
	if pages < 1 {
		opened.Close()
		// What is left of a truncated PDF opens without an error.
		return nil, &wire.Error{Reason: reasonInvalidDocument, Message: "the document has no readable page"}
	}
	return &source{fitz: opened, pages: pages, path: path, password: password, kind: kind, pixels: pixels}, nil
}

func passwordError(password string) *wire.Error {
	message := "the document needs a password"
	if password != "" {
		message = "the password is not the document's"
	}
	return &wire.Error{Reason: reasonPasswordProtected, Message: message}
}

func (s *source) close() { s.fitz.Close() }

// size of a page in whole points, counted from 1.
func (s *source) size(number int) (width, height int, err error) {
	bound, err := s.fitz.Bound(number - 1)
	if err != nil {
		return 0, 0, fmt.Errorf("measure page %d: %w", number, err)
	}
	return bound.Dx(), bound.Dy(), nil
}

// naturalDPI is the resolution that suits the page's type: that of print, and no more than an image has of its own. Images of
// 300 dpi are read better at 200, and for two thirds of the time.
func (s *source) naturalDPI(width, height int) float64 {
	if s.pixels == (image.Point{}) {
		return printDPI
	}
	// Long side by long side: a photograph may be turned. Points were cut to whole ones, so half of one is added.
	return min(printDPI, 72*float64(max(s.pixels.X, s.pixels.Y))/(float64(max(width, height))+0.5))
}

// drawInColours draws a page without its annotations. The caller has checked that the resolution is one that the page can be
// drawn at: MuPDF ends the process when it cannot have the memory.
func (s *source) drawInColours(number int, dpi float64) (*image.RGBA, error) {
	drawn, err := s.fitz.ImageDPI(number-1, dpi)
	if err != nil {
		return nil, fmt.Errorf("draw page %d: %w", number, err)
	}
	return drawn, nil
}

// kind of a document by its first bytes.
type kind int

const (
	kindOther kind = iota
	kindEmpty
	kindPDF
	kindImage
)

// header is how many bytes of a file may stand before %PDF- (PDF 32000-1, annex H.3.4.1).
const header = 1024

func sniff(path string) (kind, image.Point, error) {
	file, err := os.Open(path)
	if err != nil {
		return kindOther, image.Point{}, err
	}
	defer file.Close()
	start, err := io.ReadAll(io.LimitReader(file, header))
	if err != nil {
		return kindOther, image.Point{}, err
	}
	found := kindOf(start)
	if found != kindImage {
		return found, image.Point{}, nil
	}
	if _, err := file.Seek(0, io.SeekStart); err != nil {
		return kindOther, image.Point{}, err
	}
	config, _, err := image.DecodeConfig(file)
	if err != nil {
		// TIFF, or a header that MuPDF may still understand.
		return found, image.Point{}, nil
	}
	return found, image.Pt(config.Width, config.Height), nil
}

func kindOf(start []byte) kind {
	switch {
	case len(start) == 0:
		return kindEmpty
	case bytes.HasPrefix(start, []byte("\x89PNG\r\n\x1a\n")),
		bytes.HasPrefix(start, []byte("\xff\xd8\xff")),
		bytes.HasPrefix(start, []byte("II*\x00")),
		bytes.HasPrefix(start, []byte("MM\x00*")):
		return kindImage
	case bytes.Contains(start, []byte("%PDF-")):
		return kindPDF
	default:
		return kindOther
	}
}
