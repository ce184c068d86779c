package vision

import (
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/openplp/khocr/internal/document"
)

// hostile are texts of a quarter of a megabyte that could take long.
func hostile() map[string]string {
	const size = 256 << 10
	random := rand.New(rand.NewPCG(5, 6))
	fill := func(text string) string { return strings.Repeat(text, size/len(text)) }
	anything := make([]rune, size/3)
	for i := range anything {
		anything[i] = rune(0x1780 + random.IntN(0x60))
	}
	return map[string]string{
		"one letter":               fill("ក"),
		"spaces":                   fill(" "),
		"words of one letter":      fill("ក "),
		"lines of one letter":      fill("ក\n"),
		"marks":                    fill("\u17d2"),
		"combining marks":          fill("\u0301"),
		"any Khmer":                string(anything),
		"the page again and again": fill(letter().Text + "\n"),
		"a line of the page":       fill("ព្រះរាជាណាចក្រកម្ពុជា "),
		"fences":                   fill("```\n"),
		"thinking":                 fill("<think></think>"),
		"tags":                     fill("<"),
		"bars":                     fill("|---|\n"),
		"stars":                    fill("**a"),
		"refusals":                 fill("I'm sorry, I can't "),
		"braces":                   fill("{\"a\":"),
		"joiners":                  fill("\u200c\u200d"),
		"bytes that are no UTF-8":  fill("\xff\xe1\x9e"),
	}
}

// densePage has as many lines as fit a page twice over, all alike or all different.
func densePage(random *rand.Rand) *document.Page {
	var lines []document.Line
	for i := range 100 {
		var text strings.Builder
		for range 60 {
			text.WriteRune(rune(0x1780 + random.IntN(0x22)))
			if random.IntN(8) == 0 {
				text.WriteByte(' ')
			}
		}
		lines = append(lines, printed(text.String(), 50, float64(8*i)))
	}
	return pageOf(lines...)
}

func BenchmarkHostile(b *testing.B) {
	quick := densePage(rand.New(rand.NewPCG(7, 8)))
	for name, text := range hostile() {
		for _, step := range []struct {
			name string
			do   func()
		}{
			{"Clean", func() { Clean(text) }},
			{"Judge", func() { Judge(text, quick) }},
			{"Align", func() { Align(text, quick) }},
		} {
			b.Run(name+"/"+step.name, func(b *testing.B) {
				for b.Loop() {
					step.do()
				}
			})
		}
	}
}

func TestNoTextIsTooMuch(t *testing.T) {
	quick := letter()
	for name, text := range hostile() {
		t.Run(name, func(t *testing.T) {
			if reason := Judge(Clean(text), quick); reason == "" {
				t.Error("it was believed")
			}
			checkAligned(t, text, quick)
		})
	}
}

func FuzzVision(f *testing.F) {
	for _, text := range []string{"", letter().Text, "ក\u17d2", "a\u200b\u0301 \xff", "```\nx\n```", "<think>a</think>b", "|a|b|\n|---|---|\n|១|២|"} {
		f.Add(text, letter().Text, 50.0)
	}
	f.Fuzz(func(t *testing.T, text, read string, confidence float64) {
		if !(confidence >= 0 && confidence <= 100) {
			t.Skip()
		}
		var lines []document.Line
		for line := range strings.Lines(read) {
			if strings.TrimSpace(line) != "" {
				lines = append(lines, printed(line, 50, float64(50+20*len(lines))))
			}
		}
		quick := pageOf(lines...)
		for i := range quick.Lines {
			for j := range quick.Lines[i].Words {
				quick.Lines[i].Words[j].Confidence = confidence
			}
		}
		text = Clean(text)
		if reason := Judge(text, quick); reason != "" && document.AIReasons()[reason] == "" {
			t.Fatalf("%q is no reason", reason)
		}
		checkAligned(t, text, quick)
		for _, line := range quick.Lines {
			checkCorrected(t, line, text)
		}
	})
}

// checkCorrected: a corrected line has a text in every word, each in its box.
func checkCorrected(t *testing.T, line document.Line, text string) {
	t.Helper()
	corrected, changed := CorrectLine(line, text)
	if len(corrected.Words) != len(line.Words) || corrected.Box != line.Box || changed != (corrected.Text != line.Text) {
		t.Fatalf("%+v became %+v (%v) by %q", line, corrected, changed, text)
	}
	for i, word := range corrected.Words {
		if word.Text == "" || word.Box != line.Words[i].Box || word.Confidence < 0 || word.Confidence > 100 {
			t.Fatalf("the word %+v became %+v by %q", line.Words[i], word, text)
		}
	}
}
