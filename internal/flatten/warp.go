package flatten

import (
	"image"
	"math"
)

const (
	// mesh is the side in pixels of the squares over which a displacement is interpolated.
	mesh = 16
	// phases is the number of places between two pixels that interpolation tells apart.
	phases = 32
)

// warp says where the pixels of a levelled page come from. A row of it first leans, which turns upright what was turned
// aside, then each column is moved up and down.
type warp struct {
	// width and height are of the page, top and left what the levelled one has more before the first row and column,
	// and bottom after the last.
	width, height, top, left, bottom int
	// lean is by how much further left a pixel comes from for each row further down.
	lean float64
	// down is how many pixels further down a pixel comes from, at the corners of the mesh, columns of them in a row.
	down    []float32
	columns int
}

// newWarp makes room for what the displacement, a function of a place on the page, moves over the edge.
func newWarp(width, height int, lean float64, displacement func(x, y float64) float64) *warp {
	w := &warp{width: width, height: height, lean: lean, columns: width/mesh + 2}
	w.left = int(math.Ceil(math.Abs(lean) * float64(height) / 2))
	rows := height/mesh + 2
	w.down = make([]float32, rows*w.columns)
	for j := range rows {
		for i := range w.columns {
			w.down[j*w.columns+i] = float32(displacement(float64(i*mesh), float64(j*mesh)))
		}
	}
	highest, lowest := float32(0), float32(0)
	for i := range w.columns {
		highest = max(highest, w.down[i])
		lowest = min(lowest, w.down[(rows-1)*w.columns+i])
	}
	w.top, w.bottom = int(math.Ceil(float64(highest))), int(math.Ceil(-float64(lowest)))
	return w
}

// displacements of a row at the corners of its columns.
func (w *warp) displacements(row float64, out []float32) {
	at := min(max(row, 0), float64(w.height)) / mesh
	first := int(at)
	t := float32(at - float64(first))
	above, below := w.down[first*w.columns:], w.down[(first+1)*w.columns:]
	for i := range out {
		out[i] = (1-t)*above[i] + t*below[i]
	}
}

// place maps a place on the levelled page to that on the page.
func (w *warp) place(x, y float64) (float64, float64) {
	x, y = x-float64(w.left), y-float64(w.top)
	x -= w.lean * (y - float64(w.height)/2)
	down := make([]float32, w.columns)
	w.displacements(y, down)
	at := min(max(x, 0), float64(w.width)) / mesh
	first := int(at)
	t := at - float64(first)
	return x, y + (1-t)*float64(down[first]) + t*float64(down[first+1])
}

// apply draws the levelled page. What lies beside the page is white.
func (w *warp) apply(grey *image.Gray) *image.Gray {
	kernel := cubicKernel()
	out := image.NewGray(image.Rect(0, 0, w.width+2*w.left, w.height+w.top+w.bottom))
	down := make([]float32, w.columns)
	moved := make([]uint8, w.width)
	for row := range out.Rect.Dy() {
		y := row - w.top
		w.displacements(float64(y)+0.5, down)
		w.moveColumns(grey, y, down, &kernel, moved)
		w.leanRow(moved, y, &kernel, out.Pix[row*out.Stride:row*out.Stride+out.Rect.Dx()])
	}
	return out
}

// moveColumns takes each pixel of row y from where the displacements say.
func (w *warp) moveColumns(grey *image.Gray, y int, down []float32, kernel *[phases][4]int32, out []uint8) {
	for x := range out {
		i := x / mesh
		t := (float32(x%mesh) + 0.5) / mesh
		// In 1/phases of a pixel.
		from := y*phases + int(math.Floor(float64(phases*(down[i]+t*(down[i+1]-down[i]))+0.5)))
		first, weights := from>>5-1, &kernel[from&(phases-1)]
		if first < 0 || first+3 >= w.height {
			out[x] = 255
			if from := from >> 5; from >= 0 && from < w.height {
				out[x] = grey.Pix[from*grey.Stride+x]
			}
			continue
		}
		at := first*grey.Stride + x
		sum := weights[0]*int32(grey.Pix[at]) + weights[1]*int32(grey.Pix[at+grey.Stride]) +
			weights[2]*int32(grey.Pix[at+2*grey.Stride]) + weights[3]*int32(grey.Pix[at+3*grey.Stride])
		out[x] = uint8(min(max((sum+128)>>8, 0), 255))
	}
}

// leanRow moves the whole row sideways.
func (w *warp) leanRow(row []uint8, y int, kernel *[phases][4]int32, out []uint8) {
	if w.lean == 0 {
		copy(out, row)
		return
	}
	shift := int(math.Round(-phases * w.lean * (float64(y) + 0.5 - float64(w.height)/2)))
	weights := kernel[shift&(phases-1)]
	first := shift>>5 - w.left - 1
	for x := range out {
		sum := int32(0)
		for i, weight := range weights {
			level := int32(255)
			if at := x + first + i; at >= 0 && at < len(row) {
				level = int32(row[at])
			}
			sum += weight * level
		}
		out[x] = uint8(min(max((sum+128)>>8, 0), 255))
	}
}

// cubicKernel has the weights of four neighbours, in 1/256, for each place between the second and the third: Catmull and
// Rom's spline, which keeps strokes as sharp as they are.
func cubicKernel() (kernel [phases][4]int32) {
	for i := range kernel {
		t := float64(i) / phases
		weights := [4]float64{
			((-0.5*t+1)*t - 0.5) * t,
			(1.5*t-2.5)*t*t + 1,
			((-1.5*t+2)*t + 0.5) * t,
			(0.5*t - 0.5) * t * t,
		}
		rest := int32(256)
		for k, weight := range weights {
			kernel[i][k] = int32(math.Round(256 * weight))
			rest -= kernel[i][k]
		}
		kernel[i][1] += rest
	}
	return kernel
}
