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
// clocks that are off by up to three weeks, and jobs that come, grow, end and are deleted, run against one versioned
// store. The caches of organizations and of jobs lag independently, as informers do.
func TestSumsAreExactWhateverHappens(t *testing.T) {
	for seed := range uint64(200) {
		t.Run(fmt.Sprintf("seed %d", seed), func(t *testing.T) {
			w := newWorld(seed)
			for range 600 {
				w.random()
				w.check(t)
				if w.IntN(100) == 0 {
					w.quieten(t, 20)
				}
			}
			w.finish(t)
		})
	}
}

const worldLimit = 60

var (
	worldSpec   = v1alpha1.OrganizationSpec{APIKeys: []v1alpha1.APIKey{{Name: "scanner"}, {Name: "office"}}}
	worldLabels = []string{"", "office", "scanner", "made-up", "made-up-too"}
)

// world is the API server's store with its history, and what really happened.
type world struct {
	*rand.Rand
	organizations []v1alpha1.OrganizationStatus // by resource version
	jobs          [][]truth                     // by version
	now           time.Time
	made          int
	skew          int                 // days by which the clocks are off, forwards or backwards
	charged       map[types.UID]int64 // what each job settled with, noted when it happened
	months        map[string]int64    // and its sums by month,
	days          map[Date]int64      // by day
	keys          map[[2]string]int64 // and by month and key
	wrong         []string            // charges that were not right
}

// truth is a job as the store has it, with what has really become of its pages.
type truth struct {
	Job
	deleted bool
	// weight is what a page counts as that an AI model has read.
	weight int32
	total  int
	done   []byte // a letter for each page: native, recognised, failed, or an AI model's
}

// kinds of pages.
const (
	native     = 'n'
	recognized = 'r'
	failed     = 'f'
	byAI       = 'a'
)

// observe brings what the ledger is told in line with the pages.
func (j *truth) observe() {
	count := func(kinds ...byte) (pages int32) {
		for _, kind := range j.done {
			if slices.Contains(kinds, kind) {
				pages++
			}
		}
		return pages
	}
	job := &v1alpha1.OcrJob{Status: v1alpha1.OcrJobStatus{PagesPerPage: j.weight, Workers: []v1alpha1.WorkerStatus{{Progress: &v1alpha1.PageCounts{
		Total: int32(j.total), Done: int32(len(j.done)), Native: count(native), Recognized: count(recognized, byAI), Failed: count(failed), AI: count(byAI)}}}}}
	seen := Observe(job)
	j.Pages, j.Delivered = seen.Pages, seen.Delivered
}

// worth of the pages that are done, page by page.
func (j *truth) worth() (pages int64) {
	for _, kind := range j.done {
		switch kind {
		case native, recognized:
			pages++
		case byAI:
			pages += int64(max(1, j.weight))
		}
	}
	return pages
}

func newWorld(seed uint64) *world {
	random := rand.New(rand.NewPCG(seed, 1))
	return &world{
		Rand:          random,
		skew:          random.IntN(41) - 20,
		organizations: make([]v1alpha1.OrganizationStatus, 1),
		jobs:          make([][]truth, 1),
		now:           time.Date(2026, 1, 15, 0, 0, 0, 0, time.UTC),
		charged:       map[types.UID]int64{},
		months:        map[string]int64{},
		days:          map[Date]int64{},
		keys:          map[[2]string]int64{},
	}
}

