package main

import (
	"image"
	"slices"
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
