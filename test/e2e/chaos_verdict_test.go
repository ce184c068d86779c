package e2e

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
)

// reading is what became of a document: of one that nothing disturbed, what it must be.
type reading struct {
	// status of the job, empty where nobody knows it or it never ended; code says why it failed.
	status, code string
	pages        []pageReading
}

// pageReading is the result of a page: its text without regard to gaps, or the code of what is wrong with it.
type pageReading struct {
	number     int
	text, code string
}

// trial is one document that was accepted.
type trial struct {
	name, id  string
	want, got reading
	// denied are answers by which the platform did not know what it had accepted, or was worse than out of order.
	denied []string
}

// account is what the ledger says in the end.
type account struct {
	settled, reserved int64
	// byDay and byKey are the pages that are settled once more, as sums of their own.
	byDay, byKey int64
	// open are entries of the ledger that are still there.
	open int
}

// storing is one page that a worker has stored, as its log says.
type storing struct {
	pod, job string
	page     int
}

// verdict is what the chaos has done.
type verdict struct {
	documents, pages int
	// lost are documents that did not come to their end, or to another one than they have undisturbed; wrong are pages that
	// are missing, too many or different; books is what is wrong with the ledger; answers are those that must not be.
	lost, wrong, books, answers []string
	// delivered pages have a result.
	delivered int64
	// twice are pages that a worker has read although one had stored them before.
	twice int
}

func (v verdict) faults() []string { return slices.Concat(v.lost, v.wrong, v.books, v.answers) }

// judgeChaos compares what was accepted with what must have become of it. Jobs are all that are there, with the pages that
// each is charged for; stored is what workers have said.
func judgeChaos(trials []trial, jobs map[string]int64, books account, stored []storing) verdict {
	v := verdict{documents: len(trials)}
	known := map[string]string{}
	for _, t := range trials {
		for _, answer := range t.denied {
			v.answers = append(v.answers, fmt.Sprintf("%s (%s): %s", t.id, t.name, answer))
		}
		if other, twice := known[t.id]; twice {
			v.wrong = append(v.wrong, fmt.Sprintf("%s stands for %s and for %s", t.id, other, t.name))
		}
		known[t.id] = t.name
		if t.got.status != t.want.status || t.got.code != t.want.code {
			v.lost = append(v.lost, fmt.Sprintf("%s (%s) is %s, must be %s", t.id, t.name, ending(t.got), ending(t.want)))
			continue
		}
		v.pages += len(t.want.pages)
		delivered := int64(0)
		for _, page := range t.got.pages {
			if page.code == "" {
				delivered++
			}
		}
		v.delivered += delivered
		if charged, there := jobs[t.id]; there && charged != delivered {
			v.books = append(v.books, fmt.Sprintf("%s (%s) is charged for %d pages, %d were delivered", t.id, t.name, charged, delivered))
		}
		for _, fault := range comparePages(t.want.pages, t.got.pages) {
			v.wrong = append(v.wrong, fmt.Sprintf("%s (%s): %s", t.id, t.name, fault))
		}
	}
	for _, job := range slices.Sorted(maps.Keys(jobs)) {
		if _, accepted := known[job]; !accepted {
			v.wrong = append(v.wrong, fmt.Sprintf("%s is there, and nobody was told of it", job))
		}
		delete(known, job)
	}
	for _, id := range slices.Sorted(maps.Keys(known)) {
		v.lost = append(v.lost, fmt.Sprintf("%s (%s) is not there any more", id, known[id]))
	}
	if books.settled != v.delivered {
		v.books = append(v.books, fmt.Sprintf("%d pages are settled, %d were delivered", books.settled, v.delivered))
	}
	if books.byDay != books.settled || books.byKey != books.settled {
		v.books = append(v.books, fmt.Sprintf("%d pages are settled, %d by day and %d by key", books.settled, books.byDay, books.byKey))
	}
	if books.reserved != 0 || books.open != 0 {
		v.books = append(v.books, fmt.Sprintf("%d pages stay reserved, in %d entries", books.reserved, books.open))
	}
	v.twice = len(stored) - distinct(stored)
	return v
}

func ending(r reading) string {
	if r.status == "" {
		return "not ended"
	}
	return strings.TrimSpace(r.status + " " + r.code)
}

