package document

import (
	"fmt"
	"math"
	"reflect"
	"strings"
	"testing"
)

// hocrElement is an element of class ocr_... or ocrx_..., or what stands between them.
type hocrElement struct {
	Class    string        `xml:"class,attr"`
	ID       string        `xml:"id,attr"`
	Title    string        `xml:"title,attr"`
	Language string        `xml:"lang,attr"`
	Text     string        `xml:",chardata"`
	Children []hocrElement `xml:",any"`
}

type hocrDocument struct {
	Title string `xml:"head>title"`
	Metas []struct {
		Name    string `xml:"name,attr"`
		Content string `xml:"content,attr"`
	} `xml:"head>meta"`
	Pages []hocrElement `xml:"body>div"`
}

// property is a value in a title, such as bbox.
func (e hocrElement) property(name string) string {
	for property := range strings.SplitSeq(e.Title, "; ") {
		if value, found := strings.CutPrefix(property, name+" "); found {
			return value
		}
	}
	return ""
}

func TestHOCRHasEveryWordInItsPlace(t *testing.T) {
	for name, pages := range map[string][]*Page{"sample": samplePages(), "unusual": unusualPages(), "unplaced": unplacedPages()} {
		t.Run(name, func(t *testing.T) {
			info := sampleInfo()
			info.Pages = len(pages)
			result := rendered(t, FormatHOCR, info, pages)
			var read hocrDocument
			unmarshal(t, result, &read)
			if read.Title != info.FileName || len(read.Pages) != len(pages) {
				t.Fatalf("%d pages of %q", len(read.Pages), read.Title)
			}
			for i, page := range read.Pages {
				dpi := float64(pages[i].DPI)
				if dpi == 0 {
					dpi = 300
				}
				pixels := func(points float64) float64 { return max(0, math.RoundToEven(points/72*dpi)) }
				want := placed(pages[i], func(b Box) string {
					if b.IsZero() && pages[i].Width > 0 { // a page always has a box
						return ""
					}
					return fmt.Sprintf("%g %g %g %g", pixels(b[0]), pixels(b[1]), pixels(b[2]), pixels(b[3]))
				}, func(percent float64) string { return fmt.Sprintf("%g", math.RoundToEven(percent)) }, "km")
				if got := hocrPlaced(t, page); !reflect.DeepEqual(got, want) {
					t.Errorf("got  %+v\nwant %+v", got, want)
				}
				if res := page.property("scan_res"); res != fmt.Sprintf("%g %g", dpi, dpi) {
					t.Errorf("page %d has a resolution of %s", i, res)
				}
			}
			check(t, result)
			check(t, result, "--html")
		})
	}
}

// hocrPlaced reads a page, and checks what stands in what, and that nothing has the name of another.
func hocrPlaced(t *testing.T, page hocrElement) placedPage {
	t.Helper()
	var got placedPage
	names := map[string]bool{}
	enter := func(e hocrElement, class string) {
		if e.Class != class || e.property("bbox") == "" && class == "ocr_page" || class != "ocrx_word" && (e.ID == "" || names[e.ID]) {
			t.Errorf("not a good %s: %+v", class, e)
		}
		names[e.ID] = true
	}
	enter(page, "ocr_page")
	if _, err := fmt.Sscanf(page.property("ppageno"), "%d", &got.Number); err != nil {
		t.Errorf("%v in %q", err, page.Title)
	}
	got.Number++
	got.Box = page.property("bbox")
	for _, area := range page.Children {
		enter(area, "ocr_carea")
		for _, paragraph := range area.Children {
			enter(paragraph, "ocr_par")
			for _, line := range paragraph.Children {
				enter(line, "ocr_line")
				if line.Text != strings.Repeat(" ", len(line.Children)-1) {
					t.Errorf("%q stands between words", line.Text)
				}
				var words []placedWord
				for _, word := range line.Children {
					enter(word, "ocrx_word")
					words = append(words, placedWord{word.Text, word.property("bbox"), word.property("x_wconf"), word.Language})
				}
				got.Lines = append(got.Lines, words)
			}
		}
	}
	return got
}

func TestHOCRTellsWhatItIsCapableOf(t *testing.T) {
	var read hocrDocument
	unmarshal(t, rendered(t, FormatHOCR, sampleInfo(), samplePages()), &read)
	got := map[string]string{}
	for _, meta := range read.Metas {
		got[meta.Name] = meta.Content
	}
	if got["ocr-system"] != "khocr" || got["ocr-number-of-pages"] != "4" {
		t.Errorf("got %v", got)
	}
	capabilities := " " + got["ocr-capabilities"] + " "
	var walk func(hocrElement)
	walk = func(e hocrElement) {
		if !strings.Contains(capabilities, " "+e.Class+" ") {
			t.Errorf("%q is not among %q", e.Class, capabilities)
		}
		for _, child := range e.Children {
			walk(child)
		}
	}
	for _, page := range read.Pages {
		walk(page)
	}
}
