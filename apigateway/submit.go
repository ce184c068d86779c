package apigateway

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	utilnet "k8s.io/apimachinery/pkg/util/net"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/openplp/khocr/api/v1alpha1"
	"github.com/openplp/khocr/apigateway/serving"
	"github.com/openplp/khocr/internal/storage"
)

// submission asks for a job whose document is stored already.
type submission struct {
	by *caller
	// key is nil, and payload empty, where the submission cannot be told from others like it.
	key     *idempotencyKey
	payload string
	spec    v1alpha1.OcrJobSpec
	// password of the document, empty for none.
	password string
}

// begin finds the job that a request's Idempotency-Key was used for, if any. A new submission needs a page left in the
// month; one that is repeated has had its pages.
func (s *Server) begin(r *http.Request, by *caller) (key *idempotencyKey, earlier *v1alpha1.OcrJob, err error) {
	if key, err = idempotencyKeyOf(r.Header, by.organization.JobNamespace()); err != nil {
		return nil, nil, err
	}
	if key != nil {
		if earlier, err = s.earlier(r.Context(), key); err != nil {
			return nil, nil, err
		}
	}
	if earlier == nil {
		err = pagesLeft(by.terms.month, s.Now())
	}
	return key, earlier, err
}

// submit makes the job of a submission and tells the caller. Unless the document becomes the job's it is discarded.
func (s *Server) submit(w http.ResponseWriter, r *http.Request, asked submission, earlier *v1alpha1.OcrJob) error {
	job := newJob(asked)
	var err error
	if earlier == nil {
		earlier, err = s.makeJob(r.Context(), job, asked)
	}
	if err == nil && earlier != nil {
		err = samePayload(earlier, asked.payload)
	}
	if (err != nil || earlier != nil) && !errors.Is(err, errOutcomeUnknown) {
		s.discard(r.Context(), asked.by.organization.JobNamespace(), asked.spec.Source.Upload.ID)
	}
	switch {
	case err != nil:
		return err
	case earlier != nil:
		accept(w, r, earlier, true)
	default:
		accept(w, r, job, false)
	}
	return nil
}

// makeJob makes a job with all that belongs to it, unless the submission's key has an earlier one, which it returns.
func (s *Server) makeJob(ctx context.Context, job *v1alpha1.OcrJob, asked submission) (earlier *v1alpha1.OcrJob, err error) {
	if err := s.permitted(ctx, asked.by, &job.Spec); err != nil {
		return nil, err
	}
	if err := s.keepPassword(ctx, job.Namespace, job.Spec.Source.Upload.ID, asked.password); err != nil {
		return nil, err
	}
	return s.create(ctx, job, asked.key)
}

// accept answers that there is a job.
func accept(w http.ResponseWriter, r *http.Request, job *v1alpha1.OcrJob, replayed bool) {
	serving.RequestFrom(r.Context()).Job = job.Namespace + "/" + job.Name
	w.Header().Set("Location", "/api/v1/jobs/"+job.Name)
	w.Header().Set("Cache-Control", "no-store")
	if replayed {
		w.Header().Set(headerIdempotencyReplayed, "true")
	}
	writeBody(w, r, http.StatusAccepted, "application/json", accepted{job.Name, "queued", acceptedMessage, acceptedMessageKm})
}

// permitted refuses what a spec asks for beyond what the organization may have, or what is there.
func (s *Server) permitted(ctx context.Context, by *caller, spec *v1alpha1.OcrJobSpec) error {
	if err := priorityAllowed(spec.EffectivePriority(), by.terms.limits.Priorities); err != nil {
		return err
	}
	if err := callbackSigned(spec.Callback, by.organization.Spec.WebhookSecrets); err != nil {
		return err
	}
	return s.modelsAsked(ctx, by.organization, spec)
}

