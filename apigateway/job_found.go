package apigateway

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"time"

	"github.com/gorilla/mux"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/openplp/khocr/api/v1alpha1"
	"github.com/openplp/khocr/apigateway/ratelimit"
	"github.com/openplp/khocr/apigateway/serving"
	"github.com/openplp/khocr/internal/archive"
	"github.com/openplp/khocr/internal/storage"
)

// foundJob is a job as it stands, or as it was when it ended if its OcrJob is gone.
type foundJob struct {
	*v1alpha1.OcrJob
	// expiresAt is when document and result are deleted; zero of a job that has not ended, and where that is not known.
	expiresAt time.Time
}

// jobName is what an OcrJob can be called, which is more than the ids that we make up: people make jobs of their own.
var jobName = regexp.MustCompile(`^[a-z0-9]([-a-z0-9]{0,48}[a-z0-9])?$`)

// jobKey is the job that the path names, among those of the caller's organization: another organization's is as unknown as
// one that never was.
func jobKey(r *http.Request) (client.ObjectKey, error) {
	id := mux.Vars(r)["id"]
	if !jobName.MatchString(id) {
		return client.ObjectKey{}, jobNotFound.because(nil)
	}
	key := client.ObjectKey{Namespace: callerOf(r.Context()).organization.JobNamespace(), Name: id}
	serving.RequestFrom(r.Context()).Job = key.String()
	return key, nil
}

// findJob finds the job that the path names: in the informers if it is there, in the archive if it has ended, and only then
// in the API server, where it may have been made a moment ago. A deleted job is a problem that says so.
func (s *Server) findJob(r *http.Request) (foundJob, error) {
	key, err := jobKey(r)
	if err != nil {
		return foundJob{}, err
	}
	job := new(v1alpha1.OcrJob)
	err = s.Client.Get(r.Context(), key, job)
	switch {
	case apierrors.IsNotFound(err):
		job = nil
	case err != nil:
		return foundJob{}, fmt.Errorf("read the job: %w", err)
	case !job.Status.Phase.Ended():
		return foundJob{OcrJob: job}, nil
	}
	// The informers may yet show a job that was deleted a moment ago: its record knows.
	record, err := s.recordOf(r.Context(), key, job)
	switch {
	case record != nil:
		return recorded(record, job)
	case job != nil && (err == nil || errors.Is(err, storage.ErrUnavailable)):
		return s.ended(callerOf(r.Context()), job), nil
	case err == nil:
		if job, err = s.readLive(r.Context(), key); err != nil {
			return foundJob{}, err
		}
		return s.ended(callerOf(r.Context()), job), nil
	default:
		return foundJob{}, err
	}
}

// recordOf reads the record of a job's name; nil where there is none, and where it is of an earlier job than this one.
func (s *Server) recordOf(ctx context.Context, name client.ObjectKey, job *v1alpha1.OcrJob) (*archive.Record, error) {
	record, err := archive.Read(ctx, s.Store, name.Namespace, name.Name)
	switch {
	case errors.Is(err, storage.ErrNotFound), err == nil && job != nil && job.UID != record.Job.UID:
		return nil, nil
	case err != nil:
		return nil, err
	}
	return record, nil
}

// recorded is the job of a record. The OcrJob says more where it is still there: people may have changed its metadata, and
// it may outlive its result.
func recorded(record *archive.Record, job *v1alpha1.OcrJob) (foundJob, error) {
	switch {
	case record.Deleted == archive.Purged:
		return foundJob{}, jobDeleted.because(nil)
	case record.Deleted == archive.Expired && job == nil:
		return foundJob{}, resultExpired.because(nil)
	}
	if job == nil {
		job = &record.Job
	}
	return foundJob{OcrJob: job, expiresAt: record.ExpiresAt}, nil
}

// ended is a job without a record: when its result goes follows from the plan.
func (s *Server) ended(by *caller, job *v1alpha1.OcrJob) foundJob {
	found := foundJob{OcrJob: job}
	if end := job.Status.CompletionTime; end != nil && by.terms.plan != nil {
		found.expiresAt = end.Add(time.Duration(by.terms.limits.ResultRetentionSeconds) * time.Second)
	}
	return found
}

const (
	// policyLive names the bucket of reads that only the API server can answer.
	policyLive = "live"
	// liveReads is how many of those an organization has a minute. They are for the moment until the informers have seen a job;
	// somebody who asks all day for jobs that are nowhere must not take the API server's time.
	liveReads = 300
)

// mayReadLive takes one of the organization's reads of the API server.
func (s *Server) mayReadLive(ctx context.Context) ratelimit.Result {
	return s.Limiter.Take(ctx, ratelimit.Key{Policy: policyLive, Organization: callerOf(ctx).organization.Name}, liveReads)
}

// errNoJob: the API server has no such job.
var errNoJob = errors.New("no such job")

// readLive reads a job that is nowhere else.
func (s *Server) readLive(ctx context.Context, key client.ObjectKey) (*v1alpha1.OcrJob, error) {
	if may := s.mayReadLive(ctx); !may.Allowed {
		problem := rateLimited.detailed("The organization has asked for too many jobs that are not known. Try again in %s seconds.", serving.WholeSeconds(may.RetryAfter))
		problem.retryAfter = may.RetryAfter
		return nil, problem
	}
	return s.readNow(ctx, key)
}

// readNow reads a job from the API server.
func (s *Server) readNow(ctx context.Context, key client.ObjectKey) (*v1alpha1.OcrJob, error) {
	job := new(v1alpha1.OcrJob)
	err := s.Live.Get(ctx, key, job)
	if apierrors.IsNotFound(err) {
		return nil, jobNotFound.because(errNoJob)
	}
	if err != nil {
		return nil, serviceUnavailable.because(fmt.Errorf("read the job from the API server: %w", err))
	}
	return job, nil
}
