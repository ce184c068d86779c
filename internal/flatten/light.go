package flatten

import (
	"image"
	"math"
	"slices"

	"github.com/openplp/khocr/internal/otsu"
)

// Bounds of light. Ratios are of one level to another on the same page, so they hold for dim and bright pictures alike.
const (
	// lightCells is the number of cells across the shorter side of the page: a cell is a few strokes wide, so that paper
	// shows in each but those of solid black.
	lightCells = 96
	// paperShare is the percentile of a cell's pixels that is taken for its paper: ink covers up to half of a cell of text,
	// and the mean of noisy paper lies below the brightest pixels.
	paperShare = 70
	// inkCells is the radius of the closing that removes ink from the map of paper: five cells are a twentieth of the
	// page's width, more than the strokes of any headline.
	inkCells = 2
	// pictureCells is the radius of the wide closing, and darkestPaper how far below it paper may lie. Whatever is darker
	// is a picture or print in reverse, and keeps its looks; cast shadows leave half of the light.
	pictureCells = 8
	darkestPaper = 0.4
	// darkestCorner is how far paper may lie below the brightest of the whole page.
	darkestCorner = 0.3
	// evenLight is the ratio of the darkest to the brightest paper of a page that is lit well enough: scanners and the
	// vignettes of good cameras stay above it, and Tesseract's one threshold for the page does not mind.
	evenLight = 0.85
	// blackPaper is a level below which there is nothing to be told from noise.
	blackPaper = 32
	// deskContrast is how much darker than paper a desk is, and deskEdge how much of that shows within deskStep cells: a
	// page ends at an edge, light fades.
	deskContrast = 0.7
	deskStep     = 3
)

// grid is a map of a page with one value for each cell of side pixels, row by row.
type grid struct {
	w, h, side int
	values     []float32
}

func newGrid(w, h, side int) grid {
	return grid{w: w, h: h, side: side, values: make([]float32, w*h)}
}

// at takes the nearest cell where there is none.
func (g grid) at(x, y int) float32 {
	return g.values[min(max(y, 0), g.h-1)*g.w+min(max(x, 0), g.w-1)]
}

// light is what is known about the paper of a page.
type light struct {
	// paper is the level of the paper, 1 to 255.
	paper grid
	// desk marks the cells that lie beside the page.
	desk []bool
	// outside says that there are any.
	outside bool
}

// even reports whether there is nothing to mend.
func (l light) even() bool {
	if l.outside {
		return false
	}
	levels := slices.Clone(l.paper.values)
	slices.Sort(levels)
	dark, bright := levels[len(levels)/50], levels[len(levels)-1-len(levels)/50]
	return bright < blackPaper || dark >= evenLight*bright
}

// measureLight finds the paper of a page.
func measureLight(grey *image.Gray) light {
	cells, bright := paperCells(grey)
	closed := closeGrid(cells, inkCells)
	desk, outside := findDesk(closed, bright)
	wide := closeGrid(closed, pictureCells)
	brightest := slices.Max(closed.values)
	for i, level := range closed.values {
		closed.values[i] = max(level, darkestPaper*wide.values[i], darkestCorner*brightest, 1)
	}
	return light{paper: smoothGrid(closed, desk, 2), desk: desk, outside: outside}
}

// paperCells takes the level of paper in each cell, and the level of its brightest pixels.
func paperCells(grey *image.Gray) (paper, bright grid) {
	w, h := grey.Rect.Dx(), grey.Rect.Dy()
	side := max(4, min(w, h)/lightCells)
	paper = newGrid((w+side-1)/side, (h+side-1)/side, side)
	bright = newGrid(paper.w, paper.h, side)
	// A sample of 64 pixels tells the percentile to a few levels.
	step := max(1, side/8)
	for cy := range paper.h {
		for cx := range paper.w {
			var counts [256]uint16
			total := 0
			for y := cy * side; y < min((cy+1)*side, h); y += step {
				row := grey.Pix[y*grey.Stride:]
				for x := cx * side; x < min((cx+1)*side, w); x += step {
					counts[row[x]]++
					total++
				}
			}
			paper.values[cy*paper.w+cx] = percentile(&counts, total, paperShare)
			bright.values[cy*paper.w+cx] = percentile(&counts, total, 95)
		}
	}
	return paper, bright
}

func percentile(counts *[256]uint16, total, percent int) float32 {
	rest := total * (100 - percent) / 100
	for level := 255; level > 0; level-- {
		rest -= int(counts[level])
		if rest < 0 {
			return float32(level)
		}
	}
	return 0
}

