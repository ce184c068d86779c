package legacy

import (
	"strings"
	"testing"
	"unicode/utf8"

	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/unicode/norm"

	"github.com/openplp/khocr/internal/khmer"
)

func TestFind(t *testing.T) {
	tests := []struct {
		font, family string
		decodes      bool
	}{
		{"OKCNMA+LimonR1", "Limon", true},
		{"Limon S1", "Limon", true},
		{"LimonF3,Bold", "Limon", true},
		{"LIMON#20S2", "Limon", true},
		{"ABC-TEXT-05", "ABC", true},
		{"ABCDEF+ABC-HEAD-02", "ABC", true},
		{"ABC-TEXT-11", "ABC", true},
		{"ABC-TEXT-24", "ABC", true},
		{"ABC-TEXT-05A", "ABC-ZWSP", true},
		{"ABC-ZWSP", "ABC", false},
		{"Truth11", "Truth", true},
		{"Truth12", "Truth", false},
		{"Baidok3C", "Baidok", true},
		{"Baidok1", "Baidok", false},
		{"KhekSamreth", "Khek", true},
		{"@Riel Khek", "Khek", true},
		{"FK1", "FK", true},
		{"FK12", "FK", false},
		{"KSW Kaoh Kong", "Kaoh Kong", true},
		{"A Rasmei Kampuchea Text", "Rasmei Kampuchea", true},
		{"TacteingA", "Tacteing", true},
		{"KhmerOSbattambang", "", false},
		{"ABCDEF+Arial", "", false},
		{"ABC Sans", "", false},
		{"", "", false},
	}
	for _, test := range tests {
		t.Run(test.font, func(t *testing.T) {
			family := Find(test.font)
			switch {
			case (family == nil) != (test.family == ""):
				t.Errorf("family is %+v, want %q", family, test.family)
			case family != nil && (family.Name != test.family || family.Decodes() != test.decodes):
				t.Errorf("family is %s, decodes %v", family.Name, family.Decodes())
			}
		})
	}
}

// typed is what a PDF reader gives for codes.
func typed(t *testing.T, codes string) []rune {
	t.Helper()
	glyphs := make([]rune, len(codes))
	for i := range len(codes) {
		glyphs[i] = charmap.Windows1252.DecodeByte(codes[i])
		if glyphs[i] == utf8.RuneError {
			// No character of the code page.
			glyphs[i] = rune(codes[i])
		}
	}
	return glyphs
}

func join(syllables []Syllable) string {
	var text strings.Builder
	for _, syllable := range syllables {
		text.WriteString(syllable.Text)
	}
	return text.String()
}

func TestDecode(t *testing.T) {
	tests := []struct {
		name, font, codes, want string
	}{
		{"a vowel drawn before its letter", "LimonS1", "eK", "គេ"},
		{"the halves of a vowel", "LimonS1", "eKal eyIg", "គោល យើង"},
		{"a half that has the vowel's name", "LimonS1", "eTot eRCAg ehOn", "ទៀត ជ្រៅង ហឿន"},
		{"ro drawn before its letter", "LimonS1", "RbCaCn", "ប្រជាជន"},
		{"ro behind another subscript", "LimonS1", "m®nþI", "មន្ត្រី"},
		{"a vowel and ro before a letter", "LimonS1", "eRbI", "ប្រើ"},
		{"ba joined to its vowel", "LimonS1", ")an ce)AH", "បាន ចបៅះ"},
		{"nyo without its lower half", "LimonS1", "bB¢ak; sBaØa bBaða", "បញ្ជក់ សញ្ញា បញ្ហា"},
		{"nyo with its vowel", "LimonS1", "bB¢aak;", "បញ្ជាក់"},
		{"po with a subscript of another row", "LimonS1", "BüaTi§", "ព្យាទ្ធិ"},
		{"a letter drawn as another with a subscript", "LimonS1", "b¤ b£ B¤ B£", "ឬ ឫ ឮ ឭ"},
		{"a letter drawn as another with a mark", "LimonS1", "]_ ]u ]‘", "ឳ ឩ ឨ"},
		{"one that only begins words", "LimonS1", "B§rd¾ R)arB§", "ឰរដ៏ ប្រារព្ធ"},
		{"a shifter that is drawn as the vowel below", "LimonS1", "esuIb muWn", "ស៊ើប ម៉ឺន"},
		{"a robat", "LimonS1", "Bt’man", "ពត៌មាន"},
		{"a mark struck twice", "LimonS1", "siiT§", "សិទ្ធ"},
		{"digits of both kinds and signs", "LimonS1", "1990. !@#$%^&*(> ¬k¦ 50°", "១៩៩០។ 123456789. (ក) ៥០%"},
		{"a colon", "LimonS1", "eTA³ enH³ ³", "ទៅ៖ នេះ៖ ៖"},
		{"final dots", "LimonS1", "KN³ eTs³", "គណៈ ទេសៈ"},
		{"the micro sign as a Greek letter", "LimonS1", "kμ", "ក្ម"},
		{"codes of a font without names for its glyphs", "LimonS1", "\uf06b\uf061", "កា"},
		{"a code that the font does not have", "LimonS1", "k\"a", "ក\ufffdា"},
		{"ABC", "ABC-TEXT-05", "RB¼raCaNacRkkm<úCa ehIynig .", "ព្រះរាជាណាចក្រកម្ពុជា ហើយនិង ។"},
		{"ABC that draws a letter with two glyphs", "ABC-TEXT-11", "eTLIg", "ឡើង"},
		{"ABC whose full stop is the space", "ABC-TEXT-05A", "kar gar.tam>", "ការ\u200Bងារ តាម។"},
		{"Truth", "Truth11", "R)aMg ¼", "ប្រាំង ៕"},
		{"Baidok", "Baidok3C", "kmµJCa eFVI", "កម្មពាជា ឍ្វើ"},
		{"Khek", "Khek Samreth", "åbCaCn eåbI", "ប្រជាជន ប្រើ"},
		{"FK", "FK1", "dopydy stp\\", "ប្រានន្រ កោ។"},
		{"FK with a vowel of two glyphs", "FK1", "sñt upVp", "កែ ញា"},
		{"Kaoh Kong", "Kaoh Kong", "AY¡ ´A¡", "កមា កោ"},
		{"Rasmei Kampuchea", "A Rasmei Kampuchea Text", "dopydyrt", "ប្រានន្រមក"},
		{"a font whose code is not known", "FK3", "ab", "\ufffd\ufffd"},
		{"ornaments", "Tacteing", "DFE", ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if got := join(Find(test.font).Decode([]rune(test.codes))); got != test.want {
				t.Errorf("%q is %q, want %q", test.codes, got, test.want)
			}
		})
	}
}

