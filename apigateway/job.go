package apigateway

import (
	"context"
	"net/http"
	"strconv"
	"time"

	"github.com/openplp/khocr/apigateway/jobview"
	"github.com/openplp/khocr/apigateway/serving"
)

// Bounds of the parameter wait.
const (
	minWait = time.Second
	maxWait = time.Minute
)

// job tells how a job stands; with the parameter wait, how it stands once it has ended or the time is over.
func (s *Server) job(w http.ResponseWriter, r *http.Request) error {
	if err := onlyQuery(r, "wait"); err != nil {
		return err
	}
	wait, err := waitAsked(r)
	if err != nil {
		return err
	}
	job, err := s.findJob(r)
	if err != nil {
		return err
	}
	if wait > 0 && !jobview.Ended(job.OcrJob) {
		if job, err = s.awaitEnd(r, wait); err != nil {
			return err
		}
	}
	w.Header().Set("Cache-Control", "no-store")
	writeBody(w, r, http.StatusOK, "application/json", s.view(r.Context(), job))
	return nil
}

// waitAsked is how long a request would wait for the end of a job, 0 for not at all.
func waitAsked(r *http.Request) (time.Duration, error) {
	if !r.URL.Query().Has("wait") {
		return 0, nil
	}
	asked := r.URL.Query().Get("wait")
	wait, err := time.ParseDuration(asked)
	if seconds, notWhole := strconv.Atoi(asked); notWhole == nil && seconds <= int(maxWait/time.Second) {
		wait, err = time.Duration(seconds)*time.Second, nil
	}
	if err != nil || wait < minWait || wait > maxWait {
		return 0, invalidParameter.detailed("wait must be a time from %.0f to %.0f seconds, such as 30s.", minWait.Seconds(), maxWait.Seconds()).
			khmer("wait ត្រូវតែជារយៈពេលពី %.0f ដល់ %.0f វិនាទី ដូចជា 30s។", minWait.Seconds(), maxWait.Seconds())
	}
	return wait, nil
}

// awaitEnd waits until the job that the path names has ended, or the time is over, or the server is about to stop, and finds the job as it then is.
func (s *Server) awaitEnd(r *http.Request, wait time.Duration) (foundJob, error) {
	watch, err := s.watch(r)
	if err != nil {
		return foundJob{}, err
	}
	defer watch.close()
	over := time.NewTimer(wait)
	defer over.Stop()
	for {
		// It may have ended before the watch began.
		job, err := s.findJob(r)
		if err != nil || jobview.Ended(job.OcrJob) {
			return job, err
		}
		if news, err := watch.next(r.Context(), over.C); err != nil || news != changed {
			return job, err
		}
	}
}

// view sums up a job as it stands now, with its place in the line and what its AI model is.
func (s *Server) view(ctx context.Context, job foundJob) *jobview.View {
	view := jobview.Of(job.OcrJob, s.Now(), job.expiresAt)
	if err := view.LookAtModel(ctx, s.Client); err != nil {
		s.Log.ErrorContext(ctx, "the model of a job cannot be told of", "request_id", serving.RequestFrom(ctx).ID, "err", err)
	}
	if view.Waiting != nil && standsInLine(&job.Status) {
		var err error
		if view.Waiting.Position, err = s.position(ctx, job.OcrJob); err != nil {
			// The job itself is known, and another organization's trouble is none of the caller's.
			s.Log.ErrorContext(ctx, "the queue cannot be told", "request_id", serving.RequestFrom(ctx).ID, "err", err)
		}
	}
	return view
}
