package e2e

import (
	"context"
	"fmt"
	"sync"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/tools/cache"
	clientwatch "k8s.io/client-go/tools/watch"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/openplp/khocr/api/v1alpha1"
)

// follow shows every change of the objects of a list from now on, one after the other in the order in which they were
// written, until the test ends. What is there already is shown first, as added.
func (p *platform) follow(list client.ObjectList, show func(watch.EventType, client.Object), options ...client.ListOption) {
	p.Helper()
	p.must(p.client.List(p.Context(), list, options...))
	p.must(meta.EachListItem(list, func(object runtime.Object) error {
		show(watch.Added, object.(client.Object))
		return nil
	}))
	source := &cache.ListWatch{WatchFuncWithContext: func(ctx context.Context, raw metav1.ListOptions) (watch.Interface, error) {
		return p.client.Watch(ctx, list, append(options, &client.ListOptions{Raw: &raw})...)
	}}
	watcher, err := clientwatch.NewRetryWatcherWithContext(p.Context(), list.GetResourceVersion(), source)
	p.must(err)
	var following sync.WaitGroup
	following.Go(func() {
		for event := range watcher.ResultChan() {
			object, ok := event.Object.(client.Object)
			if !ok {
				p.Errorf("changes may have been missed: %v", apierrors.FromObject(event.Object))
				return
			}
			show(event.Type, object)
		}
	})
	p.Cleanup(following.Wait)
}

// book is what is known of an organization's ledger to somebody who has seen every version of it.
type book struct {
	limit int64

	lock     sync.Mutex
	versions int
	current  *v1alpha1.Organization
	peak     int64 // the most pages of a month that were settled and reserved at once
	entries  map[types.UID]v1alpha1.LedgerEntry
	settled  map[string]int64 // pages of the entries that were settled, by month
	wrong    []string
}

func newBook(limit int64) *book {
	return &book{limit: limit, entries: map[types.UID]v1alpha1.LedgerEntry{}, settled: map[string]int64{}}
}

// keepBook watches the ledger of the tenant.
func (t *tenant) keepBook(limit int64) *book {
	t.Helper()
	b := newBook(limit)
	t.follow(&v1alpha1.OrganizationList{}, func(_ watch.EventType, object client.Object) {
		b.see(object.(*v1alpha1.Organization))
	}, client.MatchingFields{"metadata.name": t.name})
	return b
}

// see holds one version of the ledger against the ones before.
func (b *book) see(organization *v1alpha1.Organization) {
	b.lock.Lock()
	defer b.lock.Unlock()
	b.versions++
	b.current = organization.DeepCopy()
	reserved := map[string]int64{}
	for _, entry := range organization.Status.Ledger {
		b.enter(entry)
		if entry.State == v1alpha1.LedgerReserved {
			reserved[entry.Month] += entry.Pages
		}
	}
	for _, usage := range organization.Status.Usage {
		b.peak = max(b.peak, usage.Settled+usage.Reserved)
		b.check(usage.Settled+usage.Reserved <= b.limit, "%s is past its limit of %d: %d settled and %d reserved", usage.Month, b.limit, usage.Settled, usage.Reserved)
		b.check(usage.Settled == b.settled[usage.Month], "%s has %d pages settled, its jobs have %d", usage.Month, usage.Settled, b.settled[usage.Month])
		b.check(usage.Reserved == reserved[usage.Month], "%s has %d pages reserved, its jobs have %d", usage.Month, usage.Reserved, reserved[usage.Month])
		days, keys := int64(0), int64(0)
		for _, day := range usage.Days {
			days += day.Pages
		}
		for _, key := range usage.Keys {
			keys += key.Pages
		}
		b.check(len(usage.Days) == 0 || days == usage.Settled, "%s has %d pages settled, its days have %d", usage.Month, usage.Settled, days)
		b.check(len(usage.Keys) == 0 || keys == usage.Settled, "%s has %d pages settled, its keys have %d", usage.Month, usage.Settled, keys)
	}
}

// enter follows one job through the ledger.
func (b *book) enter(entry v1alpha1.LedgerEntry) {
	before, known := b.entries[entry.UID]
	b.entries[entry.UID] = entry
	switch {
	case known && before.State == v1alpha1.LedgerSettled:
		b.check(entry == before, "job %s changed from %+v to %+v after it was settled", entry.Job, before, entry)
	case entry.State == v1alpha1.LedgerSettled:
		reserved := int64(0)
		if known && before.State == v1alpha1.LedgerReserved {
			reserved = before.Pages
		}
		b.check(entry.Pages <= reserved, "job %s was charged %d pages, %d were reserved", entry.Job, entry.Pages, reserved)
		b.settled[entry.Month] += entry.Pages
		fallthrough
	default:
		b.check(!known || before.Month == entry.Month, "job %s went from %s to %s", entry.Job, before.Month, entry.Month)
	}
}

func (b *book) check(holds bool, format string, arguments ...any) {
	if !holds {
		b.wrong = append(b.wrong, fmt.Sprintf("version %d: ", b.versions)+fmt.Sprintf(format, arguments...))
	}
}

// charged tells what a job was charged, or whether that is open still. One that was taken back before anybody looked at it
// never has an entry, and is charged nothing.
func (b *book) charged(uid types.UID) (pages int64, open bool) {
	b.lock.Lock()
	defer b.lock.Unlock()
	entry, entered := b.entries[uid]
	return entry.Pages, entered && entry.State != v1alpha1.LedgerSettled
}

// used tells how many pages are settled, by month.
func (b *book) used() map[string]int64 {
	b.lock.Lock()
	defer b.lock.Unlock()
	used := map[string]int64{}
	for _, usage := range b.current.Status.Usage {
		used[usage.Month] = usage.Settled
	}
	return used
}

// sum tells how many pages are settled in all.
func (b *book) sum() int64 {
	sum := int64(0)
	for _, pages := range b.used() {
		sum += pages
	}
	return sum
}

// hasSeen tells whether the version was the last one seen.
func (b *book) hasSeen(version string) bool {
	b.lock.Lock()
	defer b.lock.Unlock()
	return b.current.ResourceVersion == version
}

// verdict tells how many versions were seen, how many pages of a month were taken at most in one of them, and what was
// wrong in any.
func (b *book) verdict() (versions int, peak int64, faults []string) {
	b.lock.Lock()
	defer b.lock.Unlock()
	return b.versions, b.peak, b.wrong
}

// roll has every job of a namespace, also those that are gone, as it was last.
type roll struct {
	lock sync.Mutex
	jobs map[types.UID]*v1alpha1.OcrJob
	gone map[types.UID]bool
}

// callRoll watches the jobs of the tenant.
func (t *tenant) callRoll() *roll {
	t.Helper()
	r := &roll{jobs: map[types.UID]*v1alpha1.OcrJob{}, gone: map[types.UID]bool{}}
	t.follow(&v1alpha1.OcrJobList{}, func(event watch.EventType, object client.Object) {
		r.lock.Lock()
		defer r.lock.Unlock()
		job := object.(*v1alpha1.OcrJob)
		r.jobs[job.UID] = job.DeepCopy()
		r.gone[job.UID] = event == watch.Deleted
	}, inNamespace(t))
	return r
}

// each gives every job that ever was, and whether it is gone.
func (r *roll) each(give func(job *v1alpha1.OcrJob, gone bool)) {
	r.lock.Lock()
	defer r.lock.Unlock()
	for uid, job := range r.jobs {
		give(job, r.gone[uid])
	}
}
