package khmer

import (
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

// TestOrderBySpecification has the cases that come with the Khmer Encoding Structure, of which SIL's own normaliser makes
// what is wanted here, but for subscript ដ, which stays.
func TestOrderBySpecification(t *testing.T) {
	tests := map[string]string{
		"ស៊ី":     "ស៊ី សីុ សុី",
		"ស៉ី":     "ស៉ី",
		"ម៉ី":     "ម៉ី មីុ មុី",
		"ម៊ី":     "ម៊ី",
		"កណ្ដាល":  "កណ្ដាល",
		"កណ្តាល":  "កណ្តាល",
		"បន្ត":    "បន្ត",
		"បន្ដ":    "បន្ដ",
		"ខ្មែរ":   "ខ្មែរ ខែ្មរ",
		"ស្ត្រី":  "ស្ត្រី ស្រ្តី ស្តី្រ ស្រី្ត",
		"ស្ដ្រី":  "ស្ដ្រី ស្រ្ដី ស្ដី្រ ស្រី្ដ",
		"កុំ":     "កុំ កំុ",
		"ចាំ":     "ចាំ ចំា",
		"លោក":     "លោក លេាក លាេក",
		"ធ្វើ":    "ធ្វើ ធើ្វ ធ្វេី ធ្វីេ",
		"ម្យ៉ាង":  "ម្យ៉ាង ម៉្យាង",
		"ស្រ៊ី":   "ស្រ៊ី ស៊្រី ស្រុី ស្រីុ សុី្រ សីុ្រ",
		"ស្រ៉ី":   "ស្រ៉ី",
		"ស៊ើប":    "ស៊ើប ស៊េីប ស៊ីេប សុើប សើុប សុេីប សុីេប សីុេប សីេុប សេុីប សេីុប",
		"ស៉ើប":    "ស៉ើប ស៉េីប ស៉ីេប",
		"ស៊ាំ":    "ស៊ាំ សំុា សុំា សាុំ សុាំ សាំុ",
		"ស៊ាំំ":   "សំុំា",
		"ស៉ាំ":    "ស៉ាំ",
		"ឡ ទ្ប":   "ឡ ទ្ប",
		"ឭា ព្ញា": "ឭា ព្ញា",
		"ឧ៌ ឧ៍":   "ឧ៌ ឧ៍",
	}
	for want, texts := range tests {
		wants := strings.Fields(want)
		for i, text := range strings.Fields(texts) {
			if got := Order(text); got != wants[i%len(wants)] {
				t.Errorf("%+q is ordered as %+q, want %+q", text, got, wants[i%len(wants)])
			}
		}
	}
}

func TestOrder(t *testing.T) {
	tests := []struct {
		name       string
		text, want string
	}{
		{"nothing", "", ""},
		{"no Khmer", "Art. 1\té \U0001F600", "Art. 1\té \U0001F600"},
		{"bytes that are no text", "\xffកំុ\xe1\x9e", "\xffកុំ\xe1\x9e"},
		{"digits, signs and spaces", "១៦. ៣០៛ ។ល។ ៗ\u200B\r\n", "១៦. ៣០៛ ។ល។ ៗ\u200B\r\n"},
		{"a robat behind the vowel", "វគាំ៌", "វគ៌ាំ"},
		{"a robat behind a subscript", "ក្ខ៌", "ក៌្ខ"},
		{"ro before two subscripts", "ក្រ្ខ្គ", "ក្ខ្គ្រ"},
		{"two subscripts that are not ro", "ក្គ្ខ", "ក្គ្ខ"},
		{"a subscript independent vowel", "ផិ្ឫ", "ផ្ឫិ"},
		{"final signs last", "អ៊ះ៎", "អ៊៎ះ"},
		{"signs in their own order", "ក័៎ ក៎័", "ក័៎ ក៎័"},
		{"bathamasat and atthacan", "ក៓ា ហ៝៉", "កា៓ ហ៉៝"},
		{"muusikatoan after ba", "បុី ក្បុី", "ប៉ី ក្ប៉ី"},
		{"triisap after a strong subscript", "ម្ហុិ", "ម្ហ៊ិ"},
		{"muusikatoan before samyok sannya", "មុ័រ", "ម៉័រ"},
		{"ុ before a sign that pushes nothing down", "ពុំ ពុះ កុ៎", "ពុំ ពុះ កុ៎"},
		{"ុ behind a shifter stays", "ស៊ុី", "ស៊ុី"},
		{"two ុ stay", "សុុី", "សុុី"},
		{"េ with ី and ា", "កេីា", "កោី"},
		{"ើ with ា", "កើា", "កោី"},
		{"េ with ា and another vowel above", "កេិា", "កោិ"},
		{"ែ with ី", "កែី", "កែី"},
		{"a vowel twice", "កាា", "កាា"},
		{"a vowel without a base", "េដាយ ាេ ៌", "េដាយ ាេ ៌"},
		{"a dotted circle is a base", "◌ំុ", "◌ុំ"},
		{"deprecated and inherent vowels bear no marks", "ឣំុ ក\u17B4ំុ", "ឣំុ ក\u17B4ំុ"},
		{"a coeng twice", "ក្្ខ", "ក្ខ"},
		{"a joiner behind a coeng", "ក្\u200Dខ ក្\u200Cខ", "ក្ខ ក្ខ"},
		{"a coeng without a letter", "កា្ ក្ា ្ក", "កា្ ក្ា ្ក"},
		{"several coengs without a letter", "កា្្\u200C", "កា្"},
		{"a coeng before a mark", "ក្៌ខ", "ក្៌ខ"},
		{"a coeng below nothing", "ក្◌", "ក្◌"},
		{"a shifter held up", "អ៊\u200Cឺ អ៊ឺ", "អ៊\u200Cឺ អ៊ឺ"},
		{"a non-joiner before the shifter", "អ\u200C៊្ហឺ", "អ្ហ៊\u200Cឺ"},
		{"a non-joiner twice", "អ៊\u200C\u200Cឺ", "អ៊\u200Cឺ"},
		{"a non-joiner without a shifter", "ក\u200Cំុ", "ក\u200Cំុ"},
		{"order begins anew at a final coeng", "ពំុ\u200D្ញំុ", "ពុំ\u200D្ញុំ"},
		{"a sentence", "ខ្ញំុរស់នៅរាជធានីភំ្នពេញ", "ខ្ញុំរស់នៅរាជធានីភ្នំពេញ"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if got := Order(test.text); got != test.want {
				t.Errorf("%+q is ordered as %+q, want %+q", test.text, got, test.want)
			}
			if again := Order(test.want); again != test.want {
				t.Errorf("%+q is ordered as %+q", test.want, again)
			}
		})
	}
}

