package edits

import (
	"math/rand/v2"
	"testing"
)

// The words of 64 rows have edges; the plain algorithm has none.
func TestTheDistanceIsThatOfThePlainAlgorithm(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for _, length := range []int{0, 1, 2, 63, 64, 65, 127, 128, 129, 200} {
		for _, other := range []int{0, 1, 62, 64, 66, 130, 191} {
			for _, alphabet := range []int{1, 2, 4, 26} {
				a, b := randomText(random, length, alphabet), randomText(random, other, alphabet)
				if got, want := Distance(a, b), plainDistance(a, b); got != want {
					t.Errorf("Distance(%s, %s) = %d, want %d", string(a), string(b), got, want)
				}
			}
		}
	}
}

func randomText(random *rand.Rand, length, alphabet int) []rune {
	symbols := make([]rune, length)
	for i := range symbols {
		symbols[i] = rune('a' + random.IntN(alphabet))
	}
	return symbols
}

func plainDistance(a, b []rune) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range a {
		diagonal := row[0]
		row[0] = i + 1
		for j := range b {
			replaced := diagonal
			if a[i] != b[j] {
				replaced++
			}
			diagonal = row[j+1]
			row[j+1] = min(replaced, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}

// Matches rise, are of equals, and leave as many edits as the distance counts.
func TestTheAlignmentHasTheLeastEdits(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	for _, length := range []int{0, 1, 2, 3, 63, 65, 130} {
		for _, other := range []int{0, 1, 2, 5, 64, 129} {
			for _, alphabet := range []int{1, 2, 4, 26} {
				a, b := randomText(random, length, alphabet), randomText(random, other, alphabet)
				matches := Align(a, b)
				if len(matches) != len(b) {
					t.Fatalf("Align(%s, %s) has %d matches", string(a), string(b), len(matches))
				}
				edits, i, j := 0, 0, 0
				for k, match := range matches {
					if match == Unmatched {
						continue
					}
					if match < i || match >= len(a) || a[match] != b[k] {
						t.Fatalf("Align(%s, %s) = %v", string(a), string(b), matches)
					}
					edits += max(match-i, k-j)
					i, j = match+1, k+1
				}
				edits += max(len(a)-i, len(b)-j)
				if want := plainDistance(a, b); edits != want {
					t.Errorf("Align(%s, %s) leaves %d edits, want %d", string(a), string(b), edits, want)
				}
			}
		}
	}
}
