package ledger

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/openplp/khocr/api/v1alpha1"
)

// TestSumsAreExactWhateverHappens lets several managers with caches that lag at random, crashes between any two steps,
// and jobs that come, grow, end and are deleted, run against one versioned store. The caches of organizations and of jobs
// lag independently, as informers do.
func TestSumsAreExactWhateverHappens(t *testing.T) {
	for seed := range uint64(200) {
		t.Run(fmt.Sprintf("seed %d", seed), func(t *testing.T) {
			w := newWorld(seed)
			for range 600 {
				w.random()
				w.check(t)
			}
			w.finish(t)
		})
	}
}

const worldLimit = 60

// world is the API server's store with its history, and what really happened.
type world struct {
	*rand.Rand
	organizations []v1alpha1.OrganizationStatus // by resource version
	jobs          [][]truth                     // by version
	now           time.Time
	made          int
	charged       map[types.UID]int64 // what each job settled with, noted when it happened
	months        map[string]int64    // and its sum by month
	wrong         []string            // charges that were not right
}

// truth is a job as the store has it.
type truth struct {
	Job
	deleted bool
}

func newWorld(seed uint64) *world {
	return &world{
		Rand:          rand.New(rand.NewPCG(seed, 1)),
		organizations: make([]v1alpha1.OrganizationStatus, 1),
		jobs:          make([][]truth, 1),
		now:           time.Date(2026, 1, 15, 0, 0, 0, 0, time.UTC),
		charged:       map[types.UID]int64{},
		months:        map[string]int64{},
	}
}

func (w *world) month() string { return w.now.Format(monthLayout) }

func (w *world) random() {
	switch w.IntN(20) {
	case 0, 1, 2:
		w.submit()
	case 3, 4, 5, 6:
		w.work()
	case 7:
		w.now = w.now.AddDate(0, 0, w.IntN(20))
	case 8, 9, 10, 11:
		w.release(w.lag(len(w.organizations)))
	case 12:
		w.deleteOne()
	default:
		w.reconcile(w.lag(len(w.organizations)), w.lag(len(w.jobs)))
	}
}

// lag picks a version that a cache may have: mostly the latest or nearly so, sometimes any.
func (w *world) lag(versions int) int {
	back := w.IntN(3)
	if w.IntN(5) == 0 {
		back = w.IntN(versions)
	}
	return max(0, versions-1-back)
}

func (w *world) latest() []truth { return w.jobs[len(w.jobs)-1] }

// change makes a new version of the jobs.
func (w *world) change(edit func([]truth) []truth) {
	w.jobs = append(w.jobs, edit(slices.Clone(w.latest())))
}

func (w *world) submit() {
	w.made++
	name := fmt.Sprintf("job-%d", w.made)
	job := Job{UID: types.UID(name), Name: name, Created: w.now, Held: true}
	w.change(func(jobs []truth) []truth { return append(jobs, truth{Job: job}) })
}

// work lets a worker count, deliver or grow, or the manager end a job: Completed only on what the ledger has reserved,
// failed or cancelled at any time.
func (w *world) work() {
	if len(w.latest()) == 0 {
		return
	}
	i := w.IntN(len(w.latest()))
	w.change(func(jobs []truth) []truth {
		job := &jobs[i]
		switch {
		case job.Ended:
		case job.Pages == 0:
			job.Pages = int64(w.IntN(25))
		case w.IntN(10) == 0:
			job.Pages += int64(w.IntN(5))
		case w.IntN(4) == 0:
			job.Ended = true
		case job.Delivered < job.Pages:
			job.Delivered += 1 + w.Int64N(job.Pages-job.Delivered)
		}
		return jobs
	})
}

func (w *world) deleteOne() {
	if len(w.latest()) == 0 {
		return
	}
	i := w.IntN(len(w.latest()))
	w.change(func(jobs []truth) []truth {
		jobs[i].deleted, jobs[i].Ended = true, true
		return collect(jobs)
	})
}

// collect removes deleted jobs that nothing holds.
func collect(jobs []truth) []truth {
	return slices.DeleteFunc(jobs, func(j truth) bool { return j.deleted && !j.Held })
}

