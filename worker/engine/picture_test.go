package engine

import (
	"bytes"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"github.com/openplp/khocr/internal/document"
	"github.com/openplp/khocr/internal/score"
	"github.com/openplp/khocr/internal/workerport"
	"github.com/openplp/khocr/worker/wire"
)

// draw has the child draw, and checks what holds of every answer.
func (c *child) draw(request wire.Draw) []wire.Image {
	c.t.Helper()
	response, err := c.ask(wire.Request{Draw: &request})
	if err != nil || response.Drawn == nil {
		c.t.Fatalf("draw %+v: response is %+v, %v", request, response, err)
	}
	sum := 0
	for _, drawn := range response.Drawn.Images {
		sum += len(drawn.Content)
		if len(drawn.Content) == 0 {
			continue
		}
		if shown := decoded(c.t, drawn); max(shown.Rect.Dx(), shown.Rect.Dy()) > request.MaxSide {
			c.t.Errorf("an image has %v pixels, want %d at the most", shown.Rect.Size(), request.MaxSide)
		}
	}
	if sum > workerport.MaxImageBytes {
		c.t.Errorf("the images have %d bytes", sum)
	}
	return response.Drawn.Images
}

func decoded(t *testing.T, drawn wire.Image) *image.Gray {
	t.Helper()
	decode := jpeg.Decode
	if drawn.MediaType == "image/png" {
		decode = png.Decode
	}
	shown, err := decode(bytes.NewReader(drawn.Content))
	if err != nil {
		t.Fatalf("%s: %v", drawn.MediaType, err)
	}
	grey, ok := shown.(*image.Gray)
	if !ok {
		t.Fatalf("the image is a %T", shown)
	}
	return grey
}

// leastAllowance is the address space of a child that has least.
const leastAllowance = wire.EnvAddressSpace + "=536870912"

func openWithLeastMemory(t *testing.T, path string) *child {
	t.Helper()
	engine := startChild(t, leastAllowance)
	if opened := engine.open(path); opened.Opened == nil {
		t.Fatalf("%s was not opened: %+v", path, opened.Error)
	}
	return engine
}

func TestAPictureShowsTheUprightPage(t *testing.T) {
	for _, name := range []string{"native.pdf", "mixed.pdf", "sample.pdf", "image.png", "photo.jpg", "pages3.tiff"} {
		t.Run(name, func(t *testing.T) {
			engine := openWithLeastMemory(t, filepath.Join(testdata, name))
			page := engine.page(1, "force")
			for _, request := range []wire.Draw{
				{MaxSide: 2048, MediaType: "image/jpeg"}, {MaxSide: 1024, MediaType: "image/png"}, {MaxSide: 4096, MediaType: "image/png"},
			} {
				request.Number, request.Rotation = 1, page.Rotation
				images := engine.draw(request)
				if len(images) != 1 || len(images[0].Content) == 0 {
					t.Fatalf("there are %d images", len(images))
				}
				shown := decoded(t, images[0]).Rect.Size()
				t.Logf("%d: %d bytes of %s, %d by %d pixels", request.MaxSide, len(images[0].Content), images[0].MediaType, shown.X, shown.Y)
				across, down := float64(shown.X)/page.Width, float64(shown.Y)/page.Height
				if math.Abs(across-down)*max(page.Width, page.Height) > 3 {
					t.Errorf("%v pixels for a page of %g by %g points", shown, page.Width, page.Height)
				}
				if request.MaxSide == 1024 && (max(shown.X, shown.Y) < 1020 || images[0].MediaType != "image/png") {
					t.Errorf("%v pixels of %s", shown, images[0].MediaType)
				}
			}
		})
	}
}

// What is cut out of a page is read by the same engine as a document of its own: it says what the line says.
func TestAPictureOfALineShowsTheLine(t *testing.T) {
	for _, name := range []string{"sample.pdf", "photo.jpg"} {
		engine := openSample(t, name)
		page := engine.page(1, "force")
		var boxes []document.Box
		for _, line := range page.Lines {
			boxes = append(boxes, line.Box)
		}
		images := engine.draw(wire.Draw{Number: 1, Rotation: page.Rotation, Boxes: boxes, MaxSide: 2048, MediaType: "image/png"})
		if len(images) != len(boxes) || len(boxes) < 3 {
			t.Fatalf("%s: %d images of %d lines", name, len(images), len(boxes))
		}
		var sum score.Score
		for i, line := range page.Lines {
			if size := decoded(t, images[i]).Rect.Size(); size.Y < lineHeight && size.X < 2048 {
				t.Errorf("%s: the line %q has %v pixels", name, line.Text, size)
			}
			path := filepath.Join(t.TempDir(), "line.png")
			if err := os.WriteFile(path, images[i].Content, 0o600); err != nil {
				t.Fatal(err)
			}
			sum.Add(score.Compare(line.Text, openWithLeastMemory(t, path).page(1, "force").Text))
		}
		t.Logf("%s: of %d characters in %d lines %d are read in another way", name, sum.Characters.Length, len(boxes), sum.Characters.Edits)
		if sum.Characters.Rate() > 0.05 {
			t.Errorf("%s: of %d characters %d are read in another way", name, sum.Characters.Length, sum.Characters.Edits)
		}
	}
}

