package engine

import (
	"image"
	"image/draw"
	"math"
	"slices"

	"github.com/openplp/khocr/internal/document"
	"github.com/openplp/khocr/worker/wire"
)

// pictureConfidence is the mean confidence up to which an image shows no text. What is no text the right way up is read with
// 16 to 35; a title in ornamental type, which is the worst of text, with 45.
const pictureConfidence = 40

// pictureCharacters is the mean number of characters in a line below which an image shows no text either: a pattern is read as
// a letter here and there, and some of them are sure.
const pictureCharacters = 4

// recognizeImages keeps the text that the page carries and recognises its images. The page's source is that of its text where
// the images show none that can be believed: they are pictures.
func (e *engine) recognizeImages(page *document.Page, request wire.Page, native nativePage, dpi float64) error {
	native.keep(page)
	grey, err := e.document.draw(request.Number, dpi)
	if err != nil {
		return err
	}
	scale := 72 / dpi
	kept := page.Lines
	blank(grey, kept, 1/scale)
	found := false
	for _, region := range native.regions() {
		area := region.pixels(1 / scale).Intersect(grey.Rect)
		read, err := e.read(crop(grey, area), request.TrainedData)
		if err != nil {
			return err
		}
		if !read.showsText() {
			continue
		}
		settle(read.lines, request)
		found = true
		page.Lines = insert(page.Lines, moved(inPoints(read.lines, scale), float64(area.Min.X)*scale, float64(area.Min.Y)*scale), region)
	}
	if !found {
		page.Source, page.Reason = native.kept()
		return nil
	}
	page.Model = request.Model
	page.DPI = int(math.Round(dpi))
	page.Text = textOf(page.Lines)
	page.Confidence = hundredth(reading{lines: page.Lines}.confidence())
	return nil
}

// showsText tells whether an image beside text shows text. One that lies on its side would be read the right way up, but then its
// lines have no place beside the page's.
func (r reading) showsText() bool {
	characters := 0
	for _, line := range r.lines {
		characters += len([]rune(line.Text))
	}
	return r.rotation == 0 && r.confidence() > pictureConfidence && characters >= pictureCharacters*len(r.lines)
}

func (r rect) pixels(scale float64) image.Rectangle {
	return image.Rect(int(math.Floor(r.left*scale)), int(math.Floor(r.top*scale)), int(math.Ceil(r.right*scale)), int(math.Ceil(r.bottom*scale)))
}

// blank the lines whose text is known, so that it is not read a second time where it stands on an image.
func blank(grey *image.Gray, lines []document.Line, scale float64) {
	for _, line := range lines {
		area := rect{line.Box[0], line.Box[1], line.Box[2], line.Box[3]}.pixels(scale)
		draw.Draw(grey, area.Intersect(grey.Rect), image.White, image.Point{}, draw.Src)
	}
}

// crop copies an area, which then begins at the origin.
func crop(grey *image.Gray, area image.Rectangle) *image.Gray {
	cropped := image.NewGray(image.Rect(0, 0, area.Dx(), area.Dy()))
	draw.Draw(cropped, cropped.Rect, grey, area.Min, draw.Src)
	return cropped
}

// moved lines stand so far to the right and down.
func moved(lines []document.Line, right, down float64) []document.Line {
	move := func(box document.Box) document.Box {
		return document.Box{hundredth(box[0] + right), hundredth(box[1] + down), hundredth(box[2] + right), hundredth(box[3] + down)}
	}
	for i := range lines {
		lines[i].Box = move(lines[i].Box)
		for j := range lines[i].Words {
			lines[i].Words[j].Box = move(lines[i].Words[j].Box)
		}
	}
	return lines
}

// insert the lines of an image before the first line that stands below it, as paragraphs of their own.
func insert(lines, read []document.Line, region rect) []document.Line {
	at := slices.IndexFunc(lines, func(line document.Line) bool { return (line.Box[1]+line.Box[3])/2 > region.bottom })
	if at < 0 {
		at = len(lines)
	}
	before := 0
	if at > 0 {
		before = lines[at-1].Paragraph
	}
	for i := range read {
		read[i].Paragraph += before
	}
	after := slices.Clone(lines[at:])
	if len(after) > 0 {
		// The first line behind them begins a paragraph too.
		shift := read[len(read)-1].Paragraph + 1 - after[0].Paragraph
		for i := range after {
			after[i].Paragraph += shift
		}
	}
	return slices.Concat(lines[:at], read, after)
}
