package apigateway

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	utilnet "k8s.io/apimachinery/pkg/util/net"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/openplp/khocr/api/v1alpha1"
	"github.com/openplp/khocr/apigateway/serving"
	"github.com/openplp/khocr/internal/storage"
)

// accepted is the answer of POST /api/v1/convert, as the contract has it.
type accepted struct {
	JobID     string `json:"job_id"`
	Status    string `json:"status"`
	Message   string `json:"message"`
	MessageKm string `json:"message_km"`
}

const (
	acceptedMessage   = "PDF submitted for processing"
	acceptedMessageKm = "ឯកសារ PDF បានដាក់សម្រាប់ដំណើរការ"
)

// createTimeout bounds the creation of an OcrJob. It does not end with the request: a caller that goes away then would
// leave it open whether there is a job.
const createTimeout = 20 * time.Second

// convert takes a document in. It answers 202 only when the document is durable and its OcrJob exists; on any other
// answer neither of them is left.
func (s *Server) convert(w http.ResponseWriter, r *http.Request) error {
	if err := onlyQuery(r); err != nil {
		return err
	}
	by := callerOf(r.Context())
	if err := pagesLeft(by.terms.month, s.Now()); err != nil {
		return err
	}
	limits := by.terms.limits
	namespace := by.organization.JobNamespace()
	id, err := s.freeID(r.Context(), namespace)
	if err != nil {
		return err
	}

	key := storage.UploadKey(namespace, id)
	form, stored, err := s.receive(r, key, limits.MaxFileBytes)
	if err == nil {
		err = priorityAllowed(form.priority, limits.Priorities)
	}
	job := newJob(by, id, form)
	if err == nil {
		err = s.create(r.Context(), job)
	}
	if err != nil {
		if stored && !errors.Is(err, errOutcomeUnknown) {
			s.discard(r.Context(), key)
		}
		return err
	}

	serving.RequestFrom(r.Context()).Job = namespace + "/" + job.Name
	w.Header().Set("Location", "/api/v1/jobs/"+job.Name)
	w.Header().Set("Cache-Control", "no-store")
	writeBody(w, r, http.StatusAccepted, "application/json", accepted{job.Name, "queued", acceptedMessage, acceptedMessageKm})
	return nil
}

// pagesLeft refuses documents of organizations that have no page left this month. How many pages this one takes is not
// known before it is opened, and then the manager reserves them.
func pagesLeft(month month, now time.Time) error {
	if month.left > 0 {
		return nil
	}
	problem := pageQuotaExceeded.because(nil)
	problem.retryAfter = month.end.Sub(now)
	return problem
}

// freeID makes up an id under which nothing is stored yet.
func (s *Server) freeID(ctx context.Context, namespace string) (string, error) {
	for range attempts {
		id := s.NewID()
		taken, err := s.Store.Exists(ctx, storage.UploadKey(namespace, id))
		if err != nil {
			return "", err
		}
		if !taken {
			return id, nil
		}
	}
	return "", serviceUnavailable.because(errors.New("no free id found"))
}

// attempts at finding an id that is free. One of 48 random bits nearly always is.
const attempts = 5

func priorityAllowed(asked v1alpha1.Priority, allowed []v1alpha1.Priority) error {
	if asked == "" {
		asked = v1alpha1.PriorityNormal
	}
	if slices.Contains(allowed, asked) {
		return nil
	}
	return priorityNotAllowed.detailed("The plan does not allow the priority %s, but %s.", asked, joined(allowed))
}

// newJob is the OcrJob of a submission. It states what was asked for and leaves the rest to the defaults, and it has the
// ledger's finalizer from the start, which saves the manager a write.
func newJob(by *caller, id string, form submission) *v1alpha1.OcrJob {
	job := &v1alpha1.OcrJob{
		ObjectMeta: metav1.ObjectMeta{
			Namespace:  by.organization.JobNamespace(),
			Name:       id,
			Labels:     map[string]string{v1alpha1.LabelAPIKey: by.key.Name},
			Finalizers: []string{v1alpha1.FinalizerLedger},
		},
		Spec: v1alpha1.OcrJobSpec{
			Source: v1alpha1.DocumentSource{Upload: &v1alpha1.Upload{
				ID:        id,
				FileName:  form.file.fileName,
				MediaType: form.file.mediaType,
				Size:      form.file.size,
				SHA256:    form.file.sha256,
			}},
			OutputFormat:            form.format,
			Priority:                form.priority,
			TTLSecondsAfterFinished: &by.terms.limits.JobTTLSeconds,
		},
	}
	if form.force {
		job.Spec.OcrMode = v1alpha1.ModeForce
	}
	return job
}

// errOutcomeUnknown: the API server may yet make the job, so its document must stay.
var errOutcomeUnknown = errors.New("it is not known whether the job exists")

// create makes the OcrJob, under another name where its own is taken.
func (s *Server) create(ctx context.Context, job *v1alpha1.OcrJob) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), createTimeout)
	defer cancel()
	for range attempts {
		err := s.Client.Create(ctx, job)
		switch {
		case err == nil:
			return nil
		case apierrors.IsAlreadyExists(err):
			job.Name = s.NewID()
		case refused(err):
			return serviceUnavailable.because(fmt.Errorf("create the job: %w", err))
		default:
			return s.lookAgain(ctx, job, err)
		}
	}
	return serviceUnavailable.because(errors.New("no free name found"))
}

// lookAgain finds out whether a job was made although its creation did not end well.
func (s *Server) lookAgain(ctx context.Context, job *v1alpha1.OcrJob, cause error) error {
	// The creation's own time may have run out.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), createTimeout)
	defer cancel()
	found := new(v1alpha1.OcrJob)
	err := s.Live.Get(ctx, client.ObjectKeyFromObject(job), found)
	if err == nil && found.Spec.Source.Upload != nil && found.Spec.Source.Upload.ID == job.Spec.Source.Upload.ID {
		return nil
	}
	if !apierrors.IsNotFound(err) || stillOpen(cause) {
		cause = fmt.Errorf("%w: %w", errOutcomeUnknown, cause)
	}
	return serviceUnavailable.because(fmt.Errorf("create the job: %w", cause))
}

// refused tells that the API server has not made an object and will not.
func refused(err error) bool {
	return utilnet.IsConnectionRefused(err) || !stillOpen(err) && !apierrors.IsInternalError(err)
}

// stillOpen tells that the API server has not given its word on a request, which it may yet carry out.
func stillOpen(err error) bool {
	return apierrors.ReasonForError(err) == metav1.StatusReasonUnknown || apierrors.IsTimeout(err)
}

// discard removes a document that no job will have.
func (s *Server) discard(ctx context.Context, key string) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), createTimeout)
	defer cancel()
	if err := s.Store.Delete(ctx, key); err != nil {
		s.Log.ErrorContext(ctx, "an unwanted document stays in the store", "key", key, "err", err)
	}
}
