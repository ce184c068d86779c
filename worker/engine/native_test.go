package engine

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"image"
	"image/draw"
	"image/png"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/openplp/khocr/internal/document"
)

func TestParseNative(t *testing.T) {
	var picture bytes.Buffer
	if err := png.Encode(&picture, image.NewGray(image.Rect(0, 0, 100, 50))); err != nil {
		t.Fatal(err)
	}
	data := base64.StdEncoding.EncodeToString(picture.Bytes())
	page := parseNative(fmt.Sprintf(`<div id="page0" style="width:300.0pt;height:200.0pt">
<p style="top:20.0pt;left:62.0pt;line-height:10.0pt"><span style="font-size:10pt">&#x1780;</span><sup><span>2</span></sup> a&amp;b</p>
<p style="top:40.0pt;left:62.0pt;line-height:10.0pt"><span> </span></p>
<img style="position:absolute;transform:matrix(4,0,-0,2,150,75)" src="data:image/png;base64,
%s
%s">
</div>`, data[:10], data[10:]))
	want := fragment{text: "ក2 a&b", left: 62, baseline: 28, size: 10}
	if page.width != 300 || page.height != 200 || !slices.Equal(page.fragments, []fragment{want}) {
		t.Errorf("page is %+v", page)
	}
	// 100 by 50 pixels, 4 times as wide and twice as high, are 400 by 100 pixels of 1/96 inch, or 300 by 75 points.
	if want := 75.0 / 200; math.Abs(page.imageCover-want) > 1e-9 {
		t.Errorf("images cover %v, want %v", page.imageCover, want)
	}
}

func TestParseNativeTakesWhatIsNoPage(t *testing.T) {
	for _, markup := range []string{"", "<p>", "<img style='transform:matrix(1,2)' src='data:,'>", "<div style='width:NaNpt;height:1e999pt'>"} {
		if page := parseNative(markup); len(page.fragments) != 0 || page.imageCover != 0 {
			t.Errorf("%q is %+v", markup, page)
		}
	}
}

// drawn is a page of 300 by 100 points with ink between the edges, on the whole height.
func drawn(edges ...float64) ink {
	grey := image.NewGray(image.Rect(0, 0, 300, 100))
	draw.Draw(grey, grey.Rect, image.White, image.Point{}, draw.Src)
	for i := 0; i < len(edges); i += 2 {
		draw.Draw(grey, image.Rect(int(edges[i]), 0, int(edges[i+1]), 100), image.Black, image.Point{}, draw.Src)
	}
	return newInk(grey, 300)
}

func TestNativeLines(t *testing.T) {
	at := func(text string, left, baseline float64) fragment {
		return fragment{text: text, left: left, baseline: baseline, size: 10}
	}
	tests := []struct {
		name      string
		fragments []fragment
		ink       ink
		// want has the lines with their left and right edges, words with theirs in brackets.
		want string
	}{
		{"a word ends where its ink ends", []fragment{at("កខគ", 20, 50)}, drawn(20, 45), "កខគ 20-45 [20-45]"},
		{"words are told apart by the widest gaps", []fragment{at("កខ គឃ", 20, 50)}, drawn(20, 30, 31, 40, 43, 50, 51, 60),
			"កខ គឃ 20-60 [20-40 43-60]"},
		{"words without gaps share the line by their clusters", []fragment{at("កខ គ", 20, 50)}, drawn(20, 55),
			"កខ គ 20-55 [20-40 45-55]"},
		{"a line without ink is estimated", []fragment{at("កខគឃ", 20, 50)}, drawn(), "កខគឃ 20-42 [20-42]"},
		{"a line on a dark ground is estimated", []fragment{at("កខគឃ", 20, 50)}, drawn(0, 300), "កខគឃ 20-42 [20-42]"},
		{"parts of a cluster are joined without a space", []fragment{at("ក", 20, 50), at("ាខ", 32, 50)}, drawn(20, 28, 32, 44),
			"កាខ 20-44 [20-44]"},
		{"parts that touch are joined without a space", []fragment{at("ក", 20, 50), at("ខ", 29, 51)}, drawn(20, 28, 29, 36),
			"កខ 20-36 [20-36]"},
		{"parts with a gap are joined with a space", []fragment{at("ក", 20, 50), at("ខ", 33, 50)}, drawn(20, 28, 33, 40),
			"ក ខ 20-40 [20-28 33-40]"},
		{"columns stay apart", []fragment{at("ក", 20, 50), at("ខ", 90, 50)}, drawn(20, 28, 90, 98), "ក 20-28 [20-28]|ខ 90-98 [90-98]"},
		{"lines stay apart", []fragment{at("ក", 20, 50), at("ខ", 21, 64)}, drawn(20, 28), "ក 20-28 [20-28]|ខ 21-28 [21-28]"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			page := nativePage{width: 300, height: 100, fragments: test.fragments}
			var got []string
			for _, line := range page.lines(test.ink) {
				var words []string
				for _, word := range line.Words {
					words = append(words, fmt.Sprintf("%.0f-%.0f", word.Box[0], word.Box[2]))
				}
				got = append(got, fmt.Sprintf("%s %.0f-%.0f %v", line.Text, line.Box[0], line.Box[2], words))
			}
			if joined := strings.Join(got, "|"); joined != test.want {
				t.Errorf("lines are %s, want %s", joined, test.want)
			}
		})
	}
}

func TestNumberParagraphs(t *testing.T) {
	line := func(baseline, size float64) nativeLine { return nativeLine{baseline: baseline, size: size} }
	measured := []nativeLine{
		line(50, 16), line(80, 12), line(100, 12), line(120, 12), line(150, 12), line(170, 12), line(170, 12), line(90, 12),
	}
	lines := make([]document.Line, len(measured))
	numberParagraphs(measured, lines)
	var got []int
	for _, line := range lines {
		got = append(got, line.Paragraph)
	}
	if want := []int{1, 2, 2, 2, 3, 3, 3, 4}; !slices.Equal(got, want) {
		t.Errorf("paragraphs are %v, want %v", got, want)
	}
}
