package main

import (
	"strings"
	"testing"

	"github.com/openplp/khocr/internal/legacy"
)

// Words in the code of Limon.
const typed = "kal kUn xan Kat gar Gas bat R)ak)an)at)ad caM naM taM kM gM dM emIl ebIk edIm ePIk " +
	"skl slk xNÐ GNÐ pNÐ kñúg fñúk sñúl xøÜn søÜt fIøÜ RsI RKU RtU esoP eTos eRbob Rtg; mþþ Bit enH K¤"

func TestSpell(t *testing.T) {
	speller := newSpeller(legacy.Find("LimonS1"))
	for range evidence {
		for word := range strings.FieldsSeq(typed) {
			codes := make([]rune, 0, len(word))
			for _, character := range word {
				codes = append(codes, codeOf(character))
			}
			speller.read(codes)
		}
	}
	tests := []struct{ name, text, without, want string }{
		{"as it was typed", "ក្នុ", "", "kñú"},
		{"a letter and a vowel of other syllables", "សា", "", "sa"},
		{"a vowel on both sides", "ឃើ", "", "eXI"},
		{"a subscript and a vowel", "ខ្លា", "", "xøa"},
		{"a vowel that is lower below subscripts", "ស្លុ", "", "søú"},
		{"ro before its letter", "ក្រូ", "", "RkU"},
		{"two marks", "សាំ", "", "saM"},
		{"a letter that changes before ា", "បាំ", "", ")aM"},
		{"one that has a subscript besides", "ប្លា", "", ""},
		{"a letter that was never typed", "ឆាំ", "", "qaM"},
		{"one drawn as another with a mark", "ឳ", "", "]_"},
		{"a mark that was never typed", "ក៍", "", ""},
		{"a code that the font lacks", "ក្នុ", "ñ", ""},
		{"what the code cannot say", "ក្ដា", "", ""},
		{"Latin", "7", "", "&"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			spellings := speller.spell(test.text, func(codes string) bool {
				return test.without == "" || !strings.Contains(codes, test.without)
			})
			got := ""
			if len(spellings) > 0 {
				got = spellings[0].codes
			}
			if got != test.want {
				t.Errorf("%s is typed %q, want %q", test.text, got, test.want)
			}
		})
	}
}
