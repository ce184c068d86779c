package engine

import (
	"slices"
	"strings"

	"github.com/openplp/khocr/internal/document"
	"github.com/openplp/khocr/internal/scan"
)

const (
	// typePerLetter is the size of Khmer type for each pixel of its letters' height without marks, from Khmer OS Battambang.
	typePerLetter = 1.5
	// marksConfidence is the confidence in percent below which a low line is taken for marks or dirt.
	marksConfidence = 30
	// paragraphGap is how much further than usual the first line of a paragraph is from the line before.
	paragraphGap = 1.3
)

// linesOf what was read: cells of a row that were cut apart are one line, in the order of the layout.
func linesOf(read *attempt) []document.Line {
	var lines []document.Line
	var before *scan.Line
	for _, from := range read.layout.Lines {
		words := read.words[from]
		if len(words) == 0 {
			continue
		}
		if before == nil || from.Row != before.Row {
			lines = append(lines, document.Line{Paragraph: from.Block, FontSize: from.Size * typePerLetter})
		}
		before = from
		line := &lines[len(lines)-1]
		line.Words = append(line.Words, words...)
		box := document.Box{float64(from.Box.Min.X), float64(from.Box.Min.Y), float64(from.Box.Max.X), float64(from.Box.Max.Y)}
		if line.Box == (document.Box{}) {
			line.Box = box
		} else {
			line.Box = union(line.Box, box)
		}
	}
	for i := range lines {
		texts := make([]string, len(lines[i].Words))
		for j, word := range lines[i].Words {
			texts[j] = word.Text
		}
		lines[i].Text = strings.Join(texts, " ")
		lines[i].Confidence = meanConfidence(lines[i].Words)
	}
	return countParagraphs(dropMarks(lines))
}

func union(a, b document.Box) document.Box {
	return document.Box{min(a[0], b[0]), min(a[1], b[1]), max(a[2], b[2]), max(a[3], b[3])}
}

// dropMarks drops lines of less than half the usual height that Tesseract itself does not believe in: the tops of vowels
// and the subscripts of a neighbour, cut off from it and read for a second time, or dirt.
func dropMarks(lines []document.Line) []document.Line {
	if len(lines) == 0 {
		return lines
	}
	heights := make([]float64, len(lines))
	for i, line := range lines {
		heights[i] = height(line)
	}
	slices.Sort(heights)
	usual := heights[len(heights)/2]
	return slices.DeleteFunc(lines, func(line document.Line) bool {
		return line.Confidence < marksConfidence && height(line) < usual/2
	})
}

func height(line document.Line) float64 { return line.Box[3] - line.Box[1] }

// countParagraphs counts the paragraphs from 1: lines come with the number of their block, which are of several paragraphs
// where lines are further apart than usual.
func countParagraphs(lines []document.Line) []document.Line {
	var steps []float64
	step := func(i int) float64 { return middle(lines[i]) - middle(lines[i-1]) }
	for i := 1; i < len(lines); i++ {
		if lines[i].Paragraph == lines[i-1].Paragraph {
			steps = append(steps, step(i))
		}
	}
	slices.Sort(steps)
	usual := 0.0
	if len(steps) > 0 {
		usual = steps[len(steps)/2]
	}
	numbers := make([]int, len(lines))
	for i := range lines {
		switch {
		case i == 0:
			numbers[i] = 1
		case lines[i].Paragraph != lines[i-1].Paragraph, step(i) > paragraphGap*usual:
			numbers[i] = numbers[i-1] + 1
		default:
			numbers[i] = numbers[i-1]
		}
	}
	for i := range lines {
		lines[i].Paragraph = numbers[i]
	}
	return lines
}

func middle(line document.Line) float64 { return (line.Box[1] + line.Box[3]) / 2 }
