package otsu

import "testing"

func TestSplit(t *testing.T) {
	for name, test := range map[string]struct {
		counts              map[int]int
		dark                int
		darkMean, lightMean float64
	}{
		"ink on paper":                       {map[int]int{10: 50, 30: 50, 220: 500, 240: 500}, 30, 20, 230},
		"little ink":                         {map[int]int{0: 1, 255: 9999}, 0, 0, 255},
		"nothing is dark on a blank page":    {map[int]int{255: 100}, -1, 0, 255},
		"nothing is dark on one that is all": {map[int]int{0: 100}, -1, 0, 255},
		"nothing at all":                     {nil, -1, 0, 255},
	} {
		t.Run(name, func(t *testing.T) {
			var counts [256]int
			for level, n := range test.counts {
				counts[level] = n
			}
			dark, darkMean, lightMean := Split(&counts)
			if dark != test.dark || darkMean != test.darkMean || lightMean != test.lightMean {
				t.Errorf("dark up to %d, means %g and %g; want %d, %g and %g",
					dark, darkMean, lightMean, test.dark, test.darkMean, test.lightMean)
			}
		})
	}
}
