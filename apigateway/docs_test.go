package apigateway

import (
	"flag"
	"fmt"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/openplp/khocr/apigateway/jobview"
)

var update = flag.Bool("update", false, "write what is made of the code's tables into docs/errors.md and the OpenAPI document")

const guide = "../docs/errors.md"

// TestTheGuideListsEveryCode compares the tables of the guide with the code's, and looks for the advice on each code, which is
// written by hand. With -update it writes the rest.
func TestTheGuideListsEveryCode(t *testing.T) {
	source, err := os.ReadFile(guide)
	if err != nil {
		t.Fatal(err)
	}
	text := string(source)
	for name, render := range map[string]func(advice map[string]string) string{
		"problems": problemTable,
		"failures": func(advice map[string]string) string { return wordTable(jobview.Failures(), advice) },
		"waits":    func(advice map[string]string) string { return wordTable(jobview.Waits(), advice) },
		"ai":       func(advice map[string]string) string { return wordTable(jobview.AIReasons(), advice) },
	} {
		begin, end := "<!-- "+name+" -->\n", "<!-- /"+name+" -->"
		before, rest, ok := strings.Cut(text, begin)
		table, after, closed := strings.Cut(rest, end)
		if !ok || !closed {
			t.Fatalf("the guide has no place for %s", name)
		}
		advice := adviceIn(table)
		want := render(advice)
		for code, text := range adviceIn(want) {
			if text == "" {
				t.Errorf("the guide does not say what to do about %s", code)
			}
		}
		if *update {
			text = before + begin + want + end + after
		} else if table != want {
			t.Errorf("the guide's table of %s is not the code's; run go test ./apigateway -run Guide -update", name)
		}
	}
	if *update {
		if err := os.WriteFile(guide, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// adviceIn reads the last column of a table, by code.
func adviceIn(table string) map[string]string {
	advice := map[string]string{}
	for _, row := range regexp.MustCompile("(?m)^\\|.*?`([a-z_]+)` \\|.*\\| ([^|]*)\\|$").FindAllStringSubmatch(table, -1) {
		advice[row[1]] = strings.TrimSpace(row[2])
	}
	return advice
}

func problemTable(advice map[string]string) string {
	var table strings.Builder
	table.WriteString("| Status | Code | Meaning | អត្ថន័យ | What to do |\n|---|---|---|---|---|\n")
	for _, p := range Problems() {
		fmt.Fprintf(&table, "| %d | `%s` | %s | %s | %s |\n", p.Status, p.Code, p.English, p.Khmer, advice[p.Code])
	}
	return table.String()
}

func wordTable(words map[string]jobview.Reason, advice map[string]string) string {
	var table strings.Builder
	table.WriteString("| Code | Meaning | អត្ថន័យ | What to do |\n|---|---|---|---|\n")
	for _, reason := range slices.Sorted(maps.Keys(words)) {
		one := words[reason]
		fmt.Fprintf(&table, "| `%s` | %s | %s | %s |\n", one.Code, one.Message, one.MessageKm, advice[one.Code])
	}
	return table.String()
}
