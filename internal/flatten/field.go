package flatten

import "math"

const (
	// fieldColumns and fieldRows are the numbers of intervals of the spline across and down the page: a page curls
	// over its width, and less differently from top to bottom.
	fieldColumns = 8
	fieldRows    = 3
	// stiffness weighs the bend of the field against what was measured, per measurement. A plane, which is a skewed or
	// a slanted page, has none and is free.
	stiffness = 0.0001
	// anchor keeps down what no measurement tells: the place of lines as a whole.
	anchor = 1e-6
	// robustRounds is how often measurements are weighed anew by how well they agree with the rest.
	robustRounds = 3
)

// field is how far below its level place each point of a page lies: a bicubic spline over the page, which goes on evenly
// beside it.
type field struct {
	width, height float64
	coefficients  [(fieldRows + 3) * (fieldColumns + 3)]float64
}

// span is where among the spline's intervals a value lies, and the weights of the four coefficients there.
func span(value, size float64, intervals int) (first int, weights [4]float64) {
	at := min(max(value/size, 0), 1) * float64(intervals)
	first = min(int(at), intervals-1)
	t := at - float64(first)
	weights = [4]float64{
		(1 - t) * (1 - t) * (1 - t) / 6,
		(3*t*t*t - 6*t*t + 4) / 6,
		(-3*t*t*t + 3*t*t + 3*t + 1) / 6,
		t * t * t / 6,
	}
	return first, weights
}

// basis is the few coefficients that the field at one point is made of.
type basis struct {
	index  [16]int
	weight [16]float64
}

func (f *field) basis(x, y float64) (b basis) {
	column, across := span(x, f.width, fieldColumns)
	row, down := span(y, f.height, fieldRows)
	for j := range 4 {
		for i := range 4 {
			b.index[4*j+i] = (row+j)*(fieldColumns+3) + column + i
			b.weight[4*j+i] = down[j] * across[i]
		}
	}
	return b
}

func (f *field) at(x, y float64) float64 {
	b := f.basis(x, y)
	sum := 0.0
	for i, index := range b.index {
		sum += b.weight[i] * f.coefficients[index]
	}
	return sum
}

// step is a measurement: at height y the lines lie by fall lower at x1 than at x0.
type step struct {
	x0, x1, y, fall float64
	// trust is the weight of the measurement.
	trust float64
}

// fit the field to measurements by least squares, with little regard to those that differ from most (Cauchy's weights):
// lines of the next column, pictures.
func (f *field) fit(steps []step, rounds int) {
	weights := make([]float64, len(steps))
	for i, s := range steps {
		weights[i] = s.trust
	}
	residuals := make([]float64, len(steps))
	for range rounds {
		f.solve(steps, weights)
		for i, s := range steps {
			residuals[i] = math.Abs(f.at(s.x1, s.y) - f.at(s.x0, s.y) - s.fall)
		}
		// Below half a pixel profiles tell nothing.
		scale := max(3*median(residuals), 0.5)
		for i, s := range steps {
			weights[i] = s.trust / (1 + residuals[i]*residuals[i]/(scale*scale))
		}
	}
}

func (f *field) solve(steps []step, weights []float64) {
	const n = len(field{}.coefficients)
	matrix := make([][n]float64, n)
	var right [n]float64
	total := 0.0
	add := func(index []int, factor []float64, value, weight float64) {
		for i, row := range index {
			scaled, line := weight*factor[i], &matrix[row]
			for j, column := range index {
				line[column] += scaled * factor[j]
			}
			right[row] += weight * factor[i] * value
		}
	}
	var index [32]int
	var factor [32]float64
	for i, s := range steps {
		from, to := f.basis(s.x0, s.y), f.basis(s.x1, s.y)
		for k := range 16 {
			index[k], factor[k] = from.index[k], -from.weight[k]
			index[16+k], factor[16+k] = to.index[k], to.weight[k]
		}
		add(index[:], factor[:], s.fall, weights[i])
		total += weights[i]
	}
	bend := []float64{1, -2, 1}
	for row := range fieldRows + 3 {
		for column := range fieldColumns + 3 {
			at := row*(fieldColumns+3) + column
			matrix[at][at] += anchor * total
			if column >= 2 {
				add([]int{at - 2, at - 1, at}, bend, 0, stiffness*total)
			}
			if row >= 2 {
				add([]int{at - 2*(fieldColumns+3), at - fieldColumns - 3, at}, bend, 0, stiffness*total)
			}
		}
	}
	// Cholesky's decomposition: the matrix is symmetric and, thanks to the anchor, positive.
	for j := range n {
		for k := range j {
			matrix[j][j] -= matrix[j][k] * matrix[j][k]
		}
		matrix[j][j] = math.Sqrt(max(matrix[j][j], 1e-12))
		for i := j + 1; i < n; i++ {
			for k := range j {
				matrix[i][j] -= matrix[i][k] * matrix[j][k]
			}
			matrix[i][j] /= matrix[j][j]
		}
	}
	for i := range n {
		for k := range i {
			right[i] -= matrix[i][k] * right[k]
		}
		right[i] /= matrix[i][i]
	}
	for i := n - 1; i >= 0; i-- {
		for k := i + 1; k < n; k++ {
			right[i] -= matrix[k][i] * right[k]
		}
		right[i] /= matrix[i][i]
	}
	f.coefficients = right
}
