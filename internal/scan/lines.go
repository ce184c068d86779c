package scan

import (
	"cmp"
	"image"
	"math"
	"slices"
)

// In sizes of the type.
const (
	// leastLetter and mostLetter bound the height of what can carry a line: letters of smaller and larger print, letters of
	// ornamental type that hang together with their subscripts, and many marks. Those lose their line to the letters beside
	// which it runs. What joins two lines has three sizes.
	leastLetter, mostLetter = 0.45, 2.4
	// widestLetter is the width of letters that hang together, such as those of Latin handwriting or a worn stamp.
	widestLetter = 15
	// widestSpace between two letters of a segment: gutters are wider, and so are some spaces of justified print.
	widestSpace = 1.8
	// nearLine is the distance from the letters of a line within which no other line can be: the closest lines of Khmer
	// leave one size between their letters, and its marks are right beside their letters.
	nearLine = 0.7
	// markReach is how far above or below the letters their marks stand, and markAside beside them.
	markReach, markAside = 0.9, 2
	// leastLevel is the length of a line that tells how it slopes; shorter ones slope as the page does.
	leastLevel = 12
)

// recentLetters is how many letters tell where the line is at their right end.
const recentLetters = 7

// segment is a run of letters without wide gaps.
type segment struct {
	// pieces of the segment and, at first, its letters alone, from left to right.
	pieces []int
	// letters is the box around the letters, without marks.
	letters image.Rectangle
	// tops and bottoms of the letters, and those of the segment at its end: the medians of its last letters.
	tops, bottoms []int
	top, bottom   int
	// filled is the sum of the letters' widths.
	filled int
}

// findLines finds the segments of lines, in no order.
func findLines(pieces []piece, size float64, rules ruledLines) []*segment {
	segments := chain(pieces, size, rules)
	segments = dropMarkLines(segments, pieces, size)
	addMarks(segments, pieces, size)
	return segments
}

// chain letters to segments, from left to right.
func chain(pieces []piece, size float64, rules ruledLines) []*segment {
	var letters []int
	for i, p := range pieces {
		height, width := float64(p.box.Dy())/size, float64(p.box.Dx())/size
		if height >= leastLetter && height <= mostLetter && width <= widestLetter {
			letters = append(letters, i)
		}
	}
	slices.SortStableFunc(letters, func(a, b int) int { return cmp.Compare(pieces[a].box.Min.X, pieces[b].box.Min.X) })
	var segments []*segment
	// Segments that end too far to the left to be continued.
	open := 0
	for _, i := range letters {
		box := pieces[i].box
		for open < len(segments) && float64(box.Min.X-segments[open].letters.Max.X) > widestSpace*size {
			open++
		}
		best, least := (*segment)(nil), math.Inf(1)
		for _, s := range segments[open:] {
			gap := float64(box.Min.X - s.letters.Max.X)
			overlap := min(s.bottom, box.Max.Y) - max(s.top, box.Min.Y)
			if gap > widestSpace*size || 2*overlap < min(box.Dy(), s.bottom-s.top) || rules.between(s.letters.Max.X, box) {
				continue
			}
			if away := math.Abs(float64(s.top+s.bottom-box.Min.Y-box.Max.Y)) + max(0, gap); away < least {
				best, least = s, away
			}
		}
		if best == nil {
			best = &segment{}
			segments = append(segments, best)
		}
		best.add(i, box)
	}
	return segments
}

// between tells whether a ruled line goes down between x and the box to its right.
func (r ruledLines) between(x int, box image.Rectangle) bool {
	middle := (box.Min.Y + box.Max.Y) / 2
	return slices.ContainsFunc(r.down, func(rule image.Rectangle) bool {
		return rule.Min.Y <= middle && middle < rule.Max.Y && x <= rule.Max.X && rule.Min.X <= box.Min.X
	})
}

func (s *segment) add(i int, box image.Rectangle) {
	s.pieces = append(s.pieces, i)
	s.letters = s.letters.Union(box)
	s.tops, s.bottoms = append(s.tops, box.Min.Y), append(s.bottoms, box.Max.Y)
	from := max(0, len(s.tops)-recentLetters)
	s.top, s.bottom = median(s.tops[from:]), median(s.bottoms[from:])
	s.filled += box.Dx()
}

// around x, the top and the bottom of the segment's letters.
func (s *segment) around(x int, pieces []piece) (top, bottom int) {
	at, _ := slices.BinarySearchFunc(s.pieces[:len(s.tops)], x, func(i, x int) int { return cmp.Compare(pieces[i].box.Min.X, x) })
	from := max(0, min(at-recentLetters/2, len(s.tops)-recentLetters))
	to := min(len(s.tops), from+recentLetters)
	return median(s.tops[from:to]), median(s.bottoms[from:to])
}

func median(values []int) int {
	sorted := slices.Clone(values)
	slices.Sort(sorted)
	return sorted[len(sorted)/2]
}

// dropMarkLines drops segments that consist of marks: they run beside a fuller one, too near to be lines of their own.
func dropMarkLines(segments []*segment, pieces []piece, size float64) []*segment {
	marks := func(s *segment) bool {
		middle := (s.letters.Min.X + s.letters.Max.X) / 2
		top, bottom := s.around(middle, pieces)
		return slices.ContainsFunc(segments, func(other *segment) bool {
			common := min(s.letters.Max.X, other.letters.Max.X) - max(s.letters.Min.X, other.letters.Min.X)
			if other.filled <= s.filled || 2*common < s.letters.Dx() {
				return false
			}
			otherTop, otherBottom := other.around(middle, pieces)
			return float64(max(top-otherBottom, otherTop-bottom)) <= nearLine*size
		})
	}
	return slices.DeleteFunc(slices.Clone(segments), marks)
}

// addMarks gives the segments all other pieces that are near their letters.
func addMarks(segments []*segment, pieces []piece, size float64) {
	taken := make([]bool, len(pieces))
	for _, s := range segments {
		for _, i := range s.pieces {
			taken[i] = true
		}
	}
	for i, p := range pieces {
		if taken[i] || float64(max(p.box.Dx(), p.box.Dy())) > largePiece*size {
			continue
		}
		best, least := (*segment)(nil), math.Inf(1)
		for _, s := range segments {
			aside := float64(max(0, s.letters.Min.X-p.box.Max.X, p.box.Min.X-s.letters.Max.X))
			if aside > markAside*size || float64(max(s.letters.Min.Y-p.box.Max.Y, p.box.Min.Y-s.letters.Max.Y)) > markReach*size {
				continue
			}
			top, bottom := s.around((p.box.Min.X+p.box.Max.X)/2, pieces)
			apart := float64(max(0, top-p.box.Max.Y, p.box.Min.Y-bottom))
			if apart > markReach*size {
				continue
			}
			if away := apart + aside/2; away < least {
				best, least = s, away
			}
		}
		if best != nil {
			best.pieces = append(best.pieces, i)
		}
	}
}
