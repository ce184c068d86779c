package main

import (
	"image"
	"path/filepath"
	"testing"

	"github.com/pdfcpu/pdfcpu/pkg/api"
)

func TestPeersGetPagesOf200DPIAtMost(t *testing.T) {
	for name, test := range map[string]struct {
		size, want image.Point
		dpi        int
	}{
		"300 dpi":           {image.Pt(2481, 3509), image.Pt(1653, 2338), 200},
		"300 dpi, turned":   {image.Pt(3509, 2481), image.Pt(2338, 1653), 200},
		"a little over 200": {image.Pt(1703, 2374), image.Pt(1703, 2374), 203},
		"150 dpi":           {image.Pt(1240, 1754), image.Pt(1240, 1754), 150},
	} {
		t.Run(name, func(t *testing.T) {
			page := image.NewGray(image.Rectangle{Max: test.size})
			for i := range page.Pix {
				page.Pix[i] = 200
			}
			grey, dpi := atPeerDPI(page)
			if got := grey.Rect.Size(); got != test.want || dpi != test.dpi {
				t.Errorf("%v at %d dpi, want %v at %d", got, dpi, test.want, test.dpi)
			}
			if got := grey.GrayAt(100, 100).Y; got != 200 {
				t.Errorf("grey = %d, want 200", got)
			}
		})
	}
}

func TestLatinIsAShareOfTheLetters(t *testing.T) {
	for text, want := range map[string]float64{"": 0, "១២៣ 123": 0, "កខ": 0, "abc": 1, "ក a ខ b": 0.5, "កា b": 0.5} {
		if got := latinShare(text); got != want {
			t.Errorf("latinShare(%q) = %v, want %v", text, got, want)
		}
	}
}

func TestImagesAreBoundToOneDocument(t *testing.T) {
	testdata := filepath.Join("..", "..", "worker", "engine", "testdata")
	path := filepath.Join(t.TempDir(), "bound.pdf")
	var images []string
	for _, name := range []string{"g4.tiff", "palette.png", "progressive.jpg"} {
		images = append(images, filepath.Join(testdata, name))
	}
	if err := bind(images, path); err != nil {
		t.Fatal(err)
	}
	if pages, err := api.PageCountFile(path); err != nil || pages != 3+1+1 {
		t.Errorf("%d pages, %v; want the 3 of the TIFF and 1 of each other", pages, err)
	}
}
