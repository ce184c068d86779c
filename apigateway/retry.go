package apigateway

import (
	"context"
	"errors"
	"io"
	"net/http"

	"github.com/gorilla/mux"
	"k8s.io/apimachinery/pkg/api/meta"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/openplp/khocr/api/v1alpha1"
	"github.com/openplp/khocr/apigateway/filename"
	"github.com/openplp/khocr/internal/archive"
	"github.com/openplp/khocr/internal/document"
	"github.com/openplp/khocr/internal/seal"
	"github.com/openplp/khocr/internal/storage"
)

// retry makes a new job of what failed of an ended one. The new job has a document of its own, so neither's deletion
// takes the other's away.
func (s *Server) retry(w http.ResponseWriter, r *http.Request) error {
	if err := onlyQuery(r); err != nil {
		return err
	}
	if err := noBody(r); err != nil {
		return err
	}
	by := callerOf(r.Context())
	id := mux.Vars(r)["id"]
	asked := submission{by: by, payload: retryPayload(id)}
	var earlier *v1alpha1.OcrJob
	var err error
	if asked.key, earlier, err = s.begin(r, by); err != nil {
		return err
	}
	if earlier != nil {
		if err := samePayload(earlier, asked.payload); err != nil {
			return err
		}
		accept(w, r, earlier, true)
		return nil
	}
	end, err := by.begin(s.uploads)
	if err != nil {
		return err
	}
	defer end()
	original, err := s.retryable(r.Context(), by.organization.JobNamespace(), id)
	if err != nil {
		return err
	}
	if asked.spec, err = s.retrySpec(r.Context(), original); err != nil {
		return err
	}
	if err := s.permitted(r.Context(), by, &asked.spec); err != nil {
		return err
	}
	if asked.password, err = s.copyDocument(r.Context(), original, asked.spec.Source.Upload); err != nil {
		return err
	}
	return s.submit(w, r, asked, nil)
}

// noBody refuses a request that comes with one: a retry asks for what the job asked for.
func noBody(r *http.Request) error {
	n, err := io.ReadFull(r.Body, make([]byte, 1))
	switch {
	case n > 0:
		return unknownParameter.detailed("A retry takes no body: it asks for what the job has asked for.").
			khmer("ការព្យាយាមម្តងទៀតមិនទទួលយកខ្លឹមសារសំណើទេ។")
	case err != io.EOF:
		return bodyProblem(err, malformedForm)
	}
	return nil
}

// retryable finds a job that may be tried again as far as its phase says, among those of a namespace.
func (s *Server) retryable(ctx context.Context, namespace, name string) (*v1alpha1.OcrJob, error) {
	if !jobName.MatchString(name) {
		return nil, jobNotFound.because(nil)
	}
	found, err := s.lookUp(ctx, client.ObjectKey{Namespace: namespace, Name: name})
	switch {
	case err != nil:
		return nil, err
	case found.job == nil:
		return nil, jobNotFound.because(nil)
	case found.deleted == archive.Purged:
		return nil, jobDeleted.because(nil)
	case found.deleted != "":
		return nil, documentGone(nil)
	}
	switch status := &found.job.Status; status.Phase {
	case v1alpha1.PhaseCompleted, v1alpha1.PhaseFailed:
		if failed := meta.FindStatusCondition(status.Conditions, v1alpha1.ConditionFailed); failed != nil && failed.Reason == v1alpha1.ReasonPasswordProtected {
			return nil, jobNotRetryable.detailed("The document needs its password. Submit it again with that.").
				khmer("ឯកសារនេះត្រូវការពាក្យសម្ងាត់ សូមដាក់វាម្តងទៀតជាមួយពាក្យសម្ងាត់នោះ។")
		}
		return found.job, nil
	case v1alpha1.PhaseCancelled:
		return nil, jobNotRetryable.detailed("The job was cancelled.").khmer("ការងារនេះត្រូវបានបោះបង់។")
	default:
		return nil, jobNotRetryable.detailed("The job has not ended yet.").khmer("ការងារនេះមិនទាន់បញ្ចប់នៅឡើយទេ។")
	}
}

