// Package edits compares sequences by the least edits that make one of the other: symbols that are inserted, deleted or replaced.
package edits

import "math/bits"

// Distance is Levenshtein's.
func Distance[T comparable](a, b []T) int {
	plus, minus := lastColumn(a, b)
	edits := len(b)
	for w := range plus {
		edits += bits.OnesCount64(plus[w]) - bits.OnesCount64(minus[w])
	}
	return edits
}

// distances are those between the first i symbols of a, for each i from 0 to all of them, and b.
func distances[T comparable](a, b []T) []int {
	plus, minus := lastColumn(a, b)
	edits := make([]int, len(a)+1)
	edits[0] = len(b)
	for i := range a {
		w, bit := i/64, i%64
		edits[i+1] = edits[i] + int(plus[w]>>bit&1) - int(minus[w]>>bit&1)
	}
	return edits
}

// lastColumn of the matrix of Levenshtein's distances, with a row for each symbol of a: the differences between neighbouring
// rows, a bit each, of which row 0 counts len(b). It is computed for 64 rows at once: G. Myers, "A fast bit-vector algorithm for
// approximate string matching based on dynamic programming", J. ACM 46 (1999), with the blocks' carries as in H. Hyyrö,
// "Explaining and extending the bit-parallel approximate string matching algorithm of Myers" (2001). A document of 30,000
// code points takes a tenth of a second.
func lastColumn[T comparable](a, b []T) (plus, minus []uint64) {
	words := (len(a) + 63) / 64
	places := positions(a, words)
	nowhere := make([]uint64, words)
	// Column 0 counts 0, 1, 2, ...
	plus, minus = make([]uint64, words), make([]uint64, words)
	for i := range plus {
		plus[i] = ^uint64(0)
	}
	for _, symbol := range b {
		equal, ok := places[symbol]
		if !ok {
			equal = nowhere
		}
		// Differences to the column before, carried from block to block: row 0 counts 0, 1, 2, ...
		plusIn, minusIn := uint64(1), uint64(0)
		for w := range words {
			p, m, e := plus[w], minus[w], equal[w]
			vertical := e | m
			e |= minusIn
			horizontal := (((e & p) + p) ^ p) | e
			plusOut, minusOut := m|^(horizontal|p), p&horizontal
			nextPlus, nextMinus := plusOut>>63, minusOut>>63
			plusOut, minusOut = plusOut<<1|plusIn, minusOut<<1|minusIn
			plus[w], minus[w] = minusOut|^(vertical|plusOut), plusOut&vertical
			plusIn, minusIn = nextPlus, nextMinus
		}
	}
	if rest := len(a) % 64; rest > 0 {
		plus[words-1] &= 1<<rest - 1
		minus[words-1] &= 1<<rest - 1
	}
	return plus, minus
}

// positions tells for each symbol where it stands, a bit for each place.
func positions[T comparable](symbols []T, words int) map[T][]uint64 {
	places := make(map[T][]uint64)
	for i, symbol := range symbols {
		set := places[symbol]
		if set == nil {
			set = make([]uint64, words)
			places[symbol] = set
		}
		set[i/64] |= 1 << (i % 64)
	}
	return places
}
