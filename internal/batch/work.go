package batch

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
	"unicode"

	"github.com/openplp/khocr/client"
)

// work is one document at work.
type work struct {
	*Batch
	document Document
	// quotaMet says that nothing more can be submitted this month.
	quotaMet *atomic.Bool

	size int64
	// submission names what is asked of the platform, and remembered what is done with the answer.
	submission, remembered string
	record                 record
	// completed is the job, where this run saw its end.
	completed *client.Job
}

// convert takes a document all the way that there is nothing of yet. Free is called once its job does not take a slot any more.
func (w *work) convert(ctx context.Context, free func()) (Stage, error) {
	for again := false; ; again = true {
		if err := w.submit(ctx); err != nil {
			return "", err
		}
		if w.Leave {
			return HandedIn, nil
		}
		err := w.finish(ctx, free)
		if !isGone(err) || again {
			return Done, err
		}
		// The job is not kept any more, and neither is its result: there is no other way than to begin again. Once: each time is
		// charged.
		if err := w.forget(err); err != nil {
			return "", err
		}
	}
}

// end says what a document has come to, and stops the run where no other could come further.
func (w *work) end(ctx context.Context, stop func(error), stage Stage, err error) Outcome {
	switch {
	case err == nil:
	case IsQuota(err) || ctx.Err() != nil:
		stage = Left
	case concernsAll(err):
		stop(err)
		stage = Left
	default:
		stage = Failed
	}
	told := Progress{Stage: stage, Err: err}
	if stage == Done {
		told.Job = w.completed
	}
	if failed := new(JobError); errors.As(err, &failed) {
		told.Job = failed.Job
	}
	w.tell(told)
	return Outcome{Document: w.document, Stage: stage, Err: err, JobID: w.record.Job}
}

// isGone tells whether there is no such job, or no result of it, any more.
func isGone(err error) bool {
	problem := new(client.ProblemError)
	return errors.As(err, &problem) && (problem.Status == http.StatusNotFound || problem.Status == http.StatusGone)
}

// fingerprint tells a document of this content from every other, and names its submission.
func fingerprint(parts ...string) string {
	digest := sha256.Sum256([]byte(strings.Join(parts, "\x00")))
	return hex.EncodeToString(digest[:])
}

// asked is all that goes with a document, for its fingerprint. The password is not in it: what is made of a secret is better
// not written down.
func (b *Batch) asked() string {
	parts := []string{"khocr/batch/v1"}
	for _, value := range []*string{(*string)(b.Asked.OcrMode), (*string)(b.Asked.Correct), (*string)(b.Asked.Priority),
		b.Asked.Languages, b.Asked.Pages, b.Asked.Model, b.Asked.Metadata} {
		if value == nil {
			parts = append(parts, "-")
			continue
		}
		parts = append(parts, "="+*value)
	}
	if b.Asked.Fallback != nil { // without one it is as it was before there was a choice
		parts = append(parts, "fallback="+string(*b.Asked.Fallback))
	}
	return fingerprint(parts...)
}

// recall finds out what earlier runs have done: all of it, if there is a stage. It looks whether anything stands in the way.
func (w *work) recall(ctx context.Context) (Stage, error) {
	if ctx.Err() != nil {
		return "", context.Cause(ctx)
	}
	digest, err := w.digest()
	if err != nil {
		return "", err
	}
	w.submission = fingerprint(digest, w.asked())
	result := "-"
	if w.To == nil {
		if result, err = filepath.Abs(w.document.Result()); err != nil {
			return "", fmt.Errorf("find the place of the result: %w", err)
		}
	}
	w.remembered = fingerprint(w.submission, string(w.Format), result)
	if w.record, err = w.Journal.load(w.remembered); err != nil {
		return "", err
	}
	w.record.Document, w.record.Result = w.document.Path, result
	if w.To != nil {
		return "", nil
	}
	if _, err := os.Lstat(result); err == nil {
		if w.record.Done {
			return Kept, nil
		}
		return "", &OccupiedError{w.document.Result()}
	}
	return "", nil
}

// digest reads the document once.
func (w *work) digest() (string, error) {
	file, err := os.Open(w.document.Path)
	if err != nil {
		return "", err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return "", err
	}
	w.size = info.Size()
	if w.size > w.MaxBytes {
		return "", &TooLargeError{w.size, w.MaxBytes}
	}
	digest := sha256.New()
	if _, err := io.Copy(digest, file); err != nil {
		return "", fmt.Errorf("read the document: %w", err)
	}
	return hex.EncodeToString(digest.Sum(nil)), nil
}

