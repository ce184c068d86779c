package e2e

import (
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
)

// report puts a table into the log and, between its marks, into the file that KHOCR_E2E_REPORT names.
func report(t *testing.T, mark, table string) {
	t.Helper()
	t.Logf("%s:\n%s", mark, table)
	path := os.Getenv("KHOCR_E2E_REPORT")
	if path == "" || t.Failed() {
		return
	}
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	text, err := between(string(content), mark, table)
	if err != nil {
		t.Fatalf("writing to %s: %v", path, err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// between puts a table between the marks of its name.
func between(text, mark, table string) (string, error) {
	begin, end := "<!-- "+mark+" -->\n", "<!-- /"+mark+" -->"
	before, rest, opened := strings.Cut(text, begin)
	_, after, closed := strings.Cut(rest, end)
	if !opened || !closed {
		return "", fmt.Errorf("there are no marks %s and %s", strings.TrimSpace(begin), end)
	}
	return before + begin + table + end + after, nil
}

// tableOf has a line for each round.
func tableOf(outcomes []outcome) string {
	var table strings.Builder
	table.WriteString("| Round | Managers killed | Gateways killed | Jobs | Pages asked for | Delivered | Charged | Refused | Failed | Taken back | Answers lost | Most at once | Versions seen |\n")
	table.WriteString("|---|---|---|---|---|---|---|---|---|---|---|---|---|\n")
	for _, o := range outcomes {
		var charged []string
		for _, month := range slices.Sorted(maps.Keys(o.used)) {
			charged = append(charged, fmt.Sprintf("%d in %s", o.used[month], month))
		}
		fmt.Fprintf(&table, "| %s | %d | %d | %d | %d | %d | %s | %d | %d | %d | %d | %d | %d |\n", o.round, o.killed.managers, o.killed.gateways,
			o.jobs, o.asked, o.delivered, strings.Join(charged, ", "), o.refused, o.failed, o.touched, o.lost, o.peak, o.versions)
	}
	return table.String()
}

func TestTablesGoBetweenTheirMarks(t *testing.T) {
	got, err := between("a\n<!-- fire -->\nold\n<!-- /fire -->\nb\n", "fire", "new\n")
	if want := "a\n<!-- fire -->\nnew\n<!-- /fire -->\nb\n"; err != nil || got != want {
		t.Errorf("got %q, %v", got, err)
	}
	if _, err := between("a\n", "fire", "new\n"); err == nil {
		t.Error("a text without marks was taken")
	}
}