// release is the OcrJob controller: it takes the finalizer off jobs that its cache of the organization says are settled.
func (w *world) release(version int) {
	seen := w.organizations[version]
	w.change(func(jobs []truth) []truth {
		for i := range jobs {
			settledEntry := slices.ContainsFunc(seen.Ledger, func(e v1alpha1.LedgerEntry) bool {
				return e.UID == jobs[i].UID && e.State == v1alpha1.LedgerSettled
			})
			if settledEntry && w.IntN(3) > 0 {
				jobs[i].Held = false
			}
		}
		return collect(jobs)
	})
}

// reconcile is the Organization controller of one manager, with the given versions in its caches.
func (w *world) reconcile(organization, jobs int) {
	status := w.organizations[organization]
	var cached []Job
	for _, job := range w.jobs[jobs] {
		cached = append(cached, job.Job)
	}
	var live []Job
	for _, due := range Due(&status, cached) {
		live = append(live, w.read(due))
	}
	limit := int64(worldLimit)
	next := Step(&status, w.month(), &limit, live)
	if w.IntN(4) == 0 {
		w.work() // a worker writes between the live read and ours
	}
	if w.IntN(8) == 0 {
		return // the manager dies
	}
	if organization != len(w.organizations)-1 {
		return // conflict
	}
	w.note(&status, next)
	w.organizations = append(w.organizations, *next)
}

// read gives a job as it is, or as one that nothing holds if it is gone.
func (w *world) read(due Job) Job {
	for _, job := range w.latest() {
		if job.UID == due.UID {
			return job.Job
		}
	}
	return Job{UID: due.UID, Name: due.Name}
}

// note writes down what a successful update charged.
func (w *world) note(before, after *v1alpha1.OrganizationStatus) {
	for _, e := range after.Ledger {
		was := slices.IndexFunc(before.Ledger, func(b v1alpha1.LedgerEntry) bool { return b.UID == e.UID })
		if e.State != v1alpha1.LedgerSettled || was >= 0 && before.Ledger[was].State == v1alpha1.LedgerSettled {
			continue
		}
		if _, twice := w.charged[e.UID]; twice {
			w.wrong = append(w.wrong, fmt.Sprintf("job %s was settled twice", e.UID))
		}
		w.charged[e.UID] = e.Pages
		w.months[e.Month] += e.Pages
		want := int64(0)
		if was >= 0 && before.Ledger[was].State == v1alpha1.LedgerReserved {
			want = min(before.Ledger[was].Pages, w.read(Job{UID: e.UID}).Delivered)
		}
		if e.Pages != want {
			w.wrong = append(w.wrong, fmt.Sprintf("job %s was charged %d pages, want %d", e.UID, e.Pages, want))
		}
	}
}

func (w *world) check(t *testing.T) {
	t.Helper()
	status := w.organizations[len(w.organizations)-1]
	for _, usage := range status.Usage {
		if usage.Settled+usage.Reserved > worldLimit {
			t.Fatalf("month %+v is past its limit of %d", usage, worldLimit)
		}
		if usage.Settled != w.months[usage.Month] {
			t.Fatalf("month %+v, but %d pages were charged to it", usage, w.months[usage.Month])
		}
		sum := int64(0)
		for _, e := range status.Ledger {
			if e.Month == usage.Month && e.State == v1alpha1.LedgerReserved {
				sum += e.Pages
			}
		}
		if usage.Reserved != sum {
			t.Fatalf("month %+v, but %d pages are reserved by entries", usage, sum)
		}
	}
	if len(w.wrong) > 0 {
		t.Fatal(w.wrong)
	}
}

// finish ends every job and lets the controllers run with fresh caches until nothing changes.
func (w *world) finish(t *testing.T) {
	t.Helper()
	w.change(func(jobs []truth) []truth {
		for i := range jobs {
			jobs[i].Ended = true
		}
		return jobs
	})
	for range 200 {
		w.reconcile(len(w.organizations)-1, len(w.jobs)-1)
		w.release(len(w.organizations) - 1)
		w.check(t)
	}
	if left := w.organizations[len(w.organizations)-1].Ledger; len(left) > 0 {
		t.Fatalf("%d entries are left of jobs that have all ended: %+v", len(left), left)
	}
	if len(w.charged) != w.made {
		t.Fatalf("%d of %d jobs went through the ledger", len(w.charged), w.made)
	}
	for _, job := range w.latest() {
		if job.Held {
			t.Fatalf("job %s is still held", job.Name)
		}
	}
}
