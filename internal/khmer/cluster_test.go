package khmer

import (
	"strings"
	"testing"
)

func TestClusters(t *testing.T) {
	tests := []struct {
		name string
		text string
		// want has the clusters between bars, an invalid one with a question mark behind.
		want string
	}{
		{"nothing", "", ""},
		{"bare consonants", "កខគ", "ក|ខ|គ"},
		{"a consonant with a vowel before and around it", "កែកោ", "កែ|កោ"},
		{"one subscript", "ខ្មែរ", "ខ្មែ|រ"},
		{"two subscripts", "ស្ត្រី", "ស្ត្រី"},
		{"a shifter before the vowel", "ស៊ីម៉ា", "ស៊ី|ម៉ា"},
		{"a robat", "ព័ត៌មាន", "ព័|ត៌|មា|ន"},
		{"signs behind the vowel", "បុះកាំ", "បុះ|កាំ"},
		{"an independent vowel", "ឪពុក", "ឪ|ពុ|ក"},
		{"a subscript independent vowel", "ផ្ឫ", "ផ្ឫ"},
		{"a joiner between coeng and letter", "ប្\u200Dក", "ប្\u200D?|ក"},
		{"a joiner before the vowel", "ម៉\u200Cឺ", "ម៉\u200Cឺ"},
		{"digits and punctuation stand alone", "១២។", "១|២|។"},
		{"other scripts stand alone", "aក b", "a|ក| |b"},
		{"a vowel at the start", "េដាយ", "េ?|ដា|យ"},
		{"a sign after a space", "ក ់ខ", "ក| |់?|ខ"},
		{"a coeng at the start", "្ក", "្ក?"},
		{"a coeng at the end", "ក្", "ក្?"},
		{"a coeng before a space", "ក្ ខ", "ក្?| |ខ"},
		{"a coeng before a vowel", "ក្ា", "ក្ា?"},
		{"a coeng before a coeng", "ក្្ខ", "ក្្ខ?"},
		{"a coeng before Latin", "ក្a", "ក្?|a"},
		{"a vowel after a replacement character", "\uFFFDី", "\uFFFD|ី?"},
		{"bytes that are no text", "\xffក", "\xff|ក"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var got []string
			for cluster := range Clusters(test.text) {
				text := cluster.Text
				if !cluster.Valid {
					text += "?"
				}
				got = append(got, text)
			}
			if joined := strings.Join(got, "|"); joined != test.want {
				t.Errorf("clusters of %q are %q, want %q", test.text, joined, test.want)
			}
		})
	}
}

func FuzzClusters(f *testing.F) {
	f.Add("ខ្មែរ")
	f.Add("ក្្ \u200D\xff")
	f.Fuzz(func(t *testing.T, text string) {
		var joined strings.Builder
		for cluster := range Clusters(text) {
			if cluster.Text == "" {
				t.Fatalf("an empty cluster in %q", text)
			}
			joined.WriteString(cluster.Text)
		}
		if joined.String() != text {
			t.Errorf("clusters of %q join to %q", text, joined.String())
		}
		Examine(text)
	})
}
