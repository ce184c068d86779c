package khmer

import (
	"slices"
	"strings"
)

const (
	// zeroWidthSpace stands between words of Khmer where a line may be broken.
	zeroWidthSpace = "\u200B"
	// repetition is written behind a word that is to be said twice.
	repetition = "ៗ"
)

// The costs by which words are chosen: as few as possible. A letter alone is a word less often than a part of one, and a
// cluster that is in no word costs more than two words, so that few are left over.
const (
	wordCost    = 10
	letterCost  = 13
	unknownCost = 25

	// letterSize is that of a letter of Khmer in UTF-8.
	letterSize = 3
)

// BreakWords puts a zero-width space (U+200B) between two words of Khmer that follow one another without a space, so that
// programs without a dictionary can break lines there. Words are those of a dictionary; what is between them stays whole,
// and nothing is ever put inside a cluster. The text itself, with the zero-width spaces that it has, is not changed.
func BreakWords(text string) string {
	var broken strings.Builder
	broken.Grow(len(text) + len(text)/4)
	var ends []int // of the clusters of the Khmer since start
	var ways []way
	start, at := 0, 0
	before := ""
	for cluster := range Clusters(text) {
		at += len(cluster.Text)
		if cluster.Khmer {
			if len(ends) == 0 && before == repetition {
				broken.WriteString(zeroWidthSpace)
			}
			ends = append(ends, at-start)
			continue
		}
		ways = writeWords(&broken, text[start:at-len(cluster.Text)], ends, ways)
		broken.WriteString(cluster.Text)
		before, start, ends = cluster.Text, at, ends[:0]
	}
	writeWords(&broken, text[start:], ends, ways)
	return broken.String()
}

// way leads from a cluster to the end of its text: first by a word of so many clusters, or by one cluster that is in none.
type way struct {
	cost     int
	clusters int
	known    bool
}

// writeWords writes Khmer that has nothing else between its clusters, which end where told. It returns the memory that it
// was lent for its ways.
func writeWords(out *strings.Builder, text string, ends []int, ways []way) []way {
	ways = cheapest(text, ends, ways)
	from, known := 0, false
	for i := 0; i < len(ends); {
		next := ways[i]
		if i > 0 && (known || next.known) {
			out.WriteString(zeroWidthSpace)
		}
		i += next.clusters
		out.WriteString(text[from:ends[i-1]])
		from, known = ends[i-1], next.known
	}
	return ways
}

// cheapest has the way from each cluster, found from the last to the first. Of two that cost the same it is the one with
// the longer first word.
func cheapest(text string, ends []int, ways []way) []way {
	count := len(ends)
	ways = slices.Grow(ways[:0], count+1)[:count+1]
	ways[count] = way{}
	for i := count - 1; i >= 0; i-- {
		from := 0
		if i > 0 {
			from = ends[i-1]
		}
		best := way{cost: unknownCost + ways[i+1].cost, clusters: 1}
		candidates := words().all()
		for j := i + 1; j <= count; j++ {
			word := text[from:ends[j-1]]
			if candidates = words().narrow(candidates, word); candidates.from == candidates.to {
				break
			}
			if !words().has(candidates, word) {
				continue
			}
			cost := wordCost
			if len(word) == letterSize {
				cost = letterCost
			}
			if cost += ways[j].cost; cost <= best.cost {
				best = way{cost: cost, clusters: j - i, known: true}
			}
		}
		ways[i] = best
	}
	return ways
}
