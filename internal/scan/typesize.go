package scan

const (
	// leastType and mostType bound the height of letters: smaller ones cannot be read, larger ones are no text.
	leastType, mostType = 4, 400
	// slender is how many times longer than wide, or wider than long, a letter may be; what is more so is a rule.
	slender = 8
)

// typeSize is the height of letters without marks among the given pieces, or all where that is nil; 0 where there are none.
// Most ink of Khmer and of Latin small letters is in pieces of one height, for which marks, capitals and specks make up only
// a small part.
func typeSize(pieces []piece, among []int) float64 {
	var ink [mostType + 1]float64
	count := func(p piece) {
		height, width := p.box.Dy(), p.box.Dx()
		if height >= leastType && height <= mostType && width <= slender*height && height <= slender*width {
			ink[height] += float64(p.ink)
		}
	}
	if among == nil {
		for _, p := range pieces {
			count(p)
		}
	}
	for _, i := range among {
		count(pieces[i])
	}
	most, size := 0.0, 0.0
	for height := leastType; height <= mostType; height++ {
		// Letters that are meant to have one height differ by a pixel, and by a tenth with their serifs.
		reach := max(1, height/12)
		sum, moment := 0.0, 0.0
		for h := max(0, height-reach); h <= min(mostType, height+reach); h++ {
			sum += ink[h]
			moment += ink[h] * float64(h)
		}
		// The ink at heights that differ by a given share.
		if density := sum * float64(height) / float64(2*reach+1); density > most {
			most, size = density, moment/sum
		}
	}
	return size
}
