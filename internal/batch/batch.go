// Package batch converts many documents by the public API: as many at a time as the plan has slots, each once however often it
// is asked for, and so that a run which was killed at any moment can be gone on with. It writes results and a journal, nothing
// else.
package batch

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/openplp/khocr/client"
)

// Patience is how long a run goes on without a single answer of the platform.
const Patience = 3 * time.Minute

// Batch is what a run works with.
type Batch struct {
	Client  *client.Client
	Journal *Journal
	// Asked is what goes with each document. No format is asked for: one recognition serves every format, so that another one
	// later costs nothing.
	Asked client.Submission
	// Format of the results.
	Format client.OutputFormat
	// Slots is how many jobs of the organization may be at work, and MaxBytes how large a document may be.
	Slots    int
	MaxBytes int64
	// Leave has documents only handed in, and their results left for another run.
	Leave bool
	// To, if not nil, takes the result in place of a file; there is one document then.
	To io.Writer
	// Tell is told how documents come along, by several goroutines at once.
	Tell func(Progress)
}

// Stage is where a document is on its way.
type Stage string

// Stages, in their order. The last five are ends, and each document comes to one of them.
const (
	Uploading Stage = "uploading"
	// Submitted documents have a job.
	Submitted Stage = "submitted"
	Working   Stage = "working"
	Fetching  Stage = "fetching"

	Done Stage = "done"
	// Kept documents were done by an earlier run.
	Kept Stage = "kept"
	// HandedIn documents go on at the platform, by Leave.
	HandedIn Stage = "handed-in"
	Failed   Stage = "failed"
	// Left documents were not come to, or only have a job so far. Another run goes on with them.
	Left Stage = "left"
)

// Progress tells how a document comes along.
type Progress struct {
	Document Document
	Stage    Stage
	// Sent of Size bytes, while it is uploading.
	Sent, Size int64
	// JobID is known from Submitted on.
	JobID string
	// Job is there while it is working, at the end of one that failed, and of one that this run saw completed.
	Job *client.Job
	// Err says why it failed, or what goes wrong for now: then Pause is how long until another try.
	Err   error
	Pause time.Duration
}

// TooLargeError says that the plan does not take a document.
type TooLargeError struct{ Size, Limit int64 }

// Error implements error.
func (e *TooLargeError) Error() string {
	return fmt.Sprintf("%d bytes are more than the %d that the plan takes", e.Size, e.Limit)
}

// JobError says that a job ended without a result.
type JobError struct{ Job *client.Job }

// Error implements error.
func (e *JobError) Error() string {
	if e.Job.Error == nil {
		return fmt.Sprintf("job %s ended as %s", e.Job.Id, e.Job.Status)
	}
	return fmt.Sprintf("job %s ended as %s: %s", e.Job.Id, e.Job.Status, e.Job.Error.Message)
}

// Outcome is what became of a document.
type Outcome struct {
	Document Document
	// Stage is an end.
	Stage Stage
	// JobID is empty where there is no job.
	JobID string
	Err   error
}

// errQuota leaves documents that there are no pages for.
var errQuota = errors.New("no pages are left of the month")

// IsQuota tells whether a document, or some of a run, are left because the pages of the month are used up.
func IsQuota(err error) bool { return errors.Is(err, errQuota) }

// UnderWay is how many documents a run has between submission and end at most: some more than slots, so that the next one is
// there already when a slot comes free, and no more than leaves room among the streams that an organization may have.
func UnderWay(slots int) int {
	return max(1, min(slots+slots/4+1, 80))
}

// Run converts documents until all have come to an end, or none can any more: the context is over, the platform cannot be
// reached, the key is refused, no pages are left. It returns what became of each, in their order, and why some are left if so.
func (b *Batch) Run(ctx context.Context, documents []Document) ([]Outcome, error) {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	outcomes := make([]Outcome, len(documents))
	slots := make(chan struct{}, UnderWay(b.Slots))
	var quotaMet atomic.Bool
	var group sync.WaitGroup
	for i, d := range documents {
		w := &work{Batch: b, document: d, quotaMet: &quotaMet}
		// What is done already takes no slot, and is looked for while others are at work.
		stage, err := w.recall(ctx)
		if stage == "" && err == nil {
			select {
			case slots <- struct{}{}:
				free := sync.OnceFunc(func() { <-slots })
				group.Go(func() {
					defer free()
					stage, err := w.convert(ctx, free)
					outcomes[i] = w.end(ctx, stop, stage, err)
				})
				continue
			case <-ctx.Done():
				err = context.Cause(ctx)
			}
		}
		outcomes[i] = w.end(ctx, stop, stage, err)
	}
	group.Wait()
	if err := context.Cause(ctx); err != nil {
		return outcomes, err
	}
	for _, outcome := range outcomes {
		if IsQuota(outcome.Err) {
			return outcomes, outcome.Err
		}
	}
	return outcomes, nil
}

// concernsAll tells whether the next document would meet the same error.
func concernsAll(err error) bool {
	problem := new(client.ProblemError)
	if !errors.As(err, &problem) {
		return client.Temporary(err) // and patience is over
	}
	switch problem.Code {
	case client.ProblemCodeInvalidFile, client.ProblemCodeFileTooLarge, client.ProblemCodeEmptyFile, client.ProblemCodeUploadIncomplete,
		client.ProblemCodeUploadTooSlow:
		return false
	}
	switch problem.Status {
	case http.StatusBadRequest, http.StatusUnauthorized, http.StatusForbidden:
		return true
	}
	return client.Temporary(err)
}
