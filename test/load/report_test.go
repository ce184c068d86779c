package load

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"
)

// figures are those of a run.
type figures struct {
	lasted time.Duration
	// submissions and reads of the greedy organizations.
	submissions, reads int64
	tally              *tally
	slow               *slowClients
	kinds              []slowKind
	tenants            int
	peaks              [2]int
	before, after      sample
	samples            []sample
	kept, temporary    int
	// counted are the documents that were accepted between before and after.
	counted int
}

// asked is how often the API server was asked for something meanwhile.
func (f *figures) asked(what string) int { return f.after.served[what] - f.before.served[what] }

func (f *figures) text() string {
	var text strings.Builder
	most := f.before
	for _, one := range f.samples {
		most.goroutines, most.descriptors = max(most.goroutines, one.goroutines), max(most.descriptors, one.descriptors)
	}
	fmt.Fprintf(&text, "A run of %.0f s with %d organizations on the plan free that offer four times as much, two well-behaved ones and 200 slow clients.\n\n",
		f.lasted.Seconds(), f.tenants)
	allowed := float64(f.tenants*freeSubmissions) * (1 + f.lasted.Minutes())
	fmt.Fprintf(&text, "As fast as client and gateway were together, they offered %.1f times the submissions and %.1f times the reads that their plan allows in that time.\n\n",
		float64(f.submissions)/allowed, float64(f.reads)/allowed/readsPerSubmission)
	text.WriteString(f.tally.answersTable() + "\n" + f.slow.table(f.kinds) + "\n" + f.tally.timesTable() + "\n")
	text.WriteString("| The gateway's process | Before | Most | After |\n|---|---|---|---|\n")
	fmt.Fprintf(&text, "| Goroutines | %d | %d | %d |\n", f.before.goroutines, most.goroutines, f.after.goroutines)
	fmt.Fprintf(&text, "| Open descriptors | %d | %d | %d |\n", f.before.descriptors, most.descriptors, f.after.descriptors)
	fmt.Fprintf(&text, "| Memory, MiB | %d | %d in the first half, %d in the second | %d |\n\n",
		f.before.resident>>20, f.peaks[0]>>20, f.peaks[1]>>20, f.after.resident>>20)
	each := func(requests int) float64 { return float64(requests) / float64(max(f.counted, 1)) }
	fmt.Fprintf(&text, "%d documents were accepted; each has one OcrJob and is in the store. The API server was asked to make %.2f OcrJobs for each, and sent %.2f "+
		"requests by the gateway in all, of which %d were for jobs that are not known and %d for tokens. %d temporary files are left.\n",
		f.kept, each(f.asked("ocrjobs POST")), each(f.after.asked-f.before.asked), f.asked("ocrjobs GET"), f.asked("tokenreviews POST"), f.temporary)
	return text.String()
}

// write puts the tables into the log and, between its marks, into the file of the flag.
func write(t *testing.T, f figures) {
	t.Helper()
	t.Logf("\n%s", f.text())
	if *report == "" || t.Failed() {
		return
	}
	const begin, end = "<!-- load -->\n", "<!-- /load -->"
	content, err := os.ReadFile(*report)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, opened := strings.Cut(string(content), begin)
	_, after, closed := strings.Cut(rest, end)
	if !opened || !closed {
		t.Fatalf("%s has no marks for the tables", *report)
	}
	if err := os.WriteFile(*report, []byte(before+begin+f.text()+end+after), 0o644); err != nil {
		t.Fatal(err)
	}
}
