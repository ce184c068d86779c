package searchable

import (
	"bytes"
	"errors"
	"math"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/openplp/khocr/internal/document"
)

// FuzzLayer shows any text at any place. The content is one that readers of PDF know: numbers that are numbers, operators with
// their operands, pairs that are closed; and its text is that of the words.
func FuzzLayer(f *testing.F) {
	for i, text := range []string{"ខ្មែរ", "a) Tj ET Q", "<feff>\\(", "\x00\x1b\xff\ufffe", "\u202eabc\u2066", "\U0001f600\ud7ff", "", " ", strings.Repeat("ក", 2000)} {
		numbers := []float64{0, 12, -40, 595.3, 1e308, -1e308, 5e-324, math.NaN(), math.Inf(1), math.Inf(-1)}
		at := func(step int) float64 { return numbers[(i*step+step)%len(numbers)] }
		f.Add(text, at(1), at(2), at(3), at(5), at(7), at(9), 90*i)
	}
	f.Add("word", 595.3, 841.9, 72.0, 90.0, 200.0, 102.0, 0)
	f.Fuzz(func(t *testing.T, text string, width, height, left, top, right, bottom float64, rotation int) {
		page := page(1, width, height, rotation, text, document.Box{left, top, right, bottom})
		second := page.Lines[0].Words[0]
		second.Box = document.Box{right, top, left, bottom}
		page.Lines[0].Words = append(page.Lines[0].Words, second)
		shape := geometry{box: rectangle{0, 0, 595, 842}, unit: 1}
		content := layer(page, shape.fromUpright(width, height, rotation), "KhOCR")
		checkContent(t, content, page)

		// As a page of a whole PDF, which the reader of documents to be continued finds again.
		var made bytes.Buffer
		w := newWriter(&made, 0, 1)
		_, _ = w.Write([]byte("%PDF-1.7\n"))
		catalog, tree := w.reserve(), w.reserve()
		shown := w.compressed(dict{}, content)
		kid := w.add(dict{"Type": name("Page"), "Parent": tree, "Contents": shown, "MediaBox": array{number0, number0, real(width), real(height)}})
		w.put(tree, dict{"Type": name("Pages"), "Kids": array{kid}, "Count": integer(1)})
		w.put(catalog, dict{"Type": name("Catalog"), "Pages": tree})
		if err := w.finish(dict{"Root": catalog}, false); err != nil {
			t.Fatal(err)
		}
		read, err := openFile(bytes.NewReader(made.Bytes()), int64(made.Len()))
		if err != nil {
			t.Fatal(err)
		}
		found := 0
		if err := read.pages(func(*pdfPage) error { found++; return nil }); err != nil || found != 1 {
			t.Fatalf("%d pages, %v", found, err)
		}
	})
}

// operands of each operator that a layer has.
var operands = map[keyword]int{"q": 0, "Q": 0, "cm": 6, "BT": 0, "ET": 0, "Tr": 1, "Tf": 2, "Tz": 1, "Tm": 6, "Tj": 1}

func checkContent(t *testing.T, content []byte, page *document.Page) {
	t.Helper()
	words := &lexer{data: content, direct: true}
	var stack []object
	open := ""
	for {
		token, err := words.next()
		if errors.Is(err, errShort) && words.at >= len(content) {
			break
		}
		if err != nil {
			t.Fatalf("%v in %q", err, content)
		}
		operator, is := token.(keyword)
		if !is {
			if value, numeric := toFloat(token); numeric && (math.IsNaN(value) || math.Abs(value) > greatest*1.001) {
				t.Fatalf("number %v in %q", token, content)
			}
			stack = append(stack, token)
			continue
		}
		if want, known := operands[operator]; !known || want != len(stack) {
			t.Fatalf("%s has %d operands in %q", operator, len(stack), content)
		}
		switch operator {
		case "q", "BT", "Q", "ET":
			open += string(operator) + " "
		case "Tj":
			shown, _ := stack[0].(text)
			if got := strings.TrimSuffix(decoded(shown), " "); got != strings.TrimSuffix(inFirstPlane(page.Text), " ") {
				t.Fatalf("%q is shown for %q", got, page.Text)
			}
		}
		stack = stack[:0]
	}
	if open != "q BT ET Q " || len(stack) > 0 {
		t.Fatalf("%s%v in %q", open, stack, content)
	}
}

func decoded(codes text) string {
	var units []uint16
	for i := 0; i+1 < len(codes); i += 2 {
		units = append(units, uint16(codes[i])<<8|uint16(codes[i+1]))
	}
	return string(utf16.Decode(units))
}

// inFirstPlane is a text as the font shows it.
func inFirstPlane(text string) string {
	return strings.Map(func(r rune) rune {
		if r > 0xffff {
			return '\ufffd'
		}
		return r
	}, text)
}
