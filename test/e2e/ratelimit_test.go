package e2e

import (
	"bytes"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/openplp/khocr/api/v1alpha1"
)

// khmerTooMany is the contract's string for status 429.
const khmerTooMany = "ការស្នើសុំច្រើនពេក"

func TestTheEleventhSubmissionAtOnceIsRefused(t *testing.T) {
	p := connect(t)
	org := p.newTenant("free")
	roll := org.callRoll()
	v := org.exhaust(10, form{fileName: "one.pdf", content: nativePDF("rate limit", 1)})
	refusedAt := time.Now()

	refusal := v.refused[0]
	told := refusal.problem()
	if told.Code != "rate_limited" || told.MessageKm != khmerTooMany || told.Message == "" {
		t.Errorf("refusal: %s", refusal.body)
	}
	seconds, err := strconv.Atoi(refusal.header.Get("Retry-After"))
	if err != nil || seconds < 1 {
		t.Fatalf("Retry-After: %q", refusal.header.Get("Retry-After"))
	}
	var left []int
	for _, a := range append(v.taken, refusal) {
		policy, state := quotas(a.header.Get("RateLimit-Policy")), quotas(a.header.Get("RateLimit"))
		if policy["minute"]["q"] != 10 || policy["minute"]["w"] != 60 || policy["month"]["q"] != 100 || state["month"] == nil {
			t.Errorf("RateLimit-Policy: %s; RateLimit: %s", a.header.Get("RateLimit-Policy"), a.header.Get("RateLimit"))
		}
		left = append(left, state["minute"]["r"])
	}
	// Where the submissions took so long that more were let in, the numbers begin to repeat.
	slices.Sort(left)
	if len(v.taken) == 10 && v.broken == 0 && !slices.Equal(left, []int{0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9}) {
		t.Errorf("submissions were told that %v are left", left)
	}
	var first accepted
	v.taken[0].decode(t, &first)

	for range 100 {
		a, err := org.send(http.MethodGet, "/api/v1/jobs/"+first.JobID, nil, "")
		p.must(err)
		if a.status != http.StatusOK {
			t.Fatalf("a poll was answered with %d: %s", a.status, a.body)
		}
		if quotas(a.header.Get("RateLimit"))["minute"] != nil {
			t.Fatalf("a poll counts as a submission: %s", a.header.Get("RateLimit"))
		}
	}
	<-time.After(time.Until(refusedAt.Add(time.Duration(seconds) * time.Second)))
	last := org.submit(form{fileName: "one.pdf", content: nativePDF("rate limit", 1)})
	org.await(last)

	jobs := 0
	roll.each(func(*v1alpha1.OcrJob, bool) { jobs++ })
	if jobs < len(v.taken)+1 || jobs > len(v.taken)+1+v.broken {
		t.Errorf("%d submissions were accepted, and there are %d jobs", len(v.taken)+1, jobs)
	}
}

func TestRefusedSubmissionsWriteNothing(t *testing.T) {
	p := connect(t)
	org := p.newTenant("standard")
	roll := org.callRoll()
	organization := &v1alpha1.Organization{}
	p.must(p.client.Get(t.Context(), client.ObjectKey{Name: org.name}, organization))
	before := organization.ResourceVersion

	// Without a file they are counted, and make no job.
	v := org.exhaust(50, form{fields: map[string]string{"output_format": "json"}})
	for _, a := range v.taken {
		if a.status != http.StatusBadRequest {
			t.Errorf("a form without a file was answered with %d: %s", a.status, a.body)
		}
	}
	p.must(p.client.Get(t.Context(), client.ObjectKey{Name: org.name}, organization))
	if organization.ResourceVersion != before {
		t.Errorf("the organization was written: %+v", organization)
	}
	roll.each(func(job *v1alpha1.OcrJob, _ bool) { t.Errorf("there is a job %s", job.Name) })
}

// volley is what came of submissions that were made at the same time. Of those whose connection broke before the answer
// nobody knows whether they were taken.
type volley struct {
	taken, refused []answer
	broken         int
}

// exhaust makes one submission more than the limit at the same time, and more until one is refused. No more than the limit
// may be taken, but for those whose turn the time has brought that all of it took.
func (t *tenant) exhaust(limit int, f form) volley {
	t.Helper()
	var v volley
	begin := time.Now()
	for number := limit + 1; len(v.refused) == 0; number = 1 {
		for _, a := range t.atOnce(number, f) {
			switch a.status {
			case 0:
				v.broken++
			case http.StatusTooManyRequests:
				v.refused = append(v.refused, a)
			default:
				v.taken = append(v.taken, a)
			}
		}
	}
	took := time.Since(begin)
	brought := int(took * time.Duration(limit) / time.Minute)
	if len(v.taken)+v.broken < limit || len(v.taken) > limit+brought {
		t.Errorf("%d submissions of %d a minute were taken in %s", len(v.taken), limit, took)
	}
	t.Logf("%d submissions were taken, %d refused and %d broken off in %s", len(v.taken), len(v.refused), v.broken, took)
	return v
}

// atOnce makes submissions at the same time. An answer without a status is that of a connection that broke: where
// gateways were killed before, a connection may still be led to one that is no more.
func (t *tenant) atOnce(number int, f form) []answer {
	t.Helper()
	body, contentType := f.encode()
	answers := make([]answer, number)
	var group sync.WaitGroup
	for i := range answers {
		group.Go(func() {
			var err error
			if answers[i], err = t.send(http.MethodPost, "/api/v1/convert", bytes.NewReader(body.Bytes()), contentType); err != nil {
				t.Logf("a submission got no answer: %v", err)
				answers[i] = answer{}
			}
		})
	}
	group.Wait()
	return answers
}

// quotas reads the numbers of a RateLimit or RateLimit-Policy header, by the name of the policy.
func quotas(header string) map[string]map[string]int {
	policies := map[string]map[string]int{}
	for policy := range strings.SplitSeq(header, ",") {
		name, parameters, _ := strings.Cut(strings.TrimSpace(policy), ";")
		numbers := map[string]int{}
		for parameter := range strings.SplitSeq(parameters, ";") {
			key, value, _ := strings.Cut(parameter, "=")
			if number, err := strconv.Atoi(value); err == nil {
				numbers[strings.TrimSpace(key)] = number
			}
		}
		policies[strings.Trim(name, `"`)] = numbers
	}
	return policies
}

func TestQuotasAreReadFromHeaders(t *testing.T) {
	got := fmt.Sprint(quotas(`"minute";q=10;w=60, "month";q=100; w=2592000;qu="pages"`))
	if want := "map[minute:map[q:10 w:60] month:map[q:100 w:2592000]]"; got != want {
		t.Errorf("got %s", got)
	}
}