// comparePages tells each difference between two readings of a document.
func comparePages(want, got []pageReading) []string {
	var faults []string
	there := map[int]pageReading{}
	for _, page := range got {
		if _, twice := there[page.number]; twice {
			faults = append(faults, fmt.Sprintf("page %d is there twice", page.number))
		}
		there[page.number] = page
	}
	for _, page := range want {
		switch found, ok := there[page.number]; {
		case !ok:
			faults = append(faults, fmt.Sprintf("page %d is missing", page.number))
		case found.code != page.code:
			faults = append(faults, fmt.Sprintf("page %d has the error %q, must have %q", page.number, found.code, page.code))
		case found.text != page.text:
			faults = append(faults, fmt.Sprintf("page %d reads %q, must read %q", page.number, found.text, page.text))
		}
		delete(there, page.number)
	}
	for _, number := range slices.Sorted(maps.Keys(there)) {
		faults = append(faults, fmt.Sprintf("page %d is none of the document", number))
	}
	return faults
}

// distinct counts the pages of jobs, however often each was stored.
func distinct(stored []storing) int {
	pages := map[storing]bool{}
	for _, s := range stored {
		pages[storing{job: s.job, page: s.page}] = true
	}
	return len(pages)
}

// answerKind is what an answer means to a client that wants to be served in the end.
type answerKind int

const (
	// served: it has what it asked for.
	served answerKind = iota
	// later: the platform says honestly that it cannot serve at present.
	later
	// amiss: nothing that breaks may lead to this answer.
	amiss
)

// judgeAnswer sorts the answer to a submission, or to a question after an accepted job.
func judgeAnswer(method string, a answer) answerKind {
	switch {
	case method == http.MethodPost && a.status == http.StatusAccepted, method == http.MethodGet && a.status == http.StatusOK:
		return served
	case a.status == http.StatusServiceUnavailable:
		return later
	// So many clients that look after their jobs may be too many for a moment; no page is short here.
	case a.status == http.StatusTooManyRequests && a.problem().Code == "rate_limited":
		return later
	}
	return amiss
}

func TestAnswersAreSortedByWhatTheyMean(t *testing.T) {
	for name, test := range map[string]struct {
		method string
		status int
		body   string
		want   answerKind
	}{
		"accepted":                       {http.MethodPost, 202, `{}`, served},
		"the store is full":              {http.MethodPost, 503, `{"code":"store_unavailable"}`, later},
		"the API server is away":         {http.MethodGet, 503, `{"code":"service_unavailable"}`, later},
		"too often":                      {http.MethodGet, 429, `{"code":"rate_limited"}`, later},
		"no page left of a million":      {http.MethodPost, 429, `{"code":"page_quota_exceeded"}`, amiss},
		"a mistake of ours":              {http.MethodPost, 500, `{"code":"internal_error"}`, amiss},
		"an upload that came in whole":   {http.MethodPost, 400, `{"code":"upload_incomplete"}`, amiss},
		"the key is another request's":   {http.MethodPost, 422, `{"code":"idempotency_key_reused"}`, amiss},
		"a key that was known before":    {http.MethodGet, 401, `{"code":"invalid_api_key"}`, amiss},
		"an accepted job that is gone":   {http.MethodGet, 404, `{"code":"job_not_found"}`, amiss},
		"a result that nobody deleted":   {http.MethodGet, 410, `{"code":"job_deleted"}`, amiss},
		"a job":                          {http.MethodGet, 200, `{}`, served},
		"a submission answered with 200": {http.MethodPost, 200, `{}`, amiss},
	} {
		if got := judgeAnswer(test.method, answer{status: test.status, body: []byte(test.body)}); got != test.want {
			t.Errorf("%s: %d, want %d", name, got, test.want)
		}
	}
}

