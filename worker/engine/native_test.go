package engine

import (
	"fmt"
	"image"
	"image/draw"
	_ "image/png"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/openplp/khocr/internal/document"
)

func pictureAt(at rect) picture {
	return picture{topLeft: point{at.left, at.top}, bottomRight: point{at.right, at.bottom}, pixels: image.Pt(800, 800), opaque: true}
}

// printedText is text in type of 10 points that begins at a place; every character is 5 points wide, and marks take no room.
func printedText(font int, text string, left, baseline float64) []glyph {
	var glyphs []glyph
	for _, r := range text {
		width := 5.0
		if strings.ContainsRune("ិីុ់្ះMiu", r) {
			width = 0
		}
		glyphs = append(glyphs, glyph{
			code: r, font: font, size: 10, origin: point{left, baseline}, direction: point{1, 0},
			corners: [4]point{{left, baseline - 8}, {left + width, baseline - 8}, {left, baseline + 2}, {left + width, baseline + 2}},
		})
		left += width
	}
	return glyphs
}

func page300(fonts string, glyphs ...[]glyph) printedPage {
	page := printedPage{width: 300, height: 100, glyphs: slices.Concat(glyphs...)}
	for name := range strings.FieldsSeq(fonts) {
		page.fonts = append(page.fonts, typeface{name: name})
	}
	return page
}

func TestNativeLines(t *testing.T) {
	lifted := printedText(0, "កិ", 20, 50)
	lifted[1].origin.y -= 4
	turned := printedText(0, "ក", 0, 0)
	turned[0].direction = point{0, -1}
	turned[0].origin, turned[0].corners = point{50, 80}, [4]point{{42, 80}, {42, 75}, {52, 80}, {52, 75}}
	tests := []struct {
		name    string
		printed printedPage
		// want has the lines with their left and right edges, words with theirs in brackets.
		want string
	}{
		{"a word", page300("F", printedText(0, "កខគ", 20, 50)), "កខគ 20-35 [20-35]"},
		{"words", page300("F", printedText(0, "កខ គ", 20, 50)), "កខ គ 20-40 [20-30 35-40]"},
		{"a mark that is lifted", page300("F", lifted), "កិ 20-25 [20-25]"},
		{"parts with a gap, and no spaces", page300("F", printedText(0, "ក", 20, 50), printedText(0, "ខ", 30, 50)), "ក ខ 20-35 [20-25 30-35]"},
		{"parts with a gap beside spaces", page300("F", printedText(0, "គ ក", 10, 50), printedText(0, "ខ", 30, 50)),
			"គ កខ 10-35 [10-15 20-35]"},
		{"parts of a cluster", page300("F", printedText(0, "ក", 20, 50), printedText(0, "ិខ", 32, 50)), "កិខ 20-37 [20-37]"},
		{"a letter below, printed lower and further left", page300("F", printedText(0, "ក្", 20, 50), printedText(0, "ន", 15, 55)),
			"ក្ន 20-25 [20-25]"},
		{"columns stay apart", page300("F", printedText(0, "ក", 20, 50), printedText(0, "ខ", 90, 50)), "ក 20-25 [20-25]|ខ 90-95 [90-95]"},
		{"lines stay apart", page300("F", printedText(0, "ក", 20, 50), printedText(0, "ខ", 21, 64)), "ក 20-25 [20-25]|ខ 21-26 [21-26]"},
		{"a number at the foot comes last", page300("F", printedText(0, "12", 20, 90), printedText(0, "ក", 20, 50)),
			"ក 20-25 [20-25]|12 20-30 [20-30]"},
		{"bold type that is struck twice", page300("F", printedText(0, "កខកខ", 20, 50), printedText(0, "កខកខ", 20.4, 50)),
			"កខកខ 20-40 [20-40]"},
		{"text that runs up", page300("F", turned), "ក 40-54 [40-54]"},
		{"a legacy font", page300("ABCDEF+LimonS1", printedText(0, "eKal nig", 20, 50)), "គោល និង 20-55 [20-40 45-55]"},
		{"a legacy font struck twice", page300("LimonS1", printedText(0, "nig", 20, 50), printedText(0, "nig", 20.4, 50)), "និង 20-30 [20-30]"},
		{"two faces of a legacy font in one syllable",
			page300("LimonS1 LimonR1", printedText(0, "eK", 20, 50), printedText(1, "al", 30, 50)), "គោល 20-40 [20-40]"},
		{"legacy and Latin", page300("LimonS1 Arial", printedText(0, "kar ", 20, 50), printedText(1, "aK", 40, 50)), "ការ aK 20-50 [20-35 40-50]"},
		{"ornaments are no text", page300("TacteingA F", printedText(0, "3", 20, 50), printedText(1, "ក", 30, 50)), "ក 30-35 [30-35]"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var got []string
			for _, line := range test.printed.native().finish() {
				var words []string
				for _, word := range line.Words {
					words = append(words, fmt.Sprintf("%.0f-%.0f", word.Box[0], word.Box[2]))
				}
				got = append(got, fmt.Sprintf("%s %.0f-%.0f %v", line.Text, line.Box[0], line.Box[2], words))
			}
			if joined := strings.Join(got, "|"); joined != test.want {
				t.Errorf("lines are %s, want %s", joined, test.want)
			}
		})
	}
}