// closeGrid is a morphological closing by a square of the given radius: dark spots that are smaller vanish.
func closeGrid(g grid, radius int) grid {
	highest := func(a, b float32) float32 { return max(a, b) }
	lowest := func(a, b float32) float32 { return min(a, b) }
	return extremes(extremes(g, radius, highest), radius, lowest)
}

func extremes(g grid, radius int, pick func(a, b float32) float32) grid {
	rows, out := newGrid(g.w, g.h, g.side), newGrid(g.w, g.h, g.side)
	for y := range g.h {
		for x := range g.w {
			value := g.values[y*g.w+x]
			for at := max(0, x-radius); at <= min(g.w-1, x+radius); at++ {
				value = pick(value, g.values[y*g.w+at])
			}
			rows.values[y*g.w+x] = value
		}
	}
	for y := range g.h {
		for x := range g.w {
			value := rows.values[y*g.w+x]
			for at := max(0, y-radius); at <= min(g.h-1, y+radius); at++ {
				value = pick(value, rows.values[at*g.w+x])
			}
			out.values[y*g.w+x] = value
		}
	}
	return out
}

// smoothGrid averages by a square of the given radius, twice, over cells that are not skipped. A cell among skipped ones
// keeps its value.
func smoothGrid(g grid, skip []bool, radius int) grid {
	for range 2 {
		out := newGrid(g.w, g.h, g.side)
		for y := range g.h {
			for x := range g.w {
				sum, count := float32(0), float32(0)
				for v := max(0, y-radius); v <= min(g.h-1, y+radius); v++ {
					for u := max(0, x-radius); u <= min(g.w-1, x+radius); u++ {
						if !skip[v*g.w+u] {
							sum += g.values[v*g.w+u]
							count++
						}
					}
				}
				out.values[y*g.w+x] = g.values[y*g.w+x]
				if count > 0 {
					out.values[y*g.w+x] = sum / count
				}
			}
		}
		g = out
	}
	return g
}

// findDesk marks what lies around a photographed page, or a scanner's lid: dark cells that hang together with the rim of
// the image, end in an edge, and have nothing bright printed on them.
func findDesk(paper, bright grid) (desk []bool, found bool) {
	none := make([]bool, len(paper.values))
	var counts [256]int
	for _, level := range paper.values {
		counts[uint8(level)]++
	}
	darkest, dark, pale := otsu.Split(&counts)
	if pale < blackPaper || dark > deskContrast*pale {
		return none, false
	}
	desk = make([]bool, len(paper.values))
	isDark := func(at int) bool { return int(paper.values[at]) <= darkest }
	for x := range paper.w {
		paper.flood(x, desk, isDark)
		paper.flood((paper.h-1)*paper.w+x, desk, isDark)
	}
	for y := range paper.h {
		paper.flood(y*paper.w, desk, isDark)
		paper.flood(y*paper.w+paper.w-1, desk, isDark)
	}
	if !endsInEdge(paper, desk) || hasPrint(bright, desk, float32((float64(darkest)+pale)/2)) {
		return none, false
	}
	around := allButLargest(paper, desk)
	// A second sheet, or letters as large as a finger: something to be read.
	if rest := countMarks(around) - countMarks(desk); 50*rest > countMarks(desk) {
		return none, false
	}
	return grow(paper, around), true
}

func countMarks(marks []bool) (total int) {
	for _, marked := range marks {
		if marked {
			total++
		}
	}
	return total
}

// flood marks the cells that hang together with one and are wanted, and returns how many there are.
func (g grid) flood(from int, marked []bool, wanted func(at int) bool) (count int) {
	queue := []int{from}
	for len(queue) > 0 {
		at := queue[len(queue)-1]
		queue = queue[:len(queue)-1]
		if marked[at] || !wanted(at) {
			continue
		}
		marked[at] = true
		count++
		x, y := at%g.w, at/g.w
		if x > 0 {
			queue = append(queue, at-1)
		}
		if x < g.w-1 {
			queue = append(queue, at+1)
		}
		if y > 0 {
			queue = append(queue, at-g.w)
		}
		if y < g.h-1 {
			queue = append(queue, at+g.w)
		}
	}
	return count
}

