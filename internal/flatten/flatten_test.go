package flatten

import (
	"image"
	"math"
	"math/rand/v2"
	"testing"
)

// page draws lines of dark blobs with marks above and below, in paragraphs with indents and last lines that are short,
// between two columns.
func page(w, h, pitch, left, right, top int) *image.Gray {
	random := rand.New(rand.NewPCG(1, 2))
	grey := image.NewGray(image.Rect(0, 0, w, h))
	for i := range grey.Pix {
		grey.Pix[i] = 255
	}
	fill := func(x0, y0, x1, y1 int) {
		for y := max(0, y0); y < min(h, y1); y++ {
			for x := max(0, x0); x < min(w, x1); x++ {
				grey.Pix[y*w+x] = 30
			}
		}
	}
	for line, y := 0, top; y < h-pitch; line, y = line+1, y+pitch {
		from, to := left, right
		switch line % 5 {
		case 0:
			from += 2 * pitch
		case 4:
			to -= random.IntN((right-left)/2 + 1)
		}
		for x := from; x < to; {
			width := pitch/4 + random.IntN(pitch/4)
			// A letter is two stems and a roof.
			fill(x, y, min(x+width, to), y+pitch/10)
			fill(x, y, x+pitch/12, y+pitch/2)
			fill(x+width-pitch/12, y, x+width, y+pitch/2)
			switch random.IntN(4) {
			case 0:
				fill(x, y-pitch/5, x+width/2, y-pitch/10)
			case 1:
				fill(x, y+pitch*6/10, x+width/2, y+pitch*7/10)
			}
			x += width + pitch/10
			if random.IntN(6) == 0 {
				x += pitch / 2
			}
		}
	}
	return grey
}

// bend draws a page with each point moved down by a function of its place, and lit by another. Beside it is white.
func bend(flat *image.Gray, down, light func(x, y float64) float64) *image.Gray {
	random := rand.New(rand.NewPCG(3, 4))
	out := image.NewGray(flat.Rect)
	for y := range flat.Rect.Dy() {
		for x := range flat.Rect.Dx() {
			from := float64(y) - down(float64(x), float64(y))
			level := 255.0
			if above := int(math.Floor(from)); above >= 0 && above+1 < flat.Rect.Dy() {
				t := from - float64(above)
				level = (1-t)*float64(flat.Pix[above*flat.Stride+x]) + t*float64(flat.Pix[(above+1)*flat.Stride+x])
			}
			out.Pix[y*out.Stride+x] = uint8(min(max(level*light(float64(x), float64(y))+random.NormFloat64()*3, 0), 255))
		}
	}
	return out
}

func still(float64, float64) float64 { return 0 }
func plain(float64, float64) float64 { return 0.97 }

func TestPageLevelsLines(t *testing.T) {
	const w, h, pitch, left, right = 1200, 1600, 44, 130, 1070
	tests := map[string]func(x, y float64) float64{
		"skewed clockwise":         func(x, _ float64) float64 { return 0.03 * x },
		"skewed the other way":     func(x, _ float64) float64 { return -0.08 * x },
		"slanted, as from aside":   func(x, y float64) float64 { return (x - w/2) * (y - h/2) / h * 0.06 },
		"curled":                   func(x, _ float64) float64 { return 30 * math.Sin(x/w*5) },
		"curled more at the top":   func(x, y float64) float64 { return 30 * math.Sin(x/w*4+0.5) * (1.3 - 0.6*y/h) },
		"curled towards the spine": func(x, _ float64) float64 { return 80 * math.Pow(x/w, 4) },
	}
	for name, down := range tests {
		t.Run(name, func(t *testing.T) {
			source := bend(page(w, h, pitch, left, right, 120), down, plain)
			flat, place := Page(source)
			if place == nil {
				t.Fatal("nothing was moved")
			}
			worst := 0.0
			for y := 200; y < h-200; y += pitch {
				lowest, highest := math.Inf(1), math.Inf(-1)
				for x := left + 40; x < right-40; x += 20 {
					u, v := place(float64(x+(flat.Rect.Dx()-w)/2), float64(y))
					level := v - down(u, v)
					lowest, highest = min(lowest, level), max(highest, level)
				}
				worst = max(worst, highest-lowest)
			}
			if worst > 3 {
				t.Errorf("a line falls by %.1f pixels, of which 3 are allowed", worst)
			}
			checkPlace(t, source, flat, place)
		})
	}
}