// Every code of every family draws what its table says, alone and in a syllable, and no other code draws anything.
func TestEveryCode(t *testing.T) {
	for _, known := range families {
		family := known.family
		if family.code == nil {
			continue
		}
		t.Run(family.Name, func(t *testing.T) {
			used := 0
			for code, glyph := range family.code.glyphs {
				got := join(family.Decode([]rune{rune(code)}))
				switch {
				case glyph != "":
					used++
					if want := khmer.Order(glyph); got != want && !(glyph == finalDots && got == colon) {
						t.Errorf("code %#x is %q, want %q", code, got, want)
					}
				case code == ' ' || code == noBreakSpace:
					if got != " " {
						t.Errorf("the space %#x is %q", code, got)
					}
				case got != "\ufffd":
					t.Errorf("code %#x, which is not used, is %q", code, got)
				}
			}
			if used < 130 {
				t.Errorf("only %d codes are used", used)
			}
			for codes, want := range family.code.ligatures {
				if got := join(family.Decode(typed(t, codes))); got != want {
					t.Errorf("%q is %q, want %q", codes, got, want)
				}
			}
		})
	}
}

// Every letter can be written with the codes of every family, and as a subscript.
func TestEveryLetterHasACode(t *testing.T) {
	for _, known := range families {
		if known.family.code == nil || known.family.code == &abcSplitLA {
			continue
		}
		drawn := strings.Join(known.family.code.glyphs[:], " ")
		for letter := '\u1780'; letter <= '\u17A2'; letter++ {
			if letter == '\u179D' || letter == '\u179E' {
				continue // for Sanskrit only
			}
			if !strings.Contains(drawn, " "+string(letter)) {
				t.Errorf("%s has no code for %c", known.family.Name, letter)
			}
		}
	}
}

func FuzzDecode(f *testing.F) {
	for _, known := range families {
		f.Add(known.names.String()[1:], "eRbI m®nþI bB¢aak; )an")
	}
	f.Add("LimonS1", "\uf06b\u200b\xff\x00eRRR¤¤³")
	f.Fuzz(func(t *testing.T, font, text string) {
		family := Find(font)
		if family == nil {
			family = Find("LimonS1")
		}
		glyphs := []rune(text)
		syllables := family.Decode(glyphs)
		at := 0
		for _, syllable := range syllables {
			// Only the parts of one glyph may begin before the end of the last.
			if syllable.From > at || syllable.To <= syllable.From || syllable.To > len(glyphs) {
				t.Fatalf("%+v comes after glyph %d of %d", syllable, at, len(glyphs))
			}
			at = syllable.To
		}
		if at != len(glyphs) {
			t.Fatalf("%d of %d glyphs are decoded", at, len(glyphs))
		}
		decoded := join(syllables)
		for _, syllable := range syllables {
			if ordered := khmer.Order(syllable.Text); ordered != syllable.Text {
				t.Errorf("%q is not in order: %q", syllable.Text, ordered)
			}
		}
		if !norm.NFC.IsNormalString(decoded) {
			t.Errorf("%q is not in NFC", decoded)
		}
	})
}
