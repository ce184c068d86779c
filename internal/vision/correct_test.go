package vision

import (
	"reflect"
	"strings"
	"testing"

	"github.com/openplp/khocr/internal/document"
)

// lineOf words with their confidences.
func lineOf(text string, confidences ...float64) document.Line {
	line := printed(text, 50, 50)
	for i := range line.Words {
		line.Words[i].Confidence = confidences[min(i, len(confidences)-1)]
	}
	line.Confidence = meanConfidence(line.Words)
	return line
}

func TestCorrectLine(t *testing.T) {
	for name, test := range map[string]struct {
		line document.Line
		text string
		// want is the text of the line; nothing where it stays.
		want string
	}{
		"one cluster of an unsure word":         {lineOf("បណ្ណាល័យ សាធារណ", 90, 50), "បណ្ណាល័យ សាធារណៈ", "បណ្ណាល័យ សាធារណៈ"},
		"the line's own spaces stay":            {lineOf("បណ្ណាល័យ សាធារណ", 90, 50), "បណ្ណាល័យសាធារណៈ", "បណ្ណាល័យ សាធារណៈ"},
		"a mark of another place":               {lineOf("ដេីម ស្រុក", 40), "ដើម ស្រូក", "ដើម ស្រូក"},
		"nothing is different":                  {lineOf("បណ្ណាល័យ សាធារណៈ", 50), "បណ្ណាល័យ សាធារណៈ", ""},
		"another line":                          {lineOf("បណ្ណាល័យ សាធារណៈ", 10), "ទន្លេសាបផ្តល់ត្រី", ""},
		"more than a sure line allows":          {lineOf("កខគឃងចឆជឈញ", 95), "កខគឃងចឆជដឋ", ""},
		"as much as an unsure one allows":       {lineOf("កខគឃងចឆជឈញ", 85), "កខគឃងចឆជដឋ", "កខគឃងចឆជដឋ"},
		"never more than half":                  {lineOf("កខគឃងច", 0), "កខដឋឌឍ", ""},
		"nothing":                               {lineOf("កខគ", 0), " ", ""},
		"a word that would vanish":              {lineOf("កខគឃ ង", 10), "កខគឃ", ""},
		"a digit of a sure word":                {lineOf("ចំនួន ១២៥០០ ទំព័រ", 60, 92, 60), "ចំនួន ១២៦០០ ទំព័រ", ""},
		"a digit of an unsure word":             {lineOf("ចំនួន ១២៥០០ ទំព័រ", 60, 40, 60), "ចំនួន ១២៦០០ ទំព័រ", "ចំនួន ១២៦០០ ទំព័រ"},
		"a letter beside a sure number":         {lineOf("ចំនូន ១២៥០០ ទំព័រ", 60, 92, 60), "ចំនួន ១២៥០០ ទំព័រ", "ចំនួន ១២៥០០ ទំព័រ"},
		"a fence around":                        {lineOf("បណ្ណាល័យ សាធារណ", 50), "```\nបណ្ណាល័យ សាធារណៈ\n```", "បណ្ណាល័យ សាធារណៈ"},
		"a remark and no reading":               {lineOf("បណ្ណាល័យ សាធារណ", 50), "I'm sorry, I can't read this line.", ""},
		"a remark before":                       {lineOf("បណ្ណាល័យ សាធារណ", 50), "The line reads: បណ្ណាល័យ សាធារណៈ", ""},
		"the neighbours' letters, not theirs":   {lineOf("កខ គឃ", 30), "កខ គង", "កខ គង"},
		"a letter more at the end of a word":    {lineOf("កខគ ឃងច", 40), "កខគ ឃងចឆ", "កខគ ឃងចឆ"},
		"a letter more at the end of the first": {lineOf("កខគ ឃងច", 40), "កខគឆ ឃងច", "កខគឆ ឃងច"},
		"a letter less":                         {lineOf("កខគ ឃងច", 40), "កខ ឃងច", "កខ ឃងច"},
	} {
		t.Run(name, func(t *testing.T) {
			corrected, changed := CorrectLine(test.line, test.text)
			if changed != (test.want != "") {
				t.Fatalf("changed is %v: %q", changed, corrected.Text)
			}
			if !changed && !reflect.DeepEqual(corrected, test.line) {
				t.Errorf("the line is %+v", corrected)
			}
			if changed && corrected.Text != test.want {
				t.Errorf("it is %q, want %q", corrected.Text, test.want)
			}
			checkCorrected(t, test.line, test.text)
		})
	}
}