func FuzzOrder(f *testing.F) {
	for _, seed := range []string{
		"ខ្ញំុ", "ស្រ្ដី", "សីេុប", "កេីា", "ក្្\u200D\u200Cខ៌", "អ\u200C៊្ហឺ\u200C", "\xff្\xe1\x9eក", "ព\u200D្ញំុ ក្៌ខ្", "◌្ឣ",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		ordered := Order(text)
		if again := Order(ordered); again != ordered {
			t.Errorf("%+q is ordered as %+q, and that as %+q", text, ordered, again)
		}
		if utf8.RuneCountInString(ordered) > utf8.RuneCountInString(text) {
			t.Errorf("%+q grew to %+q", text, ordered)
		}
		if !slices.Equal(bases(ordered), bases(text)) {
			t.Errorf("%+q has other letters than %+q", ordered, text)
		}
		if !slices.Equal(others(ordered), others(text)) {
			t.Errorf("%+q has other characters than %+q", ordered, text)
		}
	})
}

// bases are the letters of a text, sorted, because subscript ro changes places with others.
func bases(text string) []rune {
	var found []rune
	for _, r := range text {
		if isBase(r) {
			found = append(found, r)
		}
	}
	slices.Sort(found)
	return found
}

// others are the characters of a text that are not of Khmer syllables, in their order.
func others(text string) []rune {
	var found []rune
	for _, r := range text {
		if !isBase(r) && !isDependent(r) && r != zeroWidthJoin && r != zeroWidthNonJoin {
			found = append(found, r)
		}
	}
	return found
}

func BenchmarkOrder(b *testing.B) {
	page := strings.Repeat("ខ្ញុំរស់នៅរាជធានីភ្នំពេញ ស្រ្តី និងសុីហនុ លេាក ១៩៩៣។ ", 40)
	b.SetBytes(int64(len(page)))
	for b.Loop() {
		Order(page)
	}
}
