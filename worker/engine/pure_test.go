package engine

import (
	"encoding/binary"
	"fmt"
	"image"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/openplp/khocr/internal/document"
	"github.com/openplp/khocr/internal/khmer"
	"github.com/openplp/khocr/internal/scan"
)

func TestDecide(t *testing.T) {
	page := func(text string, images ...rect) nativePage {
		page := nativePage{width: 600, height: 800, layer: khmer.Examine(text)}
		for _, image := range images {
			page.pictures = append(page.pictures, pictureAt(image))
		}
		return page
	}
	sound := strings.Repeat("បណ្ណាល័យរក្សាទុកសៀវភៅ ", 20)
	decoded := page(sound)
	decoded.legacy = true
	mistyped := page(sound + "េ េ េ")
	mistyped.legacy, mistyped.mostly = true, true
	broken := mistyped
	broken.mostly = false
	undecoded := page(sound + strings.Repeat("\ufffd", 9))
	undecoded.legacy, undecoded.mostly = true, true
	unknown := page(sound)
	unknown.unknown = "FK"
	hidden := page("", rect{0, 0, 600, 800})
	hidden.hidden = true
	whole, half := rect{0, 0, 600, 800}, rect{50, 450, 550, 780}
	tests := []struct {
		name   string
		mode   string
		page   nativePage
		source document.Source
		reason string
	}{
		{"sound text is kept", "auto", page(sound), document.SourceNative, ReasonNativeTextOK},
		{"decoded text is kept", "auto", decoded, document.SourceLegacy, ReasonLegacyFontDecoded},
		{"decoded text may have been mistyped", "auto", mistyped, document.SourceLegacy, ReasonLegacyFontDecoded},
		{"broken text with a part that was decoded is recognised", "auto", broken, document.SourceOCR, ReasonTextLayerBroken},
		{"text with unknown codes is recognised", "auto", undecoded, document.SourceOCR, ReasonTextLayerBroken},
		{"text in an unknown code is recognised", "auto", unknown, document.SourceOCR, "legacy_font_unknown_fk"},
		{"a stamp on a scan is not the page's text", "auto", page("Scanned by a telephone", whole), document.SourceOCR, ReasonScannedImage},
		{"a short text beside a logo is kept", "auto", page("Letter of the library", rect{10, 10, 110, 110}),
			document.SourceNative, ReasonNativeTextOK},
		{"text beside an image is kept, and the image recognised", "auto", page(sound, half), document.SourceMixed, ReasonTextAndImages},
		{"a stamp is all there is where recognition is not wanted", "skip", page("Scanned by a telephone", whole),
			document.SourceNative, ReasonNativeTextOK},
		{"an image is left where recognition is not wanted", "skip", page(sound, half), document.SourceNative, ReasonNativeTextOK},
		{"broken text is recognised", "auto", page("េដាយ េនៅ"), document.SourceOCR, ReasonTextLayerBroken},
		{"broken text is never given", "skip", page("េដាយ េនៅ"), document.SourceNone, ReasonSkipped},
		{"text behind a scan is not trusted", "auto", hidden, document.SourceOCR, ReasonHiddenText},
		{"text behind a scan is never given", "skip", hidden, document.SourceNone, ReasonSkipped},
		{"no text is recognised", "auto", page(" ", whole), document.SourceOCR, ReasonNoTextLayer},
		{"no text stays none where recognition is not wanted", "skip", page(" ", whole), document.SourceNone, ReasonSkipped},
		{"force recognises", "force", nativePage{}, document.SourceOCR, ReasonForced},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if source, reason := decide(test.mode, test.page); source != test.source || reason != test.reason {
				t.Errorf("decided %s for %s, want %s for %s", source, reason, test.source, test.reason)
			}
		})
	}
}

func TestChooseDPI(t *testing.T) {
	tests := []struct {
		name          string
		width, height int
		natural       float64
		want          float64
		ok            bool
	}{
		{"A4 as it is", 595, 842, 200, 200, true},
		{"A3 as it is", 842, 1190, 200, 200, true},
		{"a page that is far too wide for its print is reduced", 1664, 2339, 200, 115.41, true},
		{"a small page is enlarged to as many pixels as A4 at 150", 350, 500, 200, 253.83, true},
		{"a card is enlarged twice", 150, 240, 200, 400, true},
		{"a photograph is reduced", 3000, 4000, 72, 65.73, true},
		{"a long strip stays within what can be recognised", 100, 20000, 200, 115.2, true},
		{"14400 points", 14400, 14400, 200, 0, false},
		{"a strip without end", 10, 2000000, 200, 0, false},
		{"a size beyond numbers", math.MinInt, 842, 200, 0, false},
		{"nothing", 0, 0, 200, 0, false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got, ok := chooseDPI(test.width, test.height, test.natural)
			if ok != test.ok || math.Abs(got-test.want) > 0.01 {
				t.Errorf("resolution is %v, %v; want %v, %v", got, ok, test.want, test.ok)
			}
			if pixels := float64(test.width) * float64(test.height) * got * got / 72 / 72; pixels > maxPixels+1 {
				t.Errorf("%v pixels", pixels)
			}
		})
	}
}

