package scan

import (
	"math"
	"slices"
)

// alike is how much the height of letters that are meant to be of one height may differ.
const alike = 0.25

// settle which pieces are whose, and where the letters of each line stand.
func (l *Layout) settle() {
	l.owner = make([]*Line, len(l.pieces))
	for _, line := range l.Lines {
		for _, i := range line.pieces {
			l.owner[i] = line
			line.Box = line.Box.Union(l.pieces[i].box)
		}
		line.Size = typeSize(l.pieces, line.pieces)
		if line.Size == 0 {
			line.Size = float64(line.Box.Dy())
		}
	}
	// The page's slope is that of its longer lines.
	var slopes []float64
	for _, line := range l.Lines {
		if slope, ok := l.slopeOf(line); ok {
			slopes = append(slopes, slope)
		}
	}
	page := 0.0
	if len(slopes) > 0 {
		slices.Sort(slopes)
		page = slopes[len(slopes)/2]
	}
	for _, line := range l.Lines {
		slope, ok := l.slopeOf(line)
		if !ok {
			slope = page
		}
		l.place(line, slope)
	}
}

// letters of the line that have its usual height.
func (l *Layout) letters(line *Line) []int {
	return slices.DeleteFunc(slices.Clone(line.pieces), func(i int) bool {
		return math.Abs(float64(l.pieces[i].box.Dy())-line.Size) > alike*line.Size
	})
}

// slopeOf a line whose letters tell: the least squares through their middles, without those that are off it.
func (l *Layout) slopeOf(line *Line) (slope float64, ok bool) {
	letters := l.letters(line)
	for range 2 {
		var n, sx, sy, sxx, sxy float64
		least, most := math.Inf(1), math.Inf(-1)
		for _, i := range letters {
			x, y := l.middle(i)
			least, most = min(least, x), max(most, x)
			n, sx, sy, sxx, sxy = n+1, sx+x, sy+y, sxx+x*x, sxy+x*y
		}
		if most-least < leastLevel*line.Size || n < recentLetters {
			return 0, false
		}
		slope = (n*sxy - sx*sy) / (n*sxx - sx*sx)
		offset := (sy - slope*sx) / n
		letters = slices.DeleteFunc(letters, func(i int) bool {
			x, y := l.middle(i)
			return math.Abs(y-slope*x-offset) > alike*line.Size
		})
	}
	return slope, true
}

func (l *Layout) middle(i int) (x, y float64) {
	box := l.pieces[i].box
	return float64(box.Min.X+box.Max.X) / 2, float64(box.Min.Y+box.Max.Y) / 2
}

// place the letters of a line that slopes.
func (l *Layout) place(line *Line, slope float64) {
	letters := l.letters(line)
	if len(letters) == 0 {
		letters = line.pieces
	}
	var tops, bottoms []float64
	for _, i := range letters {
		x, _ := l.middle(i)
		fall := slope * (x - float64(line.Box.Min.X))
		tops = append(tops, float64(l.pieces[i].box.Min.Y)-fall)
		bottoms = append(bottoms, float64(l.pieces[i].box.Max.Y)-fall)
	}
	slices.Sort(tops)
	slices.Sort(bottoms)
	if math.Abs(slope)*float64(line.Box.Dx()) < 1 {
		slope = 0
	}
	line.top, line.bottom, line.slope = tops[len(tops)/2], bottoms[len(bottoms)/2], slope
}
