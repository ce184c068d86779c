package scan

import (
	"image"
	"image/draw"
	"math"
	"slices"
	"testing"
)

// print is a page of letters in the form of bars, 20 pixels high.
type print struct{ *image.Gray }

func newPrint(width, height int) print {
	page := print{image.NewGray(image.Rect(0, 0, width, height))}
	draw.Draw(page, page.Rect, image.White, image.Point{}, draw.Src)
	return page
}

func (p print) ink(box image.Rectangle) { draw.Draw(p, box, image.Black, image.Point{}, draw.Src) }

// line of letters of 14 pixels, 4 pixels apart.
func (p print) line(left, top, letters int) {
	for i := range letters {
		p.ink(image.Rect(left+18*i, top, left+18*i+14, top+20))
	}
}

func boxesOf(layout *Layout) []image.Rectangle {
	var boxes []image.Rectangle
	for _, line := range layout.Lines {
		boxes = append(boxes, line.Box)
	}
	return boxes
}

func TestReadsOneColumn(t *testing.T) {
	page := newPrint(900, 400)
	page.line(50, 50, 40)
	page.line(50, 110, 12)
	// A number at the edge of a line, past a gap.
	page.line(700, 110, 2)
	page.line(50, 170, 40)
	layout := Read(page.Gray)
	want := []image.Rectangle{image.Rect(50, 50, 766, 70), image.Rect(50, 110, 262, 130), image.Rect(700, 110, 732, 130), image.Rect(50, 170, 766, 190)}
	if got := boxesOf(layout); !slices.Equal(got, want) {
		t.Errorf("lines are %v, want %v", got, want)
	}
	for i, row := range []int{1, 2, 2, 3} {
		if line := layout.Lines[i]; line.Block != 1 || line.Row != row || math.Abs(line.Size-20) > 1 {
			t.Errorf("line %d is row %d of block %d, its letters have %v", i, line.Row, line.Block, line.Size)
		}
	}
	if math.Abs(layout.TypeSize-20) > 1 {
		t.Errorf("type has %v", layout.TypeSize)
	}
}

func TestMarksStayWithTheirLine(t *testing.T) {
	page := newPrint(900, 300)
	for _, top := range []int{50, 110} {
		page.line(50, top, 40)
		for i := range 8 {
			left := 50 + 90*i
			page.ink(image.Rect(left, top-12, left+14, top-4))     // vowels above
			page.ink(image.Rect(left, top+23, left+14, top+34))    // subscripts, as high as a small letter
			page.ink(image.Rect(left+20, top+36, left+30, top+41)) // below a subscript
		}
	}
	want := []image.Rectangle{image.Rect(50, 38, 766, 91), image.Rect(50, 98, 766, 151)}
	if got := boxesOf(Read(page.Gray)); !slices.Equal(got, want) {
		t.Errorf("lines are %v, want %v", got, want)
	}
}

func TestSubscriptsSideBySideAreNoLine(t *testing.T) {
	page := newPrint(900, 300)
	for _, top := range []int{50, 110} {
		page.line(50, top, 40)
		for i := range 6 {
			page.ink(image.Rect(50+18*i, top+24, 50+18*i+14, top+36))
		}
	}
	want := []image.Rectangle{image.Rect(50, 50, 766, 86), image.Rect(50, 110, 766, 146)}
	if got := boxesOf(Read(page.Gray)); !slices.Equal(got, want) {
		t.Errorf("lines are %v, want %v", got, want)
	}
}

func TestATallLetterStaysInItsLine(t *testing.T) {
	page := newPrint(900, 300)
	page.line(50, 50, 40)
	page.line(300, 110, 8)
	// The last word of a heading is one letter that hangs together with its subscript, and a vowel above it.
	page.ink(image.Rect(475, 107, 495, 145))
	page.ink(image.Rect(475, 95, 495, 105))
	page.line(50, 180, 40)
	want := []image.Rectangle{image.Rect(50, 50, 766, 70), image.Rect(300, 95, 495, 145), image.Rect(50, 180, 766, 200)}
	if got := boxesOf(Read(page.Gray)); !slices.Equal(got, want) {
		t.Errorf("lines are %v, want %v", got, want)
	}
}

func TestReadsColumnByColumn(t *testing.T) {
	page := newPrint(1000, 600)
	page.line(50, 40, 45) // a title over both
	for i := range 4 {
		page.line(50, 110+60*i, 22)
		page.line(500, 110+60*i, 22)
	}
	page.line(50, 400, 45)
	layout := Read(page.Gray)
	var lefts, blocks []int
	for _, line := range layout.Lines {
		lefts, blocks = append(lefts, line.Box.Min.X), append(blocks, line.Block)
	}
	if want := []int{50, 50, 50, 50, 50, 500, 500, 500, 500, 50}; !slices.Equal(lefts, want) {
		t.Errorf("lines begin at %v, want %v", lefts, want)
	}
	if want := []int{1, 2, 2, 2, 2, 3, 3, 3, 3, 4}; !slices.Equal(blocks, want) {
		t.Errorf("blocks are %v, want %v", blocks, want)
	}
}