func TestAPictureOfALineIsTurnedAsThePageWas(t *testing.T) {
	// A mark in the top left corner of the page as it stands in the document, 80 points wide and 100 high.
	engine := openContent(t, "100 792 80 100 re f")
	for rotation, box := range map[int]document.Box{
		0: {0, 0, 80, 100}, 90: {842 - 100, 0, 842, 80}, 180: {595 - 80, 842 - 100, 595, 842}, 270: {0, 595 - 80, 100, 595},
	} {
		for _, mark := range []bool{true, false} {
			if !mark { // the opposite corner
				width, height := 595.0, 842.0
				if rotation%180 != 0 {
					width, height = height, width
				}
				box = document.Box{width - box[2], height - box[3], width - box[0], height - box[1]}
			}
			images := engine.draw(wire.Draw{Number: 1, Rotation: rotation, Boxes: []document.Box{box}, MaxSide: 512, MediaType: "image/jpeg"})
			shown := decoded(t, images[0])
			if dark := shown.GrayAt(shown.Rect.Dx()/2, shown.Rect.Dy()/2).Y < 64; dark != mark {
				t.Errorf("turned by %d degrees, the box %v is dark: %v, want %v", rotation, box, dark, mark)
			}
		}
	}
}

// A page of noise can hardly be compressed.
func TestPicturesKeepToTheirBytes(t *testing.T) {
	noise := image.NewGray(image.Rect(0, 0, 2400, 3000))
	random := rand.New(rand.NewPCG(1, 2))
	for i := range noise.Pix {
		noise.Pix[i] = uint8(random.Uint32())
	}
	var content bytes.Buffer
	if err := png.Encode(&content, noise); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "noise.png")
	if err := os.WriteFile(path, content.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	engine := openWithLeastMemory(t, path)
	var boxes []document.Box
	for i := range 20 {
		top := 80 * float64(i)
		boxes = append(boxes, document.Box{0, top, 1500, top + 80})
	}
	for _, boxes := range [][]document.Box{nil, boxes} {
		for _, drawn := range engine.draw(wire.Draw{Number: 1, Boxes: boxes, MaxSide: 4096, MediaType: "image/png"}) {
			if len(drawn.Content) == 0 {
				t.Errorf("there is no image of %d boxes", len(boxes))
			}
		}
	}
}

func TestWhatCannotBeDrawnHasNoPicture(t *testing.T) {
	engine := openSample(t, "native.pdf")
	line := []document.Box{{10, 10, 90, 30}}
	for _, request := range []wire.Draw{
		{Number: 0, MaxSide: 100}, {Number: 2, MaxSide: 100}, {Number: -1, MaxSide: 100, Boxes: line},
		{Number: 1, Rotation: 45, MaxSide: 100}, {Number: 1}, {Number: 1, MaxSide: -5, Boxes: line},
	} {
		if images := engine.draw(request); len(images) > 0 {
			t.Errorf("%+v: there are %d images", request, len(images))
		}
	}
	boxes := []document.Box{
		{}, {10, 10, 10, 30}, {10, 30, 90, 10}, {1e308, 1e308, 1e308, 1e308}, {1000, 1000, 1100, 1020}, {-500, -500, -400, -480},
		{-1e308, -1e308, 1e308, 1e308}, {0, 100, 595, 100.001}, line[0],
	}
	images := engine.draw(wire.Draw{Number: 1, MaxSide: 4096, Boxes: boxes, MediaType: "image/png"})
	for i, drawn := range images {
		if there := len(drawn.Content) > 0; there != (i == 6 || i == 8) {
			t.Errorf("box %v has an image: %v", boxes[i], there)
		}
	}
	// The engine goes on.
	if page := engine.page(1, "auto"); page.Error != nil {
		t.Errorf("the page has the error %+v", page.Error)
	}
}

func TestHalve(t *testing.T) {
	grey := image.NewGray(image.Rect(0, 0, 6, 5))
	for i := range grey.Pix {
		grey.Pix[i] = uint8(10 * i)
	}
	half := halve(grey.SubImage(image.Rect(1, 1, 6, 5)).(*image.Gray))
	if half.Rect.Size() != image.Pt(2, 2) || half.GrayAt(0, 0) != (color.Gray{Y: (70 + 80 + 130 + 140) / 4}) {
		t.Errorf("%v: %v", half.Rect, half.Pix)
	}
}

// BenchmarkPictures tells what the images for an AI model take beside the image that a page is recognised from.
func BenchmarkPictures(b *testing.B) {
	var lines []document.Box
	for i := range 20 {
		lines = append(lines, document.Box{60, float64(60 + 30*i), 530, float64(76 + 30*i)})
	}
	for _, name := range []string{"sample.pdf", "pages3.tiff"} {
		opened, failure := open(filepath.Join(testdata, name), "")
		if failure != nil {
			b.Fatalf("open %s: %+v", name, failure)
		}
		b.Cleanup(opened.close)
		for what, request := range map[string]wire.Draw{
			"JPEG": {MaxSide: 2048, MediaType: "image/jpeg"}, "PNG": {MaxSide: 2048, MediaType: "image/png"},
			"20 lines": {MaxSide: 2048, MediaType: "image/jpeg", Boxes: lines},
		} {
			request.Number = 1
			b.Run(name+"/"+what, func(b *testing.B) {
				for b.Loop() {
					opened.pictures(request)
				}
			})
		}
		b.Run(name+"/drawn for recognition", func(b *testing.B) {
			for b.Loop() {
				if _, err := opened.draw(1, printDPI); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
