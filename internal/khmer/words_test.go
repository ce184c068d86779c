package khmer

import (
	"bufio"
	"os"
	"slices"
	"strings"
	"testing"
)

func TestBreakWords(t *testing.T) {
	tests := []struct {
		name string
		text string
		// want has bars for the zero-width spaces.
		want string
	}{
		{"nothing", "", ""},
		{"no Khmer", "Page 1, line 2.", "Page 1, line 2."},
		{"a word", "កម្ពុជា", "កម្ពុជា"},
		{"words", "បណ្ណាល័យសាធារណៈបើកទ្វារនៅម៉ោងប្រាំបីព្រឹក។", "បណ្ណាល័យ|សាធារណៈ|បើកទ្វារ|នៅ|ម៉ោង|ប្រាំបី|ព្រឹក។"},
		{"fewer words rather than a longer first one", "អានពាក្យនៅក្នុង", "អាន|ពាក្យ|នៅក្នុង"},
		{"a longer first word where their number is the same", "ផែនទីនេះ", "ផែនទី|នេះ"},
		{"beside other scripts, digits and signs there is none", "អានPDFថ្មី ឆ្នាំ២០២៦។ខ្មែរ", "អានPDFថ្មី ឆ្នាំ២០២៦។ខ្មែរ"},
		{"beside a space there is none", "ភាសា ខ្មែរ", "ភាសា ខ្មែរ"},
		{"one that is there stays alone", "ភាសា|ខ្មែរអាន", "ភាសា|ខ្មែរ|អាន"},
		{"one inside a word stays too", "កម្ពុ|ជា", "កម្ពុ|ជា"},
		{"behind a repetition", "សៀវភៅចាស់ៗនិងឯកសារ", "សៀវភៅ|ចាស់ៗ|និង|ឯកសារ"},
		{"clusters that are in no word stay together", "អានឞ្ឞឺឞ្ឞឺឞ្ឞឺអាន", "អាន|ឞ្ឞឺឞ្ឞឺឞ្ឞឺ|អាន"},
		{"clusters that cannot be right stay whole", "អានក្្ខអាន", "អាន|ក្្ខ|អាន"},
		{"a joiner stays in its cluster", "ម៉\u200Cឺអាន", "ម៉\u200Cឺ|អាន"},
		{"bytes that are no text", "\xffអានអាន\xe1\x9e", "\xffអាន|អាន\xe1\x9e"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			text := strings.ReplaceAll(test.text, "|", zeroWidthSpace)
			got := strings.ReplaceAll(BreakWords(text), zeroWidthSpace, "|")
			if got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

func FuzzBreakWords(f *testing.F) {
	f.Add("អានPDFថ្មី ឆ្នាំ២០២៦។ខ្មែរ")
	f.Add("ក្្ \u200B\u200D\xffៗក\u25CC")
	sentences, err := os.Open("../../test/testdata/sentences.txt")
	if err != nil {
		f.Fatal(err)
	}
	defer sentences.Close()
	for lines := bufio.NewScanner(sentences); lines.Scan(); {
		f.Add(lines.Text())
		f.Add(strings.ReplaceAll(lines.Text(), " ", ""))
	}
	f.Fuzz(func(t *testing.T, text string) {
		broken := BreakWords(text)
		if strings.ReplaceAll(broken, zeroWidthSpace, "") != strings.ReplaceAll(text, zeroWidthSpace, "") {
			t.Fatalf("%q became %q", text, broken)
		}
		// Between the clusters of the text, and in no other place, there may be one zero-width space more.
		rest := broken
		added := 0
		for cluster := range Clusters(text) {
			if after, found := strings.CutPrefix(rest, zeroWidthSpace); found && cluster.Text != zeroWidthSpace {
				rest, added = after, added+1
			}
			after, found := strings.CutPrefix(rest, cluster.Text)
			if !found {
				t.Fatalf("%q of %q is broken or lost in %q", cluster.Text, text, broken)
			}
			rest = after
		}
		if rest != "" {
			t.Errorf("%q stands behind %q", rest, text)
		}
		if doubled := strings.Repeat(zeroWidthSpace, 2); added > 0 && !strings.Contains(text, zeroWidthSpace) && strings.Contains(broken, doubled) {
			t.Errorf("two zero-width spaces in a row in %q", broken)
		}
		if again := BreakWords(broken); again != broken {
			t.Errorf("%q is broken once more as %q", broken, again)
		}
	})
}

func TestTheDictionaryIsSorted(t *testing.T) {
	lines := strings.Split(strings.TrimSuffix(words().text, "\n"), "\n")
	if len(lines) < 80_000 || !slices.IsSorted(lines) || len(slices.Compact(lines)) != len(lines) {
		t.Errorf("%d words, of which %d differ; sorted: %v", len(lines), len(slices.Compact(lines)), slices.IsSorted(lines))
	}
}

// BenchmarkBreakWords of a page of print.
func BenchmarkBreakWords(b *testing.B) {
	text := strings.Repeat("សាលាឃុំបានបើកបណ្ណាល័យថ្មីមួយនៅដើមខែមីនា ដើម្បីឱ្យសិស្សានុសិស្សមានកន្លែងអាន "+
		"និងស្រាវជ្រាវឯកសារជាភាសាខ្មែរ។ ", 20)
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		BreakWords(text)
	}
}

// BenchmarkBreakLongStretch shows that a text without a space takes a time in proportion to its length.
func BenchmarkBreakLongStretch(b *testing.B) {
	for _, times := range []int{1_000, 10_000} {
		b.Run("", func(b *testing.B) {
			text := strings.Repeat("បណ្ណាល័យសាធារណៈបើកទ្វារ", times)
			b.SetBytes(int64(len(text)))
			for b.Loop() {
				BreakWords(text)
			}
		})
	}
}