func TestTextThatIsNotSeenIsNotThere(t *testing.T) {
	invisible := page300("F", printedText(0, "ក", 20, 50))
	invisible.glyphs[0].hidden = true
	covered := page300("F", printedText(0, "ក", 20, 50))
	covered.pictures = []picture{pictureAt(rect{0, 0, 300, 100})}
	covered.pictures[0].block = 1
	glass := covered
	glass.pictures = slices.Clone(covered.pictures)
	glass.pictures[0].opaque = false
	ground := page300("F", printedText(0, "ក", 20, 50))
	ground.glyphs[0].block = 1
	ground.pictures = []picture{pictureAt(rect{0, 0, 300, 100})}
	for name, test := range map[string]struct {
		printed printedPage
		hidden  bool
	}{
		"printed invisibly":            {invisible, true},
		"below an image":               {covered, true},
		"below an image that is clear": {glass, false},
		"on an image":                  {ground, false},
	} {
		t.Run(name, func(t *testing.T) {
			page := test.printed.native()
			if page.hidden != test.hidden || len(page.lines) == 0 != test.hidden {
				t.Errorf("hidden is %v, and there are %d lines", page.hidden, len(page.lines))
			}
		})
	}
}

func TestRegions(t *testing.T) {
	text := page300("F", printedText(0, "កខគឃង", 20, 50), printedText(0, "កខគឃង", 20, 62)).native()
	tests := []struct {
		name   string
		images []rect
		want   []rect
	}{
		{"a logo", []rect{{10, 10, 130, 130}}, nil},
		{"a page that was scanned in strips", []rect{{10, 200, 500, 300}, {10, 300, 500, 400}, {10, 401, 500, 500}}, []rect{{10, 200, 500, 500}}},
		{"two images", []rect{{10, 200, 300, 300}, {10, 400, 300, 500}}, []rect{{10, 200, 300, 300}, {10, 400, 300, 500}}},
		{"an image beyond the page", []rect{{500, 200, 900, 500}}, []rect{{500, 200, 600, 500}}},
		{"a picture with a caption on it", []rect{{0, 20, 400, 420}}, []rect{{0, 20, 400, 420}}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			page := nativePage{width: 600, height: 800, lines: text.lines}
			for _, image := range test.images {
				page.pictures = append(page.pictures, pictureAt(image))
			}
			if got := page.regions(); !slices.Equal(got, test.want) {
				t.Errorf("regions are %v, want %v", got, test.want)
			}
		})
	}
	t.Run("the ground that text is printed on", func(t *testing.T) {
		var glyphs [][]glyph
		for i := range 20 {
			glyphs = append(glyphs, printedText(0, strings.Repeat("ក", 40), 50, float64(100+14*i)))
		}
		page := page300("F", glyphs...).native()
		page.width, page.height = 600, 800
		page.pictures = []picture{pictureAt(rect{0, 0, 600, 800})}
		if got := page.regions(); len(got) != 0 {
			t.Errorf("regions are %v", got)
		}
	})
	t.Run("an area painted with one pixel", func(t *testing.T) {
		one := pictureAt(rect{0, 0, 600, 800})
		one.pixels = image.Pt(1, 1)
		if got := (nativePage{width: 600, height: 800, pictures: []picture{one}}).regions(); len(got) != 0 {
			t.Errorf("regions are %v", got)
		}
	})
}