func TestReadBest(t *testing.T) {
	// The confidence of a page of seven lines, by its rotation.
	tests := []struct {
		name        string
		confidences map[int]float64
		// across is what is read of a line when the page is turned.
		across string
		want   int
		cost   int
	}{
		{"an upright page is read once", map[int]float64{0: 60}, "កខគឃ", 0, 7},
		{"a page on its side", map[int]float64{0: 35, 90: 81}, "កខគឃ", 90, 5 + 7},
		{"a page on its other side", map[int]float64{0: 35, 90: 30, 270: 70}, "កខគឃ", 270, 5 + 5 + 7},
		{"a page on its head", map[int]float64{0: 16, 90: 35, 270: 36, 180: 62}, "កខគឃ", 180, 5 + 5 + 5 + 7},
		{"a badly printed page has a letter here and there across its lines", map[int]float64{0: 40, 90: 70}, "ក", 0, 7 + 5 + 5 + 5},
		{"a picture is unsure any way up", map[int]float64{0: 30, 90: 38, 270: 36, 180: 40}, "កខគឃ", 0, 7 + 5 + 5 + 5},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			cost := 0
			best, err := readBest(func(rotation int) *attempt {
				layout := &scan.Layout{}
				for range 7 {
					layout.Lines = append(layout.Lines, &scan.Line{})
				}
				return &attempt{rotation: rotation, layout: layout, words: map[*scan.Line][]document.Word{}}
			}, func(a *attempt, _ *scan.Line) ([]document.Word, error) {
				cost++
				text := test.across
				if a.rotation == 0 {
					text = "កខគ"
				}
				return []document.Word{{Text: text, Confidence: test.confidences[a.rotation]}}, nil
			})
			if err != nil || best.rotation != test.want || len(best.words) != 7 || cost != test.cost {
				t.Errorf("turned by %d, %d lines, %v after %d lines; want %d after %d", best.rotation, len(best.words), err, cost, test.want, test.cost)
			}
		})
	}
	blank, err := readBest(func(int) *attempt { return &attempt{layout: &scan.Layout{}} }, nil)
	if err != nil || blank.rotation != 0 {
		t.Errorf("a blank page is %+v, %v", blank, err)
	}
}

func TestLinesOf(t *testing.T) {
	layout := &scan.Layout{}
	words := map[*scan.Line][]document.Word{}
	add := func(block, row int, box image.Rectangle, confidence float64, texts ...string) {
		line := &scan.Line{Box: box, Size: 20, Block: block, Row: row}
		layout.Lines = append(layout.Lines, line)
		for _, text := range texts {
			words[line] = append(words[line], document.Word{Text: text, Confidence: confidence})
		}
	}
	add(1, 1, image.Rect(0, 0, 100, 40), 90, "ក", "ខ")
	add(1, 1, image.Rect(300, 2, 400, 42), 60, "គ")
	add(1, 2, image.Rect(0, 60, 100, 100), 90, "ឃ")
	add(1, 3, image.Rect(0, 110, 100, 118), 12, "dirt")
	add(1, 4, image.Rect(0, 120, 100, 160), 90, "ង")
	add(1, 5, image.Rect(0, 240, 100, 280), 90, "ច")
	add(1, 6, image.Rect(0, 300, 100, 340), 90)
	add(2, 7, image.Rect(200, 0, 300, 40), 90, "ឆ")
	lines := linesOf(&attempt{layout: layout, words: words})
	var got []string
	for _, line := range lines {
		got = append(got, fmt.Sprint(line.Paragraph, " ", line.Text))
	}
	// Two cells of a row are one line; paragraphs end at a wide gap and with a block.
	if want := []string{"1 ក ខ គ", "1 ឃ", "1 ង", "2 ច", "3 ឆ"}; !slices.Equal(got, want) {
		t.Errorf("lines are %q, want %q", got, want)
	}
	if first := lines[0]; first.Box != (document.Box{0, 0, 400, 42}) || first.Confidence != 80 || len(first.Words) != 3 {
		t.Errorf("first line is %+v", first)
	}
	if got := linesOf(&attempt{layout: &scan.Layout{}}); len(got) != 0 {
		t.Errorf("nothing became %v", got)
	}
}

