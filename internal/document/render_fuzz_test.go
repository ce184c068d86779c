package document

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"golang.org/x/net/html"
)

// FuzzRender has pages with any text at any place in every format. XML is well-formed and read alike by parsers of XML and of
// HTML, numbers are numbers that readers take, and the text is that of the page.
func FuzzRender(f *testing.F) {
	texts := []string{
		"ខ្មែរ <b>&amp; \"'", "]]>\x00\x1b\ufffe\uffff\xff", "\u202eabc\u2066def\u2069\u200f", "a\tb\r\nc\u0085\u2028\f\v", "\xed\xa0\x80\xed\xb0\x80",
		strings.Repeat("ពាក្យ", 50), "<!-- --><![CDATA[", "&#0;&lt;", "\ufeff\u200b\u00ad", "\U0001f600\U0010ffff\U0001fffe", " ", "",
	}
	numbers := []float64{0, 12, 72.5, -40, 1e9, 1e308, -1e308, 5e-324, math.NaN(), math.Inf(1), math.Inf(-1), 99.9999}
	for i, text := range texts {
		at := func(step int) float64 { return numbers[(i*step+step)%len(numbers)] }
		f.Add(text, texts[(i+5)%len(texts)], at(1), at(2), at(3), at(5), at(7), at(11), i*50)
	}
	f.Add("one\nof them", "two", 595.3, 841.9, 72.0, 90.0, 400.0, 12.0, 300)
	f.Fuzz(func(t *testing.T, first, second string, width, height, left, top, right, size float64, dpi int) {
		word := func(text string, confidence float64) Word {
			return Word{Text: text, Box: Box{left, top, right, top + size}, Confidence: confidence}
		}
		page := &Page{
			Number: 1, Width: width, Height: height, DPI: dpi, Source: SourceOCR, Confidence: size, Text: first + "\n" + second,
			Lines: []Line{
				{Text: first, Box: Box{left, top, right, top + size}, Confidence: size, FontSize: size, Words: []Word{word(first, size), word(second, right)}},
				{Text: second, Box: Box{right, top + size, left, top}, Confidence: left, FontSize: top, Paragraph: dpi},
			},
		}
		unplaced := &Page{Number: 2, Source: SourceNative, Text: second + "\f" + first}
		failed := &Page{Number: 3, Source: SourceNone, Reason: first, Error: &PageError{Code: PageErrorCrashed, Message: second}}
		pages := []*Page{page, unplaced, failed}
		info := Info{ID: second, FileName: first, Model: second, Pages: len(pages)}

		checkText(t, rendered(t, FormatText, info, pages), pages)
		checkHOCR(t, rendered(t, FormatHOCR, info, pages), pages)
		checkALTO(t, rendered(t, FormatALTO, info, pages), pages)
		checkDocx(t, info, pages)
		if result := rendered(t, FormatMarkdown, info, pages); !utf8.Valid(result) {
			t.Errorf("the markdown is no UTF-8: %q", result)
		}
		var out bytes.Buffer
		err := Render(&out, FormatJSON, info, each(pages, nil))
		if page.Check() == nil && err != nil {
			t.Errorf("a page that is in order has no JSON: %v", err)
		}
		if (err != nil) != incomplete[FormatJSON](out.Bytes()) {
			t.Errorf("error %v, and the JSON is %s", err, out.Bytes())
		}
	})
}

// checkText checks that the pages can be told apart and nothing in them moves a cursor.
func checkText(t *testing.T, result []byte, pages []*Page) {
	t.Helper()
	if found := strings.Count(string(result), pageSeparator) + 1; found != len(pages) {
		t.Errorf("%d pages, want %d", found, len(pages))
	}
	control := func(r rune) bool { return unicode.IsControl(r) && !strings.ContainsRune("\n\t"+pageSeparator, r) }
	if !utf8.Valid(result) || bytes.ContainsFunc(result, control) {
		t.Errorf("%q", result)
	}
}

// wordsOf are the words that formats with places have, without spaces around, as XML can carry them.
func wordsOf(pages []*Page) []string {
	var words []string
	for _, page := range pages {
		for _, column := range columnsOf(page) {
			for _, line := range column.lines {
				for _, word := range line.Words {
					words = append(words, carried(word.Text))
				}
			}
		}
	}
	return words
}

// walk hands every element of XML to visit, with its text if it has no elements of its own.
func walk(t *testing.T, result []byte, visit func(element xml.StartElement, text string)) {
	t.Helper()
	decoder := xml.NewDecoder(bytes.NewReader(result))
	var last *xml.StartElement
	text := ""
	for {
		token, err := decoder.Token()
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			t.Fatalf("%v in %q", err, result)
		}
		switch token := token.(type) {
		case xml.StartElement:
			element := token.Copy()
			if last != nil {
				visit(*last, "")
			}
			last, text = &element, ""
		case xml.CharData:
			text += string(token)
		case xml.EndElement:
			if last != nil {
				visit(*last, text)
			}
			last = nil
		}
	}
}