func TestInsert(t *testing.T) {
	line := func(text string, top float64, paragraph int) document.Line {
		return document.Line{Text: text, Box: document.Box{0, top, 100, top + 10}, Paragraph: paragraph}
	}
	lines := []document.Line{line("a", 10, 1), line("b", 20, 1), line("e", 90, 1), line("f", 110, 2)}
	got := insert(lines, []document.Line{line("c", 50, 1), line("d", 60, 2)}, rect{0, 40, 100, 80})
	var text []string
	for _, line := range got {
		text = append(text, fmt.Sprint(line.Text, line.Paragraph))
	}
	if want := "a1 b1 c2 d3 e4 f5"; strings.Join(text, " ") != want {
		t.Errorf("lines are %v, want %s", text, want)
	}
	if got := insert(nil, []document.Line{line("c", 50, 1)}, rect{0, 40, 100, 80}); len(got) != 1 || got[0].Paragraph != 1 {
		t.Errorf("alone it is %v", got)
	}
}

func TestNumberParagraphs(t *testing.T) {
	line := func(baseline, size float64) nativeLine { return nativeLine{baseline: baseline, size: size} }
	measured := []nativeLine{
		line(50, 16), line(80, 12), line(100, 12), line(120, 12), line(150, 12), line(170, 12), line(170, 12), line(90, 12),
	}
	lines := make([]document.Line, len(measured))
	numberParagraphs(measured, lines)
	var got []int
	for _, line := range lines {
		got = append(got, line.Paragraph)
	}
	if want := []int{1, 2, 2, 2, 3, 3, 3, 4}; !slices.Equal(got, want) {
		t.Errorf("paragraphs are %v, want %v", got, want)
	}
}

// onePage writes a PDF of one page, whose content may use the font F, which is not in the file, and the image I.
func onePage(t *testing.T, font, content string, shown *image.Gray) string {
	t.Helper()
	objects := []string{
		"<</Type/Catalog/Pages 2 0 R>>", "<</Type/Pages/Kids[3 0 R]/Count 1>>",
		"<</Type/Page/Parent 2 0 R/MediaBox[0 0 600 800]/Contents 4 0 R/Resources<</Font<</F 5 0 R>>/XObject<</I 6 0 R>>>>>>",
		fmt.Sprintf("<</Length %d>>\nstream\n%s\nendstream", len(content), content),
		fmt.Sprintf("<</Type/Font/Subtype/TrueType/BaseFont/%s/Encoding/WinAnsiEncoding>>", font),
		fmt.Sprintf("<</Type/XObject/Subtype/Image/Width %d/Height %d/BitsPerComponent 8/ColorSpace/DeviceGray/Length %d>>\nstream\n%s\nendstream",
			shown.Rect.Dx(), shown.Rect.Dy(), len(shown.Pix), shown.Pix),
	}
	return writePDF(t, objects)
}

