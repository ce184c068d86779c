package ledger

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/openplp/khocr/api/v1alpha1"
)

const (
	reserved = v1alpha1.LedgerReserved
	refused  = v1alpha1.LedgerRefused
	settled  = v1alpha1.LedgerSettled
)

type (
	entries = []v1alpha1.LedgerEntry
	months  = []v1alpha1.MonthUsage
	days    = []v1alpha1.DayUsage
	keys    = []v1alpha1.KeyUsage
)

// entry of the third of a month.
func entry(job, month string, pages int64, state v1alpha1.LedgerState) v1alpha1.LedgerEntry {
	return v1alpha1.LedgerEntry{UID: types.UID("uid-" + job), Job: job, Month: month, Day: 3, Pages: pages, State: state}
}

// third are pages that were charged on the third, for a job that came without a key.
func third(usage v1alpha1.MonthUsage, pages int64) v1alpha1.MonthUsage {
	usage.Days, usage.Keys = days{{Day: 3, Pages: pages}}, keys{{Pages: pages}}
	return usage
}

func TestStep(t *testing.T) {
	morning := time.Date(2026, 8, 1, 8, 0, 0, 0, time.UTC)
	counted := func(name string, pages int64) Job {
		return Job{UID: types.UID("uid-" + name), Name: name, Created: morning, Pages: pages, Held: true}
	}
	later := func(job Job) Job { job.Created = job.Created.Add(time.Minute); return job }
	ended := func(job Job, delivered int64) Job { job.Ended, job.Delivered = true, delivered; return job }
	released := func(job Job) Job { job.Held = false; return job }
	with := func(job Job, key string) Job { job.Key = key; return job }
	on := func(entry v1alpha1.LedgerEntry, day int32) v1alpha1.LedgerEntry { entry.Day = day; return entry }
	limit := func(pages int64) *int64 { return &pages }

	tests := map[string]struct {
		usage  months
		ledger entries
		limit  *int64
		jobs   []Job

		wantUsage  months
		wantLedger entries
	}{
		"a job whose pages are not known yet is not listed": {
			limit: limit(100), jobs: []Job{counted("a", 0)},
		},
		"a counted job is reserved": {
			limit: limit(100), jobs: []Job{counted("a", 10)},
			wantUsage:  months{{Month: "2026-08", Reserved: 10}},
			wantLedger: entries{entry("a", "2026-08", 10, reserved)},
		},
		"a job that fits exactly is reserved": {
			usage: months{{Month: "2026-08", Settled: 90}},
			limit: limit(100), jobs: []Job{counted("a", 10)},
			wantUsage:  months{{Month: "2026-08", Settled: 90, Reserved: 10}},
			wantLedger: entries{entry("a", "2026-08", 10, reserved)},
		},
		"a job that is one page too long is refused": {
			usage: months{{Month: "2026-08", Settled: 91}},
			limit: limit(100), jobs: []Job{counted("a", 10)},
			wantUsage:  months{{Month: "2026-08", Settled: 91}},
			wantLedger: entries{entry("a", "2026-08", 10, refused)},
		},
		"the month before takes no pages away": {
			usage: months{{Month: "2026-07", Settled: 100}},
			limit: limit(100), jobs: []Job{counted("a", 10)},
			wantUsage:  months{{Month: "2026-08", Reserved: 10}, {Month: "2026-07", Settled: 100}},
			wantLedger: entries{entry("a", "2026-08", 10, reserved)},
		},
		"the older job goes first": {
			limit: limit(10), jobs: []Job{later(counted("a", 10)), counted("b", 10)},
			wantUsage:  months{{Month: "2026-08", Reserved: 10}},
			wantLedger: entries{entry("b", "2026-08", 10, reserved), entry("a", "2026-08", 10, refused)},
		},
		"jobs of the same second go by UID": {
			limit: limit(10), jobs: []Job{counted("b", 10), counted("a", 10)},
			wantUsage:  months{{Month: "2026-08", Reserved: 10}},
			wantLedger: entries{entry("a", "2026-08", 10, reserved), entry("b", "2026-08", 10, refused)},
		},
		"a long job that is refused leaves room for a short one": {
			limit: limit(10), jobs: []Job{counted("a", 11), later(counted("b", 10))},
			wantUsage:  months{{Month: "2026-08", Reserved: 10}},
			wantLedger: entries{entry("a", "2026-08", 11, refused), entry("b", "2026-08", 10, reserved)},
		},
		"without a limit jobs wait": {
			jobs: []Job{counted("a", 10)},
		},
		"without a limit jobs still settle": {
			usage:      months{{Month: "2026-08", Reserved: 10}},
			ledger:     entries{entry("a", "2026-08", 10, reserved)},
			jobs:       []Job{ended(counted("a", 10), 9)},
			wantUsage:  months{third(v1alpha1.MonthUsage{Month: "2026-08", Settled: 9}, 9)},
			wantLedger: entries{entry("a", "2026-08", 9, settled)},
		},
		"an ended job is charged what it delivered": {
			usage: months{{Month: "2026-08", Settled: 5, Reserved: 10}}, ledger: entries{entry("a", "2026-08", 10, reserved)},
			limit: limit(100), jobs: []Job{ended(counted("a", 10), 7)},
			wantUsage:  months{third(v1alpha1.MonthUsage{Month: "2026-08", Settled: 12}, 7)},
			wantLedger: entries{entry("a", "2026-08", 7, settled)},
		},
		"no job is charged more than was reserved": {
			usage: months{{Month: "2026-08", Reserved: 10}}, ledger: entries{entry("a", "2026-08", 10, reserved)},
			limit: limit(100), jobs: []Job{ended(counted("a", 10), 1000)},
			wantUsage:  months{third(v1alpha1.MonthUsage{Month: "2026-08", Settled: 10}, 10)},
			wantLedger: entries{entry("a", "2026-08", 10, settled)},
		},
		"what an ended job leaves goes to one that waits in the same step": {
			usage: months{{Month: "2026-08", Reserved: 10}}, ledger: entries{entry("a", "2026-08", 10, reserved)},
			limit: limit(10), jobs: []Job{counted("b", 8), ended(later(counted("a", 10)), 2)},
			wantUsage:  months{third(v1alpha1.MonthUsage{Month: "2026-08", Settled: 2, Reserved: 8}, 2)},
			wantLedger: entries{entry("a", "2026-08", 2, settled), entry("b", "2026-08", 8, reserved)},
		},
		"a refused job settles with nothing": {
			ledger: entries{entry("a", "2026-08", 10, refused)},
			limit:  limit(5), jobs: []Job{ended(counted("a", 10), 3)},
			wantLedger: entries{entry("a", "2026-08", 0, settled)},
		},
		"a job that ended before it was counted settles with nothing": {
			limit: limit(5), jobs: []Job{ended(counted("a", 10), 3)},
			wantLedger: entries{entry("a", "2026-08", 0, settled)},
		},
		"a settled job stays listed while it has the finalizer": {
			usage: months{{Month: "2026-08", Settled: 7}}, ledger: entries{entry("a", "2026-08", 7, settled)},
			limit: limit(100), jobs: []Job{ended(counted("a", 10), 9)},
			wantUsage:  months{{Month: "2026-08", Settled: 7}},
			wantLedger: entries{entry("a", "2026-08", 7, settled)},
		},
		"a settled job whose finalizer is off goes": {
			usage: months{{Month: "2026-08", Settled: 7}}, ledger: entries{entry("a", "2026-08", 7, settled)},
			limit: limit(100), jobs: []Job{released(ended(counted("a", 10), 7))},
			wantUsage: months{{Month: "2026-08", Settled: 7}},
		},
		"a job without the finalizer is never listed": {
			limit: limit(100), jobs: []Job{released(counted("a", 10)), released(ended(counted("b", 10), 10))},
		},
		"a reserved job that was removed by force is charged nothing": {
			usage: months{{Month: "2026-08", Reserved: 10}}, ledger: entries{entry("a", "2026-08", 10, reserved)},
			limit: limit(100), jobs: []Job{released(counted("a", 0))},
			wantUsage:  months{{Month: "2026-08"}},
			wantLedger: entries{entry("a", "2026-08", 0, settled)},
		},
		"a reservation follows the page count": {
			usage: months{{Month: "2026-08", Reserved: 10}}, ledger: entries{entry("a", "2026-08", 10, reserved)},
			limit: limit(15), jobs: []Job{counted("a", 15)},
			wantUsage:  months{{Month: "2026-08", Reserved: 15}},
			wantLedger: entries{entry("a", "2026-08", 15, reserved)},
		},
		"a job that grows beyond the month is refused as a whole": {
			usage: months{{Month: "2026-08", Reserved: 10}}, ledger: entries{entry("a", "2026-08", 10, reserved)},
			limit: limit(15), jobs: []Job{counted("a", 16)},
			wantUsage:  months{{Month: "2026-08"}},
			wantLedger: entries{entry("a", "2026-08", 16, refused)},
		},
		"a reservation does not follow a page count that shrinks": {
			usage: months{{Month: "2026-08", Reserved: 10}}, ledger: entries{entry("a", "2026-08", 10, reserved)},
			limit: limit(15), jobs: []Job{counted("a", 5)},
			wantUsage:  months{{Month: "2026-08", Reserved: 10}},
			wantLedger: entries{entry("a", "2026-08", 10, reserved)},
		},
		"a refusal stands when room comes free": {
			ledger: entries{entry("a", "2026-08", 10, refused)},
			limit:  limit(100), jobs: []Job{counted("a", 10)},
			wantLedger: entries{entry("a", "2026-08", 10, refused)},
		},
		"a job is charged to the month of its reservation": {
			usage:  months{{Month: "2026-08", Settled: 3}, {Month: "2026-07", Settled: 5, Reserved: 10}},
			ledger: entries{entry("a", "2026-07", 10, reserved)},
			limit:  limit(100), jobs: []Job{ended(counted("a", 10), 10)},
			wantUsage:  months{{Month: "2026-08", Settled: 3}, third(v1alpha1.MonthUsage{Month: "2026-07", Settled: 15}, 10)},
			wantLedger: entries{entry("a", "2026-07", 10, settled)},
		},
		"pages are charged to the day of the reservation and to the key, both in order": {
			usage:  months{{Month: "2026-08", Settled: 9, Reserved: 5, Days: days{{Day: 1, Pages: 4}, {Day: 9, Pages: 5}}, Keys: keys{{Pages: 4}, {Name: "scanner", Pages: 5}}}},
			ledger: entries{on(entry("a", "2026-08", 2, reserved), 1), entry("b", "2026-08", 3, reserved)},
			jobs:   []Job{with(ended(counted("a", 2), 2), "scanner"), with(ended(counted("b", 3), 3), "office")},
			wantUsage: months{{Month: "2026-08", Settled: 14,
				Days: days{{Day: 1, Pages: 6}, {Day: 3, Pages: 3}, {Day: 9, Pages: 5}},
				Keys: keys{{Pages: 4}, {Name: "office", Pages: 3}, {Name: "scanner", Pages: 7}}}},
			wantLedger: entries{on(entry("a", "2026-08", 2, settled), 1), entry("b", "2026-08", 3, settled)},
		},
		"a key that the organization does not name is none": {
			usage: months{{Month: "2026-08", Reserved: 2}}, ledger: entries{entry("a", "2026-08", 2, reserved)},
			jobs:       []Job{with(ended(counted("a", 2), 2), "made-up")},
			wantUsage:  months{third(v1alpha1.MonthUsage{Month: "2026-08", Settled: 2}, 2)},
			wantLedger: entries{entry("a", "2026-08", 2, settled)},
		},
		"an entry without a day is charged to the first of its month": {
			usage: months{{Month: "2026-08", Settled: 4, Reserved: 2}}, ledger: entries{on(entry("a", "2026-08", 2, reserved), 0)},
			jobs:       []Job{ended(counted("a", 2), 2)},
			wantUsage:  months{{Month: "2026-08", Settled: 6, Days: days{{Day: 1, Pages: 2}}, Keys: keys{{Pages: 2}}}},
			wantLedger: entries{on(entry("a", "2026-08", 2, settled), 0)},
		},
		"a month that the clock has been to stays when it comes back": {
			usage:     months{{Month: "2027-01", Settled: 1}, {Month: "2026-09", Settled: 2}, {Month: "2026-07", Settled: 3}, {Month: "2026-06", Settled: 4}},
			wantUsage: months{{Month: "2027-01", Settled: 1}, {Month: "2026-09", Settled: 2}, {Month: "2026-07", Settled: 3}},
		},
		"a month is kept as long as an entry belongs to it": {
			usage:      months{{Month: "2026-07", Settled: 1}, {Month: "2026-06", Settled: 2}, {Month: "2026-03", Settled: 5, Reserved: 10}},
			ledger:     entries{entry("a", "2026-03", 10, reserved)},
			wantUsage:  months{{Month: "2026-07", Settled: 1}, {Month: "2026-03", Settled: 5, Reserved: 10}},
			wantLedger: entries{entry("a", "2026-03", 10, reserved)},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			organization := &v1alpha1.Organization{
				Spec:   v1alpha1.OrganizationSpec{APIKeys: []v1alpha1.APIKey{{Name: "office"}, {Name: "scanner"}}},
				Status: v1alpha1.OrganizationStatus{Namespace: "kept", Usage: test.usage, Ledger: test.ledger},
			}
			before := organization.DeepCopy()
			got := Step(organization, Date{Month: "2026-08", Day: 3}, test.limit, test.jobs)
			if !reflect.DeepEqual(organization, before) {
				t.Error("the organization that was given has changed")
			}
			running := int32(0)
			for _, entry := range test.wantLedger {
				if entry.State == reserved {
					running++
				}
			}
			if got.Running != running {
				t.Errorf("%d jobs are running, want %d", got.Running, running)
			}
			if !sameItems(got.Usage, test.wantUsage) {
				t.Errorf("usage is\n%+v, want\n%+v", got.Usage, test.wantUsage)
			}
			if !sameItems(got.Ledger, test.wantLedger) {
				t.Errorf("the ledger is\n%+v, want\n%+v", got.Ledger, test.wantLedger)
			}
			if got.Namespace != "kept" {
				t.Error("the rest of the status has changed")
			}
		})
	}
}