// clock is the time that a manager believes it is: the true one, or one that is off.
func (w *world) clock() time.Time {
	if w.IntN(2) == 0 {
		return w.now
	}
	return w.now.AddDate(0, 0, w.skew)
}

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
	job := Job{UID: types.UID(name), Name: name, Created: w.now, Held: true, Key: worldLabels[w.IntN(len(worldLabels))]}
	weight := []int32{0, 0, 1, 2, 3}[w.IntN(5)]
	w.change(func(jobs []truth) []truth { return append(jobs, truth{Job: job, weight: weight}) })
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
		case job.total == 0:
			job.total = w.IntN(25)
		case w.IntN(10) == 0:
			job.total += w.IntN(5)
		case w.IntN(4) == 0:
			job.Ended, job.EndedAt = true, w.now
		case len(job.done) < job.total:
			job.done = slices.Clone(job.done) // older versions stay as they are
			for range 1 + w.IntN(job.total-len(job.done)) {
				job.done = append(job.done, []byte{native, recognized, failed, byAI, byAI}[w.IntN(5)])
			}
		}
		job.observe()
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
	now := w.clock()
	due, _ := Due(&status, cached, now)
	var live []Job
	for _, job := range due {
		live = append(live, w.read(job))
	}
	limit := int64(worldLimit)
	today := Date{Month: now.Format(monthLayout), Day: int32(now.Day())}
	next := Step(&v1alpha1.Organization{Spec: worldSpec, Status: status}, today, &limit, live)
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
func (w *world) read(due Job) Job { return w.truthOf(due).Job }

func (w *world) truthOf(due Job) truth {
	for _, job := range w.latest() {
		if job.UID == due.UID {
			return job
		}
	}
	return truth{Job: Job{UID: due.UID, Name: due.Name}}
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
		key := w.read(Job{UID: e.UID}).Key
		if !slices.ContainsFunc(worldSpec.APIKeys, func(k v1alpha1.APIKey) bool { return k.Name == key }) {
			key = ""
		}
		w.charged[e.UID] = e.Pages
		w.months[e.Month] += e.Pages
		w.days[Date{e.Month, e.Day}] += e.Pages
		w.keys[[2]string{e.Month, key}] += e.Pages
		want := int64(0)
		if was >= 0 && before.Ledger[was].State == v1alpha1.LedgerReserved {
			job := w.truthOf(Job{UID: e.UID})
			want = min(before.Ledger[was].Pages, job.worth())
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
		w.checkParts(t, usage)
	}
	running := int32(0)
	for _, e := range status.Ledger {
		if e.State == v1alpha1.LedgerReserved {
			running++
		}
	}
	if status.Running != running {
		t.Fatalf("%d jobs are said to be running, want %d", status.Running, running)
	}
	if len(w.wrong) > 0 {
		t.Fatal(w.wrong)
	}
}

// checkParts compares a month's days and keys with what was charged to them.
func (w *world) checkParts(t *testing.T, usage v1alpha1.MonthUsage) {
	t.Helper()
	byDay, byKey := int64(0), int64(0)
	for i, day := range usage.Days {
		if day.Pages != w.days[Date{usage.Month, day.Day}] || i > 0 && usage.Days[i-1].Day >= day.Day {
			t.Fatalf("month %+v: day %d is wrong or out of order", usage, day.Day)
		}
		byDay += day.Pages
	}
	for i, key := range usage.Keys {
		if key.Pages != w.keys[[2]string{usage.Month, key.Name}] || i > 0 && usage.Keys[i-1].Name >= key.Name {
			t.Fatalf("month %+v: key %q is wrong or out of order", usage, key.Name)
		}
		byKey += key.Pages
	}
	if byDay != usage.Settled || byKey != usage.Settled {
		t.Fatalf("month %+v: its days are %d pages in all, its keys %d", usage, byDay, byKey)
	}
}

// quieten ends every job and lets the controllers run with fresh caches for a while.
func (w *world) quieten(t *testing.T, rounds int) {
	t.Helper()
	w.change(func(jobs []truth) []truth {
		for i := range jobs {
			jobs[i].Ended = true
		}
		return jobs
	})
	for range rounds {
		w.reconcile(len(w.organizations)-1, len(w.jobs)-1)
		w.release(len(w.organizations) - 1)
		w.check(t)
	}
}

// finish quietens the world until nothing changes any more.
func (w *world) finish(t *testing.T) {
	t.Helper()
	w.now = w.now.AddDate(0, 0, 30) // beyond the time for which entries wait for company, by any clock
	w.quieten(t, 200)
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
