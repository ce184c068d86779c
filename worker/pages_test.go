package worker

import (
	"regexp"
	"slices"
	"testing"
)

func TestParsePages(t *testing.T) {
	for name, test := range map[string]struct {
		asked string
		total int
		want  []pageRange
	}{
		"nothing asked for is everything":         {"", 9, []pageRange{{1, 9}}},
		"a page":                                  {"7", 9, []pageRange{{7, 7}}},
		"a range and a page":                      {"1-3,7", 9, []pageRange{{1, 3}, {7, 7}}},
		"a range beyond the end is cut":           {"8-20", 9, []pageRange{{8, 9}}},
		"pages beyond the end are left out":       {"2,10,11-12", 9, []pageRange{{2, 2}}},
		"nothing is left":                         {"10-12", 9, nil},
		"order does not matter":                   {"7,1-3", 9, []pageRange{{1, 3}, {7, 7}}},
		"what overlaps or touches is joined":      {"4-5,1-2,2-3,5", 9, []pageRange{{1, 5}}},
		"a range of one page":                     {"3-3", 9, []pageRange{{3, 3}}},
		"a file that lies does not cost its lies": {"", 2_000_000_000, []pageRange{{1, 2_000_000_000}}},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := parsePages(test.asked, test.total)
			if err != nil || !slices.Equal(got, test.want) {
				t.Errorf("parsePages(%q, %d) = %v, %v, want %v", test.asked, test.total, got, err, test.want)
			}
		})
	}
}

func TestParsePagesRefuses(t *testing.T) {
	for _, asked := range []string{" ", "0", "-1", "1-", "-", "3-1", "1,,2", "1-2-3", "+1", "01", "x", "1 ,2", "1234567", "१"} {
		if got, err := parsePages(asked, 9); err == nil {
			t.Errorf("parsePages(%q) = %v, want an error", asked, got)
		}
	}
}

// schemaPattern is that of the pages in an OcrJob's schema, which lets no range run backwards besides.
var schemaPattern = regexp.MustCompile(`^[1-9][0-9]{0,5}(-[1-9][0-9]{0,5})?(,[1-9][0-9]{0,5}(-[1-9][0-9]{0,5})?)*$`)

func FuzzParsePages(f *testing.F) {
	for _, asked := range []string{"", "1", "1-3,7", "9-8", "1-999999,2", "0", "a", "1,", "٣"} {
		f.Add(asked, 5)
	}
	f.Fuzz(func(t *testing.T, asked string, total int) {
		total = max(1, total)
		ranges, err := parsePages(asked, total)
		if err != nil {
			return
		}
		if asked != "" && !schemaPattern.MatchString(asked) {
			t.Fatalf("%q was read although the schema refuses it", asked)
		}
		before := -1
		for _, r := range ranges {
			if r.first < 1 || r.first > r.last || r.last > total || r.first <= before+1 {
				t.Fatalf("parsePages(%q, %d) = %v: out of bounds, out of order or not joined", asked, total, ranges)
			}
			before = r.last
		}
	})
}
