package flatten

import (
	"image"
	"math"
	"slices"
)

const (
	// sketchPixels is the size of the reduced copy in which lines are sought: A4 at about 90 dpi, where lines of print are
	// 15 pixels apart and more.
	sketchPixels = 0.8e6
	// steepest is the greatest slope that is sought, 14 degrees. A page that lies further askew is turned first.
	steepest = 0.25
	// strips is the number of vertical strips whose profiles are compared: one is two or three letters wide.
	strips = 36
	// leastPitch is the least distance of lines that can be followed in the sketch, in its pixels.
	leastPitch = 8
	// alike is the correlation from which on two pieces of profile show the same lines.
	alike = 0.5
	// fewestSteps is the number of measurements from which on they are believed: a paragraph of five lines gives as many.
	fewestSteps = 60
)

// sketch is a reduced copy of a page that shows how dark the ink is, 0 for paper.
type sketch struct {
	w, h, scale int
	ink         []uint8
}

// newSketch reduces an evenly lit page. Ink that is paler than a quarter of black is noise.
func newSketch(grey *image.Gray) sketch {
	w, h := grey.Rect.Dx(), grey.Rect.Dy()
	scale := max(1, int(math.Ceil(math.Sqrt(float64(w)*float64(h)/sketchPixels))))
	s := sketch{w: w / scale, h: h / scale, scale: scale}
	s.ink = make([]uint8, s.w*s.h)
	sums := make([]int32, s.w)
	for y := range s.h {
		clear(sums)
		for v := range scale {
			row := grey.Pix[(y*scale+v)*grey.Stride:]
			for x := range sums {
				sum := sums[x]
				for _, level := range row[:scale] {
					sum += int32(level)
				}
				sums[x], row = sum, row[scale:]
			}
		}
		for x, sum := range sums {
			if dark := 255 - int(sum)/(scale*scale); dark >= 64 {
				s.ink[y*s.w+x] = uint8(dark)
			}
		}
	}
	return s
}

// extent is the range of columns that hold all ink but for a hundredth on each side.
func (s sketch) extent() (left, right int) {
	columns := make([]int, s.w)
	total := 0
	for y := range s.h {
		for x, ink := range s.ink[y*s.w : (y+1)*s.w] {
			columns[x] += int(ink)
			total += int(ink)
		}
	}
	for sum := 0; left < s.w-1 && sum+columns[left] <= total/100; left++ {
		sum += columns[left]
	}
	right = s.w
	for sum := 0; right > left+1 && sum+columns[right-1] <= total/100; right-- {
		sum += columns[right-1]
	}
	return left, right
}

// profiles are the sums of ink in each row of each strip between two columns, along lines of the given slope.
func (s sketch) profiles(count, left, right int, slope float64) [][]float32 {
	out := make([][]float32, count)
	for i := range out {
		out[i] = make([]float32, s.h)
	}
	middle := float64(left+right) / 2
	for x := left; x < right; x++ {
		profile := out[(x-left)*count/(right-left)]
		shift := int(math.Round(slope * (float64(x) + 0.5 - middle)))
		for y := max(0, -shift); y < min(s.h, s.h-shift); y++ {
			profile[y] += float32(s.ink[(y+shift)*s.w+x])
		}
	}
	return out
}

// slope finds the slope of most lines: at the right one the profiles of each quarter of the page are most uneven.
func (s sketch) slope(left, right int) float64 {
	const quarters = 4
	// Columns are taken together as long as the steepest slope stays within two pixels.
	narrow := s.profiles(max(quarters, (right-left)/8), left, right, 0)
	per := (len(narrow) + quarters - 1) / quarters
	width := float64(right-left) / float64(len(narrow))
	sum := make([]float32, s.h)
	sharpness := func(slope float64) (total float64) {
		for from := 0; from < len(narrow); from += per {
			clear(sum)
			for i := from; i < min(from+per, len(narrow)); i++ {
				shift := int(math.Round(slope * width * (float64(i-from) - float64(per-1)/2)))
				rows := narrow[i]
				for y := max(0, -shift); y < min(s.h, s.h-shift); y++ {
					sum[y] += rows[y+shift]
				}
			}
			for y := 1; y < s.h; y++ {
				total += float64((sum[y] - sum[y-1]) * (sum[y] - sum[y-1]))
			}
		}
		return total
	}
	// A quarter's ends move by one pixel from one slope to the next.
	fine := 2 / (width * float64(per))
	best, at := sharpness(0), 0.0
	for slope := fine; slope <= steepest; slope += fine {
		for _, candidate := range []float64{slope, -slope} {
			if value := sharpness(candidate); value > best {
				best, at = value, candidate
			}
		}
	}
	return at
}