func TestLossesAreFound(t *testing.T) {
	whole := func(texts ...string) reading {
		r := reading{status: "COMPLETED"}
		for i, text := range texts {
			r.pages = append(r.pages, pageReading{number: i + 1, text: text})
		}
		return r
	}
	locked := reading{status: "FAILED", code: "password_protected"}
	blemished := whole("a", "")
	blemished.pages[1].code = "crashed"
	of := func(want, got reading) trial { return trial{name: "a.pdf", id: "1", want: want, got: got} }
	paid := func(pages int64) account { return account{settled: pages, byDay: pages, byKey: pages} }
	good := of(whole("a", "b"), whole("a", "b"))
	type counts struct{ lost, wrong, books, answers, twice int }
	for name, test := range map[string]struct {
		trials []trial
		jobs   map[string]int64
		books  account
		stored []storing
		want   counts
	}{
		"nothing":                     {},
		"all is well":                 {trials: []trial{good}, jobs: map[string]int64{"1": 2}, books: paid(2)},
		"a failure that must be":      {trials: []trial{of(locked, locked)}, jobs: map[string]int64{"1": 0}},
		"a failed page is not paid":   {trials: []trial{of(blemished, blemished)}, jobs: map[string]int64{"1": 1}, books: paid(1)},
		"a page paid that has failed": {trials: []trial{of(blemished, blemished)}, jobs: map[string]int64{"1": 1}, books: paid(2), want: counts{books: 1}},
		"never ended":                 {trials: []trial{of(whole("a"), reading{})}, jobs: map[string]int64{"1": 0}, want: counts{lost: 1}},
		"failed": {trials: []trial{of(whole("a"), reading{status: "FAILED", code: "backoff_limit"})}, jobs: map[string]int64{"1": 0},
			want: counts{lost: 1}},
		"failed for another reason": {trials: []trial{of(locked, reading{status: "FAILED", code: "invalid_document"})}, jobs: map[string]int64{"1": 0},
			want: counts{lost: 1}},
		"completed although it cannot be": {trials: []trial{of(locked, whole("a"))}, jobs: map[string]int64{"1": 0}, want: counts{lost: 1}},
		"its job is gone":                 {trials: []trial{good}, books: paid(2), want: counts{lost: 1}},
		"a page is missing": {trials: []trial{of(whole("a", "b"), whole("a"))}, jobs: map[string]int64{"1": 1}, books: paid(1),
			want: counts{wrong: 1}},
		"a page too many": {trials: []trial{of(whole("a"), whole("a", "b"))}, jobs: map[string]int64{"1": 2}, books: paid(2),
			want: counts{wrong: 1}},
		"another document's text": {trials: []trial{of(whole("a", "b"), whole("a", "c"))}, jobs: map[string]int64{"1": 2}, books: paid(2),
			want: counts{wrong: 1}},
		"a page failed that is sound": {trials: []trial{of(whole("a", ""), blemished)}, jobs: map[string]int64{"1": 1}, books: paid(1),
			want: counts{wrong: 1}},
		"a page twice": {
			trials: []trial{of(whole("a"), reading{status: "COMPLETED", pages: []pageReading{{number: 1, text: "a"}, {number: 1, text: "a"}}})},
			jobs:   map[string]int64{"1": 2}, books: paid(2), want: counts{wrong: 1},
		},
		"one submission, two jobs": {trials: []trial{good}, jobs: map[string]int64{"1": 2, "2": 0}, books: paid(2), want: counts{wrong: 1}},
		"two documents, one job": {trials: []trial{good, good}, jobs: map[string]int64{"1": 2}, books: paid(4),
			want: counts{wrong: 1}},
		"charged too much":   {trials: []trial{good}, jobs: map[string]int64{"1": 2}, books: paid(3), want: counts{books: 1}},
		"charged too little": {trials: []trial{good}, jobs: map[string]int64{"1": 2}, books: paid(1), want: counts{books: 1}},
		"charged on no day":  {trials: []trial{good}, jobs: map[string]int64{"1": 2}, books: account{settled: 2, byKey: 2}, want: counts{books: 1}},
		"charged to no key":  {trials: []trial{good}, jobs: map[string]int64{"1": 2}, books: account{settled: 2, byDay: 2}, want: counts{books: 1}},
		"charged for another's page": {
			trials: []trial{good, {name: "b.pdf", id: "2", want: whole("c"), got: whole("c")}}, jobs: map[string]int64{"1": 1, "2": 2}, books: paid(3),
			want: counts{books: 2},
		},
		"reserved for ever":   {trials: []trial{good}, jobs: map[string]int64{"1": 2}, books: account{settled: 2, byDay: 2, byKey: 2, reserved: 2, open: 1}, want: counts{books: 1}},
		"an entry for nobody": {trials: []trial{good}, jobs: map[string]int64{"1": 2}, books: account{settled: 2, byDay: 2, byKey: 2, open: 1}, want: counts{books: 1}},
		"denied for a moment": {trials: []trial{{name: "a.pdf", id: "1", want: whole("a"), got: whole("a"), denied: []string{"404"}}},
			jobs: map[string]int64{"1": 1}, books: paid(1), want: counts{answers: 1}},
		"read twice": {
			trials: []trial{good}, jobs: map[string]int64{"1": 2}, books: paid(2),
			stored: []storing{{"1-0-1", "1", 1}, {"1-0-1", "1", 2}, {"1-0-2", "1", 2}, {"2-0-1", "2", 1}},
			want:   counts{twice: 1},
		},
	} {
		t.Run(name, func(t *testing.T) {
			v := judgeChaos(test.trials, test.jobs, test.books, test.stored)
			if got := (counts{len(v.lost), len(v.wrong), len(v.books), len(v.answers), v.twice}); got != test.want {
				t.Errorf("counts %+v, want %+v: %q", got, test.want, v.faults())
			}
			if v.documents != len(test.trials) {
				t.Errorf("%d documents", v.documents)
			}
		})
	}
}
