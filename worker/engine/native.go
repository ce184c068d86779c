package engine

import (
	"bytes"
	"encoding/base64"
	"image"
	"math"
	"strconv"
	"strings"

	"golang.org/x/net/html"

	"github.com/openplp/khocr/internal/khmer"
)

// fragment is a run of text that MuPDF puts on one line. A printed line may have several.
type fragment struct {
	text string
	// left edge, baseline and size of the type in points.
	left, baseline, size float64
}

// nativePage is the text that a page carries, with its places.
type nativePage struct {
	width, height float64
	fragments     []fragment
	// imageCover is the share of the page that images cover, at most 1.
	imageCover float64
}

// text that the page carries, and its places where it is sound. No text where the page's content is damaged.
func (s *source) text(number int) (khmer.TextLayer, nativePage) {
	text, err := s.fitz.Text(number - 1)
	if err != nil {
		return khmer.TextLayer{}, nativePage{}
	}
	layer := khmer.Examine(text)
	if layer.Verdict() != khmer.Sound {
		return layer, nativePage{}
	}
	// Only now, because this encodes every image of the page.
	markup, err := s.fitz.HTML(number-1, false)
	if err != nil {
		return khmer.TextLayer{}, nativePage{}
	}
	return layer, parseNative(markup)
}

// parseNative reads the HTML that MuPDF 1.24 makes of a page: a division with the page's size in points, a paragraph for
// each line of text with its left edge and the top of its type, images in place.
func parseNative(markup string) nativePage {
	var page nativePage
	var images float64
	var line *fragment
	tokens := html.NewTokenizer(strings.NewReader(markup))
	for {
		switch tokens.Next() {
		case html.ErrorToken:
			if area := page.width * page.height; area > 0 {
				page.imageCover = min(1, images/area)
			}
			return page
		case html.StartTagToken, html.SelfClosingTagToken:
			token := tokens.Token()
			style := attribute(token, "style")
			switch token.Data {
			case "div":
				page.width, page.height = points(style, "width"), points(style, "height")
			case "p":
				size := points(style, "line-height")
				// MuPDF says baseline - 0.8 size for the top of the line.
				line = &fragment{left: points(style, "left"), baseline: points(style, "top") + 0.8*size, size: size}
			case "img":
				images += imageArea(style, attribute(token, "src"))
			}
		case html.TextToken:
			if line != nil {
				line.text += string(tokens.Text())
			}
		case html.EndTagToken:
			if name, _ := tokens.TagName(); string(name) == "p" && line != nil {
				if strings.TrimSpace(line.text) != "" {
					page.fragments = append(page.fragments, *line)
				}
				line = nil
			}
		}
	}
}

// scaleFor is the factor by which the page's resolution must shrink from inkDPI so that it has no more than the given
// number of pixels.
func (p nativePage) scaleFor(pixels float64) float64 {
	area := p.width * p.height * (inkDPI / 72) * (inkDPI / 72)
	if area <= 0 {
		return 1
	}
	return min(1, math.Sqrt(pixels/area))
}

func attribute(token html.Token, name string) string {
	for _, attribute := range token.Attr {
		if attribute.Key == name {
			return attribute.Val
		}
	}
	return ""
}

// points of a style such as "top:76.7pt;left:62.0pt"; 0 where it lacks them.
func points(style, name string) float64 {
	for declaration := range strings.SplitSeq(style, ";") {
		key, value, _ := strings.Cut(declaration, ":")
		if strings.TrimSpace(key) == name {
			number, err := strconv.ParseFloat(strings.TrimSuffix(strings.TrimSpace(value), "pt"), 64)
			if err != nil || math.IsNaN(number) || math.IsInf(number, 0) {
				return 0
			}
			return number
		}
	}
	return 0
}

// imageHeader is how much of an image's data is looked at for its size.
const imageHeader = 256 << 10

// imageArea in square points: MuPDF's style has a matrix that maps the image's pixels to pixels of 1/96 inch.
func imageArea(style, source string) float64 {
	_, matrix, _ := strings.Cut(style, "matrix(")
	matrix, _, _ = strings.Cut(matrix, ")")
	parts := strings.Split(matrix, ",")
	if len(parts) != 6 {
		return 0
	}
	var m [4]float64
	for i := range m {
		value, err := strconv.ParseFloat(strings.TrimSpace(parts[i]), 64)
		if err != nil {
			return 0
		}
		m[i] = value
	}
	_, data, _ := strings.Cut(source, "base64,")
	data = data[:min(len(data), imageHeader)]
	header, _ := base64.StdEncoding.DecodeString(strings.NewReplacer("\n", "", "\r", "").Replace(data))
	config, _, err := image.DecodeConfig(bytes.NewReader(header))
	if err != nil {
		return 0
	}
	const square = (72.0 / 96) * (72.0 / 96)
	return math.Abs(m[0]*m[3]-m[1]*m[2]) * float64(config.Width) * float64(config.Height) * square
}