func TestParseHOCR(t *testing.T) {
	const hocr = `<div class='ocr_page' id='page_1' title='image ""; bbox 0 0 100 100; ppageno 0'>
   <div class='ocr_carea' title="bbox 1 2 90 60">
    <p class='ocr_par' title="bbox 1 2 90 10">
     <span class='ocr_line' title="bbox 1 2 90 10; baseline 0 -1; x_size 20; x_descenders 2">
      <span class='ocrx_word' title='bbox 1 2 40 10; x_wconf 80'><strong>ខ្មែរ</strong></span>
      <span class='ocrx_word' title='bbox 41 2 44 10; x_wconf 95'> </span>
      <span class='ocrx_word' title='bbox 45 2 90 10; x_wconf 60'>A&amp;B &lt;</span>
      <span class='ocrx_word' title='bbox 91 2 93 10; x_wconf 90'>￼￼</span>
      <span class='ocrx_word' title='bbox 94 2 99 10; x_wconf 70'>ក￼</span>
     </span>
    </p>
   </div>
  </div>`
	want := []document.Word{
		{Text: "ខ្មែរ", Box: document.Box{1, 2, 40, 10}, Confidence: 80},
		{Text: "A&B <", Box: document.Box{45, 2, 90, 10}, Confidence: 60},
		// What is no text is dropped, inside a word and as one.
		{Text: "ក", Box: document.Box{94, 2, 99, 10}, Confidence: 70},
	}
	if got := parseHOCR(hocr); !slices.Equal(got, want) {
		t.Errorf("words are %+v, want %+v", got, want)
	}
	if got := parseHOCR(""); len(got) != 0 {
		t.Errorf("words of nothing are %+v", got)
	}
}

func TestKindOf(t *testing.T) {
	tests := []struct {
		name, start string
		want        kind
	}{
		{"nothing", "", kindEmpty},
		{"a PDF", "%PDF-1.7\n", kindPDF},
		{"a PDF behind other bytes", "\r\n\x00junk%PDF-1.4", kindPDF},
		{"a PNG", "\x89PNG\r\n\x1a\n\x00", kindImage},
		{"a JPEG", "\xff\xd8\xff\xe0", kindImage},
		{"a little-endian TIFF", "II*\x00\x08", kindImage},
		{"a big-endian TIFF", "MM\x00*", kindImage},
		{"an archive", "PK\x03\x04", kindOther},
		{"markup", "<html>", kindOther},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if got := kindOf([]byte(test.start)); got != test.want {
				t.Errorf("kind is %d, want %d", got, test.want)
			}
		})
	}
}

func TestTurn(t *testing.T) {
	// 1 2 3
	// 4 5 6
	source := &image.Gray{Pix: []uint8{1, 2, 3, 4, 5, 6}, Stride: 3, Rect: image.Rect(0, 0, 3, 2)}
	for degrees, want := range map[int][]uint8{
		0: {1, 2, 3, 4, 5, 6}, 90: {4, 1, 5, 2, 6, 3}, 180: {6, 5, 4, 3, 2, 1}, 270: {3, 6, 2, 5, 1, 4},
	} {
		turned := turn(source, degrees)
		if !slices.Equal(turned.Pix, want) || (turned.Rect.Dx() == 2) != (degrees%180 == 90) {
			t.Errorf("turned by %d: %v in %v, want %v", degrees, turned.Pix, turned.Rect, want)
		}
	}
}

func TestEncodeSPIX(t *testing.T) {
	// Five pixels take two words of a row, and those beside the image are another's.
	source := &image.Gray{Pix: []uint8{1, 2, 3, 4, 5, 99, 6, 7, 8, 9, 10, 99}, Stride: 6, Rect: image.Rect(0, 0, 5, 2)}
	encoded := encodeSPIX(source)
	words := make([]uint32, (len(encoded)-4)/4)
	if _, err := binary.Decode(encoded[4:], binary.NativeEndian, words); err != nil {
		t.Fatal(err)
	}
	want := []uint32{5, 2, 8, 2, 0, 16, 0x01020304, 0x05000000, 0x06070809, 0x0A000000}
	if string(encoded[:4]) != "spix" || !slices.Equal(words, want) {
		t.Errorf("%q and %x, want %x", encoded[:4], words, want)
	}
}

func TestPutBackTellsWhereWordsAreOnThePage(t *testing.T) {
	lines := []document.Line{{Box: document.Box{0, 0, 100, 10}, Words: []document.Word{{Box: document.Box{50, 0, 100, 10}}}}}
	// A page whose lines fall by a pixel in ten.
	putBack(lines, func(x, y float64) (float64, float64) { return x + 5, y + x/10 })
	if want := (document.Box{5, 0, 105, 20}); lines[0].Box != want {
		t.Errorf("the line is at %v, want %v", lines[0].Box, want)
	}
	if want := (document.Box{55, 5, 105, 20}); lines[0].Words[0].Box != want {
		t.Errorf("the word is at %v, want %v", lines[0].Words[0].Box, want)
	}
}
