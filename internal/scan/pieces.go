package scan

import "image"

// piece is ink that hangs together, corners included: often a letter, or a mark above or below one.
type piece struct {
	box image.Rectangle
	// ink is the number of its pixels.
	ink int
	// first of its runs, which are chained.
	first int
}

// run is a stretch of ink in the row y, from left up to and not including right.
type run struct {
	y, left, right int
	// next run of the same piece, or -1.
	next int
}

// findPieces in the order of their topmost, leftmost pixels.
func findPieces(grey *image.Gray, ink uint8) ([]piece, []run) {
	width, height := grey.Rect.Dx(), grey.Rect.Dy()
	// Runs are joined into trees, whose roots come first (union and find). A full page has one in 80 pixels.
	runs := make([]run, 0, width*height/64)
	parent := make([]int, 0, cap(runs))
	root := func(i int) int {
		for parent[i] != i {
			parent[i] = parent[parent[i]]
			i = parent[i]
		}
		return i
	}
	above, start := 0, 0
	for y := range height {
		row := grey.Pix[y*grey.Stride : y*grey.Stride+width]
		above, start = start, len(runs)
		end := start
		for x := 0; x < width; x++ {
			if row[x] >= ink {
				continue
			}
			left := x
			for x < width && row[x] < ink {
				x++
			}
			for above < end && runs[above].right < left {
				above++
			}
			i := len(runs)
			runs = append(runs, run{y: y, left: left, right: x, next: -1})
			parent = append(parent, i)
			for j := above; j < end && runs[j].left <= x; j++ {
				a, b := root(j), root(i)
				parent[max(a, b)] = min(a, b)
			}
		}
	}
	var pieces []piece
	var last []int
	number := make([]int, len(runs))
	for i, r := range runs {
		box := image.Rect(r.left, r.y, r.right, r.y+1)
		n := number[root(i)]
		if parent[i] == i {
			n = len(pieces)
			number[i] = n
			pieces = append(pieces, piece{box: box, first: i})
			last = append(last, i)
		} else {
			runs[last[n]].next = i
			last[n] = i
		}
		pieces[n].box = pieces[n].box.Union(box)
		pieces[n].ink += r.right - r.left
	}
	return pieces, runs
}