// checkPlace holds that what is black or white on the flattened page is so at its place on the source.
func checkPlace(t *testing.T, source, flat *image.Gray, place func(x, y float64) (float64, float64)) {
	t.Helper()
	black, wrong := 0, 0
	for y := range flat.Rect.Dy() {
		for x := range flat.Rect.Dx() {
			level := flat.Pix[y*flat.Stride+x]
			if level >= 64 {
				continue
			}
			black++
			u, v := place(float64(x)+0.5, float64(y)+0.5)
			if at := image.Pt(int(math.Floor(u)), int(math.Floor(v))); !at.In(source.Rect) || source.GrayAt(at.X, at.Y).Y > 160 {
				wrong++
			}
		}
	}
	if black < 10000 || wrong > black/100 {
		t.Errorf("%d of %d black pixels come from a place that is not black", wrong, black)
	}
}

func TestPageReturnsWhatNeedsNothing(t *testing.T) {
	const w, h = 1200, 1600
	columns := page(w, h, 44, 100, 560, 120)
	for i, level := range page(w, h, 44, 640, 1100, 137).Pix {
		columns.Pix[i] = min(columns.Pix[i], level)
	}
	picture := image.NewGray(image.Rect(0, 0, w, h))
	for y := range h {
		for x := range w {
			picture.Pix[y*w+x] = uint8(128 + 60*math.Sin(float64(x)/90)*math.Cos(float64(y)/70))
		}
	}
	copy(picture.Pix[w*h/4:], page(w, h, 44, 100, 1100, 120).Pix[w*h/4:])
	tests := map[string]*image.Gray{
		"a clean page":         bend(page(w, h, 44, 100, 1100, 120), still, plain),
		"two uneven columns":   bend(columns, still, plain),
		"a page that is blank": bend(page(w, h, 44, 0, 0, h), still, plain),
		"black":                image.NewGray(image.Rect(0, 0, w, h)),
		"less than a line":     image.NewGray(image.Rect(0, 0, 900, 20)),
		"nothing":              image.NewGray(image.Rect(0, 0, 0, 0)),
		"a half askew":         bend(page(w, h, 44, 100, 1100, 120), func(x, _ float64) float64 { return 0.003 * x }, plain),
	}
	for name, grey := range tests {
		t.Run(name, func(t *testing.T) {
			if flat, place := Page(grey); flat != grey || place != nil {
				t.Errorf("it was changed, or moved: %v", place != nil)
			}
		})
	}
	t.Run("a picture stays where it is", func(t *testing.T) {
		if _, place := Page(picture); place != nil {
			t.Error("it was moved")
		}
	})
}

func TestPageLightsEvenly(t *testing.T) {
	const w, h, pitch = 1200, 1600, 44
	clean := page(w, h, pitch, 130, 1070, 120)
	tests := map[string]func(x, y float64) float64{
		"fading to a corner": func(x, y float64) float64 { return 0.95 - 0.3*x/w - 0.3*y/h },
		"a lamp":             func(x, y float64) float64 { return 0.95 / (1 + math.Hypot(x-400, y-500)/1500) },
		"a shadow":           func(x, _ float64) float64 { return 0.75 + 0.2*math.Tanh((x-600)/60) },
	}
	for name, light := range tests {
		t.Run(name, func(t *testing.T) {
			flat, place := Page(bend(clean, still, light))
			if place != nil {
				t.Fatal("it was moved")
			}
			grey, ink := 0, 0
			for i, level := range clean.Pix {
				switch {
				case level == 255 && flat.Pix[i] < 200:
					grey++
				case level < 255 && flat.Pix[i] > 100:
					ink++
				}
			}
			if grey > len(clean.Pix)/500 || ink > len(clean.Pix)/500 {
				t.Errorf("%d pixels of paper are not white, %d of ink not black", grey, ink)
			}
		})
	}
}

func TestPageWhitensTheDesk(t *testing.T) {
	const w, h = 1200, 1600
	sheet := image.Rect(120, 150, 1090, 1480)
	grey := bend(page(w, h, 44, 220, 990, 260), still, plain)
	random := rand.New(rand.NewPCG(5, 6))
	for y := range h {
		for x := range w {
			if !image.Pt(x, y).In(sheet) {
				grey.Pix[y*w+x] = uint8(60 + 15*math.Sin(float64(x)/7) + 6*random.NormFloat64())
			}
		}
	}
	flat, _ := Page(grey)
	// A cell or two of the rim may be left on either side.
	near := image.Rect(90, 120, 1120, 1510)
	for y := range h {
		for x := range w {
			if level := flat.GrayAt(x, y).Y; !image.Pt(x, y).In(near) && level != 255 {
				t.Fatalf("the desk at %d, %d is %d", x, y, level)
			}
		}
	}
	if black := countBlack(flat, sheet.Inset(60)); black < 10000 {
		t.Errorf("%d pixels of ink are left", black)
	}
}

