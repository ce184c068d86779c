package scan

import (
	"cmp"
	"image"
	"math"
	"slices"
)

// In sizes of the type.
const (
	// leastGutter is the width of the narrowest gap between columns, and leastColumn that of a column.
	leastGutter, leastColumn = 1.5, 8
	// farApart is wider than any space between words: cells of a row are recognised one by one.
	farApart = 6
)

const (
	// leastRows is how many lines each of two columns has at least.
	leastRows = 3
	// columnFill is how much of a column its usual line fills. Cells of a table without rules fill less, and are read row by
	// row.
	columnFill = 0.5
	// ruleSpan is how much of a block a rule must cross to cut it.
	ruleSpan = 0.8
)

// sorter puts segments into the order in which they are read, by recursive cuts at ruled lines and gutters (XY-cut). It cuts
// between segments, which marks belong to, so none is torn off.
type sorter struct {
	size  float64
	rules ruledLines
	lines []*Line
	rows  int
	block int
}

// readingOrder makes lines of the segments of a page, in the order in which they are read.
func readingOrder(segments []*segment, size float64, rules ruledLines) []*Line {
	s := &sorter{size: size, rules: rules}
	s.cut(segments)
	return s.lines
}

func (s *sorter) cut(segments []*segment) {
	if len(segments) == 0 {
		return
	}
	asItIs := func(box image.Rectangle) image.Rectangle { return box }
	if s.cutAtRule(segments, s.rules.across, asItIs) || s.cutAtRule(segments, s.rules.down, flip) {
		return
	}
	rows := rowsOf(segments)
	if columns, ok := findColumns(rows, s.size); ok {
		s.cut(slices.Concat(rows[:columns.from]...))
		left, right := part(slices.Concat(rows[columns.from:columns.to]...), func(one *segment) bool { return one.letters.Max.X <= columns.right })
		s.cut(left)
		s.cut(right)
		s.cut(slices.Concat(rows[columns.to:]...))
		return
	}
	s.block++
	for _, row := range rows {
		s.rows++
		for _, line := range joinNear(row, s.size) {
			line.Block, line.Row = s.block, s.rows
			s.lines = append(s.lines, line)
		}
	}
}

// cutAtRule cuts at the first ruled line that has segments on both sides, and tells whether there is one. turned is how rules, and
// what stands beside them, lie when the rules go across.
func (s *sorter) cutAtRule(segments []*segment, rules []image.Rectangle, turned func(image.Rectangle) image.Rectangle) bool {
	box := turned(around(segments))
	for _, rule := range rules {
		rule = turned(rule)
		if !crosses(rule, box) {
			continue
		}
		middle := (rule.Min.Y + rule.Max.Y) / 2
		before, behind := part(segments, func(one *segment) bool {
			letters := turned(one.letters)
			return letters.Min.Y+letters.Max.Y < 2*middle
		})
		if len(before) > 0 && len(behind) > 0 {
			s.cut(before)
			s.cut(behind)
			return true
		}
	}
	return false
}

func around(segments []*segment) image.Rectangle {
	var box image.Rectangle
	for _, s := range segments {
		box = box.Union(s.letters)
	}
	return box
}

// crosses tells whether a rule goes across most of a box's width.
func crosses(rule, box image.Rectangle) bool {
	return float64(min(rule.Max.X, box.Max.X)-max(rule.Min.X, box.Min.X)) >= ruleSpan*float64(box.Dx())
}

func part(segments []*segment, first func(*segment) bool) (yes, no []*segment) {
	for _, s := range segments {
		if first(s) {
			yes = append(yes, s)
		} else {
			no = append(no, s)
		}
	}
	return yes, no
}

// rowsOf groups segments that are at one height, from the top, each row from left to right.
func rowsOf(segments []*segment) [][]*segment {
	sorted := slices.SortedStableFunc(slices.Values(segments), func(a, b *segment) int {
		return cmp.Compare(a.middle(), b.middle())
	})
	var rows [][]*segment
	for _, s := range sorted {
		if last := len(rows) - 1; last >= 0 && sameRow(rows[last], s) {
			rows[last] = append(rows[last], s)
		} else {
			rows = append(rows, []*segment{s})
		}
	}
	for _, row := range rows {
		slices.SortStableFunc(row, func(a, b *segment) int { return cmp.Compare(a.letters.Min.X, b.letters.Min.X) })
	}
	return rows
}