func TestDue(t *testing.T) {
	status := &v1alpha1.OrganizationStatus{Ledger: entries{
		entry("running", "2026-08", 3, reserved), entry("ended", "2026-08", 3, reserved), entry("waiting", "2026-08", 0, settled),
		entry("released", "2026-08", 0, settled), entry("vanished", "2026-08", 0, settled),
	}}
	now := time.Date(2026, 8, 3, 8, 0, 0, 0, time.UTC)
	waiting := []Job{
		{UID: "uid-running", Name: "running", Pages: 3, Held: true},
		{UID: "uid-waiting", Name: "waiting", Held: true, Ended: true},
		{UID: "uid-new", Name: "new", Held: true},
		{UID: "uid-done", Name: "done", Pages: 1, Ended: true},
	}
	released := func(ago time.Duration) Job {
		return Job{UID: "uid-released", Name: "released", Ended: true, EndedAt: now.Add(-ago)}
	}
	settling := []Job{{UID: "uid-ended", Name: "ended", Pages: 3, Held: true, Ended: true}, {UID: "uid-counted", Name: "counted", Pages: 1, Held: true}}
	still := Job{UID: "uid-ended", Name: "ended", Pages: 3, Held: true}
	seen := Job{UID: "uid-vanished", Name: "vanished", Held: true, Ended: true}

	tests := map[string]struct {
		cached []Job
		want   []string
		wait   time.Duration
	}{
		"what is to be reserved, settled or dropped is due, and what the cache does not have": {
			slices.Concat(waiting, settling, []Job{released(time.Second)}), []string{"counted", "ended", "released", "vanished"}, 0},
		"an entry alone waits for a write to go with": {append(waiting, still, seen, released(4*time.Second)), nil, 6 * time.Second},
		"but not for long":                            {append(waiting, still, seen, released(10*time.Second)), []string{"released"}, 0},
		"nor where nobody knows since when":           {append(waiting, still, seen, Job{UID: "uid-released", Name: "released", Ended: true}), []string{"released"}, 0},
		"nothing is due":                              {append(waiting, still, seen, Job{UID: "uid-released", Name: "released", Ended: true, Held: true}), nil, 0},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			due, wait := Due(status, test.cached, now)
			var got []string
			for _, job := range due {
				got = append(got, job.Name)
			}
			if !reflect.DeepEqual(got, test.want) || wait != test.wait {
				t.Errorf("due are %v after %v, want %v after %v", got, wait, test.want, test.wait)
			}
		})
	}
}

