// Package ledger counts an organization's pages, exactly: pure functions over the status of an Organization.
//
// Every job passes through the ledger once. Its pages are reserved in the month when they become known, or refused; when
// the job has ended, the pages that were delivered are settled in that month; and when the job's finalizer is off, its
// entry goes. The sums are exact whatever crashes or runs late, as long as whoever applies Step keeps four rules:
//
//   - the status given is written back with the resource version that it was read with, before anybody acts on it;
//   - every Job given was read from the API server itself, not from a cache, and after that status;
//   - a job's finalizer comes off only when its entry was seen to be Settled, and never comes back;
//   - no job is worked on without its finalizer.
//
// An entry is then made only for a job that never had one: the finalizer of a job whose entry is gone is off for good. So
// an entry may also stay longer than it must, until the status is written for something else.
//
// The package must never do I/O or ask for the time.
package ledger

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/openplp/khocr/api/v1alpha1"
)

// Job is what the ledger needs to know of an OcrJob. Its pages are those of the month: a page whose text is an AI model's may count
// as several.
type Job struct {
	UID     types.UID
	Name    string
	Created time.Time
	// Pages that the document takes at the most; 0 while its own are not known.
	Pages int64
	// Delivered are those of the pages that have a result. Failed pages have none.
	Delivered int64
	// Ended tells that Delivered does not change any more.
	Ended bool
	// EndedAt is when the job ended; zero where nobody knows.
	EndedAt time.Time
	// Held tells that the job has the ledger's finalizer. A job that is gone is not held.
	Held bool
	// Key is the API key that the job says it came with.
	Key string
}

// dropAfter is the time after a job's end for which its entry may wait for another write to go with.
const dropAfter = 10 * time.Second

// Observe takes from an OcrJob what the ledger needs to know. A job counts as ended once its phase is final. One that
// failed delivers nothing: its pages cannot be read.
func Observe(job *v1alpha1.OcrJob) Job {
	pages := job.Status.LivePages()
	// Which pages an AI model reads is known when they are done: until then each may be one of them.
	weight := max(1, int64(job.Status.PagesPerPage))
	delivered := max(0, int64(pages.Done)-int64(pages.Failed))
	delivered += min(delivered, int64(pages.AI)) * (weight - 1)
	if job.Status.Phase == v1alpha1.PhaseFailed {
		delivered = 0
	}
	var endedAt time.Time
	if job.Status.CompletionTime != nil {
		endedAt = job.Status.CompletionTime.Time
	}
	return Job{
		UID:       job.UID,
		Name:      job.Name,
		Created:   job.Accepted().Time,
		Pages:     int64(pages.Total) * weight,
		Delivered: delivered,
		Ended:     job.Status.Phase.Ended(),
		EndedAt:   endedAt,
		Held:      slices.Contains(job.Finalizers, v1alpha1.FinalizerLedger),
		Key:       job.Labels[v1alpha1.LabelAPIKey],
	}
}

// Remaining pages of the organization in the month that now lies in: the limit less what is settled and reserved, and
// never below 0.
func Remaining(organization *v1alpha1.Organization, plan *v1alpha1.Plan, now time.Time) (int64, error) {
	month, err := Month(now, plan)
	if err != nil {
		return 0, err
	}
	limit := *organization.EffectiveLimits(plan).PagesPerMonth
	return max(0, limit-used(organization.Status.Usage, month)), nil
}

// ReservedPages is for how many pages of a job at work enough is set aside, whoever reads them; 0 where nothing is.
func ReservedPages(organization *v1alpha1.Organization, job *v1alpha1.OcrJob) int64 {
	for i := range organization.Status.Ledger {
		if entry := &organization.Status.Ledger[i]; entry.UID == job.UID && entry.State == v1alpha1.LedgerReserved {
			return entry.Pages / max(1, int64(job.Status.PagesPerPage))
		}
	}
	return 0
}

// Pages sums up a month as people read it: used/limit. Used are the settled and the reserved pages.
func Pages(usage []v1alpha1.MonthUsage, month string, limit int64) string {
	return fmt.Sprintf("%d/%d", used(usage, month), limit)
}

