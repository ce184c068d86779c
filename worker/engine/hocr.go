package engine

import (
	"slices"
	"strconv"
	"strings"
	"unicode"

	"golang.org/x/net/html"

	"github.com/openplp/khocr/internal/document"
	"github.com/openplp/khocr/internal/khmer"
)

// khmerSize is the size of Khmer type as a share of the line's height as Tesseract measures it (x_size), which includes
// subscripts and the vowels above: right within 0.8 points on Khmer OS Battambang of 12 and 16. On Latin lines the two are
// equal.
const khmerSize = 0.68

// parseHOCR reads Tesseract's hOCR output (hOCR 1.2): the page's lines that have words, in pixels, with paragraphs
// counted from 1. FontSize is in pixels, too.
func parseHOCR(hocr string) []document.Line {
	var (
		lines     []document.Line
		line      *document.Line
		word      *document.Word
		paragraph int
		depth     int // of spans inside the word, which mark bold and the like
	)
	tokens := html.NewTokenizer(strings.NewReader(hocr))
	for {
		switch tokens.Next() {
		case html.ErrorToken:
			return finishLines(lines)
		case html.StartTagToken:
			class, title := attributes(tokens)
			switch class {
			case "ocr_par":
				paragraph++
			case "ocr_line", "ocr_header", "ocr_caption", "ocr_textfloat":
				lines = append(lines, document.Line{
					Box: boxOf(title), FontSize: number(title, "x_size"), Paragraph: paragraph,
				})
				line = &lines[len(lines)-1]
			case "ocrx_word":
				if line != nil {
					line.Words = append(line.Words, document.Word{Box: boxOf(title), Confidence: number(title, "x_wconf")})
					word = &line.Words[len(line.Words)-1]
					depth = 0
				}
			default:
				depth++
			}
		case html.EndTagToken:
			if depth > 0 {
				depth--
			} else {
				word = nil
			}
		case html.TextToken:
			if word != nil {
				word.Text += string(tokens.Text())
			}
		}
	}
}

// finishLines drops words and lines without text, says the lines' text and confidence, and counts the paragraphs that
// are left.
func finishLines(lines []document.Line) []document.Line {
	var kept []document.Line
	for _, line := range lines {
		var words []document.Word
		var texts []string
		for _, word := range line.Words {
			word.Text = khmer.Order(strings.Join(strings.Fields(word.Text), " "))
			if word.Text != "" {
				words = append(words, word)
				texts = append(texts, word.Text)
			}
		}
		if len(words) == 0 {
			continue
		}
		line.Words, line.Text = words, strings.Join(texts, " ")
		line.Confidence = meanConfidence(words)
		if hasKhmer(line.Text) {
			line.FontSize *= khmerSize
		}
		kept = append(kept, line)
	}
	return countParagraphs(kept)
}

// marksConfidence is the confidence in percent below which a low line is taken for marks.
const marksConfidence = 30

// dropMarks drops lines of less than half the usual height that Tesseract itself does not believe in: the tops of vowels
// and the subscripts of a neighbour, cut off from it and read for a second time, or dirt. On pages of small type it takes a
// twelfth of the character errors away (8.5 to 7.8 %), on others it does nothing. What remains of a page says less of how
// well it was read, so it comes after the choice among readings.
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

// countParagraphs counts the paragraphs that have a line from 1.
func countParagraphs(lines []document.Line) []document.Line {
	paragraph, before := 0, -1
	for i := range lines {
		if lines[i].Paragraph != before {
			before = lines[i].Paragraph
			paragraph++
		}
		lines[i].Paragraph = paragraph
	}
	return lines
}

func hasKhmer(text string) bool {
	return strings.ContainsFunc(text, func(r rune) bool { return unicode.Is(unicode.Khmer, r) })
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