func TestRemaining(t *testing.T) {
	now := time.Date(2026, 8, 15, 0, 0, 0, 0, time.UTC)
	plan := &v1alpha1.Plan{Spec: v1alpha1.PlanSpec{Limits: v1alpha1.PlanLimits{PagesPerMonth: new(int64(100))}}}
	tests := map[string]struct {
		usage    months
		override *int64
		want     int64
	}{
		"is the whole limit at first":              {want: 100},
		"is less what is settled and reserved":     {usage: months{{Month: "2026-08", Settled: 30, Reserved: 20}}, want: 50},
		"knows nothing of the month before":        {usage: months{{Month: "2026-07", Settled: 30, Reserved: 20}}, want: 100},
		"follows the organization's own limit":     {usage: months{{Month: "2026-08", Settled: 30}}, override: new(int64(40)), want: 10},
		"is never below 0 when a limit is lowered": {usage: months{{Month: "2026-08", Settled: 30}}, override: new(int64(0)), want: 0},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			organization := &v1alpha1.Organization{Status: v1alpha1.OrganizationStatus{Usage: test.usage}}
			organization.Spec.Overrides = &v1alpha1.LimitOverrides{PagesPerMonth: test.override}
			if got, err := Remaining(organization, plan, now); err != nil || got != test.want {
				t.Errorf("Remaining is %d (%v), want %d", got, err, test.want)
			}
		})
	}
}

