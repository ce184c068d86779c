package pagerange

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
)

func TestShare(t *testing.T) {
	for name, test := range map[string]struct {
		asked       string
		first, last int
		want        List
	}{
		"of one range":                 {"", 4, 6, List{{4, 6}}},
		"the beginning":                {"3-5,8", 1, 2, List{{3, 4}}},
		"across a gap":                 {"3-5,8,10-12", 3, 5, List{{5, 5}, {8, 8}, {10, 10}}},
		"the end":                      {"3-5,8,10-12", 6, 7, List{{11, 12}}},
		"what goes beyond the end":     {"3-5", 3, 9, List{{5, 5}}},
		"all of it":                    {"3-5,8", 1, 4, List{{3, 5}, {8, 8}}},
		"nothing":                      {"3-5,8", 1, 0, nil},
		"places that there are not":    {"3-5,8", 5, 9, nil},
		"a list that was not in order": {"8,3-5", 4, 4, List{{8, 8}}},
	} {
		t.Run(name, func(t *testing.T) {
			list, err := Parse(test.asked, 20)
			if got := list.Share(test.first, test.last); err != nil || !slices.Equal(got, test.want) {
				t.Errorf("Share = %v, %v, want %v", got, err, test.want)
			}
		})
	}
}

func TestSharesHoldEveryPageOnce(t *testing.T) {
	list, err := Parse("2-5,9,11-20,30", 100)
	if err != nil {
		t.Fatal(err)
	}
	for length := 1; length <= list.Count(); length++ {
		var together []int
		for first := 1; first <= list.Count(); first += length {
			for _, r := range list.Share(first, first+length-1) {
				for page := r.First; page <= r.Last; page++ {
					together = append(together, page)
				}
			}
		}
		if len(together) != list.Count() || !slices.IsSorted(together) || slices.ContainsFunc(together, func(page int) bool { return !list.Has(page) }) {
			t.Fatalf("by %d: %v", length, together)
		}
	}
	if list.Has(1) || list.Has(10) || list.Has(31) {
		t.Error("it has pages that were not asked for")
	}
}

func TestParse(t *testing.T) {
	for name, test := range map[string]struct {
		asked string
		total int
		want  List
	}{
		"nothing asked for is everything":         {"", 9, List{{1, 9}}},
		"a page":                                  {"7", 9, List{{7, 7}}},
		"a range and a page":                      {"1-3,7", 9, List{{1, 3}, {7, 7}}},
		"a range beyond the end is cut":           {"8-20", 9, List{{8, 9}}},
		"pages beyond the end are left out":       {"2,10,11-12", 9, List{{2, 2}}},
		"nothing is left":                         {"10-12", 9, nil},
		"order does not matter":                   {"7,1-3", 9, List{{1, 3}, {7, 7}}},
		"what overlaps or touches is joined":      {"4-5,1-2,2-3,5", 9, List{{1, 5}}},
		"a range of one page":                     {"3-3", 9, List{{3, 3}}},
		"a file that lies does not cost its lies": {"", 2_000_000_000, List{{1, 2_000_000_000}}},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := Parse(test.asked, test.total)
			if err != nil || !slices.Equal(got, test.want) {
				t.Errorf("Parse(%q, %d) = %v, %v, want %v", test.asked, test.total, got, err, test.want)
			}
		})
	}
}

func TestParseRefuses(t *testing.T) {
	for _, asked := range []string{" ", "0", "-1", "1-", "-", "3-1", "1,,2", "1-2-3", "+1", "01", "x", "1 ,2", "1234567", "१"} {
		if got, err := Parse(asked, 9); err == nil {
			t.Errorf("Parse(%q) = %v, want an error", asked, got)
		}
	}
}

// schemaPattern is that of the pages in an OcrJob's schema, which lets no range run backwards besides.
var schemaPattern = regexp.MustCompile(`^[1-9][0-9]{0,5}(-[1-9][0-9]{0,5})?(,[1-9][0-9]{0,5}(-[1-9][0-9]{0,5})?)*$`)

func FuzzParse(f *testing.F) {
	for _, asked := range []string{"", "1", "1-3,7", "9-8", "1-999999,2", "0", "a", "1,", "٣"} {
		f.Add(asked, 5)
	}
	f.Fuzz(func(t *testing.T, asked string, total int) {
		total = max(1, total)
		ranges, err := Parse(asked, total)
		if err != nil {
			if len(asked) < 1000 && schemaPattern.MatchString(asked) && !runsBackwards(asked) {
				t.Fatalf("%q is refused although the schema takes it: %v", asked, err)
			}
			return
		}
		if asked != "" && !schemaPattern.MatchString(asked) {
			t.Fatalf("%q was read although the schema refuses it", asked)
		}
		before := -1
		for _, r := range ranges {
			if r.First < 1 || r.First > r.Last || r.Last > total || r.First <= before+1 {
				t.Fatalf("Parse(%q, %d) = %v: out of bounds, out of order or not joined", asked, total, ranges)
			}
			before = r.Last
		}
		if total > 300 {
			return
		}
		// Page by page: each is in the list if it is asked for, and in one part.
		half := (ranges.Count() + 1) / 2
		first, second := ranges.Share(1, half), ranges.Share(half+1, ranges.Count())
		for page := 0; page <= total+1; page++ {
			want := page >= 1 && page <= total && (asked == "" || asksFor(asked, page))
			if ranges.Has(page) != want {
				t.Fatalf("Parse(%q, %d) = %v has page %d: %v", asked, total, ranges, page, !want)
			}
			if first.Has(page) && second.Has(page) || (first.Has(page) || second.Has(page)) != want {
				t.Fatalf("%v and %v share %v: page %d", first, second, ranges, page)
			}
		}
		if first.Count() != half || first.Count()+second.Count() != ranges.Count() {
			t.Fatalf("%v and %v share %v", first, second, ranges)
		}
	})
}

// asksFor reads a list that the schema takes, item by item.
func asksFor(asked string, page int) bool {
	return slices.ContainsFunc(strings.Split(asked, ","), func(item string) bool {
		first, last := ends(item)
		return first <= page && page <= last
	})
}

func runsBackwards(asked string) bool {
	return slices.ContainsFunc(strings.Split(asked, ","), func(item string) bool {
		first, last := ends(item)
		return first > last
	})
}

func ends(item string) (first, last int) {
	if n, _ := fmt.Sscanf(item, "%d-%d", &first, &last); n < 2 {
		last = first
	}
	return first, last
}
