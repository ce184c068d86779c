package engine

import (
	"bytes"
	"image"
	"image/color"
	"image/jpeg"
	"math"
	"os"
	"path/filepath"
	"testing"

	"github.com/openplp/khocr/internal/workerport"
	"github.com/openplp/khocr/test/pdftest"
	"github.com/openplp/khocr/worker/wire"
)

func (c *child) preview(number, rotation int) []byte {
	c.t.Helper()
	response, err := c.ask(wire.Request{Preview: &wire.Preview{Number: number, Rotation: rotation}})
	if err != nil || response.Preview == nil {
		c.t.Fatalf("preview of page %d: response is %+v, %v", number, response, err)
	}
	return response.Preview.JPEG
}

func TestAPreviewShowsTheUprightPage(t *testing.T) {
	for _, name := range []string{"native.pdf", "mixed.pdf", "sample.pdf", "image.png", "photo.jpg", "pages3.tiff"} {
		t.Run(name, func(t *testing.T) {
			engine := openSample(t, name)
			page := engine.page(1, "auto")
			content := engine.preview(1, page.Rotation)
			shown, err := jpeg.DecodeConfig(bytes.NewReader(content))
			if err != nil {
				t.Fatal(err)
			}
			t.Logf("%d bytes, %d by %d pixels", len(content), shown.Width, shown.Height)
			if len(content) > workerport.MaxPreviewBytes || max(shown.Width, shown.Height) > previewSide {
				t.Errorf("%d bytes, %d by %d pixels", len(content), shown.Width, shown.Height)
			}
			// Boxes are placed on it by this relation.
			across, down := float64(shown.Width)/page.Width, float64(shown.Height)/page.Height
			if math.Abs(across-down)*max(page.Width, page.Height) > 2 {
				t.Errorf("%d by %d pixels for a page of %g by %g points", shown.Width, shown.Height, page.Width, page.Height)
			}
			if shown.ColorModel != color.GrayModel {
				t.Error("a page without colour has colours")
			}
		})
	}
}

func TestAPreviewHasTheColoursOfThePage(t *testing.T) {
	engine := openContent(t, "0.8 0.1 0.1 rg 300 300 100 100 re f")
	shown, err := jpeg.Decode(bytes.NewReader(engine.preview(1, 0)))
	if err != nil {
		t.Fatal(err)
	}
	size := shown.Bounds().Size()
	r, g, b, _ := shown.At(size.X*250/595, size.Y*(842-300)/842).RGBA()
	if r>>8 < 190 || g>>8 > 40 || b>>8 > 40 {
		t.Errorf("the red square is %d, %d, %d", r>>8, g>>8, b>>8)
	}
}

// openContent opens a page of 595 by 842 points that begins at 100, 50, with what draws on it.
func openContent(t *testing.T, content string) *child {
	t.Helper()
	path := filepath.Join(t.TempDir(), "document")
	made := pdftest.Of("<</Type/Catalog/Pages 2 0 R>>", "<</Type/Pages/Kids[3 0 R]/Count 1>>",
		"<</Type/Page/Parent 2 0 R/MediaBox[100 50 695 892]/Contents 4 0 R>>", pdftest.Stream("", content))
	if err := os.WriteFile(path, made, 0o600); err != nil {
		t.Fatal(err)
	}
	engine := startChild(t)
	if opened := engine.open(path); opened.Opened == nil {
		t.Fatalf("not opened: %+v", opened.Error)
	}
	return engine
}

func TestAPreviewIsTurnedAsThePageWas(t *testing.T) {
	// A mark in the top left corner of the page as it stands in the document.
	engine := openContent(t, "100 792 80 100 re f")
	dark := func(shown image.Image) image.Point {
		size := shown.Bounds().Size()
		for corner, at := range map[image.Point]image.Point{
			{0, 0}: {size.X / 20, size.Y / 20}, {1, 0}: {size.X - size.X/20, size.Y / 20},
			{0, 1}: {size.X / 20, size.Y - size.Y/20}, {1, 1}: {size.X - size.X/20, size.Y - size.Y/20},
		} {
			if color.GrayModel.Convert(shown.At(at.X, at.Y)).(color.Gray).Y < 64 {
				return corner
			}
		}
		return image.Pt(-1, -1)
	}
	for rotation, corner := range map[int]image.Point{0: {0, 0}, 90: {1, 0}, 180: {1, 1}, 270: {0, 1}} {
		shown, err := jpeg.Decode(bytes.NewReader(engine.preview(1, rotation)))
		if err != nil {
			t.Fatal(err)
		}
		if got := dark(shown); got != corner {
			t.Errorf("turned by %d degrees the mark is in the corner %v, want %v", rotation, got, corner)
		}
		if size := shown.Bounds().Size(); (size.X > size.Y) != (rotation%180 != 0) {
			t.Errorf("turned by %d degrees it has %v pixels", rotation, size)
		}
	}
}

func TestWhatCannotBeDrawnHasNoPreview(t *testing.T) {
	engine := openSample(t, "native.pdf")
	for _, request := range [][2]int{{0, 0}, {2, 0}, {1, 45}, {-1, 0}} {
		if content := engine.preview(request[0], request[1]); len(content) > 0 {
			t.Errorf("page %d, turned by %d: there are %d bytes", request[0], request[1], len(content))
		}
	}
	// The engine goes on.
	if page := engine.page(1, "auto"); page.Error != nil {
		t.Errorf("the page has the error %+v", page.Error)
	}
}

// BenchmarkPreview compares what a preview takes with the image that a page is recognised from.
func BenchmarkPreview(b *testing.B) {
	for _, name := range []string{"native.pdf", "sample.pdf", "photo.jpg"} {
		opened, failure := open(filepath.Join(testdata, name), "")
		if failure != nil {
			b.Fatalf("open %s: %+v", name, failure)
		}
		b.Cleanup(opened.close)
		b.Run(name+"/preview", func(b *testing.B) {
			for b.Loop() {
				opened.preview(wire.Preview{Number: 1})
			}
		})
		b.Run(name+"/drawn for recognition", func(b *testing.B) {
			for b.Loop() {
				if _, err := opened.draw(1, printDPI); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
