package correct

import (
	"bytes"
	"math"
	"slices"
	"strings"
	"testing"
	"unicode"

	"github.com/google/go-cmp/cmp"

	"github.com/openplp/khocr/internal/document"
)

func TestCertain(t *testing.T) {
	tests := []struct{ name, text, want string }{
		{"nothing to mend", "ព្រះរាជាណាចក្រកម្ពុជា", "ព្រះរាជាណាចក្រកម្ពុជា"},
		{"a colon after េ", "ចំពោ៖", "ចំពោះ"},
		{"a colon after ោ inside a word", "ឈ្មោ៖ត្រកូល", "ឈ្មោះត្រកូល"},
		{"a colon between letters", "ព្រ៖មហាក្សត្រ", "ព្រះមហាក្សត្រ"},
		{"a colon after ុ before a letter", "ចុ៖ឈ្មោះ", "ចុះឈ្មោះ"},
		{"a colon at the end of a word", "ដូចតទៅ៖", "ដូចតទៅ៖"},
		{"a colon behind ា", "ដូចជា៖ក", "ដូចជា៖ក"},
		{"a colon alone", "៖ ក", "៖ ក"},
		{"a vowel twice", "ឃើើញ", "ឃើញ"},
		{"a sign three times", "សំំំខាន់", "សំខាន់"},
		{"a letter twice", "កក", "កក"},
		{"the dash of a heading", "១២.=", "១២.-"},
		{"an equation", "១ = ២ ក=ខ", "១ = ២ ក=ខ"},
		{"Latin", "a=b: 10.5", "a=b: 10.5"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if got := certain(test.text); got != test.want {
				t.Errorf("%s is mended to %s, want %s", test.text, got, test.want)
			}
		})
	}
}

func TestTheSignOfRepetitionAloneAtTheEndOfALineIsAFullStop(t *testing.T) {
	for text, want := range map[string]string{
		"ដោយព្រះរាជសារ* ៗ*": "ដោយព្រះរាជសារ ។", "ផ្សេងៗ*": "ផ្សេងៗ", "ផ្សេង* ៗ* ទៀត*": "ផ្សេង ៗ ទៀត", "ៗ*": "ៗ",
	} {
		lines := []document.Line{line(text)}
		if Lines(lines); lines[0].Text != want {
			t.Errorf("%s is mended to %s, want %s", text, lines[0].Text, want)
		}
	}
}

// line of words that Tesseract is unsure of, but for those with a star behind.
func line(text string) document.Line {
	read := document.Line{Text: strings.ReplaceAll(text, "*", "")}
	for i, word := range strings.Fields(text) {
		confidence := 40.0
		if strings.HasSuffix(word, "*") {
			confidence = sureConfidence
		}
		read.Words = append(read.Words, document.Word{
			Text: strings.TrimSuffix(word, "*"), Confidence: confidence, Box: document.Box{float64(i), 0, float64(i + 1), 1},
		})
	}
	return read
}

func TestLines(t *testing.T) {
	tests := []struct{ name, read, want string }{
		{"nothing", "", ""},
		{"a vowel", "សមួហភាព", "សមូហភាព"},
		{"a letter", "ការទទួលខុសក្រូវ", "ការទទួលខុសត្រូវ"},
		{"two in a line", "សមួហភាព ការទទួលខុសក្រូវ", "សមូហភាព ការទទួលខុសត្រូវ"},
		{"a sure word", "សមួហភាព*", "សមួហភាព"},
		{"what is certain, in a sure word", "ព្រ៖មហាក្សត្រ*", "ព្រះមហាក្សត្រ"},
		{"digits, Latin and signs", "មាត្រា ១៦ ABC-12 (ក) %", "មាត្រា ១៦ ABC-12 (ក) %"},
		{"right words", "ព្រះរាជាណាចក្រកម្ពុជា ជាតិ សាសនា ព្រះមហាក្សត្រ", "ព្រះរាជាណាចក្រកម្ពុជា ជាតិ សាសនា ព្រះមហាក្សត្រ"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			lines, want := []document.Line{line(test.read), line("។")}, []document.Line{line(test.read), line("។")}
			want[0].Text = test.want
			for i, text := range strings.Fields(test.want) {
				want[0].Words[i].Text = text
			}
			Lines(lines)
			if diff := cmp.Diff(want, lines); diff != "" {
				t.Errorf("want -, got +:\n%s", diff)
			}
		})
	}
	for name, test := range map[string]struct{ read, unsure, sure string }{
		"far likelier": {"សមួហភាព", "សមូហភាព", "សមូហភាព"},
		"likelier":     {"សមូហកាព ក*", "សមូហភាព ក", "សមូហកាព ក"},
		"certain":      {"ព្រ៖មហា", "ព្រះមហា", "ព្រះមហា"},
	} {
		for page, want := range map[string]string{"។": test.unsure, "ក* ខ* គ* ឃ* ង* ច*": test.sure} {
			lines := []document.Line{line(test.read), line(page)}
			if Lines(lines); lines[0].Text != want {
				t.Errorf("what is %s, beside %s: %s became %s, want %s", name, page, test.read, lines[0].Text, want)
			}
		}
	}
}

