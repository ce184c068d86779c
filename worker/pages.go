package worker

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// pageRange is a run of pages, both ends included.
type pageRange struct{ first, last int }

// parsePages reads a list of numbers and ranges such as "1-3,7" and cuts it to a document of total pages. The ranges
// come back in order, without overlap; none if the document has none of the pages. An empty list means all pages.
//
// It allocates by the length of asked, never by total, which is the claim of a file that may lie.
func parsePages(asked string, total int) ([]pageRange, error) {
	if asked == "" {
		return []pageRange{{1, total}}, nil
	}
	var ranges []pageRange
	for item := range strings.SplitSeq(asked, ",") {
		low, high, isRange := strings.Cut(item, "-")
		first, err := parsePage(low)
		last := first
		if err == nil && isRange {
			last, err = parsePage(high)
		}
		if err != nil || first > last {
			return nil, fmt.Errorf("%q is no page or range of pages", item)
		}
		if first <= total {
			ranges = append(ranges, pageRange{first, min(last, total)})
		}
	}
	return mergeRanges(ranges), nil
}

// parsePage reads a page number as the schema of an OcrJob allows it: no sign, no leading zero, up to six digits.
func parsePage(text string) (int, error) {
	if len(text) > 6 || strings.HasPrefix(text, "0") || strings.HasPrefix(text, "+") {
		return 0, strconv.ErrSyntax
	}
	page, err := strconv.Atoi(text)
	if err == nil && page < 1 {
		err = strconv.ErrRange
	}
	return page, err
}

// mergeRanges puts ranges in order and joins those that touch.
func mergeRanges(ranges []pageRange) []pageRange {
	slices.SortFunc(ranges, func(a, b pageRange) int { return cmp.Compare(a.first, b.first) })
	merged := ranges[:0]
	for _, r := range ranges {
		if n := len(merged); n > 0 && r.first <= merged[n-1].last+1 {
			merged[n-1].last = max(merged[n-1].last, r.last)
			continue
		}
		merged = append(merged, r)
	}
	return merged
}

// countPages sums the pages of ranges that do not overlap.
func countPages(ranges []pageRange) int {
	sum := 0
	for _, r := range ranges {
		sum += r.last - r.first + 1
	}
	return sum
}