func TestPageKeepsABanner(t *testing.T) {
	const w, h = 1200, 1600
	grey := bend(page(w, h, 44, 130, 1070, 420), still, plain)
	for y := range 300 {
		for x := range w {
			grey.Pix[y*w+x] = 40
			if (x/40)%2 == 0 && y > 100 && y < 200 {
				grey.Pix[y*w+x] = 250
			}
		}
	}
	flat, _ := Page(grey)
	letters, ground := flat.GrayAt(20, 150).Y, flat.GrayAt(60, 150).Y
	if letters < ground+60 {
		t.Errorf("white letters are %d on %d", letters, ground)
	}
}

func TestPageCleansFaxes(t *testing.T) {
	clean := page(1600, 2200, 60, 180, 1420, 160)
	for i, level := range clean.Pix {
		clean.Pix[i] = 0
		if level > 128 {
			clean.Pix[i] = 255
		}
	}
	dirty := image.NewGray(clean.Rect)
	copy(dirty.Pix, clean.Pix)
	random := rand.New(rand.NewPCG(7, 8))
	for range 2000 {
		dirty.Pix[random.IntN(len(dirty.Pix))] = 0
	}
	want, _ := Page(clean)
	flat, _ := Page(dirty)
	specks := 0
	for i, level := range want.Pix {
		if level == 255 && flat.Pix[i] < 200 {
			specks++
		}
	}
	// Those that touch a letter stay.
	if specks > 100 {
		t.Errorf("%d pixels of dirt are left", specks)
	}
	if black := countBlack(flat, flat.Rect); black < countBlack(want, want.Rect)*99/100 {
		t.Errorf("%d pixels of ink are left", black)
	}
}

func countBlack(grey *image.Gray, within image.Rectangle) (count int) {
	for y := within.Min.Y; y < within.Max.Y; y++ {
		for x := within.Min.X; x < within.Max.X; x++ {
			if grey.GrayAt(x, y).Y < 128 {
				count++
			}
		}
	}
	return count
}

// Whatever the image, a sane one comes back, and each of its pixels has a place.
func FuzzPage(f *testing.F) {
	for seed := range uint64(40) {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, seed uint64) {
		random := rand.New(rand.NewPCG(seed, 0))
		w, h := 1+random.IntN(400), 1+random.IntN(400)
		grey := page(w, h, 12+random.IntN(30), random.IntN(w), w, random.IntN(h))
		slope, curl, dark := random.NormFloat64()/8, 20*random.NormFloat64(), random.Float64()
		grey = bend(grey, func(x, _ float64) float64 { return slope*x + curl*math.Sin(x/60) },
			func(x, y float64) float64 { return 1 - dark*x*y/float64(w*h) })
		for range random.IntN(4) {
			level := uint8(random.IntN(256))
			x0, y0 := random.IntN(w), random.IntN(h)
			for y := y0; y < y0+random.IntN(h-y0)+1 && y < h; y++ {
				for x := x0; x < w-random.IntN(w-x0); x++ {
					grey.Pix[y*w+x] = level
				}
			}
		}
		flat, place := Page(grey)
		if got := flat.Rect.Size(); got.X < w || got.Y < h || got.X > 2*w || got.Y > 2*h {
			t.Fatalf("%d x %d became %v", w, h, got)
		}
		if place == nil {
			return
		}
		for _, at := range [][2]float64{{0, 0}, {float64(flat.Rect.Dx()), float64(flat.Rect.Dy())}, {-5, 1e6}, {1e6, -5}} {
			if x, y := place(at[0], at[1]); math.IsNaN(x) || math.IsNaN(y) {
				t.Fatalf("%v has no place", at)
			}
		}
	})
}

func BenchmarkPage(b *testing.B) {
	clean := page(1654, 2339, 60, 180, 1480, 160)
	fade := func(x, y float64) float64 { return 0.95 - 0.2*x/1654 - 0.2*y/2339 }
	for name, grey := range map[string]*image.Gray{
		"clean":  bend(clean, still, plain),
		"lit":    bend(clean, still, fade),
		"curled": bend(clean, func(x, _ float64) float64 { return 30 * math.Sin(x/400) }, fade),
	} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				Page(grey)
			}
		})
	}
}