// maxEntries is how many entries a ledger has at the most: with names of the full length they take half of what the API
// server stores of an object. It is twice what a plan allows to be at work at the same time.
const maxEntries = 4000

// Due picks, from jobs of a cache, those for which Step may have something to do, by UID and name. The entries of jobs
// that the cache does not have are among them. Jobs that are not listed yet are left for later while the ledger is full.
//
// Where there is nothing to do but to drop entries of jobs that have only just ended, nothing is due yet, and the time
// until it is comes back; 0 otherwise.
func Due(status *v1alpha1.OrganizationStatus, cached []Job, now time.Time) (due []Job, wait time.Duration) {
	entries := make(map[types.UID]v1alpha1.LedgerEntry, len(status.Ledger))
	for _, entry := range status.Ledger {
		entries[entry.UID] = entry
	}
	urgent, room := false, maxEntries-len(status.Ledger)
	for _, job := range cached {
		entry, listed := entries[job.UID]
		delete(entries, job.UID)
		what := next(job, entry, listed)
		if what == nothing {
			continue
		}
		if !listed {
			if room <= 0 {
				urgent = true // drops make room
				continue
			}
			room--
		}
		due = append(due, job)
		left := job.EndedAt.Add(dropAfter).Sub(now)
		if what != drop || left <= 0 {
			urgent = true
		} else if wait == 0 || left < wait {
			wait = left
		}
	}
	for _, entry := range entries {
		due = append(due, Job{UID: entry.UID, Name: entry.Job})
		urgent = true
	}
	if !urgent {
		return nil, wait
	}
	slices.SortFunc(due, func(a, b Job) int { return cmp.Compare(a.UID, b.UID) })
	return due, 0
}

// Step brings the ledger in line with the jobs given, oldest first, and returns the new usage and entries in a copy of
// the organization's status. Jobs that are not given stay as they are.
//
// Without a limit nothing is reserved or refused: those jobs wait.
func Step(organization *v1alpha1.Organization, today Date, limit *int64, jobs []Job) *v1alpha1.OrganizationStatus {
	book := newBook(organization, today)
	jobs = slices.Clone(jobs)
	slices.SortFunc(jobs, func(a, b Job) int {
		return cmp.Or(a.Created.Compare(b.Created), cmp.Compare(a.UID, b.UID))
	})
	// What ends makes room for what begins.
	for _, job := range jobs {
		entry := book.find(job.UID)
		switch next(job, orZero(entry), entry != nil) {
		case settle:
			book.settle(job, entry)
		case drop:
			book.drop(job.UID)
		}
	}
	for _, job := range jobs {
		entry := book.find(job.UID)
		if next(job, orZero(entry), entry != nil) == reserve && limit != nil {
			book.reserve(job, entry, *limit)
		}
	}
	return book.close()
}

type move int

const (
	nothing move = iota
	reserve
	settle
	drop
)

// next is the one thing that the ledger has to do about a job.
func next(job Job, entry v1alpha1.LedgerEntry, listed bool) move {
	switch {
	case !listed && !job.Held:
		return nothing
	case !listed && job.Ended:
		return settle
	case !listed && job.Pages > 0:
		return reserve
	case !listed:
		return nothing
	case entry.State == v1alpha1.LedgerSettled && !job.Held:
		return drop
	case entry.State == v1alpha1.LedgerSettled:
		return nothing
	case job.Ended || !job.Held:
		return settle
	case entry.State == v1alpha1.LedgerReserved && job.Pages > entry.Pages:
		return reserve
	default:
		return nothing
	}
}

func orZero(entry *v1alpha1.LedgerEntry) v1alpha1.LedgerEntry {
	if entry == nil {
		return v1alpha1.LedgerEntry{}
	}
	return *entry
}

func used(usage []v1alpha1.MonthUsage, month string) int64 {
	for _, u := range usage {
		if u.Month == month {
			return u.Settled + u.Reserved
		}
	}
	return 0
}
