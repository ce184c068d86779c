// Package pagerange reads the pages that a job asks for, and finds those of one part among them. It must never allocate by how
// many pages a document says that it has.
package pagerange

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Range is a run of pages, both ends included.
type Range struct{ First, Last int }

// List is ranges in order, without overlap.
type List []Range

// Parse reads a list of numbers and ranges such as "1-3,7" and cuts it to a document of total pages. The ranges
// come back in order, without overlap; none if the document has none of the pages. An empty list means all pages.
//
// It allocates by the length of asked, never by total, which is the claim of a file that may lie.
func Parse(asked string, total int) (List, error) {
	if asked == "" {
		return List{{1, total}}, nil
	}
	var ranges List
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
			ranges = append(ranges, Range{first, min(last, total)})
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
func mergeRanges(ranges List) List {
	slices.SortFunc(ranges, func(a, b Range) int { return cmp.Compare(a.First, b.First) })
	merged := ranges[:0]
	for _, r := range ranges {
		if n := len(merged); n > 0 && r.First <= merged[n-1].Last+1 {
			merged[n-1].Last = max(merged[n-1].Last, r.Last)
			continue
		}
		merged = append(merged, r)
	}
	return merged
}

// Count is how many pages there are.
func (l List) Count() int {
	sum := 0
	for _, r := range l {
		sum += r.Last - r.First + 1
	}
	return sum
}

// Share is the pages from first to last by their place in the list, counted from 1, both included. Places beyond the end have
// none.
func (l List) Share(first, last int) List {
	var share List
	before := 0
	for _, r := range l {
		// The pages of the range that have these places.
		begin, end := r.First+max(0, first-1-before), min(r.Last, r.First+last-1-before)
		if begin <= end {
			share = append(share, Range{begin, end})
		}
		before += r.Last - r.First + 1
	}
	return share
}

// Has tells whether a page is in the list.
func (l List) Has(page int) bool {
	return slices.ContainsFunc(l, func(r Range) bool { return r.First <= page && page <= r.Last })
}