// middle of the letters' height, times 2.
func (s *segment) middle() int {
	return median(s.tops) + median(s.bottoms)
}

// sameRow tells whether the segment stands at the height of the nearest one of the row, and beside all of them.
func sameRow(row []*segment, s *segment) bool {
	var nearest *segment
	least := math.MaxInt
	for _, other := range row {
		gap := max(other.letters.Min.X-s.letters.Max.X, s.letters.Min.X-other.letters.Max.X)
		if gap < -s.letters.Dx()/2 || gap < -other.letters.Dx()/2 {
			return false
		}
		if gap < least {
			nearest, least = other, gap
		}
	}
	left, right := nearest, s
	if left.letters.Min.X > right.letters.Min.X {
		left, right = right, left
	}
	from := min(len(right.tops), recentLetters)
	top, bottom := median(right.tops[:from]), median(right.bottoms[:from])
	return 2*(min(left.bottom, bottom)-max(left.top, top)) > min(left.bottom-left.top, bottom-top)
}

// columns are two columns, or more on their right, in the rows from and up to but not including to. right is the right
// edge of the first column.
type columns struct{ from, to, right int }

// findColumns looks for the gutter that the most rows have.
func findColumns(rows [][]*segment, size float64) (columns, bool) {
	var best columns
	for i, row := range rows {
		for j := 1; j < len(row); j++ {
			left, right := row[j-1].letters.Max.X, row[j].letters.Min.X
			from, to := i, i+1
			for ; from > 0 && narrow(rows[from-1], &left, &right, size); from-- {
			}
			for ; to < len(rows) && narrow(rows[to], &left, &right, size); to++ {
			}
			found := columns{from, to, left}
			if float64(right-left) >= leastGutter*size && to-from > best.to-best.from && found.filled(rows, size) {
				best = found
			}
		}
	}
	return best, best.to > 0
}

// narrow the gutter from left to right so that it lies in a gap of the row, or beside it. Not ok, and unchanged, where
// there is none.
func narrow(row []*segment, left, right *int, size float64) bool {
	edge := math.MinInt
	for i := 0; i <= len(row); i++ {
		next := math.MaxInt
		if i < len(row) {
			next = row[i].letters.Min.X
		}
		if l, r := max(*left, edge), min(*right, next); float64(r-l) >= leastGutter*size {
			*left, *right = l, r
			return true
		}
		if i < len(row) {
			edge = row[i].letters.Max.X
		}
	}
	return false
}

// filled tells whether both sides look like columns of text.
func (c columns) filled(rows [][]*segment, size float64) bool {
	var sides [2][]image.Rectangle
	for _, row := range rows[c.from:c.to] {
		var boxes [2]image.Rectangle
		for _, s := range row {
			side := 0
			if s.letters.Min.X >= c.right {
				side = 1
			}
			boxes[side] = boxes[side].Union(s.letters)
		}
		for side, box := range boxes {
			if !box.Empty() {
				sides[side] = append(sides[side], box)
			}
		}
	}
	for _, boxes := range sides {
		if len(boxes) < leastRows {
			return false
		}
		var all image.Rectangle
		var widths []int
		for _, box := range boxes {
			all = all.Union(box)
			widths = append(widths, box.Dx())
		}
		if float64(all.Dx()) < leastColumn*size || float64(median(widths)) < columnFill*float64(all.Dx()) {
			return false
		}
	}
	return true
}

// joinNear makes a line of segments of a row that are no further apart than words can be, and others of the rest.
func joinNear(row []*segment, size float64) []*Line {
	var lines []*Line
	right := math.MinInt
	for _, s := range row {
		if len(lines) == 0 || float64(s.letters.Min.X-right) > farApart*size {
			lines = append(lines, &Line{})
		}
		line := lines[len(lines)-1]
		line.pieces = append(line.pieces, s.pieces...)
		right = s.letters.Max.X
	}
	return lines
}