func TestReservedPages(t *testing.T) {
	organization := &v1alpha1.Organization{}
	organization.Status.Ledger = []v1alpha1.LedgerEntry{
		{UID: "settled", Pages: 3, State: v1alpha1.LedgerSettled},
		{UID: "refused", Pages: 4, State: v1alpha1.LedgerRefused},
		{UID: "reserved", Pages: 5, State: v1alpha1.LedgerReserved},
	}
	for _, test := range []struct {
		job    types.UID
		weight int32
		want   int64
	}{
		{"settled", 0, 0}, {"refused", 0, 0}, {"reserved", 0, 5}, {"reserved", 1, 5}, {"none", 0, 0},
		// Two pages that count twice each; the third would have to count once.
		{"reserved", 2, 2},
	} {
		job := &v1alpha1.OcrJob{}
		job.UID, job.Status.PagesPerPage = test.job, test.weight
		if got := ReservedPages(organization, job); got != test.want {
			t.Errorf("%d pages are reserved for the job %s with %d each, want %d", got, test.job, test.weight, test.want)
		}
	}
}

func TestObserveCountsPagesByWhoHasReadThem(t *testing.T) {
	for name, test := range map[string]struct {
		weight           int32
		phase            v1alpha1.JobPhase
		pages            v1alpha1.PageCounts
		want, wantPerJob int64
	}{
		"pages of the recogniser":          {0, "", v1alpha1.PageCounts{Total: 10, Done: 6, Recognized: 6}, 6, 10},
		"a model that counts as any":       {1, "", v1alpha1.PageCounts{Total: 10, Done: 6, Recognized: 6, AI: 6}, 6, 10},
		"pages of all kinds":               {3, "", v1alpha1.PageCounts{Total: 10, Done: 9, Native: 2, Recognized: 5, Failed: 2, AI: 4}, 2 + 1 + 3*4, 30},
		"all pages are the model's":        {3, v1alpha1.PhaseCompleted, v1alpha1.PageCounts{Total: 10, Done: 10, Recognized: 10, AI: 10}, 30, 30},
		"the model read none":              {3, v1alpha1.PhaseCompleted, v1alpha1.PageCounts{Total: 10, Done: 10, Recognized: 10}, 10, 30},
		"a corrector's pages count as any": {0, "", v1alpha1.PageCounts{Total: 2, Done: 2, Recognized: 2, AI: 2}, 2, 2},
		"more of the model's than readable, as only a worker that lies says": {
			3, "", v1alpha1.PageCounts{Total: 10, Done: 4, Failed: 2, AI: 9}, 6, 30},
		"more failed than done": {3, "", v1alpha1.PageCounts{Total: 10, Done: 4, Failed: 9, AI: 9}, 0, 30},
		"a job that failed":     {3, v1alpha1.PhaseFailed, v1alpha1.PageCounts{Total: 2, Done: 2, Recognized: 2, AI: 2}, 0, 6},
	} {
		t.Run(name, func(t *testing.T) {
			job := &v1alpha1.OcrJob{Status: v1alpha1.OcrJobStatus{Phase: test.phase, PagesPerPage: test.weight,
				Workers: []v1alpha1.WorkerStatus{{Progress: &test.pages}}}}
			if got := Observe(job); got.Delivered != test.want || got.Pages != test.wantPerJob {
				t.Errorf("%d pages are delivered of %d, want %d of %d", got.Delivered, got.Pages, test.want, test.wantPerJob)
			}
		})
	}
}