func TestTableWithoutRulesIsReadRowByRow(t *testing.T) {
	page := newPrint(1000, 500)
	for i := range 5 {
		page.line(50, 50+60*i, 4+2*(i%2)*6)
		page.line(600, 50+60*i, 3+(i%3)*5)
	}
	rows := []int{}
	for _, line := range Read(page.Gray).Lines {
		rows = append(rows, line.Row)
	}
	if want := []int{1, 1, 2, 2, 3, 3, 4, 4, 5, 5}; !slices.Equal(rows, want) {
		t.Errorf("rows are %v, want %v", rows, want)
	}
}

func TestRuledTable(t *testing.T) {
	page := newPrint(1000, 500)
	for _, y := range []int{40, 160, 280} {
		page.ink(image.Rect(40, y, 900, y+3))
	}
	for _, x := range []int{40, 400, 898} {
		page.ink(image.Rect(x, 40, x+3, 283))
	}
	for _, top := range []int{60, 180} {
		page.line(60, top, 10)
		page.line(60, top+50, 10)
		page.line(420, top, 10)
		page.line(420, top+50, 10)
	}
	// A letter that stands on a rule keeps its height.
	page.ink(image.Rect(700, 240, 714, 283))
	layout := Read(page.Gray)
	var got []image.Point
	for _, line := range layout.Lines {
		got = append(got, line.Box.Min)
	}
	want := []image.Point{{60, 60}, {60, 110}, {420, 60}, {420, 110}, {60, 180}, {60, 230}, {420, 180}, {420, 230}, {700, 240}}
	if !slices.Equal(got, want) {
		t.Errorf("cells are read in the order %v, want %v", got, want)
	}
	if page.GrayAt(500, 41).Y != 0 {
		t.Error("the caller's image was changed")
	}
	if layout.grey.GrayAt(500, 41).Y != layout.paper || layout.grey.GrayAt(707, 281).Y != 0 {
		t.Error("the rule was not taken off, or a letter with it")
	}
}

func TestStripIsLevelAndAlone(t *testing.T) {
	page := newPrint(1200, 400)
	slope := 0.02
	for _, top := range []int{60, 110} {
		for i := range 55 {
			left := 50 + 18*i
			fall := int(slope * float64(18*i))
			page.ink(image.Rect(left, top+fall, left+14, top+fall+20))
		}
	}
	layout := Read(page.Gray)
	if len(layout.Lines) != 2 {
		t.Fatalf("lines are %v", boxesOf(layout))
	}
	strip := layout.Strip(layout.Lines[1], 36)
	if strip.Image.Rect.Dy() != 36 {
		t.Errorf("strip is %v", strip.Image.Rect)
	}
	// Letters take 20 of 20 + 2 times 0.79 of 20 pixels, in the middle; what is above and below is paper, though the other line
	// is there on the page.
	for x := range strip.Image.Rect.Dx() {
		for _, y := range []int{2, 33} {
			if grey := strip.Image.GrayAt(x, y).Y; grey < 200 {
				t.Fatalf("there is ink (%d) at %d, %d", grey, x, y)
			}
		}
	}
	// The first and the last letter, as they would be found on the strip.
	perPixel := 36.0 / 52
	for _, letter := range []int{0, 54} {
		x := (float64(18*letter) + 2) * perPixel
		box := strip.Box([4]float64{x, 11, x + 14*perPixel, 25})
		top := 110 + slope*float64(18*letter)
		if math.Abs(box[0]-float64(50+18*letter)) > 3 || math.Abs(box[1]-top) > 2 || math.Abs(box[3]-top-20) > 3 {
			t.Errorf("letter %d is at %v, want the left edge %d and the top %v", letter, box, 50+18*letter, top)
		}
	}
}

func TestNothingIsPrinted(t *testing.T) {
	blank := newPrint(300, 300)
	specks := newPrint(300, 300)
	specks.ink(image.Rect(10, 10, 12, 12))
	for name, page := range map[string]print{"a blank page": blank, "specks": specks, "no pixels": newPrint(0, 0)} {
		if layout := Read(page.Gray); len(layout.Lines) != 0 || layout.TypeSize != 0 {
			t.Errorf("%s has type of %v and the lines %v", name, layout.TypeSize, boxesOf(layout))
		}
	}
}
