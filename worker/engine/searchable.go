package engine

import (
	"encoding/json"
	"errors"
	"fmt"
	"image"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"

	"github.com/openplp/khocr/internal/document"
	"github.com/openplp/khocr/internal/workerport"
	"github.com/openplp/khocr/worker/engine/searchable"
	"github.com/openplp/khocr/worker/wire"
)

// searchable writes what makes the document a searchable PDF. It is an appendix to a PDF that can be continued, a whole PDF
// for an image, and likewise for a PDF that has to be decrypted or repaired, or drawn if even that fails.
func (s *source) searchable(request wire.Searchable) wire.Response {
	part, err := s.writeSearchable(request)
	if err != nil {
		return wire.Response{Error: &wire.Error{Reason: reasonInvalidDocument, Message: err.Error()}}
	}
	return wire.Response{Searchable: &wire.Written{Part: part}}
}

func (s *source) writeSearchable(request wire.Searchable) (part string, err error) {
	file, err := os.Create(request.Output)
	if err != nil {
		return "", fmt.Errorf("make the output: %w", err)
	}
	output := &output{File: file, most: request.MaxBytes}
	defer func() { err = errors.Join(err, output.Close()) }()
	results := resultsIn(request.Results)
	if s.kind == kindPDF {
		err := s.appendTo(output, s.path, results)
		if !errors.Is(err, searchable.ErrNotContinued) {
			return workerport.Appendix, err
		}
		if err := s.rewriteTo(output, results); err == nil {
			return workerport.Whole, nil
		}
		if err := output.empty(); err != nil {
			return "", err
		}
	}
	return workerport.Whole, s.composeTo(output, results)
}

// appendTo writes what follows the PDF at a path.
func (s *source) appendTo(output *output, path string, results searchable.Results) error {
	content, size, err := openSized(path)
	if err != nil {
		return err
	}
	defer content.Close()
	buffered := buffer(output)
	if err := searchable.Continue(content, size, s.pages, results, buffered); err != nil {
		return err
	}
	return buffered.Flush()
}

// rewriteTo writes a whole PDF: one that is decrypted and repaired, and continued.
func (s *source) rewriteTo(output *output, results searchable.Results) error {
	rewritten := output.Name() + ".rewritten"
	defer os.Remove(rewritten)
	if err := searchable.Rewrite(s.path, rewritten, s.password, output.most); err != nil {
		return err
	}
	if err := output.empty(); err != nil {
		return err
	}
	content, _, err := openSized(rewritten)
	if err != nil {
		return err
	}
	defer content.Close()
	if _, err := io.Copy(output, content); err != nil {
		return fmt.Errorf("copy what was rewritten: %w", err)
	}
	return s.appendTo(output, rewritten, results)
}

// composeTo writes a whole PDF from the looks of the pages.
func (s *source) composeTo(output *output, results searchable.Results) error {
	content, size, err := openSized(s.path)
	if err != nil {
		return err
	}
	defer content.Close()
	buffered := buffer(output)
	err = searchable.Compose(searchable.Drawing{
		Content: content, Size: size, Pages: s.pages,
		Measure: func(number int) (float64, float64, error) {
			width, height, err := s.size(number)
			return float64(width), float64(height), err
		},
		Draw: s.drawn,
	}, results, buffered)
	if err != nil {
		return err
	}
	return buffered.Flush()
}

const (
	// drawnPixels bounds the image of a page that is drawn for the PDF. Drawing takes twelve bytes of memory for each.
	drawnPixels = 16e6
	// drawnDPI is the resolution of drawn pages that are no images.
	drawnDPI = printDPI
)

// drawn is a page as it looks: an image pixel for pixel as far as memory allows.
func (s *source) drawn(number int) (*image.RGBA, error) {
	width, height, err := s.size(number)
	if err != nil {
		return nil, err
	}
	if width < 1 || height < 1 {
		return nil, errors.New("the page has no size")
	}
	dpi := float64(drawnDPI)
	long := float64(max(width, height))
	if pixels := max(s.pixels.X, s.pixels.Y); pixels > 0 {
		// The library gives sizes in whole points, but images have whole resolutions.
		dpi = max(1, math.Round(72*float64(pixels)/(long+0.5)))
	}
	most := math.Sqrt(drawnPixels / (float64(width) / 72 * (float64(height) / 72)))
	return s.drawInColours(number, min(dpi, most))
}

// resultsIn reads the results of pages in a folder.
func resultsIn(folder string) searchable.Results {
	return func(number int) (*document.Page, error) {
		content, err := os.ReadFile(filepath.Join(folder, wire.ResultName(number)))
		if errors.Is(err, fs.ErrNotExist) {
			return nil, nil
		}
		if err != nil {
			return nil, err
		}
		page := new(document.Page)
		return page, json.Unmarshal(content, page)
	}
}
