package engine

import (
	"image"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/openplp/khocr/internal/document"
	"github.com/openplp/khocr/internal/khmer"
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
	at := func(confidence float64, text string) []document.Line {
		return []document.Line{{Text: text, Words: []document.Word{{Text: text, Confidence: confidence}}}}
	}
	type pass struct {
		rotation int
		method   threshold
	}
	tests := []struct {
		name   string
		passes map[pass][]document.Line
		want   pass
		cost   int
	}{
		{"a sure page is read once", map[pass][]document.Line{{0, otsu}: at(80, "ក")}, pass{0, otsu}, 1},
		{"a page without words is read once", map[pass][]document.Line{{0, otsu}: nil}, pass{0, otsu}, 1},
		{"a dirty page is better with the other threshold",
			map[pass][]document.Line{{0, otsu}: at(55, "ក"), {0, sauvola}: at(75, "ក")}, pass{0, sauvola}, 2},
		{"the other threshold is worse", map[pass][]document.Line{{0, otsu}: at(60, "ក"), {0, sauvola}: at(55, "ក")}, pass{0, otsu}, 2},
		{"the other threshold loses the text",
			map[pass][]document.Line{{0, otsu}: at(60, "កខគឃង"), {0, sauvola}: at(90, "កខ")}, pass{0, otsu}, 2},
		{"a page on its side", map[pass][]document.Line{
			{0, otsu}: at(35, "ក"), {0, sauvola}: at(30, "ក"), {90, otsu}: at(81, "ក"),
		}, pass{90, otsu}, 3},
		{"a dirty page on its head", map[pass][]document.Line{
			{0, otsu}: at(16, "ក"), {0, sauvola}: at(20, "ក"), {90, sauvola}: at(35, "ក"), {270, sauvola}: at(36, "ក"),
			{180, sauvola}: at(78, "ក"),
		}, pass{180, sauvola}, 5},
		{"a picture is unsure any way up", map[pass][]document.Line{
			{0, otsu}: at(30, "ក"), {0, sauvola}: at(20, "ក"), {90, otsu}: at(38, "ក"), {270, otsu}: at(36, "ក"),
			{180, otsu}: at(40, "ក"),
		}, pass{0, otsu}, 5},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			cost := 0
			best, err := readBest(func(rotation int, method threshold) (reading, error) {
				cost++
				return reading{lines: test.passes[pass{rotation, method}], rotation: rotation}, nil
			})
			want := reading{lines: test.passes[test.want], rotation: test.want.rotation}
			if err != nil || best.rotation != want.rotation || best.confidence() != want.confidence() || cost != test.cost {
				t.Errorf("got %+v, %v after %d passes, want %+v after %d", best, err, cost, want, test.cost)
			}
		})
	}
}

func TestDropMarks(t *testing.T) {
	line := func(text string, top, bottom, confidence float64) document.Line {
		return document.Line{Text: text, Box: document.Box{0, top, 100, bottom}, Confidence: confidence}
	}
	lines := []document.Line{
		line("vowels of the title", 0, 5, 18), line("the title", 4, 24, 82), line("a line", 30, 48, 90),
		line("a small line that is sure", 50, 55, 31), line("a poor line", 60, 78, 12), line("dirt", 80, 88, 0),
	}
	var kept []string
	for _, line := range dropMarks(lines) {
		kept = append(kept, line.Text)
	}
	want := []string{"the title", "a line", "a small line that is sure", "a poor line"}
	if !slices.Equal(kept, want) {
		t.Errorf("kept %q, want %q", kept, want)
	}
	if got := dropMarks(nil); len(got) != 0 {
		t.Errorf("nothing became %v", got)
	}
}

func TestParseHOCR(t *testing.T) {
	const hocr = `<div class='ocr_page' id='page_1' title='image ""; bbox 0 0 100 100; ppageno 0'>
   <div class='ocr_carea' title="bbox 1 2 90 60">
    <p class='ocr_par' title="bbox 1 2 90 10">
     <span class='ocr_line' title="bbox 1 2 90 10; baseline 0 -1; x_size 20; x_descenders 2">
      <span class='ocrx_word' title='bbox 1 2 40 10; x_wconf 80'><strong>ខ្មែរ</strong></span>
      <span class='ocrx_word' title='bbox 45 2 90 10; x_wconf 60'>A&amp;B &lt;</span>
     </span>
    </p>
    <p class='ocr_par' title="bbox 1 11 90 12">
     <span class='ocr_line' title="bbox 1 11 90 12; x_size 9"><span class='ocrx_word' title='bbox 1 11 9 12; x_wconf 95'> </span></span>
    </p>
    <p class='ocr_par' title="bbox 1 20 90 60">
     <span class='ocr_header' title="bbox 1 20 90 60; x_size 30"><span class='ocrx_word' title='bbox 1 20 9 60; x_wconf 12'>OCR</span></span>
    </p>
   </div>
   <div class='ocr_photo' title="bbox 0 0 5 5"></div>
  </div>`
	lines := parseHOCR(hocr)
	if len(lines) != 2 {
		t.Fatalf("lines are %+v, want 2: one has no words", lines)
	}
	first, second := lines[0], lines[1]
	if first.Text != "ខ្មែរ A&B <" || first.Box != (document.Box{1, 2, 90, 10}) || first.Confidence != 70 || first.Paragraph != 1 {
		t.Errorf("first line is %+v", first)
	}
	if math.Abs(first.FontSize-20*khmerSize) > 1e-9 || second.FontSize != 30 {
		t.Errorf("sizes of type are %v and %v", first.FontSize, second.FontSize)
	}
	if word := first.Words[1]; word.Text != "A&B <" || word.Box != (document.Box{45, 2, 90, 10}) || word.Confidence != 60 {
		t.Errorf("second word is %+v", word)
	}
	if second.Text != "OCR" || second.Paragraph != 2 || len(second.Words) != 1 {
		t.Errorf("second line is %+v", second)
	}
	if lines := parseHOCR(""); len(lines) != 0 {
		t.Errorf("lines of nothing are %+v", lines)
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

func TestLanguagesOf(t *testing.T) {
	for _, model := range []string{"", "../khm", "/etc/khm", "khm+../../eng", "nosuchmodel"} {
		if languages, err := languagesOf(model, defaultTessdata); err == nil {
			t.Errorf("model %q is %v", model, languages)
		}
	}
}
