package apigateway

import (
	"cmp"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// pageRange is a run of pages, both ends included.
type pageRange struct{ first, last int }

// maxPages is how long a list of pages can be, as the schema of OcrJobs has it.
const maxPages = 1000

// pageItem is a number or a range, as the schema of OcrJobs has it.
var pageItem = regexp.MustCompile(`^([1-9][0-9]{0,5})(?:-([1-9][0-9]{0,5}))?$`)

// parsePages reads a list of numbers and ranges such as "1-3,7". It comes back in order and as short as it can be written.
func parsePages(value string) (string, error) {
	var ranges []pageRange
	for item := range strings.SplitSeq(value, ",") {
		match := pageItem.FindStringSubmatch(strings.TrimSpace(item))
		if match == nil {
			return "", invalidPages.detailed("pages must be numbers from 1 to 999999 and ranges of them, such as 1-3,7; %s is none.", shown(item)).
				khmer("pages ត្រូវតែជាលេខពី 1 ដល់ 999999 និងចន្លោះលេខ ដូចជា 1-3,7 ប៉ុន្តែ %s មិនមែនទេ។", shown(item))
		}
		// The pattern leaves only what Atoi takes.
		first, _ := strconv.Atoi(match[1])
		last, _ := strconv.Atoi(cmp.Or(match[2], match[1]))
		if first > last {
			return "", invalidPages.detailed("The range %s of pages runs backwards.", shown(item)).
				khmer("ចន្លោះទំព័រ %s រាប់ថយក្រោយ។", shown(item))
		}
		ranges = append(ranges, pageRange{first, last})
	}
	list := formatRanges(ranges)
	if len(list) > maxPages {
		return "", invalidPages.detailed("The list of pages is longer than %d characters.", maxPages).
			khmer("បញ្ជីទំព័រវែងជាង %d តួអក្សរ។", maxPages)
	}
	return list, nil
}

// formatRanges writes ranges in order, those that touch as one.
func formatRanges(ranges []pageRange) string {
	ranges = slices.SortedFunc(slices.Values(ranges), func(a, b pageRange) int { return cmp.Compare(a.first, b.first) })
	merged := ranges[:0]
	for _, r := range ranges {
		if n := len(merged); n > 0 && r.first <= merged[n-1].last+1 {
			merged[n-1].last = max(merged[n-1].last, r.last)
			continue
		}
		merged = append(merged, r)
	}
	items := make([]string, len(merged))
	for i, r := range merged {
		items[i] = strconv.Itoa(r.first)
		if r.last > r.first {
			items[i] += "-" + strconv.Itoa(r.last)
		}
	}
	return strings.Join(items, ",")
}
