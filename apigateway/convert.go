package apigateway

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"time"

	"github.com/openplp/khocr/api/v1alpha1"
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

// convert takes a document in. It answers 202 only when the document is durable and its OcrJob exists; on any other
// answer neither of them is left.
func (s *Server) convert(w http.ResponseWriter, r *http.Request) error {
	if err := onlyQuery(r); err != nil {
		return err
	}
	by := callerOf(r.Context())
	key, earlier, err := s.begin(r, by)
	if err != nil {
		return err
	}
	end, err := by.begin(s.uploads)
	if err != nil {
		return err
	}
	defer end()
	id, err := s.freeID(r.Context(), by.organization.JobNamespace())
	if err != nil {
		return err
	}
	form, err := s.receive(r, by.organization.JobNamespace(), id, by.terms.limits.MaxFileBytes)
	if err != nil {
		return err
	}
	return s.submit(w, r, s.askedBy(form, by, key), earlier)
}

// askedBy is the submission of a form.
func (s *Server) askedBy(form intake, by *caller, key *idempotencyKey) submission {
	asked := submission{by: by, key: key, spec: form.spec, password: form.password}
	if key != nil {
		var code []byte
		if form.password != "" {
			code = s.Seal.Sign("password", form.password)
		}
		asked.payload = payloadOf(form.spec, code)
	}
	return asked
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

// freeID makes up an id under which no document is stored yet.
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
	if slices.Contains(allowed, asked) {
		return nil
	}
	return priorityNotAllowed.detailed("The plan does not allow the priority %s, but %s.", asked, joined(allowed)).
		khmer("គម្រោងសេវារបស់អ្នកមិនអនុញ្ញាតអាទិភាព %s ទេ តែអនុញ្ញាត %s។", asked, joined(allowed))
}