// sameItems treats a missing list and an empty one alike, as the API does.
func sameItems[T any](a, b []T) bool {
	return len(a) == 0 && len(b) == 0 || reflect.DeepEqual(a, b)
}

func TestDueLeavesTheRestOfACrowdForLater(t *testing.T) {
	now := time.Date(2026, 8, 3, 8, 0, 0, 0, time.UTC)
	organization := &v1alpha1.Organization{}
	left := map[types.UID]Job{}
	for i := range 3*maxEntries + 1 {
		name := fmt.Sprintf("job-%d", i)
		left[types.UID(name)] = Job{UID: types.UID(name), Name: name, Held: true, Ended: true, EndedAt: now}
	}
	for pass := 0; len(left) > 0 || len(organization.Status.Ledger) > 0; pass++ {
		if pass > 20 {
			t.Fatalf("%d jobs and %d entries are left", len(left), len(organization.Status.Ledger))
		}
		due, _ := Due(&organization.Status, slices.Collect(maps.Values(left)), now)
		organization.Status = *Step(organization, Date{Month: "2026-08", Day: 3}, nil, due)
		if entries := len(organization.Status.Ledger); entries > maxEntries {
			t.Fatalf("pass %d leaves %d entries", pass, entries)
		}
		// What is settled is let go, and is gone in the next pass.
		for _, entry := range organization.Status.Ledger {
			delete(left, entry.UID)
		}
	}
}