// upright tells how well letters stand upright if they lean to the left by so much: the stems of a line are in few columns then.
func (s sketch) upright(l lines, lean float64) (total float64) {
	columns := make([]float32, s.w)
	for line := l.pitch; line < s.h-l.pitch; line += l.pitch {
		clear(columns)
		for x := l.left; x < l.right; x++ {
			middle := line + int(math.Round(l.at(float64(x), float64(line))))
			for y := max(0, middle-l.pitch/2); y < min(s.h, middle+l.pitch/2); y++ {
				at := x + int(math.Round(lean*float64(y-middle)))
				if at >= 0 && at < s.w {
					columns[at] += float32(s.ink[y*s.w+x])
				}
			}
		}
		// Over four columns, so that the steps in which letters lean do not count.
		for x := 4; x < s.w; x++ {
			after := columns[x] + columns[x-1] - columns[x-3] - columns[x-4]
			total += float64(after * after)
		}
	}
	return total
}

// pitch is the distance between lines in rows, 0 where there is no rhythm.
func pitch(profiles [][]float32) int {
	if len(profiles) == 0 || len(profiles[0]) < 4*leastPitch {
		return 0
	}
	longest := len(profiles[0]) / 4
	correlation := make([]float64, longest)
	centred := make([]float32, len(profiles[0]))
	for _, profile := range profiles {
		mean := float32(0)
		for _, value := range profile {
			mean += value / float32(len(profile))
		}
		for y, value := range profile {
			centred[y] = value - mean
		}
		for lag := range correlation {
			sum := float32(0)
			for y, value := range centred[lag:] {
				sum += value * centred[y]
			}
			correlation[lag] += float64(sum)
		}
	}
	// Every multiple of the pitch is a peak; the pitch is the first that is half as high as the highest.
	peak := func(lag int) bool {
		return correlation[lag] > correlation[lag-1] && correlation[lag] >= correlation[lag+1] && correlation[lag] > 0.1*correlation[0]
	}
	highest := 0.0
	for lag := leastPitch; lag < longest-1; lag++ {
		if peak(lag) {
			highest = max(highest, correlation[lag])
		}
	}
	for lag := leastPitch; lag < longest-1; lag++ {
		if peak(lag) && 2*correlation[lag] >= highest {
			return lag
		}
	}
	return 0
}

// lines is how the lines of a sketch run, in its pixels.
type lines struct {
	// left and right are the columns between which there is ink.
	left, right int
	// slope is that of most lines, and bent how far a place lies below a line of that slope.
	slope float64
	bent  *field
	// pitch is the distance from one line to the next.
	pitch int
}

// at is how far below its level place a point is found.
func (l lines) at(x, y float64) float64 {
	return l.slope*(x-float64(l.left+l.right)/2) + l.bent.at(x, y)
}

// fall is the greatest difference in height along any line.
func (l lines) fall() float64 {
	greatest := 0.0
	for y := 0.0; y < l.bent.height; y += float64(l.pitch) {
		lowest, highest := math.Inf(1), math.Inf(-1)
		for x := float64(l.left); x < float64(l.right); x += float64(l.pitch) {
			value := l.at(x, y)
			lowest, highest = min(lowest, value), max(highest, value)
		}
		greatest = max(greatest, highest-lowest)
	}
	return greatest
}

// sane reports whether no line is squeezed or stretched to less than two thirds or more than three halves.
func (l lines) sane() bool {
	for y := 0.0; y < l.bent.height; y += float64(l.pitch) {
		for x := 0.0; x < l.bent.width; x += float64(l.pitch) {
			stretch := 1 + (l.at(x, y+float64(l.pitch))-l.at(x, y))/float64(l.pitch)
			if stretch < 2.0/3 || stretch > 3.0/2 {
				return false
			}
		}
	}
	return true
}

// follow measures how the lines of a sketch run. ok is false where there are too few to tell.
func follow(s sketch) (l lines, ok bool) {
	left, right := s.extent()
	if right-left < 4*strips {
		return lines{}, false
	}
	slope := s.slope(left, right)
	profiles := s.profiles(strips, left, right, slope)
	linePitch := pitch(s.profiles(4, left, right, slope))
	if linePitch == 0 {
		return lines{}, false
	}
	smooth(profiles)
	l = lines{left: left, right: right, slope: slope, pitch: linePitch, bent: &field{width: float64(s.w), height: float64(s.h)}}
	// Most pages are level, and one look says so.
	if steps := l.compare(profiles, []int{4}, linePitch/4); len(steps) >= fewestSteps {
		l.bent.fit(steps, 2)
		if l.fall() < worthLevelling/2*float64(linePitch) {
			return l, true
		}
		l.bent.coefficients = field{}.coefficients
	}
	// Neighbours tell the way, distant strips the exact slope. Beyond a fifth of the page they may belong to another column.
	for _, round := range []struct {
		lags  []int
		reach int
	}{{[]int{1}, linePitch / 3}, {[]int{1, 2, 4}, linePitch / 4}, {[]int{2, 4, 7}, linePitch / 6}, {[]int{3, 7}, 2}} {
		steps := l.compare(profiles, round.lags, round.reach)
		if len(steps) < fewestSteps {
			return lines{}, false
		}
		l.bent.fit(steps, robustRounds)
	}
	return l, true
}

