package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"unicode"

	"github.com/openplp/khocr/internal/khmer"
)

const (
	// longest is how many characters a confusion has at most, on either side.
	longest = 3
	// leastSeen drops what was seen once, which is as often a fault of the comparison.
	leastSeen = 2
	// mirrored is the part of the times that a confusion was seen in which its reverse is believed to have been, where that was
	// dropped: what looks alike does so both ways, but in which way it is confused depends on what was learned.
	mirrored = 0.25
)

// confusion is what was read for what was written.
type confusion struct{ read, written string }

func writeConfusions(truth, read string, out io.Writer) error {
	names, err := filepath.Glob(filepath.Join(read, "*.txt"))
	if err != nil {
		return err
	}
	seen, reads := map[confusion]int{}, map[string]int{}
	for _, name := range names {
		was, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		is, err := os.ReadFile(filepath.Join(truth, filepath.Base(name)))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return err
		}
		compare(plain(string(is)), plain(string(was)), seen, reads)
	}
	shares := sharesOf(seen, reads)
	found := slices.SortedFunc(maps.Keys(shares), func(a, b confusion) int {
		return cmp.Or(cmp.Compare(shares[b], shares[a]), strings.Compare(a.read, b.read), strings.Compare(a.written, b.written))
	})
	for _, c := range found {
		if _, err := fmt.Fprintf(out, "%s\t%s\t%.3g\n", c.read, c.written, shares[c]); err != nil {
			return err
		}
	}
	return nil
}

// sharesOf the confusions that can be mended, and of their reverses: in how many of the places where something was read,
// something else is written.
func sharesOf(seen map[confusion]int, reads map[string]int) map[confusion]float64 {
	shares := map[confusion]float64{}
	for c, times := range seen {
		if times < leastSeen || !isMendable(c) {
			continue
		}
		shares[c] = float64(times) / float64(reads[c.read])
		reverse := confusion{read: c.written, written: c.read}
		if seen[reverse] < leastSeen && isMendable(reverse) && c.read != "" && c.written != "" && reads[c.written] > 0 {
			believed := mirrored * float64(times)
			shares[reverse] = believed / (believed + float64(reads[c.written]))
		}
	}
	return shares
}

// isMendable tells whether a confusion is among letters, marks and the signs ។, ៖ and ៗ. A bracket may be read for a letter,
// but never is one to be guessed. Nor is a letter to be taken away: Tesseract overlooks letters, and sees none that are not
// there.
func isMendable(c confusion) bool {
	ours := func(r rune) bool { return r >= '\u1780' && r <= '\u17D4' || r == '៖' || r == 'ៗ' }
	count := func(text string) int { return len([]rune(text)) }
	if c.written == "" && startsWithLetter(c.read) {
		return false
	}
	return count(c.read) <= longest && count(c.written) <= longest &&
		!strings.ContainsFunc(c.written, func(r rune) bool { return !ours(r) }) &&
		!strings.ContainsFunc(c.read, func(r rune) bool { return !ours(r) && r != '[' })
}

func startsWithLetter(text string) bool { return text >= "\u1780" && text < "\u17B4" }

// plain text has no spaces nor characters that print does not show, and one subscript for the two that look the same.
func plain(text string) []rune {
	text = strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) || unicode.Is(unicode.Cf, r) {
			return -1
		}
		return r
	}, text)
	return []rune(strings.ReplaceAll(khmer.Order(text), "្ដ", "្ត"))
}

// compare counts the stretches in which two texts differ by the least number of edits, and how often each text was read that
// is short enough.
func compare(truth, read []rune, seen map[confusion]int, reads map[string]int) {
	for at := range read {
		for n := range longest {
			if at+n < len(read) {
				reads[string(read[at:at+n+1])]++
			}
		}
	}
	reads[""] += len(read)
	costs := distances(truth, read)
	var written, was []rune // of the stretch, from its end
	end := func() {
		if len(written)+len(was) > 0 {
			slices.Reverse(written)
			slices.Reverse(was)
			seen[confusion{string(was), string(written)}]++
			written, was = written[:0], was[:0]
		}
	}
	for i, j := len(truth), len(read); i > 0 || j > 0; {
		switch {
		case i > 0 && j > 0 && truth[i-1] == read[j-1] && costs[i][j] == costs[i-1][j-1]:
			end()
			i, j = i-1, j-1
		case i > 0 && j > 0 && costs[i][j] == costs[i-1][j-1]+1:
			i, j = i-1, j-1
			written, was = append(written, truth[i]), append(was, read[j])
		case i > 0 && costs[i][j] == costs[i-1][j]+1:
			i--
			written = append(written, truth[i])
		default:
			j--
			was = append(was, read[j])
		}
	}
	end()
}

// distances of every beginning of one text from every beginning of the other, in edits.
func distances(a, b []rune) [][]int {
	costs := make([][]int, len(a)+1)
	for i := range costs {
		costs[i] = make([]int, len(b)+1)
		for j := range costs[i] {
			switch {
			case i == 0:
				costs[i][j] = j
			case j == 0:
				costs[i][j] = i
			default:
				same := costs[i-1][j-1]
				if a[i-1] != b[j-1] {
					same++
				}
				costs[i][j] = min(same, costs[i-1][j]+1, costs[i][j-1]+1)
			}
		}
	}
	return costs
}
