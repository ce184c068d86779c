package score

import (
	"reflect"
	"strings"
	"testing"
)

func TestWordsAreRightWhereNothingIsWrongOrMissing(t *testing.T) {
	for name, test := range map[string]struct {
		truth string
		words string
		want  []bool
	}{
		"all of them":                               {"ភាសា ខ្មែរ", "ភាសា ខ្មែរ", []bool{true, true}},
		"spaces of the truth stand elsewhere":       {"ភា សាខ្មែរ\n", "ភាសា ខ្មែរ", []bool{true, true}},
		"marks in another order, invisible signs":   {"ម្ល៉េះ ប្តី", "ម៉្លេះ\u200b ប្ដី", []bool{true, true}},
		"a vowel in two parts":                      {"កោ", "ក\u17c1\u17b6", []bool{true}},
		"a character is misread":                    {"abc def", "axc def", []bool{false, true}},
		"the last one of a word is":                 {"abc def", "abx def", []bool{false, true}},
		"the first one of a word is":                {"abc def", "abc xef", []bool{true, false}},
		"one is missing inside":                     {"abc def", "abc df", []bool{true, false}},
		"one is missing at the end of a word":       {"abc def", "ab def", []bool{false, true}},
		"one is missing at the beginning of a word": {"abc def", "abc ef", []bool{false, true}},
		"one is missing before all":                 {"abc def", "bc def", []bool{false, true}},
		"one is missing behind all":                 {"abc def", "abc de", []bool{true, false}},
		"one is too many":                           {"abc def", "abc dxef", []bool{true, false}},
		"one is too many behind all":                {"abc def", "abc defx", []bool{true, false}},
		"a word is missing":                         {"abc def ghi", "abc ghi", []bool{false, true}},
		"a word is invented":                        {"abc def", "abc x def", []bool{true, false, true}},
		"a word is another":                         {"abc def ghi", "abc xyz ghi", []bool{true, false, true}},
		"a shorter one stands for it":               {"abc def ghi", "abc x ghi", []bool{true, false, true}},
		"a word is cut in two":                      {"abcdef", "abc def", []bool{true, true}},
		"nothing is there to read":                  {" ", "abc d", []bool{false, false}},
		"nothing was read":                          {"abc", "", nil},
	} {
		t.Run(name, func(t *testing.T) {
			got := RightWords(test.truth, strings.Fields(test.words))
			if len(got) != len(test.want) || len(got) > 0 && !reflect.DeepEqual(got, test.want) {
				t.Errorf("RightWords(%q, %q) = %v, want %v", test.truth, test.words, got, test.want)
			}
		})
	}
	if got := RightWords("ab", []string{"", "a", "\u200b", "b"}); !reflect.DeepEqual(got, []bool{false, true, false, true}) {
		t.Errorf("words that show nothing: %v", got)
	}
}

func BenchmarkRightWords(b *testing.B) {
	truth := strings.Repeat("ព្រះរាជាណាចក្រកម្ពុជា ជាតិ សាសនា ព្រះមហាក្សត្រ ", 600)
	words := strings.Fields(strings.ReplaceAll(truth, "ះ", "៖"))
	for b.Loop() {
		RightWords(truth, words)
	}
}
