package searchable

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"github.com/openplp/khocr/internal/document"
)

const (
	// glyphWidth is the advance of every glyph of the font, as a share of its size.
	glyphWidth = 0.5
	// wordGap is the least gap between words as a share of the font's size. From 0.15 on poppler takes one for a space.
	wordGap = 0.2
	// narrowest is what is left of a word that such a gap takes the room from, as a share of the font's size.
	narrowest = 0.05
)

// layer is the content of a page that shows its text invisibly, each word in its box. Words whose place is not known are left
// out: wherever they were put, a reader would mark something else. toPage maps the upright page to the
// units of the page; font is the name of the font among the page's resources.
func layer(page *document.Page, toPage matrix, font name) []byte {
	var to bytes.Buffer
	to.WriteString("q ")
	for _, value := range toPage {
		fmt.Fprintf(&to, "%s ", precise(value))
	}
	to.WriteString("cm BT 3 Tr\n")
	for _, line := range page.Lines {
		line.Words = slices.DeleteFunc(slices.Clone(line.Words), func(word document.Word) bool { return word.Box.IsZero() })
		if !line.Box.IsZero() {
			writeLine(&to, inside(page, line), font)
		}
	}
	to.WriteString("ET Q\n")
	return to.Bytes()
}

// margin in points: poppler drops a letter that reaches over the edge of the page.
const margin = 0.5

// inside is the line, whose words are the caller's no more, with its boxes within the page.
func inside(page *document.Page, line document.Line) document.Line {
	clamp := func(box document.Box) document.Box {
		for i := range box {
			most := page.Width
			if i%2 == 1 {
				most = page.Height
			}
			box[i] = max(margin, min(box[i], most-margin))
		}
		return box
	}
	line.Box = clamp(line.Box)
	for i := range line.Words {
		line.Words[i].Box = clamp(line.Words[i].Box)
	}
	return line
}

// precise writes a factor with more digits than a place needs.
func precise(value float64) string {
	digits := strings.TrimSuffix(strings.TrimRight(fmt.Sprintf("%.6f", written(value)), "0"), ".")
	if digits == "-0" {
		return "0"
	}
	return digits
}

// writeLine shows a line's words on one baseline, in type as high as the line, so that what is marked in a viewer is the
// line's box.
func writeLine(to *bytes.Buffer, line document.Line, font name) {
	size := line.Box[3] - line.Box[1]
	if size <= 0 || len(line.Words) == 0 {
		return
	}
	fmt.Fprintf(to, "%s %s Tf\n", appendName(nil, font), real(size))
	left := line.Words[0].Box[0]
	for i, word := range line.Words {
		left = max(left, word.Box[0])
		right := max(word.Box[2], left+narrowest*size)
		shown := word.Text
		if i+1 < len(line.Words) {
			// The space is for viewers that copy what is shown and do not measure gaps.
			shown += " "
			right = max(left+narrowest*size, min(right, line.Words[i+1].Box[0]-wordGap*size))
		}
		codes := codesOf(shown)
		count := len(codesOf(word.Text)) / 2
		if count == 0 {
			continue
		}
		scale := 100 * (right - left) / (float64(count) * glyphWidth * size)
		// The space must not reach into the next word.
		fmt.Fprintf(to, "%s Tz 1 0 0 -1 %s %s Tm <%x> Tj\n", precise(scale), real(left), real(line.Box[3]), codes)
		left = right + wordGap*size
	}
}

// codesOf a text in the font: two bytes for each character, which are its number. Those beyond the first plane, of which no
// model has any, are shown as unknown ones.
func codesOf(shown string) []byte {
	codes := make([]byte, 0, 2*len(shown))
	for _, r := range shown {
		if r > 0xffff {
			r = '\ufffd'
		}
		codes = append(codes, byte(r>>8), byte(r))
	}
	return codes
}