func FuzzLines(f *testing.F) {
	for _, seed := range []string{"សមួហភាព ១៦", "ព្រ៖ [បa1=", "្ ា \xff", "ឌុ\u200Bឱុ"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		read, mended := line(text), line(text)
		Lines([]document.Line{mended})
		if len(mended.Words) != len(read.Words) {
			t.Fatalf("%q has become %d words", text, len(mended.Words))
		}
		for i, word := range mended.Words {
			if (word.Text == "") != (read.Words[i].Text == "") || !slices.Equal(untouchable(word.Text), untouchable(read.Words[i].Text)) {
				t.Errorf("%+q has become %+q", read.Words[i].Text, word.Text)
			}
		}
	})
}

// untouchable are the digits of a text and the letters of other scripts.
func untouchable(text string) []rune {
	var found []rune
	for _, r := range text {
		if unicode.IsDigit(r) || unicode.IsLetter(r) && !unicode.Is(unicode.Khmer, r) {
			found = append(found, r)
		}
	}
	return found
}

func TestModelIsADistribution(t *testing.T) {
	var counts Counts
	for _, text := range []string{"កខ គ", "កខឃ", "ក១", "", "កខ\u200Bគង a"} {
		counts.Add(text)
	}
	var packed bytes.Buffer
	if err := counts.Write(&packed); err != nil {
		t.Fatal(err)
	}
	m, err := readModel(&packed)
	if err != nil {
		t.Fatal(err)
	}
	symbols := func(text string) []symbol {
		found := []symbol{edge}
		for _, s := range visible(text) {
			found = append(found, s)
		}
		return found
	}
	for _, history := range []string{"", "ក", "កខ", "កខគ", "ង", "ហអ"} {
		sum := 0.0
		for s := range symbol(200) {
			sum += math.Exp(m.after(append(symbols(history), s+1)))
		}
		if math.Abs(sum-1) > 1e-4 {
			t.Errorf("likelihoods after %q add up to %f", history, sum)
		}
	}
	if m.after(symbols("កខ")) <= m.after(symbols("កគ")) {
		t.Error("what was counted is not likelier than what was not")
	}
	if m.after(symbols("កខគ")) <= m.after(symbols("ហខគ")) {
		t.Error("what stands before does not count")
	}
}

func TestSymbols(t *testing.T) {
	if symbolOf('្', 'ដ') != symbolOf('្', 'ត') || symbolOf('ក', 'ដ') == symbolOf('ក', 'ត') {
		t.Error("only the subscripts ដ and ត are one")
	}
	if symbolOf(0, '៥') != digit || symbolOf(0, '7') != digit || symbolOf(0, 'x') != other {
		t.Error("digits or Latin letters are taken for Khmer")
	}
}

func TestConfusionsCanBeRead(t *testing.T) {
	for read, found := range confusions() {
		for _, c := range found {
			if len([]rune(read)) > longest || len(c.written) > longest || c.share > 0 || string(c.written) == read {
				t.Errorf("%q for %q in a share of %g", read, string(c.written), math.Exp(c.share))
			}
		}
	}
}

// BenchmarkLines of a full page that is unsure throughout.
func BenchmarkLines(b *testing.B) {
	khmerModel()
	for b.Loop() {
		b.StopTimer()
		var lines []document.Line
		for range 32 {
			lines = append(lines, line("ការទទួលខុសក្រូវ ចំពោះសមួហភាព និងក្រុមប្រឹក្យា នៃព្រះរាជាណាចក្រកម្ពុជា"))
		}
		b.StartTimer()
		Lines(lines)
	}
}

func BenchmarkReadModel(b *testing.B) {
	for b.Loop() {
		if _, err := readModel(bytes.NewReader(packedNgrams)); err != nil {
			b.Fatal(err)
		}
	}
}
