package load

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
)

// tally is what clients were answered. Its methods may be called from many goroutines.
type tally struct {
	mu sync.Mutex
	// answers counts by what was asked for and how it was answered.
	answers map[string]map[string]int
	// accepted are the jobs of the documents that were taken, by namespace.
	accepted map[string][]string
	// times are those of well-behaved clients, by what they asked for; apart while slow clients hold on.
	times [2]map[string][]time.Duration
	// broken are promises, at most a few.
	broken []string
}

const mostBroken = 20

// wentAway is what is counted where the test's end came before the answer.
const wentAway = "the client went away"

func newTally() *tally {
	return &tally{
		answers: map[string]map[string]int{}, accepted: map[string][]string{},
		times: [2]map[string][]time.Duration{{}, {}},
	}
}

func (t *tally) breaks(format string, values ...any) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.broken) < mostBroken {
		t.broken = append(t.broken, fmt.Sprintf(format, values...))
	}
}

// count notes an answer of the public port, and holds it to what every error promises.
func (t *tally) count(what, namespace string, answer *http.Response, body []byte) {
	kind := fmt.Sprint(answer.StatusCode)
	if answer.StatusCode >= 400 {
		var problem struct {
			Code      string
			Status    int
			RequestID string `json:"request_id"`
		}
		if err := json.Unmarshal(body, &problem); err != nil || problem.Status != answer.StatusCode || problem.Code == "" ||
			problem.RequestID == "" || answer.Header.Get("Content-Type") != "application/problem+json" {
			t.breaks("%s: %d with %q is no problem document (%v)", what, answer.StatusCode, body, err)
		}
		kind += " " + problem.Code
	}
	switch answer.StatusCode {
	case http.StatusTooManyRequests, http.StatusServiceUnavailable:
		if answer.Header.Get("Retry-After") == "" {
			t.breaks("%s: %s without Retry-After", what, kind)
		}
	case http.StatusAccepted:
		var accepted struct {
			JobID string `json:"job_id"`
		}
		if err := json.Unmarshal(body, &accepted); err != nil || accepted.JobID == "" {
			t.breaks("%s: 202 with %q", what, body)
		}
		t.accept(namespace, accepted.JobID)
	default:
		if answer.StatusCode >= 500 {
			t.breaks("%s: %s", what, kind)
		}
	}
	t.add(what, kind)
}

func (t *tally) accept(namespace, job string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.accepted[namespace] = append(t.accepted[namespace], job)
}

func (t *tally) add(what, kind string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.answers[what] == nil {
		t.answers[what] = map[string]int{}
	}
	t.answers[what][kind]++
}

// total is how many documents were accepted.
func (t *tally) total() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	total := 0
	for _, jobs := range t.accepted {
		total += len(jobs)
	}
	return total
}

// has tells how often something was answered in a way that begins so.
func (t *tally) has(what, kind string) int {
	t.mu.Lock()
	defer t.mu.Unlock()
	total := 0
	for answered, number := range t.answers[what] {
		if strings.HasPrefix(answered, kind) {
			total += number
		}
	}
	return total
}

// took notes how long a well-behaved client waited.
func (t *tally) took(what string, slow bool, duration time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	times := t.times[0]
	if slow {
		times = t.times[1]
	}
	times[what] = append(times[what], duration)
}

// answered counts what well-behaved clients were answered while slow ones held on, by what they asked for.
func (t *tally) answered() map[string]int {
	t.mu.Lock()
	defer t.mu.Unlock()
	numbers := map[string]int{}
	for what, times := range t.times[1] {
		numbers[what] = len(times)
	}
	return numbers
}

// answersTable has a line for each thing that was asked for.
func (t *tally) answersTable() string {
	var table strings.Builder
	table.WriteString("| Asked for | Answers |\n|---|---|\n")
	for _, what := range slices.Sorted(maps.Keys(t.answers)) {
		var kinds []string
		for _, kind := range slices.Sorted(maps.Keys(t.answers[what])) {
			kinds = append(kinds, fmt.Sprintf("%s: %d", kind, t.answers[what][kind]))
		}
		fmt.Fprintf(&table, "| %s | %s |\n", what, strings.Join(kinds, ", "))
	}
	return table.String()
}

// timesTable compares how long well-behaved clients waited with and without the slow ones.
func (t *tally) timesTable() string {
	var table strings.Builder
	table.WriteString("| A well-behaved client asks for | Times without slow ones | with them | Median, ratio | 95th percentile, ratio |\n|---|---|---|---|---|\n")
	for _, what := range slices.Sorted(maps.Keys(t.times[0])) {
		without, with := t.times[0][what], t.times[1][what]
		if len(without) == 0 || len(with) == 0 {
			continue
		}
		ratio := func(part float64) float64 { return quantile(with, part).Seconds() / quantile(without, part).Seconds() }
		fmt.Fprintf(&table, "| %s | %d | %d | %.2f | %.2f |\n", what, len(without), len(with), ratio(0.5), ratio(0.95))
	}
	return table.String()
}

func quantile(times []time.Duration, part float64) time.Duration {
	sorted := slices.Sorted(slices.Values(times))
	return sorted[int(part*float64(len(sorted)-1))]
}
