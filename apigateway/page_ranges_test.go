package apigateway

import (
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"
)

func TestRangesAreWrittenAsShortAsTheyCanBe(t *testing.T) {
	for want, ranges := range map[string][]pageRange{
		"":        nil,
		"3":       {{3, 3}},
		"3,7-9":   {{9, 9}, {3, 3}, {8, 8}, {7, 7}},
		"1-9":     {{5, 6}, {1, 4}, {2, 3}, {7, 9}},
		"1-2,4-5": {{4, 5}, {1, 2}},
	} {
		if got := formatRanges(ranges); got != want {
			t.Errorf("formatRanges(%v) = %s, want %s", ranges, got, want)
		}
	}
}

func TestAListOfPagesIsReadAsItIsWritten(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for range 1000 {
		var ranges []pageRange
		wanted := map[int]bool{}
		for range 1 + random.IntN(20) {
			first := 1 + random.IntN(50)
			r := pageRange{first, first + random.IntN(5)}
			ranges = append(ranges, r)
			for page := r.first; page <= r.last; page++ {
				wanted[page] = true
			}
		}
		list := formatRanges(ranges)
		again, err := parsePages(list)
		if err != nil || again != list {
			t.Fatalf("%s is read as %s, %v", list, again, err)
		}
		pages := 0
		for item := range strings.SplitSeq(list, ",") {
			first, last, isRange := strings.Cut(item, "-")
			if !isRange {
				last = first
			}
			from, _ := strconv.Atoi(first)
			to, _ := strconv.Atoi(last)
			for page := from; page <= to; page++ {
				pages++
				if !wanted[page] {
					t.Fatalf("%s has page %d, which %v has not", list, page, ranges)
				}
			}
		}
		if pages != len(wanted) {
			t.Fatalf("%s has %d pages, %v %d", list, pages, ranges, len(wanted))
		}
	}
}