// newJob is the OcrJob of a submission, still without a name. It states what was asked for and leaves the rest to the
// defaults, and it has the ledger's finalizer from the start, which saves the manager a write.
func newJob(asked submission) *v1alpha1.OcrJob {
	job := &v1alpha1.OcrJob{
		ObjectMeta: metav1.ObjectMeta{
			Namespace:  asked.by.organization.JobNamespace(),
			Labels:     map[string]string{v1alpha1.LabelAPIKey: asked.by.key.Name},
			Finalizers: []string{v1alpha1.FinalizerLedger},
		},
		Spec: asked.spec,
	}
	job.Spec.TTLSecondsAfterFinished = &asked.by.terms.limits.JobTTLSeconds
	if asked.key != nil {
		job.Annotations = map[string]string{
			v1alpha1.AnnotationIdempotencyKey: asked.key.digest(),
			v1alpha1.AnnotationPayload:        asked.payload,
		}
	}
	return job
}

// createTimeout bounds the creation of an OcrJob. It does not end with the request: a caller that goes away then would
// leave it open whether there is a job.
const createTimeout = 20 * time.Second

// errOutcomeUnknown: the API server may yet make the job, so its document must stay.
var errOutcomeUnknown = errors.New("it is not known whether the job exists")

// create makes the OcrJob: under a random name, or under the first one of the key's that no other job has. If the key has
// a job already it makes none, and returns that one.
func (s *Server) create(ctx context.Context, job *v1alpha1.OcrJob, key *idempotencyKey) (earlier *v1alpha1.OcrJob, err error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), createTimeout)
	defer cancel()
	n := 0
	for range attempts {
		job.Name = s.NewID()
		if key != nil {
			job.Name = key.name(n)
			// However long the document took to come in, this look is a moment old when the name is asked for.
			earlier, taken, err := s.holder(ctx, key, job.Name)
			if err != nil || earlier != nil {
				return earlier, err
			}
			if taken {
				n++
				continue
			}
		}
		err := s.Client.Create(ctx, job)
		switch {
		case err == nil:
			return nil, nil
		case apierrors.IsAlreadyExists(err):
			continue
		case apierrors.IsInvalid(err):
			// Another version of the API server may know better what an address is.
			s.Log.ErrorContext(ctx, "the API server takes no such job", "request_id", serving.RequestFrom(ctx).ID, "err", err)
			return nil, invalidParameter.because(err)
		case refused(err):
			return nil, serviceUnavailable.because(fmt.Errorf("create the job: %w", err))
		}
		if made, err := s.lookAgain(ctx, job, err); made || err != nil {
			return nil, err
		}
	}
	return nil, serviceUnavailable.because(errors.New("no free name found"))
}

// lookAgain finds out whether a job was made although its creation did not end well. It was not, and will not be, if
// another job has its name.
func (s *Server) lookAgain(ctx context.Context, job *v1alpha1.OcrJob, cause error) (made bool, err error) {
	// The creation's own time may have run out.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), createTimeout)
	defer cancel()
	found := new(v1alpha1.OcrJob)
	err = s.Live.Get(ctx, client.ObjectKeyFromObject(job), found)
	if err == nil {
		return found.Spec.Source.Upload != nil && found.Spec.Source.Upload.ID == job.Spec.Source.Upload.ID, nil
	}
	if !apierrors.IsNotFound(err) || stillOpen(cause) {
		cause = fmt.Errorf("%w: %w", errOutcomeUnknown, cause)
	}
	return false, serviceUnavailable.because(fmt.Errorf("create the job: %w", cause))
}

// refused tells that the API server has not made an object and will not.
func refused(err error) bool {
	return utilnet.IsConnectionRefused(err) || !stillOpen(err) && !apierrors.IsInternalError(err)
}

// stillOpen tells that the API server has not given its word on a request, which it may yet carry out.
func stillOpen(err error) bool {
	return apierrors.ReasonForError(err) == metav1.StatusReasonUnknown || apierrors.IsTimeout(err)
}

// discard removes a document that no job will have, and its password.
func (s *Server) discard(ctx context.Context, namespace, upload string) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), createTimeout)
	defer cancel()
	for _, key := range []string{storage.PasswordKey(namespace, upload), storage.UploadKey(namespace, upload)} {
		if err := s.Store.Delete(ctx, key); err != nil {
			s.Log.ErrorContext(ctx, "an unwanted document stays in the store", "key", key, "err", err)
		}
	}
}