// allButLargest marks all cells but the largest piece of unmarked ones, which is the page: what else is bright lies on the
// desk.
func allButLargest(g grid, marked []bool) []bool {
	anywhere := func(int) bool { return true }
	seen := slices.Clone(marked)
	largest, page := 0, 0
	for at := range seen {
		if count := g.flood(at, seen, anywhere); count > largest {
			largest, page = count, at
		}
	}
	inside := slices.Clone(marked)
	g.flood(page, inside, anywhere)
	for at := range inside {
		inside[at] = marked[at] || !inside[at]
	}
	return inside
}

// endsInEdge compares the cells on both sides of the rim of what is marked.
func endsInEdge(paper grid, desk []bool) bool {
	edges, ratios := 0, float32(0)
	marked := 0
	for y := range paper.h {
		for x := range paper.w {
			if !desk[y*paper.w+x] {
				continue
			}
			marked++
			for _, step := range [][2]int{{-1, 0}, {1, 0}, {0, -1}, {0, 1}} {
				nx, ny := x+step[0], y+step[1]
				if nx < 0 || ny < 0 || nx >= paper.w || ny >= paper.h || desk[ny*paper.w+nx] {
					continue
				}
				inside := paper.at(x-step[0], y-step[1])
				outside := paper.at(x+(deskStep-1)*step[0], y+(deskStep-1)*step[1])
				edges++
				ratios += inside / max(outside, 1)
			}
		}
	}
	// What is left for a page must be worth it.
	return edges > 0 && 4*marked < 3*len(desk) && ratios/float32(edges) < deskContrast
}

// hasPrint reports whether marked cells away from the rim have bright pixels: a banner with white print on it is no desk.
func hasPrint(bright grid, desk []bool, limit float32) bool {
	deep, printed := 0, 0
	for y := range bright.h {
		for x := range bright.w {
			inner := true
			for v := max(0, y-deskStep); v <= min(bright.h-1, y+deskStep); v++ {
				for u := max(0, x-deskStep); u <= min(bright.w-1, x+deskStep); u++ {
					inner = inner && desk[v*bright.w+u]
				}
			}
			if !inner {
				continue
			}
			deep++
			if bright.values[y*bright.w+x] > limit {
				printed++
			}
		}
	}
	return 50*printed > deep
}

// grow marks the cells beside marked ones too: the edge of a page casts a shadow and is seldom straight.
func grow(paper grid, desk []bool) []bool {
	grown := make([]bool, len(desk))
	for y := range paper.h {
		for x := range paper.w {
			for v := max(0, y-1); v <= min(paper.h-1, y+1); v++ {
				for u := max(0, x-1); u <= min(paper.w-1, x+1); u++ {
					grown[y*paper.w+x] = grown[y*paper.w+x] || desk[v*paper.w+u]
				}
			}
		}
	}
	return grown
}

// relight divides the page by its paper, which becomes white, and whitens what lies beside the page.
func relight(grey *image.Gray, l light) *image.Gray {
	w, h := grey.Rect.Dx(), grey.Rect.Dy()
	out := image.NewGray(image.Rect(0, 0, w, h))
	side := l.paper.side
	// gains of a row, in 1/65536 of white a level, with one more at the end to interpolate to.
	gains := make([]float32, l.paper.w+2)
	for y := range h {
		fy := (float32(y)+0.5)/float32(side) - 0.5
		top := int(math.Floor(float64(fy)))
		fy -= float32(top)
		for i := range gains {
			paper := (1-fy)*l.paper.at(i-1, top) + fy*l.paper.at(i-1, top+1)
			gains[i] = 255 * 65536 / max(paper, 1)
		}
		source, target := grey.Pix[y*grey.Stride:y*grey.Stride+w], out.Pix[y*out.Stride:y*out.Stride+w]
		for i := range l.paper.w + 1 {
			from, to := max(0, i*side-side/2), min(w, (i+1)*side-side/2)
			if from >= to {
				continue
			}
			step := (gains[i+1] - gains[i]) / float32(side)
			start := gains[i] + step*(float32(from)+0.5-(float32(i)-0.5)*float32(side))
			gain, slope := int64(start), int64(step)
			for x := from; x < to; x++ {
				target[x] = uint8(min((int64(source[x])*gain+32768)>>16, 255))
				gain += slope
			}
		}
		if l.outside {
			whiten(target, l.desk[y/side*l.paper.w:], side)
		}
	}
	return out
}

func whiten(row []uint8, desk []bool, side int) {
	for x := range row {
		if desk[x/side] {
			row[x] = 255
		}
	}
}