func TestTrust(t *testing.T) {
	const (
		english = "The reading room of the library is open from Monday to Friday"
		limon   = "eKalkarN_CamUldæansþIBIkareRbIR)as;"
		scan    = "q 600 0 0 800 0 0 cm /I Do Q "
	)
	show := func(text string, mode int) string {
		encoded := strings.NewReplacer("(", "\\(", ")", "\\)", "æ", "\\346", "þ", "\\376").Replace(text)
		return fmt.Sprintf("BT %d Tr /F 12 Tf 50 600 Td (%s) Tj ET ", mode, encoded)
	}
	tests := []struct {
		name, font, content string
		source              document.Source
		reason, text        string
	}{
		{"plain text", "Arial", show(english, 0), document.SourceNative, ReasonNativeTextOK, english},
		{"a legacy font", "ABCDEF+LimonS1", show(limon, 0), document.SourceLegacy, ReasonLegacyFontDecoded,
			"គោលការណ៍ជាមូលដ្ឋានស្តីពីការប្រើប្រាស់"},
		{"a legacy font that nobody knows", "FK7", show(limon, 0), document.SourceOCR, "legacy_font_unknown_fk", ""},
		{"a legacy font's code under another name", "Arial", show(limon, 0), document.SourceOCR, ReasonTextLayerBroken, ""},
		{"text behind a scan", "Arial", scan + show(english, 3), document.SourceOCR, ReasonHiddenText, ""},
		{"text below a scan", "Arial", show(english, 0) + scan, document.SourceOCR, ReasonHiddenText, ""},
		{"a stamp on a scan", "Arial", scan + show("Scanned by a telephone", 0), document.SourceOCR, ReasonScannedImage, ""},
		{"text and an image", "Arial", show(english, 0) + "q 500 0 0 300 50 50 cm /I Do Q", document.SourceMixed, ReasonTextAndImages, ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			native := openTest(t, onePage(t, test.font, test.content, image.NewGray(image.Rect(0, 0, 40, 40)))).native(1)
			source, reason := decide("auto", native)
			if source != test.source || reason != test.reason {
				t.Fatalf("the page is %s for %s, want %s for %s; %+v", source, reason, test.source, test.reason, native.layer)
			}
			page := &document.Page{}
			native.keep(page)
			if test.text != "" && page.Text != test.text {
				t.Errorf("text is %q", page.Text)
			}
		})
	}
}

func TestTextStaysBesideAnImageThatIsRecognised(t *testing.T) {
	file, err := os.Open(filepath.Join(testdata, "image.png"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	decoded, _, err := image.Decode(file)
	if err != nil {
		t.Fatal(err)
	}
	shown := image.NewGray(decoded.Bounds())
	draw.Draw(shown, shown.Rect, decoded, shown.Rect.Min, draw.Src)
	const content = "BT /F 12 Tf 40 700 Td (eKalkarN_CamUldæan) Tj 0 -600 Td (nigkar) Tj ET q 520 0 0 220 40 300 cm /I Do Q"
	engine := startChild(t)
	engine.open(onePage(t, "LimonS1", strings.NewReplacer("æ", "\\346").Replace(content), shown))
	page := engine.page(1, "auto")
	if page.Error != nil || page.Source != document.SourceMixed || page.Reason != ReasonTextAndImages || page.Model != "khocr" {
		t.Fatalf("page is %s for %s by %q, error %+v", page.Source, page.Reason, page.Model, page.Error)
	}
	checkPage(t, page)
	last := len(page.Lines) - 1
	if last < 2 || page.Lines[0].Text != "គោលការណ៍ជាមូលដ្ឋាន" || page.Lines[last].Text != "និងការ" {
		t.Fatalf("text is %q", page.Text)
	}
	for _, line := range page.Lines[1:last] {
		if line.Box[1] < 270 || line.Box[3] > 510 || line.Confidence == 100 {
			t.Errorf("line %q of the image has the box %v and the confidence %v", line.Text, line.Box, line.Confidence)
		}
	}
	whole := openSample(t, "image.png").page(1, "auto")
	read := strings.Join(strings.Split(page.Text, "\n")[1:last], "\n")
	if cer := characterErrorRate(whole.Text, read); cer > 0.1 {
		t.Errorf("the image reads %q, and alone %q", read, whole.Text)
	}
	if page.Confidence <= 0 || page.Confidence >= 100 {
		t.Errorf("confidence is %v", page.Confidence)
	}
}

func TestPictureBesideTextIsNoText(t *testing.T) {
	shown := image.NewGray(image.Rect(0, 0, 400, 300))
	for i := range shown.Pix {
		shown.Pix[i] = uint8(i * i >> 7)
	}
	engine := startChild(t)
	engine.open(onePage(t, "LimonS1", "BT /F 12 Tf 40 700 Td (nigkar) Tj ET q 400 0 0 300 40 300 cm /I Do Q", shown))
	page := engine.page(1, "auto")
	if page.Source != document.SourceLegacy || page.Text != "និងការ" {
		t.Errorf("page is %s for %s with the text %q", page.Source, page.Reason, page.Text)
	}
	checkPage(t, page)
}
