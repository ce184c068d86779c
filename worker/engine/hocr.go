package engine

import (
	"slices"
	"strconv"
	"strings"

	"golang.org/x/net/html"

	"github.com/openplp/khocr/internal/document"
	"github.com/openplp/khocr/internal/khmer"
	"github.com/openplp/khocr/internal/scan"
)

// parseHOCR reads the words of Tesseract's hOCR output (hOCR 1.2) that have text, in pixels.
func parseHOCR(hocr string) []document.Word {
	var (
		words []document.Word
		open  bool
		depth int // of spans inside the word, which mark bold and the like
	)
	tokens := html.NewTokenizer(strings.NewReader(hocr))
	for {
		switch tokens.Next() {
		case html.ErrorToken:
			for i := range words {
				text := strings.ReplaceAll(words[i].Text, scan.NoText, "")
				words[i].Text = khmer.Order(strings.Join(strings.Fields(text), " "))
			}
			return slices.DeleteFunc(words, func(word document.Word) bool { return word.Text == "" })
		case html.StartTagToken:
			if class, title := attributes(tokens); class == "ocrx_word" {
				words = append(words, document.Word{Box: boxOf(title), Confidence: number(title, "x_wconf")})
				open, depth = true, 0
			} else {
				depth++
			}
		case html.EndTagToken:
			if depth > 0 {
				depth--
			} else {
				open = false
			}
		case html.TextToken:
			if open {
				words[len(words)-1].Text += string(tokens.Text())
			}
		}
	}
}

func meanConfidence(words []document.Word) float64 {
	if len(words) == 0 {
		return 0
	}
	sum := 0.0
	for _, word := range words {
		sum += word.Confidence
	}
	return sum / float64(len(words))
}

// attributes class and title of the start tag that the tokenizer stands on.
func attributes(tokens *html.Tokenizer) (class, title string) {
	for {
		key, value, more := tokens.TagAttr()
		switch string(key) {
		case "class":
			class = string(value)
		case "title":
			title = string(value)
		}
		if !more {
			return class, title
		}
	}
}

// property of an hOCR title, for example "bbox 1 2 3 4; x_wconf 90".
func property(title, name string) []float64 {
	for part := range strings.SplitSeq(title, ";") {
		fields := strings.Fields(part)
		if len(fields) == 0 || fields[0] != name {
			continue
		}
		values := make([]float64, 0, len(fields)-1)
		for _, field := range fields[1:] {
			value, err := strconv.ParseFloat(field, 64)
			if err != nil {
				return nil
			}
			values = append(values, value)
		}
		return values
	}
	return nil
}

func number(title, name string) float64 {
	if values := property(title, name); len(values) == 1 {
		return values[0]
	}
	return 0
}

func boxOf(title string) document.Box {
	if values := property(title, "bbox"); len(values) == 4 {
		return document.Box(values)
	}
	return document.Box{}
}