func (w *work) remember() error { return w.Journal.store(w.remembered, w.record) }

// forget makes the next submission another one, unless the platform has merely never heard of the job.
func (w *work) forget(because error) error {
	problem := new(client.ProblemError)
	if !errors.As(because, &problem) || problem.Status != http.StatusNotFound {
		w.record.Attempt++
	}
	w.record.Job, w.record.Done = "", false
	return w.remember()
}

// maxAttempts bounds how often a submission is named anew because the platform has had its name before.
const maxAttempts = 50

// submit hands the document in, unless an earlier run has.
func (w *work) submit(ctx context.Context) error {
	for w.record.Job == "" {
		if w.quotaMet.Load() {
			return errQuota
		}
		accepted, err := w.upload(ctx)
		problem := new(client.ProblemError)
		switch {
		case err == nil:
			w.record.Job = accepted.JobId
			if err := w.remember(); err != nil {
				return err
			}
			w.tell(Progress{Stage: Submitted})
		case errors.As(err, &problem) && problem.Code == client.ProblemCodePageQuotaExceeded:
			w.quotaMet.Store(true)
			return errQuota
		case errors.As(err, &problem) && w.record.Attempt < maxAttempts &&
			(problem.Code == client.ProblemCodeIdempotencyKeyReused || problem.Status == http.StatusGone):
			// It came with another password before, or its job was deleted.
			if err := w.forget(err); err != nil {
				return err
			}
		default:
			return err
		}
	}
	return nil
}

func (w *work) upload(ctx context.Context) (accepted *client.Accepted, err error) {
	key := "khocr-" + w.submission + "-" + strconv.Itoa(w.record.Attempt)
	patience := w.patience(Uploading)
	err = patience.Insist(ctx, func() error {
		file, err := os.Open(w.document.Path)
		if err != nil {
			return err
		}
		defer file.Close()
		w.tell(Progress{Stage: Uploading, Size: w.size})
		counted := &counter{Reader: file, count: func(sent int64) { w.tell(Progress{Stage: Uploading, Sent: sent, Size: w.size}) }}
		accepted, err = w.Client.Convert(ctx, fileName(w.document.Path), counted, w.Asked, key)
		return err
	})
	return accepted, err
}

// fileName is what the platform is told of the name: no header can carry control characters.
func fileName(path string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return '_'
		}
		return r
	}, filepath.Base(path))
}

// finish waits for the job and fetches its result.
func (w *work) finish(ctx context.Context, free func()) error {
	if !w.record.Done {
		job, err := w.Client.Watch(ctx, w.record.Job, w.patience(Working), func(job *client.Job) { w.tell(Progress{Stage: Working, Job: job}) })
		if err != nil {
			return err
		}
		free()
		if job.Status != client.COMPLETED {
			return w.failed(job)
		}
		w.completed = job
	}
	patience := w.patience(Fetching)
	return patience.Insist(ctx, func() error {
		w.tell(Progress{Stage: Fetching})
		return w.fetch(ctx)
	})
}

// failed has the next run submit the document once more.
func (w *work) failed(job *client.Job) error {
	if err := w.forget(nil); err != nil {
		return err
	}
	failure := error(&JobError{job})
	if job.Error != nil && job.Error.Code == client.FailureCodePageQuotaExceeded {
		// A shorter document may still find its pages.
		return errors.Join(failure, errQuota)
	}
	return failure
}

func (w *work) fetch(ctx context.Context) error {
	content, _, err := w.Client.Result(ctx, w.record.Job, w.Format)
	if err != nil {
		return err
	}
	defer content.Close()
	if w.To != nil {
		return Pour(w.To, content)
	}
	return Save(w.document.Folder, w.document.Name, content, func() error {
		w.record.Done = true
		return w.remember()
	})
}

func (w *work) tell(p Progress) {
	p.Document, p.JobID = w.document, w.record.Job
	w.Tell(p)
}

func (w *work) patience(stage Stage) client.Patience {
	return client.Patience{For: Patience, Tell: func(err error, pause time.Duration) {
		w.tell(Progress{Stage: stage, Err: err, Pause: pause})
	}}
}

// counter tells how much was read.
type counter struct {
	io.Reader
	read  int64
	count func(int64)
}

func (c *counter) Read(into []byte) (int, error) {
	n, err := c.Reader.Read(into)
	c.read += int64(n)
	c.count(c.read)
	return n, err
}
