// Package worker supervises the recognition of one document, or one part of it, in a pod of its own: it gets the document
// from the gateway's internal port, has the children of a separate engine binary work on its pages, hands every finished
// page back at once, and reports its progress on the OcrJob.
//
// A customer's file is opened by children only, which may crash, hang or eat their memory and are killed for it; no C
// library is ever linked into this package. It must never log what a document says, a token or the environment, and
// never pass a secret to a child.
package worker

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"net/http"
	"path/filepath"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/openplp/khocr/api/v1alpha1"
	"github.com/openplp/khocr/internal/workerport"
	"github.com/openplp/khocr/worker/confine"
)

// A worker that is told to stop gives the pages at work pageGrace to end, and itself reportGrace more to report them.
const (
	pageGrace   = 2 * time.Second
	reportGrace = 2 * time.Second
)

// Run works on the job that the pod was made for until it is done, cannot be done, or ctx ends, which tells the worker to
// stop. It returns the exit code by the contract of workerport, and has written the termination file if that is not
// workerport.ExitDone.
func Run(ctx context.Context, config Config, log *slog.Logger) int {
	log = log.With("pod", config.PodName, "organization", config.Organization)
	for _, missing := range confine.Missing() {
		log.Warn("The kernel does not confine engines in full", "missing", missing)
	}
	s, first, err := prepare(ctx, config, log)
	if err != nil {
		return Fail(config.TerminationFile, err, log)
	}
	s.log = log.With("job", s.ticket.Namespace+"/"+s.ticket.Job, "part", s.ticket.Part)
	if err := work(ctx, s, first); err != nil {
		return Fail(config.TerminationFile, err, s.log)
	}
	s.log.Info("Worker is done")
	return workerport.ExitDone
}

// Fail logs an error that ends the worker, leaves the termination in the file, and returns the exit code.
func Fail(terminationFile string, err error, log *slog.Logger) int {
	end := asFailure(err)
	level := slog.LevelError
	if end.termination.Reason == reasonJobEnded || end.termination.Reason == reasonTerminated {
		level = slog.LevelInfo
	}
	log.Log(context.Background(), level, "Worker ends before its work is done", "reason", end.termination.Reason, "exitCode", end.exitCode, "error", err)
	if err := writeTermination(terminationFile, end.termination); err != nil {
		log.Error("Termination was not written", "error", err)
	}
	return end.exitCode
}

// prepare gets all that the work takes: the ticket, the document and a first child, which loads its libraries while they
// are on their way.
func prepare(ctx context.Context, config Config, log *slog.Logger) (*supervisor, *child, error) {
	internal, err := newPort(config, log)
	if err != nil {
		return nil, nil, temporary(reasonMisconfigured, "The internal port is not configured.", err)
	}
	first, err := startChild(config, childMemory(config.MemoryLimit, childCount(config.CPULimit, config.MemoryLimit)))
	if err != nil {
		return nil, nil, temporary(reasonEngineUnavailable, "The engine could not be started.", err)
	}
	ticket, path, err := fetch(ctx, config, internal)
	if err != nil {
		first.kill()
		return nil, nil, err
	}
	return &supervisor{
		config: config, ticket: ticket, path: path,
		store: internal.store, storePreview: internal.preview, numbers: internal.numbers, stored: internal.stored, publish: internal.searchable, read: internal.reading,
	}, first, nil
}

