package score

import (
	"reflect"
	"strings"
	"testing"
)

func TestWhatLooksTheSameIsTheSame(t *testing.T) {
	for name, test := range map[string]struct {
		text string
		want []string
	}{
		"NFC joins what was taken apart":               {"e\u0301", []string{"\u00e9"}},
		"white space":                                  {"a \t\r\n\v\f\u0085\u00a0\u1680\u2003\u2028\u202f\u3000b", []string{"a", "b"}},
		"control characters that separate":             {"a\x1c\x1d\x1e\x1fb", []string{"a", "b"}},
		"zero-width characters and marks of direction": {"a\u200b\u200c\u200d\u200e\u200fb", []string{"a", "b"}},
		"word joiner, byte order mark and soft hyphen": {"\ufeffa\u2060\u00adb", []string{"a", "b"}},
		"a zero-width space inside a syllable":         {"ក\u200bា", []string{"កា"}},
		"letters alone":                                {"កខ", []string{"ក", "ខ"}},
		"subscripts, vowel and sign":                   {"ស្ត្រីំ", []string{"ស្ត្រីំ"}},
		"ro as the last subscript":                     {"ស្រ្តី", []string{"ស្ត្រី"}},
		"two subscripts stay as they are":              {"ក្ខ្គ", []string{"ក្ខ្គ"}},
		"subscript before the shifter":                 {"ម៉្ល", []string{"ម្ល៉"}},
		"shifter before the vowel":                     {"សី៊", []string{"ស៊ី"}},
		"robat before all":                             {"ម្ម៌ា", []string{"ម៌្មា"}},
		"vowel before the sign":                        {"កំុ", []string{"កុំ"}},
		"the sign of a stop after others":              {"កះ់", []string{"ក់ះ"}},
		"two vowels in their order":                    {"កុិ", []string{"កុិ"}},
		"vowels that are never written come last":      {"ក\u17b4ា", []string{"កា\u17b4"}},
		"subscript da as subscript ta":                 {"ណ្ឌប្ដី", []string{"ណ្ឌ", "ប្តី"}},
		"da itself stays":                              {"ដ", []string{"ដ"}},
		"e and ii make oe":                             {"ក\u17c1\u17b8", []string{"ក\u17be"}},
		"e and aa make oo":                             {"ក\u17c1\u17b6", []string{"ក\u17c4"}},
		"a subscript between the parts of a vowel":     {"ក\u17c1\u17d2ត\u17b6", []string{"ក\u17d2ត\u17c4"}},
		"independent vowels carry marks":               {"ឲ្យ", []string{"ឲ្យ"}},
		"a dotted circle carries marks":                {"◌ី៊", []string{"◌៊ី"}},
		"marks without a base":                         {"ាី", []string{"ា", "ី"}},
		"a coeng with nothing below it":                {"ក្", []string{"ក", "្"}},
		"a coeng before a digit":                       {"ក្១", []string{"ក", "្", "១"}},
		"digits and punctuation":                       {"១២។៕", []string{"១", "២", "។", "៕"}},
		"Latin":                                        {"Ab", []string{"A", "b"}},
		"nothing":                                      {" \u200b", nil},
	} {
		t.Run(name, func(t *testing.T) {
			if got := Syllables(test.text); !reflect.DeepEqual(got, test.want) {
				t.Errorf("Syllables(%+q) = %+q, want %+q", test.text, got, test.want)
			}
		})
	}
}

func TestEditsAreCountedByCodePointAndBySyllable(t *testing.T) {
	for name, test := range map[string]struct {
		truth, text string
		want        Score
	}{
		"the same":               {"ភាសាខ្មែរ", "ភាសា\u200bខ្មែរ\n", Score{Errors{0, 9}, Errors{0, 4}}},
		"one mark":               {"ភាសាខ្មែរ", "ភាសាខ្មេរ", Score{Errors{1, 9}, Errors{1, 4}}},
		"two marks of one":       {"ខ្មែរ", "ខ្ម៉េរ", Score{Errors{2, 5}, Errors{1, 2}}},
		"a subscript is missing": {"ខ្មែរ", "ខែរ", Score{Errors{2, 5}, Errors{1, 2}}},
		"nothing was read":       {"ខ្មែរ", "", Score{Errors{5, 5}, Errors{2, 2}}},
		"nothing is there":       {"", "ខ្មែរ", Score{Errors{5, 0}, Errors{2, 0}}},
		"both are empty":         {"", "", Score{}},
	} {
		t.Run(name, func(t *testing.T) {
			if got := Compare(test.truth, test.text); got != test.want {
				t.Errorf("Compare = %+v, want %+v", got, test.want)
			}
		})
	}
}

func TestScoresAddUp(t *testing.T) {
	sum := Compare("ក", "ខ")
	sum.Add(Compare("កា", "កា"))
	if want := (Score{Errors{1, 3}, Errors{1, 2}}); sum != want {
		t.Errorf("sum = %+v, want %+v", sum, want)
	}
	if got := sum.Characters.Rate(); got != 1.0/3 {
		t.Errorf("rate = %v, want a third", got)
	}
	if got := (Errors{Edits: 2}).Rate(); got != 2 {
		t.Errorf("rate of an empty truth = %v, want 2", got)
	}
}

func BenchmarkCompare(b *testing.B) {
	truth := strings.Repeat("ព្រះរាជាណាចក្រកម្ពុជា ជាតិ សាសនា ព្រះមហាក្សត្រ ", 600)
	text := strings.ReplaceAll(truth, "ះ", "៖")
	for b.Loop() {
		Compare(truth, text)
	}
}
