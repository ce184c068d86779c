package apigateway

import (
	"flag"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/openplp/khocr/apigateway/jobview"
)

var update = flag.Bool("update", false, "write the tables into docs/api.md")

const guide = "../docs/api.md"

// TestTheGuideListsEveryCode compares the tables of the guide with the code's. With -update it writes them.
func TestTheGuideListsEveryCode(t *testing.T) {
	source, err := os.ReadFile(guide)
	if err != nil {
		t.Fatal(err)
	}
	text := string(source)
	for name, want := range map[string]string{
		"problems": problemTable(), "failures": wordTable(jobview.Failures()), "waits": wordTable(jobview.Waits()),
	} {
		begin, end := "<!-- "+name+" -->\n", "<!-- /"+name+" -->"
		before, rest, ok := strings.Cut(text, begin)
		table, after, closed := strings.Cut(rest, end)
		if !ok || !closed {
			t.Fatalf("the guide has no place for %s", name)
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

func problemTable() string {
	var table strings.Builder
	table.WriteString("| Status | Code | Meaning | អត្ថន័យ |\n|---|---|---|---|\n")
	for _, p := range Problems() {
		fmt.Fprintf(&table, "| %d | `%s` | %s | %s |\n", p.Status, p.Code, p.English, p.Khmer)
	}
	return table.String()
}

func wordTable(words map[string]jobview.Reason) string {
	var table strings.Builder
	table.WriteString("| Code | Meaning | អត្ថន័យ |\n|---|---|---|\n")
	for _, reason := range slices.Sorted(maps.Keys(words)) {
		fmt.Fprintf(&table, "| `%s` | %s | %s |\n", words[reason].Code, words[reason].Message, words[reason].MessageKm)
	}
	return table.String()
}