// work takes the document from its opening to the last report.
func work(ctx context.Context, s *supervisor, first *child) error {
	status, err := newStatusClient(s.config.Cluster, s.ticket)
	if err != nil {
		first.kill()
		return temporary(reasonMisconfigured, "The API server is not configured.", err)
	}
	engine, total, alone, err := s.openFirst(ctx, first)
	if err != nil {
		return explain(ctx, err)
	}
	plan, bad := makePlan(s.ticket, total)
	if bad != nil {
		engine.kill()
		return bad
	}
	s.log.Info("Document was opened", "pages", total, "asked", plan.asked, "total", plan.counts.Total, "done", plan.counts.Done)
	children := 1
	if !alone {
		children = max(1, min(childCount(s.config.CPULimit, s.config.MemoryLimit), len(plan.pages)))
	}

	report := func(ctx context.Context, counts v1alpha1.PageCounts) error {
		// The platform learns the document's length from the first part, and of each knows which pages are its own.
		counts.Total = plan.asked
		return status.apply(ctx, counts)
	}
	reporter := startReporter(report, reportInterval, plan.counts, s.log)
	s.progress = reporter.add
	hard, cancel := withGrace(ctx, pageGrace)
	defer cancel()
	defer s.dismiss()
	workError := s.process(ctx, hard, engine, children, plan.pages)
	if workError == nil {
		// Before the last report, which completes the job: who sees it completed finds its PDF.
		workError = s.makeSearchable(hard, plan)
	}

	reporting, cancel := withGrace(ctx, pageGrace+reportGrace)
	defer cancel()
	if workError != nil {
		// Good to know, but nothing depends on it: a worker that failed does not insist.
		reporting, cancel = context.WithTimeout(reporting, reportGrace)
		defer cancel()
	}
	reportError := reporter.finish(reporting, workError == nil)
	switch {
	case workError != nil:
		return explain(ctx, workError)
	case apierrors.IsNotFound(reportError):
		return temporary(reasonJobEnded, "The job is gone.", reportError)
	case apierrors.IsForbidden(reportError):
		return temporary(reasonStatusDenied, "The progress may not be reported.", reportError)
	case reportError != nil:
		return temporary(workerport.ReasonUnavailable, "The API server could not be told of the progress.", reportError)
	}
	return nil
}

// fetch gets the ticket, and the document into a file of the work folder.
func fetch(ctx context.Context, config Config, internal *port) (*workerport.Ticket, string, error) {
	ticket, err := internal.ticket(ctx)
	if err != nil {
		return nil, "", explain(ctx, err)
	}
	if ticket.PageTimeoutSeconds < 1 {
		return nil, "", temporary(reasonMisconfigured, "The ticket gives no time for a page.", nil)
	}
	path := filepath.Join(config.WorkDir, "document")
	if err := internal.document(ctx, path); err != nil {
		var answer *answerError
		if errors.As(err, &answer) && answer.status == http.StatusUnprocessableEntity {
			return nil, "", badDocument(answer.refusal.Reason, answer.refusal.Message)
		}
		var fileError *fs.PathError
		if errors.As(err, &fileError) {
			return nil, "", temporary(reasonWorkDirectory, "The document could not be kept in the pod.", err)
		}
		return nil, "", explain(ctx, err)
	}
	return ticket, path, nil
}

// explain tells what an error means for the worker: one that is no failure yet comes from talking to the internal port, or
// from being told to stop.
func explain(ctx context.Context, err error) error {
	var known *failure
	switch {
	case errors.As(err, &known):
		return err
	case hasStatus(err, http.StatusGone):
		return temporary(reasonJobEnded, "The job has ended.", err)
	case ctx.Err() != nil:
		return temporary(reasonTerminated, "The worker was told to stop.", err)
	}
	var answer *answerError
	if errors.As(err, &answer) && answer.refusal.Reason == v1alpha1.ReasonSourceUnavailable {
		return temporary(answer.refusal.Reason, answer.refusal.Message, err)
	}
	if retriable := (retriableError{}); errors.As(err, &retriable) {
		return temporary(workerport.ReasonUnavailable, "The internal port could not be used.", err)
	}
	return temporary(reasonRefused, "The internal port refused what the worker asked for.", err)
}

// withGrace returns a context that ends the given time after parent does.
func withGrace(parent context.Context, grace time.Duration) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(context.WithoutCancel(parent))
	stop := context.AfterFunc(parent, func() {
		time.AfterFunc(grace, cancel)
	})
	return ctx, func() { stop(); cancel() }
}
