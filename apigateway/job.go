package apigateway

import (
	"context"
	"fmt"
	"net/http"
	"regexp"
	"time"

	"github.com/gorilla/mux"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/openplp/khocr/api/v1alpha1"
	"github.com/openplp/khocr/apigateway/jobview"
	"github.com/openplp/khocr/apigateway/serving"
)

// job tells how a job stands.
func (s *Server) job(w http.ResponseWriter, r *http.Request) error {
	if err := onlyQuery(r); err != nil {
		return err
	}
	job, err := s.findJob(r)
	if err != nil {
		return err
	}
	view := jobview.Of(job, s.Now(), time.Time{})
	if view.Waiting != nil && standsInLine(&job.Status) {
		if view.Waiting.Position, err = s.position(r.Context(), job); err != nil {
			// The job itself is known, and another organization's trouble is none of the caller's.
			s.Log.ErrorContext(r.Context(), "the queue cannot be told", "request_id", serving.RequestFrom(r.Context()).ID, "err", err)
		}
	}
	w.Header().Set("Cache-Control", "no-store")
	writeBody(w, r, http.StatusOK, "application/json", view)
	return nil
}

// jobName is what an OcrJob can be called, which is more than the ids that we make up: people make jobs of their own.
var jobName = regexp.MustCompile(`^[a-z0-9]([-a-z0-9]{0,48}[a-z0-9])?$`)

// findJob finds the job that the path names among those of the caller's organization. Another organization's is as
// unknown as one that never was.
func (s *Server) findJob(r *http.Request) (*v1alpha1.OcrJob, error) {
	id := mux.Vars(r)["id"]
	if !jobName.MatchString(id) {
		return nil, jobNotFound.because(nil)
	}
	key := client.ObjectKey{Namespace: callerOf(r.Context()).organization.JobNamespace(), Name: id}
	serving.RequestFrom(r.Context()).Job = key.String()
	job := new(v1alpha1.OcrJob)
	err := s.Client.Get(r.Context(), key, job)
	if apierrors.IsNotFound(err) {
		// It may have been made a moment ago.
		return s.readLive(r.Context(), key)
	}
	if err != nil {
		return nil, fmt.Errorf("read the job: %w", err)
	}
	return job, nil
}

func (s *Server) readLive(ctx context.Context, key client.ObjectKey) (*v1alpha1.OcrJob, error) {
	job := new(v1alpha1.OcrJob)
	err := s.Live.Get(ctx, key, job)
	if apierrors.IsNotFound(err) {
		return nil, jobNotFound.because(err)
	}
	if err != nil {
		return nil, serviceUnavailable.because(fmt.Errorf("read the job from the API server: %w", err))
	}
	return job, nil
}
