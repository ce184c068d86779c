package document

import (
	"fmt"
	"math"
	"os"
	"reflect"
	"strings"
	"testing"
)

type altoDocument struct {
	Unit  string     `xml:"Description>MeasurementUnit"`
	Pages []altoPage `xml:"Layout>Page"`
}

type altoPage struct {
	Number int `xml:"PHYSICAL_IMG_NR,attr"`
	Space  struct {
		altoBox
		Lines []struct {
			Words  []altoString `xml:"String"`
			Spaces []altoBox    `xml:"SP"`
		} `xml:"TextBlock>TextLine"`
	} `xml:"PrintSpace"`
}

type altoString struct {
	altoBox
	Content    string `xml:"CONTENT,attr"`
	Confidence string `xml:"WC,attr"`
	Language   string `xml:"LANG,attr"`
}

type altoBox struct {
	Left   int `xml:"HPOS,attr"`
	Top    int `xml:"VPOS,attr"`
	Width  int `xml:"WIDTH,attr"`
	Height int `xml:"HEIGHT,attr"`
}

func TestALTOHasEveryWordInItsPlace(t *testing.T) {
	for name, pages := range map[string][]*Page{"sample": samplePages(), "unusual": unusualPages(), "unplaced": unplacedPages()} {
		t.Run(name, func(t *testing.T) {
			info := sampleInfo()
			info.Pages = len(pages)
			result := rendered(t, FormatALTO, info, pages)
			var read altoDocument
			unmarshal(t, result, &read)
			if read.Unit != "inch1200" || len(read.Pages) != len(pages) {
				t.Fatalf("%d pages in %s", len(read.Pages), read.Unit)
			}
			for i, page := range read.Pages {
				units := func(points float64) int { return int(max(0, math.RoundToEven(points/72*1200))) }
				want := placed(pages[i], func(b Box) string {
					return fmt.Sprint(altoBox{units(b[0]), units(b[1]), units(b[2] - b[0]), units(b[3] - b[1])})
				}, func(percent float64) string { return fmt.Sprintf("%.3f", min(percent/100, 1)) }, "km")
				got := placedPage{Number: page.Number, Box: fmt.Sprint(page.Space.altoBox)}
				for _, line := range page.Space.Lines {
					var words []placedWord
					for _, word := range line.Words {
						words = append(words, placedWord{word.Content, fmt.Sprint(word.altoBox), word.Confidence, word.Language})
					}
					if len(line.Spaces) != len(words)-1 {
						t.Errorf("%d spaces between %d words", len(line.Spaces), len(words))
					}
					got.Lines = append(got.Lines, words)
				}
				if !reflect.DeepEqual(got, want) {
					t.Errorf("got  %+v\nwant %+v", got, want)
				}
			}
			check(t, result, "--relaxng", "testdata/alto.rng")
		})
	}
}

// TestALTOIsValid validates against the published schema, where ALTO_XSD tells where that lies, with the schema of XLink
// that it imports. Its licence is not ours, so it is not here.
func TestALTOIsValid(t *testing.T) {
	schema := os.Getenv("ALTO_XSD")
	if schema == "" {
		t.Skip("ALTO_XSD is not set")
	}
	for _, pages := range [][]*Page{samplePages(), unusualPages(), unplacedPages()} {
		info := sampleInfo()
		info.Pages = len(pages)
		check(t, rendered(t, FormatALTO, info, pages), "--schema", schema)
	}
}

func TestALTOLeavesOutWhatIsNotKnown(t *testing.T) {
	result := rendered(t, FormatALTO, Info{Pages: 1}, []*Page{{Number: 1}})
	for _, absent := range []string{"processingDateTime", "processingStepSettings", "PC="} {
		if strings.Contains(string(result), absent) {
			t.Errorf("%s in %s", absent, result)
		}
	}
	check(t, result, "--relaxng", "testdata/alto.rng")
}
