package khmer

import (
	"strings"
	"testing"
)

func TestVerdict(t *testing.T) {
	const sound = "បណ្ណាល័យរក្សាទុកសៀវភៅចាស់ៗ និងឯកសារជាច្រើន។ "
	tests := []struct {
		name string
		text string
		want Verdict
	}{
		{"no text", "", Empty},
		{"white space and invisible characters only", " \n\u200B\f", Empty},
		{"Khmer", sound, Sound},
		{"Khmer with Latin words and digits", sound + "OCR 2024 PDF ១២", Sound},
		{"one wrong cluster in several hundred", strings.Repeat(sound, 12) + "េ", Sound},
		{"one wrong cluster in a line", sound + "េដាយ", Broken},
		{"visual order", "េនៅក�ុង េសចក្តី េដាយ", Broken},
		{"vowels before their letters, inside of a line", sound + "ពិេសសជូែន", Broken},
		{"letters that stand below others are lost", strings.Repeat("កមពុជា បណាលយរកសាទុក ", 20), Broken},
		{"a short text without subscripts", "មាតិកា អារម្ភកថា", Sound},
		{"coengs without a letter", "ក្ ខ្ ស្ត ្រី", Broken},
		{"one replacement character in a line", sound + "\uFFFD", Broken},
		{"private use characters", sound + "\uE001\uE002", Broken},
		{"control characters", sound + "\x01\x02", Broken},
		{"letters of another script", sound + "ກຂ", Broken},
		{"English", "The reading room is open from Monday to Friday, 8:00-16:00 (Phnom Penh).", Sound},
		{"French", "L'État protège la bibliothèque; n° 12 À PARIS.", Sound},
		{"codes of a legacy font", "sþIBIkareRbIR)as;kmøaMg nigGavuF edaym®nþIRbtibtiþc,ab; eKalkarN_CamUldæan", Broken},
		{"codes of a legacy font between English lines",
			"eKalkarN_CamUldæan sþIBIkareRbIR)as;kmøaMg\nBasic Principles on the Use of Force and Firearms by law", Broken},
		{"a page number alone", "12", Broken},
		{"little Khmer on a page of digits", "ក " + strings.Repeat("12 345 ", 20), Broken},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			layer := Examine(test.text)
			if got := layer.Verdict(); got != test.want {
				t.Errorf("verdict is %s, want %s; %+v", got, test.want, layer)
			}
		})
	}
}