// compare profiles with those some strips further right, which should lie as l says, but for reach.
func (l lines) compare(profiles [][]float32, lags []int, reach int) (steps []step) {
	sums := make([]sumTable, len(profiles))
	for i, profile := range profiles {
		sums[i] = newSumTable(profile)
	}
	width := float64(l.right-l.left) / float64(len(profiles))
	middle := func(strip int) float64 { return float64(l.left) + (float64(strip)+0.5)*width }
	rows := len(profiles[0])
	for y := l.pitch; y < rows-l.pitch; y += max(l.pitch, rows/32) {
		for strip := range profiles {
			x0 := middle(strip)
			here := l.bent.at(x0, float64(y))
			for _, lag := range lags {
				if strip+lag >= len(profiles) {
					continue
				}
				x1 := middle(strip + lag)
				guess := int(math.Round(l.bent.at(x1, float64(y)) - here))
				fall, trust := register(sums[strip], sums[strip+lag], y+int(math.Round(here)), guess, max(reach, 2), 3*l.pitch/2)
				if trust > 0 {
					steps = append(steps, step{x0: x0, x1: x1, y: float64(y), fall: fall, trust: trust})
				}
			}
		}
	}
	return steps
}

// sumTable is a profile with the sums of its values, and of their squares, before each row.
type sumTable struct {
	rows          []float32
	sums, squares []float64
}

func newSumTable(rows []float32) sumTable {
	t := sumTable{rows: rows, sums: make([]float64, len(rows)+1), squares: make([]float64, len(rows)+1)}
	for i, value := range rows {
		t.sums[i+1] = t.sums[i] + float64(value)
		t.squares[i+1] = t.squares[i] + float64(value)*float64(value)
	}
	return t
}

// moments of the rows from one to before another: their sum, and the sum of squares about their mean.
func (t sumTable) moments(from, to int) (sum, variance float64) {
	sum = t.sums[to] - t.sums[from]
	return sum, t.squares[to] - t.squares[from] - sum*sum/float64(to-from)
}

// smooth profiles a little: letters differ in height by a pixel.
func smooth(profiles [][]float32) {
	for _, profile := range profiles {
		before := float32(0)
		for y := 0; y+1 < len(profile); y++ {
			here := profile[y]
			profile[y] = (before + 2*here + profile[y+1]) / 4
			before = here
		}
	}
}

// register finds by how many rows the second profile lies below the first, within half a window of a row of the first and
// up to reach from the guess. The trust is 0 where they are not alike.
func register(first, second sumTable, row, guess, reach, half int) (fall, trust float64) {
	if row-half < 0 || row+half >= len(first.rows) {
		return 0, 0
	}
	piece := first.rows[row-half : row+half+1]
	sum, variance := first.moments(row-half, row+half+1)
	if variance <= 0 {
		return 0, 0
	}
	best, at := 0.0, 0
	values := make([]float64, 2*reach+1)
	for i := range values {
		from, to := row+guess+i-reach-half, row+guess+i-reach+half+1
		if from < 0 || to > len(second.rows) {
			continue
		}
		otherSum, otherVariance := second.moments(from, to)
		if otherVariance <= 0 {
			continue
		}
		values[i] = (dot(piece, second.rows[from:to]) - sum*otherSum/float64(len(piece))) / math.Sqrt(variance*otherVariance)
		if values[i] > best {
			best, at = values[i], i
		}
	}
	if best < alike || at == 0 || at == len(values)-1 {
		return 0, 0
	}
	// The peak of the parabola through the best value and its neighbours.
	before, after := values[at-1], values[at+1]
	fraction := 0.0
	if curve := before - 2*best + after; curve < 0 {
		fraction = 0.5 * (before - after) / curve
	}
	return float64(guess+at-reach) + fraction, best * best
}

func dot(a, b []float32) float64 {
	var even, odd float32
	b = b[:len(a)]
	for i := 0; i+1 < len(a); i += 2 {
		even += a[i] * b[i]
		odd += a[i+1] * b[i+1]
	}
	if len(a)%2 == 1 {
		even += a[len(a)-1] * b[len(a)-1]
	}
	return float64(even + odd)
}

func median(values []float64) float64 {
	if len(values) == 0 {
		return 0
	}
	sorted := slices.Clone(values)
	slices.Sort(sorted)
	return sorted[len(sorted)/2]
}
