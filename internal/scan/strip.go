package scan

import (
	"image"
	"math"
)

// In sizes of a line's letters.
const (
	// aboveLetters and belowLetters are kept for marks above and below, on lines that have none, too, so that letters come
	// out in one size: a recogniser reads letters better that are as large as it learned them.
	aboveLetters, belowLetters = 0.7, 0.7
	// margin around all of that.
	margin = 0.09
)

// foreignEdge is how many pixels around the ink of other lines are grey from it.
const foreignEdge = 2

// NoText is what the recogniser khocr writes for ink that is no text that it knows: dirt, pictures, other scripts. It was
// trained with lines of those that scan.Read finds, too.
const NoText = "\ufffc"

// Strip is the image of a line alone, level and of the height that was asked for.
type Strip struct {
	Image *image.Gray
	// scale is pixels of the strip per pixel of the page, left and top the page's place of its corner.
	scale, left, top, slope float64
}

// Strip cuts a line out, with the given height. What belongs to other lines is taken off it; the rest stays, such as a stamp that
// touches the letters.
func (l *Layout) Strip(line *Line, height int) Strip {
	highest, lowest := line.top-aboveLetters*line.Size, line.bottom+belowLetters*line.Size
	for _, i := range line.pieces {
		box := l.pieces[i].box
		fall := line.slope * (float64(box.Min.X+box.Max.X)/2 - float64(line.Box.Min.X))
		highest, lowest = min(highest, float64(box.Min.Y)-fall), max(lowest, float64(box.Max.Y)-fall)
	}
	edge := margin * line.Size
	// Whole pixels, so that a level line is not blurred.
	strip := Strip{left: math.Round(float64(line.Box.Min.X) - edge), top: math.Round(highest - edge), slope: line.slope}
	level := l.level(line, image.Pt(
		int(math.Round(float64(line.Box.Dx())+2*edge)), int(math.Round(lowest-highest+2*edge)),
	), strip)
	strip.scale = float64(height) / float64(level.Rect.Dy())
	strip.Image = resize(level, max(1, int(math.Round(float64(level.Rect.Dx())*strip.scale))), height)
	return strip
}

// Box on the page of a box on the strip, left, top, right and bottom.
func (s Strip) Box(box [4]float64) [4]float64 {
	left, right := s.left+box[0]/s.scale, s.left+box[2]/s.scale
	fall := s.slope * ((left+right)/2 - s.left)
	return [4]float64{left, s.top + box[1]/s.scale + fall, right, s.top + box[3]/s.scale + fall}
}

// level draws the line without slope, in the page's resolution.
func (l *Layout) level(line *Line, size image.Point, strip Strip) *image.Gray {
	left, top := int(strip.left), strip.top
	if line.slope == 0 {
		return l.alone(line, image.Rectangle{Max: size}.Add(image.Pt(left, int(top))))
	}
	fall := int(math.Ceil(math.Abs(line.slope) * float64(size.X)))
	area := image.Rect(left, int(math.Floor(top))-fall, left+size.X, int(math.Ceil(top))+size.Y+fall+1)
	alone := l.alone(line, area)
	level := image.NewGray(image.Rectangle{Max: size})
	for x := range size.X {
		y := top + line.slope*float64(x) - float64(area.Min.Y)
		whole := int(math.Floor(y))
		// The pixel above has the rest of the weight, in 256ths.
		weight := int(256 * (y - float64(whole)))
		for row := range size.Y {
			at := (whole+row)*alone.Stride + x
			upper, lower := int(alone.Pix[at]), int(alone.Pix[at+alone.Stride])
			level.Pix[row*level.Stride+x] = uint8((upper*(256-weight) + lower*weight + 128) >> 8)
		}
	}
	return level
}

// alone copies an area of the page, without the ink of other lines than the given one.
func (l *Layout) alone(line *Line, area image.Rectangle) *image.Gray {
	alone := image.NewGray(image.Rectangle{Max: area.Size()})
	for i := range alone.Pix {
		alone.Pix[i] = l.paper
	}
	within := area.Intersect(l.grey.Rect)
	for y := within.Min.Y; y < within.Max.Y; y++ {
		from := y * l.grey.Stride
		copy(alone.Pix[alone.PixOffset(within.Min.X-area.Min.X, y-area.Min.Y):], l.grey.Pix[from+within.Min.X:from+within.Max.X])
	}
	fill := func(y, left, right int, pixel func(x int) uint8) {
		if y < area.Min.Y || y >= area.Max.Y {
			return
		}
		row := alone.Pix[(y-area.Min.Y)*alone.Stride:]
		for x := max(left, area.Min.X); x < min(right, area.Max.X); x++ {
			row[x-area.Min.X] = pixel(x)
		}
	}
	var own []int
	for i, p := range l.pieces {
		if l.owner[i] == nil || !p.box.Inset(-foreignEdge).Overlaps(area) {
			continue
		}
		if l.owner[i] == line {
			own = append(own, i)
			continue
		}
		for r := p.first; r >= 0; r = l.runs[r].next {
			run := l.runs[r]
			for y := run.y - foreignEdge; y <= run.y+foreignEdge; y++ {
				fill(y, run.left-foreignEdge, run.right+foreignEdge, func(int) uint8 { return l.paper })
			}
		}
	}
	for _, i := range own {
		for r := l.pieces[i].first; r >= 0; r = l.runs[r].next {
			run := l.runs[r]
			fill(run.y, run.left, run.right, func(x int) uint8 { return l.grey.Pix[run.y*l.grey.Stride+x] })
		}
	}
	return alone
}
