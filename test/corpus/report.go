package corpus

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/openplp/khocr/api/v1alpha1"
)

// Report sums up what was seen, by kind.
type Report struct {
	rows map[string]*row
	// order of the kinds.
	order []string
}

// row is the sum of one kind.
type row struct {
	files, completed, searchable int
	// failed documents by their reason, and pages by the code of their error.
	failed, pages  map[string]int
	slowest        time.Duration
	memory, engine int64
	breaches       int
}

// Add what was seen of a document.
func (r *Report) Add(seen Observation, breaches []string) {
	if r.rows == nil {
		r.rows = map[string]*row{}
	}
	if r.rows[seen.Document.Kind] == nil {
		r.rows[seen.Document.Kind] = &row{failed: map[string]int{}, pages: map[string]int{}}
		r.order = append(r.order, seen.Document.Kind)
	}
	r.rows[seen.Document.Kind].add(seen, len(breaches))
}

func (r *row) add(seen Observation, breaches int) {
	r.files++
	if outcome := seen.Outcome(); outcome == v1alpha1.ReasonCompleted {
		r.completed++
	} else {
		r.failed[outcome]++
	}
	if seen.Answer.Searchable != "" {
		r.searchable++
	}
	for _, page := range seen.Answer.Pages {
		if page.Code != "" {
			r.pages[page.Code]++
		}
	}
	r.slowest = max(r.slowest, seen.Elapsed)
	r.memory, r.engine = max(r.memory, seen.Memory), max(r.engine, seen.Engine)
	r.breaches += breaches
}

// plus another row, which is none of both.
func (r row) plus(other *row) *row {
	sum := r
	sum.failed, sum.pages = maps.Clone(r.failed), maps.Clone(r.pages)
	for _, pair := range []struct{ into, from map[string]int }{{sum.failed, other.failed}, {sum.pages, other.pages}} {
		for reason, count := range pair.from {
			pair.into[reason] += count
		}
	}
	sum.files, sum.completed, sum.searchable = r.files+other.files, r.completed+other.completed, r.searchable+other.searchable
	sum.slowest, sum.memory, sum.engine = max(r.slowest, other.slowest), max(r.memory, other.memory), max(r.engine, other.engine)
	sum.breaches += other.breaches
	return &sum
}

// Breaches of what the platform promises, in all documents.
func (r *Report) Breaches() int { return r.sum().breaches }

// Files that were added.
func (r *Report) Files() int { return r.sum().files }

func (r *Report) sum() *row {
	sum := &row{failed: map[string]int{}, pages: map[string]int{}}
	for _, row := range r.rows {
		sum = sum.plus(row)
	}
	return sum
}

// Write the table in Markdown.
func (r *Report) Write(w io.Writer) error {
	var out strings.Builder
	out.WriteString("| Kind | Files | Completed | Failed, by reason | Pages failed, by reason | Made searchable | Slowest, s | Most memory of an engine, MB | with the supervisor, MB | Breaches |\n")
	out.WriteString("|---|---|---|---|---|---|---|---|---|---|\n")
	line := func(name string, row *row) {
		fmt.Fprintf(&out, "| %s | %d | %d | %s | %s | %d | %.1f | %.0f | %.0f | %d |\n", name, row.files, row.completed, counts(row.failed), counts(row.pages),
			row.searchable, row.slowest.Seconds(), float64(row.engine)/1e6, float64(row.memory)/1e6, row.breaches)
	}
	for _, kind := range r.order {
		line(kind, r.rows[kind])
	}
	line("**all**", r.sum())
	_, err := io.WriteString(w, out.String())
	return err
}

// counts of reasons, the most frequent first.
func counts(of map[string]int) string {
	reasons := slices.SortedFunc(maps.Keys(of), func(a, b string) int {
		if of[a] != of[b] {
			return of[b] - of[a]
		}
		return strings.Compare(a, b)
	})
	words := make([]string, len(reasons))
	for i, reason := range reasons {
		words[i] = fmt.Sprintf("%s %d", reason, of[reason])
	}
	return strings.Join(words, ", ")
}
