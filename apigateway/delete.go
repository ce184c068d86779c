package apigateway

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/openplp/khocr/api/v1alpha1"
	"github.com/openplp/khocr/apigateway/audit"
	"github.com/openplp/khocr/apigateway/jobview"
	"github.com/openplp/khocr/apigateway/sweep"
	"github.com/openplp/khocr/internal/archive"
	"github.com/openplp/khocr/internal/storage"
)

// deletion is the answer of DELETE /api/v1/jobs/{id}.
type deletion struct {
	ID        string `json:"id"`
	Status    string `json:"status"`
	Message   string `json:"message"`
	MessageKm string `json:"message_km"`
}

func cancelling(id string) deletion {
	return deletion{id, "CANCELLING", "The job is being cancelled", "ការងារកំពុងត្រូវបានបោះបង់"}
}

func deleted(id string) deletion {
	return deletion{id, "DELETED", "The job, its document and its result were deleted", "ការងារ ឯកសារ និងលទ្ធផលរបស់វាត្រូវបានលុបហើយ"}
}

// deletionTimeout bounds a deletion. It does not end with the request: what has begun is best brought to its end.
const deletionTimeout = 20 * time.Second

// deleteJob cancels a job that has not ended, and deletes one that has, with its document and result.
func (s *Server) deleteJob(w http.ResponseWriter, r *http.Request) error {
	if err := onlyQuery(r); err != nil {
		return err
	}
	key, err := jobKey(r)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), deletionTimeout)
	defer cancel()

	job, err := s.jobNow(r.Context(), key)
	if err != nil {
		return err
	}
	record, err := s.recordOf(ctx, key, job)
	if err != nil {
		return err
	}

	w.Header().Set("Cache-Control", "no-store")
	switch {
	case job == nil && record == nil:
		return jobNotFound.because(nil)
	case record != nil && record.Deleted == archive.Purged:
		return jobDeleted.because(nil)
	case job == nil && record.Deleted != "":
		return resultExpired.because(nil)
	case job != nil && !jobview.Ended(job):
		if err := s.cancelJob(ctx, job); err != nil {
			return err
		}
		writeBody(w, r, http.StatusAccepted, "application/json", cancelling(key.Name))
		return nil
	}
	if err := s.purge(ctx, r, job, record); err != nil {
		return err
	}
	writeBody(w, r, http.StatusOK, "application/json", deleted(key.Name))
	return nil
}

// jobNow reads a job from the API server, nil if it has none: an informer may be behind, and then a job that has ended would
// be cancelled. What no informer knows is read as often as reads are.
func (s *Server) jobNow(ctx context.Context, key client.ObjectKey) (*v1alpha1.OcrJob, error) {
	read := s.readNow
	if apierrors.IsNotFound(s.Client.Get(ctx, key, new(v1alpha1.OcrJob))) {
		read = s.readLive
	}
	job, err := read(ctx, key)
	if errors.Is(err, errNoJob) {
		return nil, nil
	}
	return job, err
}

// cancelJob asks for the end of a job, and of no other of the same name.
func (s *Server) cancelJob(ctx context.Context, job *v1alpha1.OcrJob) error {
	if job.Spec.Cancel != nil && *job.Spec.Cancel {
		return nil
	}
	patch := fmt.Sprintf(`{"metadata":{"uid":%q},"spec":{"cancel":true}}`, job.UID)
	err := s.Client.Patch(ctx, job, client.RawPatch(types.MergePatchType, []byte(patch)))
	if apierrors.IsNotFound(err) || apierrors.IsConflict(err) {
		return jobNotFound.because(err)
	}
	if err != nil {
		return serviceUnavailable.because(fmt.Errorf("cancel the job: %w", err))
	}
	return nil
}

// purge deletes a job that has ended. It is set down first that the job is deleted, and from then on it is: should the rest
// be cut off, the sweeper finishes it. Job or record may be nil, but not both.
func (s *Server) purge(ctx context.Context, r *http.Request, job *v1alpha1.OcrJob, record *archive.Record) error {
	if record == nil {
		record = &archive.Record{Job: *job}
	}
	tombstone := record.Tombstone(archive.Purged, s.Now().UTC())
	if err := archive.Write(ctx, s.Store, tombstone); err != nil {
		return err
	}
	s.Audit.Keep(r, audit.Deleted)
	namespace := tombstone.Job.Namespace
	if err := s.Store.Delete(ctx, storage.WebhookKey(namespace, tombstone.Job.UID)); err != nil {
		return err
	}
	if err := sweep.ForgetContent(ctx, s.Client, s.Store, namespace, tombstone.Entry()); err != nil {
		return err
	}
	if job == nil {
		return nil
	}
	if err := sweep.Delete(ctx, s.Client, job); err != nil {
		return serviceUnavailable.because(err)
	}
	return nil
}
