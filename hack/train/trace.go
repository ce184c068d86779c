package main

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"math"
	"os/exec"
	"strconv"
	"strings"
)

// run of glyphs of one font and size that were printed beside one another, each where the one before it ends.
type run struct {
	// font is its name in the document, with the mark of a subset.
	font string
	// codes are the characters that a PDF reader has for the glyphs, ids their places in the font.
	codes []rune
	ids   []int
}

// besides is how far from the end of a glyph the next may stand, as a share of the type's size. In the PDFs at hand, what
// is set without a gap is within 0.02 (widths are rounded), and gaps are from 0.03 on.
const besides = 0.025

// trace yields what a PDF prints, by the trace of MuPDF's mutool. Spaces are gaps.
func trace(pdf string, yield func(run)) error {
	command := exec.Command("mutool", "trace", pdf, "1-N")
	out, err := command.StdoutPipe()
	if err != nil {
		return err
	}
	if err := command.Start(); err != nil {
		return err
	}
	readErr := readTrace(out, yield)
	_, _ = io.Copy(io.Discard, out) // so that it ends
	if err := errors.Join(readErr, command.Wait()); err != nil {
		return fmt.Errorf("trace %s: %w", pdf, err)
	}
	return nil
}

func readTrace(trace io.Reader, yield func(run)) error {
	decoder := xml.NewDecoder(trace)
	var current run
	flush := func() {
		if len(current.codes) > 0 {
			yield(current)
		}
		current = run{}
	}
	var font string
	var size, endX, endY, lastSize float64
	for {
		token, err := decoder.RawToken()
		if errors.Is(err, io.EOF) {
			flush()
			return nil
		}
		if err != nil {
			return err
		}
		element, ok := token.(xml.StartElement)
		if !ok {
			continue
		}
		attributes := map[string]string{}
		for _, attribute := range element.Attr {
			attributes[attribute.Name.Local] = attribute.Value
		}
		switch element.Name.Local {
		case "page":
			flush()
		case "span":
			font = attributes["font"]
			scale, _, _ := strings.Cut(attributes["trm"], " ")
			if size, err = strconv.ParseFloat(scale, 64); err != nil {
				return fmt.Errorf("a type of size %q: %w", scale, err)
			}
		case "g":
			id, err := strconv.Atoi(attributes["glyph"])
			code := []rune(attributes["unicode"])
			if err != nil || len(code) != 1 || code[0] == ' ' {
				flush() // a glyph of a font that is not embedded has a name
				continue
			}
			var numbers [3]float64
			for i, name := range []string{"x", "y", "adv"} {
				if numbers[i], err = strconv.ParseFloat(attributes[name], 64); err != nil {
					return fmt.Errorf("a glyph's %s %q: %w", name, attributes[name], err)
				}
			}
			x, y, advance := numbers[0], numbers[1], numbers[2]
			if font != current.font || size != lastSize || math.Hypot(x-endX, y-endY) > besides*math.Abs(size) {
				flush()
			}
			current.font = font
			current.codes, current.ids = append(current.codes, code[0]), append(current.ids, id)
			lastSize, endX, endY = size, x+advance*size, y
		}
	}
}
