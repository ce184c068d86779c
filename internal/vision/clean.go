package vision

import (
	"regexp"
	"strings"
)

var (
	// thinking that a model did aloud before it answered: a block, or the end of one whose beginning the server took off.
	thinking = regexp.MustCompile(`(?is)^(?:<(?:think|thinking|reasoning)>.*?</(?:think|thinking|reasoning)>|.*?</think>)`)
	// announced is a code fence below one line that announces it.
	announced = regexp.MustCompile("(?s)^[^\\n]{1,200}[:៖][ \\t]*\\r?\\n\\s*((?:```|~~~)[^\\n]*\\n.*(?:```|~~~))$")
	fence     = regexp.MustCompile("(?s)^(?:```|~~~)[A-Za-z0-9_+-]*[ \t]*\r?\n(.*?)\r?\n?(?:```|~~~)$")
	label     = regexp.MustCompile(`(?i)^[*_#\s]*(?:extracted text|transcribed text|transcription|transcript|ocr text|ocr output|ocr result|ocr|output|answer|` +
		`អត្ថបទ|អក្សរ|លទ្ធផល|អត្ថបទក្នុងរូបភាព)[*_]*\s*[:៖][*_]*[ \t]*(?:\r?\n|$)`)
	emphasis = regexp.MustCompile(`\*\*([^*\n]+)\*\*`)
	heading  = regexp.MustCompile(`(?m)^#{1,6} +`)
	// tableRule is the line of a Markdown table between its head and its rows.
	tableRule = regexp.MustCompile(`^\s*\|?(?:\s*:?-{3,}:?\s*\|)+\s*(?::?-{3,}:?\s*)?$`)
)

// Clean takes off what models put around a text although they were told not to: a thinking block, a label, a code fence, the marks of
// headings, bold type and tables in Markdown. What stands inside stays as it is.
func Clean(text string) string {
	// A few layers: more are no model's manner.
	for range 4 {
		before := text
		text = strings.TrimSpace(text)
		text = strings.TrimSpace(text[len(thinking.FindString(text)):])
		text = strings.TrimSpace(text[len(label.FindString(text)):])
		if inside := announced.FindStringSubmatch(text); inside != nil {
			text = inside[1]
		}
		if inside := fence.FindStringSubmatch(text); inside != nil {
			text = inside[1]
		}
		text = heading.ReplaceAllString(emphasis.ReplaceAllString(text, "$1"), "")
		text = strings.TrimSpace(withoutBars(text))
		if text == before {
			break
		}
	}
	return text
}

// withoutBars takes the bars off the rows of tables in Markdown, which are told by the rule below their head.
func withoutBars(text string) string {
	if !strings.Contains(text, "|") {
		return text
	}
	lines := strings.Split(text, "\n")
	kept := lines[:0:0]
	table, found := false, false
	for i, line := range lines {
		if tableRule.MatchString(line) {
			found = true
			continue
		}
		head := i+1 < len(lines) && tableRule.MatchString(lines[i+1])
		table = strings.Contains(line, "|") && (head || table || i > 0 && tableRule.MatchString(lines[i-1]))
		if table {
			line = strings.Join(strings.Fields(strings.ReplaceAll(line, "|", " ")), " ")
		}
		kept = append(kept, line)
	}
	if !found {
		return text
	}
	return strings.Join(kept, "\n")
}
