package engine

import (
	"fmt"
	"image"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/openplp/khocr/test/pdftest"
)

func openTest(t *testing.T, path string) *source {
	t.Helper()
	opened, failure := open(path, "")
	if failure != nil {
		t.Fatalf("open %s: %+v", path, failure)
	}
	t.Cleanup(opened.close)
	return opened
}

func TestPrintedTellsEveryGlyphAndItsPlace(t *testing.T) {
	page, err := openTest(t, filepath.Join(testdata, "native.pdf")).printed(1, keepImages)
	if err != nil {
		t.Fatal(err)
	}
	truth, err := os.ReadFile(filepath.Join(testdata, "native.txt"))
	if err != nil {
		t.Fatal(err)
	}
	var text strings.Builder
	for _, glyph := range page.glyphs {
		text.WriteRune(glyph.code)
		if glyph.size < 5 || glyph.size > 50 || glyph.direction != (point{1, 0}) || page.fonts[glyph.font].name == "" {
			t.Fatalf("a glyph is %+v of %v", glyph, page.fonts)
		}
		topLeft, bottomRight := glyph.corners[0], glyph.corners[3]
		if topLeft.x < 0 || bottomRight.x > page.width || topLeft.y >= glyph.origin.y || bottomRight.y < glyph.origin.y {
			t.Fatalf("a glyph at %v is %+v", glyph.origin, glyph.corners)
		}
	}
	bare := strings.NewReplacer(" ", "", "\n", "", "\u200b", "")
	if got, want := bare.Replace(text.String()), bare.Replace(string(truth)); got != want {
		t.Errorf("the glyphs are\n%s\nwant\n%s", got, want)
	}
}

func TestPrintedTellsPicturesInPixels(t *testing.T) {
	page, err := openTest(t, filepath.Join(testdata, "sample.pdf")).printed(1, keepImages)
	if err != nil {
		t.Fatal(err)
	}
	if len(page.pictures) != 1 || len(page.glyphs) != 0 {
		t.Fatalf("the page has %d pictures and %d glyphs", len(page.pictures), len(page.glyphs))
	}
	picture := page.pictures[0]
	if picture.pixels != image.Pt(1654, 2339) || picture.topLeft != (point{}) ||
		math.Abs(picture.bottomRight.x-page.width)+math.Abs(picture.bottomRight.y-page.height) > 0.1 {
		t.Errorf("the picture is %+v on a page of %v by %v", picture, page.width, page.height)
	}
}

// stamped is a page whose media box does not begin at the origin, with a black annotation on its right half.
func stamped(t *testing.T) string {
	t.Helper()
	const look = "0 g 0 0 50 100 re f"
	objects := []string{
		"<</Type/Catalog/Pages 2 0 R>>", "<</Type/Pages/Kids[3 0 R]/Count 1>>",
		"<</Type/Page/Parent 2 0 R/MediaBox[100 200 200 300]/Annots[4 0 R]>>",
		"<</Type/Annot/Subtype/Stamp/Rect[150 200 200 300]/F 4/AP<</N 5 0 R>>>>",
		fmt.Sprintf("<</Type/XObject/Subtype/Form/BBox[0 0 50 100]/Length %d>>\nstream\n%s\nendstream", len(look), look),
	}
	return writePDF(t, objects)
}

// writePDF writes a file of objects, the first of which is the catalogue.
func writePDF(t *testing.T, objects []string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "document.pdf")
	if err := os.WriteFile(path, pdftest.Of(objects...), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestDrawShowsAnnotationsWhereTheyStand(t *testing.T) {
	drawn, err := openTest(t, stamped(t)).draw(1, 144)
	if err != nil {
		t.Fatal(err)
	}
	if drawn.Rect != image.Rect(0, 0, 200, 200) {
		t.Fatalf("100 points at 144 dpi are %v", drawn.Rect)
	}
	for x, want := range map[int]uint8{10: 255, 90: 255, 110: 0, 190: 0} {
		if got := drawn.GrayAt(x, 100).Y; got != want {
			t.Errorf("pixel %d is %d, want %d", x, got, want)
		}
	}
}