func attribute(element xml.StartElement, name string) string {
	for _, attribute := range element.Attr {
		if attribute.Name.Local == name {
			return attribute.Value
		}
	}
	return ""
}

// title is what elements of hOCR say of themselves: properties whose values are numbers. What has no place has no box.
var title = regexp.MustCompile(`^(bbox( [0-9]{1,10}){4}(; (ppageno|scan_res|x_wconf|x_fsize)( [0-9]{1,10}(\.[0-9]+)?){1,2})*|(x_wconf|x_fsize) [0-9]{1,10}(\.[0-9]+)?)?$`)

func checkHOCR(t *testing.T, result []byte, pages []*Page) {
	t.Helper()
	var words []string
	walk(t, result, func(element xml.StartElement, text string) {
		if said := attribute(element, "title"); element.Name.Local != "meta" && attribute(element, "class") != "" && !title.MatchString(said) {
			t.Errorf("%s has the title %q", element.Name.Local, said)
		}
		if attribute(element, "class") == "ocrx_word" {
			words = append(words, strings.TrimSpace(text))
		}
	})
	if want := wordsOf(pages); !slices.Equal(words, want) {
		t.Errorf("words %q, want %q", words, want)
	}
	root, err := html.Parse(bytes.NewReader(result))
	if err != nil {
		t.Fatal(err)
	}
	var inHTML []string
	for node := range root.Descendants() {
		if slices.ContainsFunc(node.Attr, func(a html.Attribute) bool { return a.Key == "class" && a.Val == "ocrx_word" }) {
			text := ""
			for inner := range node.Descendants() {
				text += inner.Data
			}
			inHTML = append(inHTML, strings.TrimSpace(text))
		}
	}
	if !slices.Equal(inHTML, words) {
		t.Errorf("as HTML the words are %q, as XML %q", inHTML, words)
	}
}

func checkALTO(t *testing.T, result []byte, pages []*Page) {
	t.Helper()
	var words []string
	whole := regexp.MustCompile(`^[0-9]{1,10}$`)
	walk(t, result, func(element xml.StartElement, _ string) {
		for _, attribute := range element.Attr {
			switch name, value := attribute.Name.Local, attribute.Value; name {
			case "HPOS", "VPOS", "WIDTH", "HEIGHT":
				if !whole.MatchString(value) {
					t.Errorf("%s of %s is %q", name, element.Name.Local, value)
				}
			case "WC", "PC":
				if share, err := strconv.ParseFloat(value, 64); err != nil || !(share >= 0 && share <= 1) {
					t.Errorf("%s of %s is %q", name, element.Name.Local, value)
				}
			case "CONTENT":
				words = append(words, strings.TrimSpace(value))
			}
		}
	})
	if want := wordsOf(pages); !slices.Equal(words, want) {
		t.Errorf("words %q, want %q", words, want)
	}
}

// checkDocx checks the parts of the package that are made of the document, and that Word takes the numbers. Packing them takes
// most of a docx's time, and knows nothing of them.
func checkDocx(t *testing.T, info Info, pages []*Page) {
	t.Helper()
	var core, main bytes.Buffer
	if err := writeCoreProperties(&core, info); err != nil {
		t.Fatal(err)
	}
	body := newDocxBody(&main)
	for _, page := range pages {
		if err := body.add(page); err != nil {
			t.Fatal(err)
		}
	}
	if err := body.end(); err != nil {
		t.Fatal(err)
	}
	walk(t, core.Bytes(), func(xml.StartElement, string) {})
	// The bounds of sizes in half points, and of lengths in twentieths of a point.
	bounds := map[string][2]int{"sz": {2, 2 * maxType}, "szCs": {2, 2 * maxType}, "pgSz": {20 * minSheet, 20 * maxSheet}, "ind": {0, 20 * maxSheet}}
	walk(t, main.Bytes(), func(element xml.StartElement, _ string) {
		bound, bounded := bounds[element.Name.Local]
		for _, attribute := range element.Attr {
			if !bounded || attribute.Name.Local == "orient" {
				continue
			}
			if value, err := strconv.Atoi(attribute.Value); err != nil || value < bound[0] || value > bound[1] {
				t.Errorf("%s of %s is %q", attribute.Name.Local, element.Name.Local, attribute.Value)
			}
		}
	})
}
