package document

import (
	"slices"
	"strings"
	"testing"
)

func TestSplitScripts(t *testing.T) {
	khmer := func(s string) run { return run{s, true} }
	other := func(s string) run { return run{s, false} }
	for _, test := range []struct {
		name string
		text string
		want []run
	}{
		{"nothing has no runs", "", nil},
		{"Khmer with its digits, signs and spaces is one run", "ឆ្នាំ ២០២៦៖ ៥០០៛ ។", []run{khmer("ឆ្នាំ ២០២៦៖ ៥០០៛ ។")}},
		{"Latin is one run", "Page 1, line 2.", []run{other("Page 1, line 2.")}},
		{"a space belongs to what it follows", "អាន PDF ថ្មី", []run{khmer("អាន "), other("PDF "), khmer("ថ្មី")}},
		{"Latin digits are not Khmer", "ទី3ខែ", []run{khmer("ទី"), other("3"), khmer("ខែ")}},
		{"an opening bracket belongs to what it opens", "ឯកសារ (PDF) «ក»", []run{khmer("ឯកសារ "), other("(PDF) "), khmer("«ក»")}},
		{"punctuation at the start belongs to what follows", "- ក", []run{khmer("- ក")}},
		{"punctuation alone is not Khmer", " -- (", []run{other(" -- (")}},
		{"zero-width spaces stay inside Khmer", "ក\u200bខ\u200b a", []run{khmer("ក\u200bខ\u200b "), other("a")}},
		{"an accent stays with its letter", "e\u0301ក", []run{other("e\u0301"), khmer("ក")}},
		{"Thai is not Khmer", "กក", []run{other("ก"), khmer("ក")}},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := splitScripts(test.text); !slices.Equal(got, test.want) {
				t.Errorf("got %+v, want %+v", got, test.want)
			}
		})
	}
}

func FuzzSplitScriptsLosesNothing(f *testing.F) {
	f.Add("អាន (PDF) ថ្មី 3")
	f.Add("\xe1\x9ea\xffក(")
	f.Fuzz(func(t *testing.T, text string) {
		var joined strings.Builder
		for i, r := range splitScripts(text) {
			if r.text == "" {
				t.Errorf("run %d of %q is empty", i, text)
			}
			joined.WriteString(r.text)
		}
		if joined.String() != text {
			t.Errorf("%q became %q", text, joined.String())
		}
	})
}
