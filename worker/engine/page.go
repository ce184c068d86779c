package engine

import (
	"errors"
	"image"
	"math"
	"strings"
	"time"

	"github.com/openplp/khocr/internal/document"
	"github.com/openplp/khocr/worker/wire"
)

// page processes one page. An error means that its model cannot be loaded; a page that cannot be processed is a page
// with an error.
func (e *engine) page(request wire.Page) (*document.Page, error) {
	start := time.Now()
	page, err := e.process(request)
	if err != nil {
		return nil, err
	}
	page.Number = request.Number
	page.ProcessedAt = time.Now().UTC()
	page.Milliseconds = time.Since(start).Milliseconds()
	return page, nil
}

func (e *engine) process(request wire.Page) (*document.Page, error) {
	if request.Number < 1 || request.Number > e.document.pages {
		return failedPage(request.Number, document.PageErrorUnreadable, "the document has no such page"), nil
	}
	width, height, err := e.document.size(request.Number)
	if err != nil {
		return failedPage(request.Number, document.PageErrorUnreadable, "the page is damaged"), nil
	}
	dpi, ok := chooseDPI(width, height, e.document.naturalDPI(width, height))
	if !ok {
		return failedPage(request.Number, document.PageErrorTooLarge, "the page is too large to be drawn"), nil
	}

	native := nativePage{}
	if request.Mode != modeForce {
		native = e.document.native(request.Number)
	}
	source, reason := decide(request.Mode, native)
	page := &document.Page{Source: source, Reason: reason, Width: float64(width), Height: float64(height)}
	switch source {
	case document.SourceNative, document.SourceLegacy:
		native.keep(page)
	case document.SourceMixed:
		err = e.recognizeImages(page, request, native, dpi)
	case document.SourceOCR:
		err = e.recognize(page, request, dpi)
	default:
		page.Lines = []document.Line{}
	}
	switch {
	case errors.Is(err, wire.ErrTrainedData):
		return nil, err
	case err != nil:
		failed := failedPage(request.Number, document.PageErrorUnreadable, "the page could not be drawn or recognised")
		failed.Width, failed.Height = page.Width, page.Height
		return failed, nil
	}
	return page, nil
}

// recognize the page from an image of it.
func (e *engine) recognize(page *document.Page, request wire.Page, dpi float64) error {
	grey, err := e.document.draw(request.Number, dpi)
	if err != nil {
		return err
	}
	best, err := e.read(grey, request.TrainedData)
	if err != nil {
		return err
	}
	settle(best.lines, request)
	size := grey.Rect.Size()
	if best.rotation%180 != 0 {
		size = image.Pt(size.Y, size.X)
	}
	scale := 72 / dpi
	page.Width, page.Height = hundredth(float64(size.X)*scale), hundredth(float64(size.Y)*scale)
	page.Rotation = best.rotation
	page.Model = request.Model
	page.DPI = int(math.Round(dpi))
	page.Confidence = hundredth(best.confidence())
	page.Lines = inPoints(best.lines, scale)
	page.Text = textOf(page.Lines)
	return nil
}

// inPoints scales lines from pixels.
func inPoints(lines []document.Line, scale float64) []document.Line {
	scaled := make([]document.Line, len(lines))
	for i, line := range lines {
		line.Box = scaleBox(line.Box, scale)
		line.Confidence = hundredth(line.Confidence)
		line.FontSize = math.Round(10*line.FontSize*scale) / 10
		words := make([]document.Word, len(line.Words))
		for j, word := range line.Words {
			word.Box = scaleBox(word.Box, scale)
			words[j] = word
		}
		line.Words = words
		scaled[i] = line
	}
	return scaled
}

func scaleBox(box document.Box, scale float64) document.Box {
	for i := range box {
		box[i] = hundredth(box[i] * scale)
	}
	return box
}

// hundredth rounds: a hundredth of a point is a thirtieth of a pixel, the rest is noise that takes space.
func hundredth(value float64) float64 { return math.Round(100*value) / 100 }

func textOf(lines []document.Line) string {
	texts := make([]string, len(lines))
	for i, line := range lines {
		texts[i] = line.Text
	}
	return strings.Join(texts, "\n")
}

func failedPage(number int, code, message string) *document.Page {
	return &document.Page{
		Number:      number,
		Source:      document.SourceNone,
		Reason:      code,
		ProcessedAt: time.Now().UTC(),
		Lines:       []document.Line{},
		Error:       &document.PageError{Code: code, Message: message},
	}
}
