package correct

import (
	_ "embed"
	"math"
	"strconv"
	"strings"
	"sync"
)

// confusionTable has a line for what Tesseract reads, what was written, and in which share of the places where it reads that;
// measured on pages of the Civil and the Criminal Code. The command in hack/correction makes it.
//
//go:embed confusions.tsv
var confusionTable string

// longest is how many characters a confusion has at most, on either side.
const longest = 3

// confusion is what may have been written in place of what was read.
type confusion struct {
	written []rune
	// share is the natural logarithm of how often that is so.
	share float64
}

// confusions by what was read, which is empty for what was overlooked.
var confusions = sync.OnceValue(func() map[string][]confusion {
	table := map[string][]confusion{}
	for line := range strings.Lines(confusionTable) {
		fields := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		share, err := strconv.ParseFloat(fields[2], 64)
		if err != nil {
			panic("the embedded confusions: " + err.Error())
		}
		table[fields[0]] = append(table[fields[0]], confusion{[]rune(fields[1]), math.Log(share)})
	}
	return table
})
