package document

import (
	"slices"
	"strings"
)

// column is lines that stand one below the other, and the same lines by their paragraphs.
type column struct {
	lines      []Line
	paragraphs [][]Line
}

// columnsOf the page as formats have them that say where text stands. Every line has a word: the line itself where its
// words are not known. Text of which nothing else is known stands somewhere on the page, so the page is its box.
func columnsOf(page *Page) []column {
	lines := slices.Clone(page.Lines)
	if len(lines) == 0 {
		for text := range strings.Lines(plainText(page.Text)) {
			if text = strings.TrimSpace(text); text != "" {
				lines = append(lines, Line{Text: text, Box: Box{0, 0, page.Width, page.Height}, Confidence: page.Confidence})
			}
		}
	}
	for i := range lines {
		if line := &lines[i]; len(line.Words) == 0 {
			line.Words = []Word{{Text: line.Text, Box: line.Box, Confidence: line.Confidence}}
		}
	}
	return columns(lines)
}

// around is the smallest box with all of the lines in it whose place is known; the zero one where there is none.
func around(lines []Line) Box {
	var box Box
	for _, line := range lines {
		switch {
		case line.Box.IsZero():
		case box.IsZero():
			box = line.Box
		default:
			box = Box{min(box[0], line.Box[0]), min(box[1], line.Box[1]), max(box[2], line.Box[2]), max(box[3], line.Box[3])}
		}
	}
	return box
}