func documentGone(cause error) error {
	problem := jobNotRetryable.detailed("The document of the job is not kept any more.").khmer("ឯកសារនៃការងារនេះលែងត្រូវបានរក្សាទុកទៀតហើយ។")
	problem.cause = cause
	return problem
}

// retrySpec asks for what a job asked for, but for those pages only that failed if others did not.
func (s *Server) retrySpec(ctx context.Context, original *v1alpha1.OcrJob) (v1alpha1.OcrJobSpec, error) {
	id, err := s.freeID(ctx, original.Namespace)
	if err != nil {
		return v1alpha1.OcrJobSpec{}, err
	}
	upload := &v1alpha1.Upload{ID: id, FileName: filename.Of(&original.Spec.Source)}
	if source := original.Spec.Source.Upload; source != nil {
		upload = source.DeepCopy()
		upload.ID = id
	}
	spec := *original.Spec.DeepCopy()
	spec.Source = v1alpha1.DocumentSource{Upload: upload}
	spec.RetryOf = original.Name
	spec.Suspend, spec.Cancel = nil, nil
	if original.Status.Phase == v1alpha1.PhaseCompleted {
		spec.Pages, err = s.failedPages(ctx, original)
	}
	return spec, err
}

// failedPages lists the pages of a job that have no text because processing them failed.
func (s *Server) failedPages(ctx context.Context, job *v1alpha1.OcrJob) (string, error) {
	numbers, err := s.Store.PageNumbers(ctx, job.Namespace, job.UID)
	if err != nil {
		return "", err
	}
	var failed []pageRange
	for page, err := range s.Store.Pages(ctx, job.Namespace, job.UID, numbers) {
		if err != nil {
			return "", err
		}
		if page.Outcome() == document.OutcomeFailed {
			failed = append(failed, pageRange{page.Number, page.Number})
		}
	}
	if len(failed) == 0 {
		return "", jobNotRetryable.detailed("No page of the job has failed.").khmer("គ្មានទំព័រណាមួយនៃការងារនេះបរាជ័យទេ។")
	}
	list := formatRanges(failed)
	if len(list) > maxPages {
		// Trying those between them again would charge pages that the organization has.
		return "", jobNotRetryable.detailed("%d pages of the job failed, too scattered to be listed. Submit the document again.", len(failed)).
			khmer("ទំព័រ %d នៃការងារនេះបរាជ័យ ហើយនៅរាយប៉ាយពេក សូមដាក់ឯកសារម្តងទៀត។", len(failed))
	}
	return list, nil
}

// copyDocument stores the document of a job once more, and gives the password that it is read with.
func (s *Server) copyDocument(ctx context.Context, original *v1alpha1.OcrJob, to *v1alpha1.Upload) (password string, err error) {
	from := storage.DocumentKey(original.Namespace, original.UID)
	if source := original.Spec.Source.Upload; source != nil {
		from = storage.UploadKey(original.Namespace, source.ID)
		password, err = s.passwordOf(ctx, original.Namespace, source.ID)
	}
	if errors.Is(err, seal.ErrForged) {
		problem := jobNotRetryable.detailed("The password of the document cannot be read any more. Submit the document again.").
			khmer("មិនអាចអានពាក្យសម្ងាត់នៃឯកសារនេះបានទៀតទេ សូមដាក់ឯកសារម្តងទៀត។")
		problem.cause = err
		return "", problem
	}
	if err != nil {
		return "", err
	}
	to.Size, err = s.Store.Copy(ctx, from, storage.UploadKey(original.Namespace, to.ID))
	switch {
	case errors.Is(err, storage.ErrNotFound):
		return "", documentGone(err)
	case errors.Is(err, storage.ErrExists):
		return "", serviceUnavailable.because(err)
	}
	return password, err
}