func TestTheConfidenceOfACorrectedWordIsWhatBothRead(t *testing.T) {
	line := lineOf("កខគឃ ងច", 50, 70)
	corrected, _ := CorrectLine(line, "កខគដ ងច")
	if got := corrected.Words[0].Confidence; got != 75 {
		t.Errorf("of the corrected word it is %v", got)
	}
	if got := corrected.Words[1].Confidence; got != 70 {
		t.Errorf("of the other it is %v", got)
	}
	if corrected.Confidence != 72.5 {
		t.Errorf("of the line it is %v", corrected.Confidence)
	}
	if line.Words[0].Text != "កខគឃ" {
		t.Error("the line was changed")
	}
}

func TestUnsure(t *testing.T) {
	page := pageOf(lineOf("ក", 90), lineOf("ខ", 40), lineOf("គ", 70), lineOf("ឃ", 10), lineOf("ង", 60))
	page.Lines = append(page.Lines, document.Line{Text: "ច", Confidence: 5}, document.Line{Box: document.Box{1, 1, 2, 2}})
	for name, test := range map[string]struct {
		below float64
		most  int
		want  []int
	}{
		"all that are below":         {75, 10, []int{1, 2, 3, 4}},
		"the least sure, in order":   {75, 2, []int{1, 3}},
		"at the bound they are sure": {40, 10, []int{3}},
		"none":                       {10, 10, nil},
		"none wanted":                {75, 0, nil},
		"less than none wanted":      {75, -1, nil},
	} {
		t.Run(name, func(t *testing.T) {
			got := Unsure(page, test.below, test.most)
			if len(got) != len(test.want) || len(got) > 0 && !reflect.DeepEqual(got, test.want) {
				t.Errorf("lines %v, want %v", got, test.want)
			}
		})
	}
}

func TestClean(t *testing.T) {
	for name, test := range map[string]struct{ text, want string }{
		"text stays":                     {"ជាតិ សាសនា\nព្រះមហាក្សត្រ", "ជាតិ សាសនា\nព្រះមហាក្សត្រ"},
		"a fence":                        {"```\nជាតិ\n```", "ជាតិ"},
		"a fence with a language":        {"```markdown\nជាតិ\nសាសនា\n```\n", "ជាតិ\nសាសនា"},
		"a fence that is announced":      {"Here is the text of the page:\n\n```text\nជាតិ\nសាសនា\n```", "ជាតិ\nសាសនា"},
		"a fence inside stays":           {"a\n```\nb\n```\nc", "a\n```\nb\n```\nc"},
		"thinking":                       {"<think>\nhm\n</think>\nជាតិ", "ជាតិ"},
		"thinking without its beginning": {"hm, a page\n</think>\n\nជាតិ", "ជាតិ"},
		"a label":                        {"Transcription:\nជាតិ", "ជាតិ"},
		"a label in Khmer":               {"**អត្ថបទ៖**\nជាតិ", "ជាតិ"},
		"a label with text behind stays": {"Text: ជាតិ\nAnswer: 12", "Text: ជាតិ\nAnswer: 12"},
		"layers":                         {"<think>a</think>\nOutput:\n```text\nជាតិ\n```", "ជាតិ"},
		"a table":                        {"| ល.រ | ឈ្មោះ |\n|---|:---:|\n| ១ | សុខ |\n\nសរុប", "ល.រ ឈ្មោះ\n១ សុខ\n\nសរុប"},
		"bars that are no table":         {"a | b\nc | d", "a | b\nc | d"},
		"bold type and a heading":        {"## **ជាតិ**\n2 ** 3", "ជាតិ\n2 ** 3"},
		"a number sign":                  {"#12 St. 240", "#12 St. 240"},
		"nothing":                        {"```\n```", ""},
	} {
		t.Run(name, func(t *testing.T) {
			if got := Clean(test.text); got != test.want {
				t.Errorf("it is %q, want %q", got, test.want)
			}
		})
	}
	if got := Clean(strings.Repeat("```\n", 9)); strings.Count(got, "```") == 9 {
		t.Errorf("nothing was taken off: %q", got)
	}
}
