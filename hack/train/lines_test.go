package main

import (
	"image"
	"image/color"
	"slices"
	"strings"
	"testing"

	"github.com/openplp/khocr/internal/scan"
)

func TestMatch(t *testing.T) {
	lines := func(widths ...int) []*scan.Line {
		var lines []*scan.Line
		for _, width := range widths {
			lines = append(lines, &scan.Line{Box: image.Rect(10, 0, 10+width, 20)})
		}
		return lines
	}
	for name, test := range map[string]struct {
		lines  []*scan.Line
		truths []truth
		want   []bool
	}{
		"drawn lines, scaled by a half": {
			lines(50, 102, 200, 60), []truth{{100, "ក"}, {200, "ខ"}, {400, "គ"}, {400, "ឃ"}}, []bool{true, true, true, false},
		},
		"printed lines, by how many letters they have": {
			lines(100, 210, 330), []truth{{0, "កខគឃង"}, {0, "កខគឃងចឆជឈញ"}, {0, "កខគឃង"}}, []bool{true, true, false},
		},
	} {
		if got := match(test.lines, test.truths); !slices.Equal(got, test.want) {
			t.Errorf("%s: got %v, want %v", name, got, test.want)
		}
	}
}

func TestLinesWithoutText(t *testing.T) {
	page := image.NewGray(image.Rect(0, 0, 700, 3000))
	for i := range page.Pix {
		page.Pix[i] = 255
	}
	// Thirty rows of blots.
	for row := range 30 {
		for column := range 20 {
			for y := range 20 {
				for x := range 14 {
					page.SetGray(50+30*column+x, 50+95*row+y, color.Gray{})
				}
			}
		}
	}
	samples := withoutText(scan.Read(page), 36)
	if len(samples) != mostWithoutText {
		t.Fatalf("%d samples, want %d", len(samples), mostWithoutText)
	}
	for _, sample := range samples {
		// A strip is 2.6 letters high: 590 pixels of the page are some 410 of it.
		if want := strings.Repeat(scan.NoText, 4); sample.text != want || sample.strip.Rect.Dy() != 36 {
			t.Errorf("a strip of %v has the text %q, want %q", sample.strip.Rect, sample.text, want)
		}
	}
}
