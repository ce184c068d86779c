// Package sweep looks after jobs from their end on, in one gateway at a time: it keeps their records, deletes their OcrJobs,
// documents and results when the time for that has come, finishes deletions that were cut off, and removes what nothing
// refers to.
//
// What to do about a job is decided by Decide, a pure function of plain values; the Sweeper gathers those values and carries
// the decisions out, a step at a time. Every step may be repeated, and a process may die between any two of them. It never
// takes the ledger's finalizer off, and never opens a document.
package sweep

import (
	"slices"
	"time"

	"github.com/openplp/khocr/api/v1alpha1"
	"github.com/openplp/khocr/internal/archive"
)

const (
	// DefaultRetention is for how long results are kept in a namespace whose organization or plan is not there.
	DefaultRetention = 7 * 24 * time.Hour
	// tombstoneTime is for how long it is told of a job that it was deleted.
	tombstoneTime = 30 * 24 * time.Hour
)

// Case is everything that a decision depends on. It is never changed.
type Case struct {
	Now time.Time
	// Job is the OcrJob of the name, nil where there is none; Record is the record of the name, nil where there is none. They
	// may be of different jobs, one after the other.
	Job    *v1alpha1.OcrJob
	Record *archive.Record
	// Forgotten tells that what was stored for the job of the record is deleted.
	Forgotten bool
}

// Step is what to do next about the jobs of a name.
type Step int

const (
	// Wait for an event, or for a time.
	Wait Step = iota
	// Archive keeps a record of the job, and has its callback told.
	Archive
	// Supersede deletes the record of an earlier job, with what is stored for that one, so that the job's can take its place.
	Supersede
	// Expire sets the record down as a tombstone, whose document and result are about to go.
	Expire
	// Forget deletes what is stored for the job of the tombstone.
	Forget
	// DeleteJob deletes the OcrJob.
	DeleteJob
	// RemoveRecord deletes the tombstone.
	RemoveRecord
)

// Decision is what to do next.
type Decision struct {
	Step Step
	// After is, for Wait, the time after which time alone changes the decision; 0 for never.
	After time.Duration
}

// Decide says what to do next. Whoever has carried it out asks again.
func Decide(c Case) Decision {
	job, record := c.Job, c.Record
	switch {
	case record == nil && settled(job):
		return Decision{Step: Archive}
	case record == nil:
		return Decision{}
	case job != nil && job.UID != record.Job.UID && settled(job):
		return Decision{Step: Supersede}
	case job != nil && job.UID != record.Job.UID:
		job = nil // its record comes when it has ended
	}
	var due []time.Time // moments at which the decision changes
	past := func(moment time.Time) bool {
		due = append(due, moment)
		return !moment.After(c.Now)
	}
	switch {
	case record.Deleted == "" && past(record.ExpiresAt):
		return Decision{Step: Expire}
	case record.Deleted != "" && !c.Forgotten:
		return Decision{Step: Forget}
	case job != nil && job.DeletionTimestamp == nil && (record.Deleted == archive.Purged || hasTTL(job) && past(endOfTTL(job))):
		return Decision{Step: DeleteJob}
	// As long as its OcrJob is there, a job without a record would be archived once more.
	case job == nil && record.Deleted != "" && past(record.DeletedAt.Add(tombstoneTime)):
		return Decision{Step: RemoveRecord}
	case len(due) == 0:
		return Decision{}
	}
	return Decision{After: slices.MinFunc(due, time.Time.Compare).Sub(c.Now)}
}

// settled tells that a job has ended for good: the ledger has let it go.
func settled(job *v1alpha1.OcrJob) bool {
	return job != nil && job.Status.Phase.Ended() && job.Status.CompletionTime != nil &&
		!slices.Contains(job.Finalizers, v1alpha1.FinalizerLedger)
}

func hasTTL(job *v1alpha1.OcrJob) bool {
	return settled(job) && job.Spec.TTLSecondsAfterFinished != nil
}

func endOfTTL(job *v1alpha1.OcrJob) time.Time {
	return job.Status.CompletionTime.Add(time.Duration(*job.Spec.TTLSecondsAfterFinished) * time.Second)
}
