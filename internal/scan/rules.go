package scan

import (
	"image"
	"slices"
)

// ruledLines of a page, such as those of a table.
type ruledLines struct{ across, down []image.Rectangle }

// In sizes of the type.
const (
	// largePiece is wider or higher than any letter with its marks: rules are looked for only there.
	largePiece = 5
	// ruleLength is longer than any stroke of a letter, and ruleWidth wider than most rules.
	ruleLength, ruleWidth = 3.0, 0.3
)

// takeRules takes ruled lines off the image, but not where strokes of letters cross or touch them, and returns them. The
// pieces are then those of the image without them.
func (l *Layout) takeRules() ruledLines {
	var rules ruledLines
	size := l.TypeSize
	var grey *image.Gray
	for _, p := range l.pieces {
		if float64(max(p.box.Dx(), p.box.Dy())) < largePiece*size {
			continue
		}
		if grey == nil {
			// The caller's image stays as it is.
			grey = &image.Gray{Pix: slices.Clone(l.grey.Pix), Stride: l.grey.Stride, Rect: l.grey.Rect}
		}
		mask := l.mask(p)
		width := max(2, int(ruleWidth*size))
		length := int(ruleLength * size)
		for _, rule := range thinRuns(mask, length, width) {
			wipe(grey, rule, p.box.Min, false, l.paper)
			rules.across = append(rules.across, rule.box.Add(p.box.Min))
		}
		for _, rule := range thinRuns(transpose(mask), length, width) {
			wipe(grey, rule, p.box.Min, true, l.paper)
			rules.down = append(rules.down, flip(rule.box).Add(p.box.Min))
		}
	}
	if len(rules.across) == 0 && len(rules.down) == 0 {
		return rules
	}
	// Where two rules cross neither is thin.
	for _, across := range rules.across {
		for _, down := range rules.down {
			cross := across.Intersect(down)
			if float64(max(cross.Dx(), cross.Dy())) <= 2*ruleWidth*size {
				paint(grey, cross.Inset(-1), l.paper)
			}
		}
	}
	l.grey = grey
	l.pieces, l.runs = findPieces(grey, l.ink)
	return rules
}

// mask of a piece's pixels in its box.
func (l *Layout) mask(p piece) *image.Alpha {
	mask := image.NewAlpha(image.Rectangle{Max: p.box.Size()})
	for i := p.first; i >= 0; i = l.runs[i].next {
		r := l.runs[i]
		row := mask.Pix[(r.y-p.box.Min.Y)*mask.Stride:]
		for x := r.left - p.box.Min.X; x < r.right-p.box.Min.X; x++ {
			row[x] = 1
		}
	}
	return mask
}

func transpose(mask *image.Alpha) *image.Alpha {
	turned := image.NewAlpha(flip(mask.Rect))
	for y := range mask.Rect.Dy() {
		for x, value := range mask.Pix[y*mask.Stride : y*mask.Stride+mask.Rect.Dx()] {
			turned.Pix[x*turned.Stride+y] = value
		}
	}
	return turned
}

func flip(box image.Rectangle) image.Rectangle {
	return image.Rect(box.Min.Y, box.Min.X, box.Max.Y, box.Max.X)
}

// thinRule is a ruled line that goes across.
type thinRule struct {
	box image.Rectangle
	// thin stretches of it that nothing touches.
	thin []image.Rectangle
}

// thinRuns finds ruled lines that go across, of at least the length and at most the width. A line that is a little askew
// consists of runs, each in the row next to the one before.
func thinRuns(mask *image.Alpha, length, width int) []thinRule {
	size := mask.Rect.Size()
	var rules []thinRule
	for y := range size.Y {
		row := mask.Pix[y*mask.Stride : y*mask.Stride+size.X]
		for x := 0; x < size.X; x++ {
			if row[x] == 0 {
				continue
			}
			left := x
			for x < size.X && row[x] != 0 {
				x++
			}
			if x-left < length {
				continue
			}
			thin, covered := thinStretches(mask, y, left, x, width)
			// The underside of a picture or a black bar is long, too, but not thin.
			if 2*covered < x-left {
				continue
			}
			rules = joinRule(rules, thinRule{box: image.Rect(left, y, x, y+1), thin: thin})
		}
	}
	return rules
}

// thinStretches of the run where the ink is no higher than width, and the sum of their lengths.
func thinStretches(mask *image.Alpha, y, left, right, width int) (thin []image.Rectangle, covered int) {
	for x := left; x < right; x++ {
		top, bottom := y, y+1
		for top > 0 && bottom-top <= width && mask.Pix[(top-1)*mask.Stride+x] != 0 {
			top--
		}
		for bottom < mask.Rect.Dy() && bottom-top <= width && mask.Pix[bottom*mask.Stride+x] != 0 {
			bottom++
		}
		if bottom-top > width {
			continue
		}
		covered++
		if last := len(thin) - 1; last >= 0 && thin[last].Max.X == x && thin[last].Min.Y == top && thin[last].Max.Y == bottom {
			thin[last].Max.X++
		} else {
			thin = append(thin, image.Rect(x, top, x+1, bottom))
		}
	}
	return thin, covered
}

// joinRule adds a run to the rule that it continues, or as one of its own.
func joinRule(rules []thinRule, next thinRule) []thinRule {
	for i := len(rules) - 1; i >= 0; i-- {
		if next.box.Inset(-2).Overlaps(rules[i].box) {
			rules[i].box = rules[i].box.Union(next.box)
			rules[i].thin = append(rules[i].thin, next.thin...)
			return rules
		}
	}
	return append(rules, next)
}

// wipe a rule off, with the grey edge that it may have.
func wipe(grey *image.Gray, rule thinRule, corner image.Point, turned bool, paper uint8) {
	for _, stretch := range rule.thin {
		stretch = image.Rect(stretch.Min.X, stretch.Min.Y-1, stretch.Max.X, stretch.Max.Y+1)
		if turned {
			stretch = flip(stretch)
		}
		paint(grey, stretch.Add(corner), paper)
	}
}

func paint(grey *image.Gray, area image.Rectangle, value uint8) {
	area = area.Intersect(grey.Rect)
	for y := area.Min.Y; y < area.Max.Y; y++ {
		row := grey.Pix[y*grey.Stride:]
		for x := area.Min.X; x < area.Max.X; x++ {
			row[x] = value
		}
	}
}
