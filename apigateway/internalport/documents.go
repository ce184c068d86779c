package internalport

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"

	"golang.org/x/sync/singleflight"

	"github.com/openplp/khocr/api/v1alpha1"
	"github.com/openplp/khocr/apigateway/serving"
	"github.com/openplp/khocr/apigateway/tenants"
	"github.com/openplp/khocr/internal/storage"
)

// document sends the worker to the store for the job's document, where both can do that, and streams it otherwise.
func (s *Server) document(w http.ResponseWriter, r *http.Request, work assignment) error {
	key, err := s.documentKey(r.Context(), work.job)
	if err != nil {
		return err
	}
	if r.URL.Query().Get("direct") == "true" && s.redirect(w, r, key) {
		return nil
	}
	content, err := s.Store.Get(r.Context(), key)
	if errors.Is(err, storage.ErrNotFound) && work.job.Spec.Source.Upload != nil {
		return &refusal{http.StatusUnprocessableEntity, v1alpha1.ReasonSourceUnavailable, "the document is not in the store", err}
	}
	if err != nil {
		return err
	}
	defer content.Close()
	s.stream(w, r, http.StatusOK, "application/octet-stream", content)
	return nil
}

// stream what is stored to a worker.
func (s *Server) stream(w http.ResponseWriter, r *http.Request, status int, mediaType string, content *storage.Blob) {
	w.Header().Set("Content-Type", mediaType)
	w.Header().Set("Content-Length", strconv.FormatInt(content.Size, 10))
	w.WriteHeader(status)
	if _, err := io.Copy(w, content); err != nil {
		s.Log.WarnContext(r.Context(), "an answer broke off", "request_id", serving.RequestFrom(r.Context()).ID, "err", err)
		// Half a document must not look like a whole one.
		panic(http.ErrAbortHandler)
	}
}

// documentKey is where the job's document lies. One with a URL source is fetched first, unless it was before.
func (s *Server) documentKey(ctx context.Context, job *v1alpha1.OcrJob) (string, error) {
	if upload := job.Spec.Source.Upload; upload != nil {
		return storage.UploadKey(job.Namespace, upload.ID), nil
	}
	key := storage.DocumentKey(job.Namespace, job.UID)
	stored, err := s.Store.Exists(ctx, key)
	if err != nil || stored {
		return key, err
	}
	return key, s.fetches.once(ctx, key, func(ctx context.Context) error { return s.fetch(ctx, job, key) })
}

// fetch keeps a copy of the document at a job's URL, so that every attempt works on the same bytes.
func (s *Server) fetch(ctx context.Context, job *v1alpha1.OcrJob, key string) error {
	directory := tenants.Directory{Reader: s.Client}
	organization, err := directory.ByNamespace(ctx, job.Namespace)
	if err != nil {
		return err
	}
	plan, err := directory.Plan(ctx, organization)
	if err != nil {
		return err
	}
	limit := organization.EffectiveLimits(plan).MaxFileBytes
	err = s.Fetcher.Fetch(ctx, job.Spec.Source.URL, limit, func(content io.Reader) error {
		_, err := s.Store.Put(ctx, key, content)
		return err
	})
	if err != nil && !errors.Is(err, storage.ErrExists) {
		return fmt.Errorf("fetch the document of job %s/%s: %w", job.Namespace, job.Name, err)
	}
	return nil
}

// fetches lets the parts of a document wait for one fetch of it.
type fetches struct {
	group singleflight.Group
}

// once runs do for a key unless it is running already, and waits for its end. It goes on when the one that began it goes
// away, because others may be waiting and the next attempt needs it too.
func (f *fetches) once(ctx context.Context, key string, do func(context.Context) error) error {
	done := f.group.DoChan(key, func() (any, error) { return nil, do(context.WithoutCancel(ctx)) })
	select {
	case result := <-done:
		return result.Err
	case <-ctx.Done():
		return ctx.Err()
	}
}
