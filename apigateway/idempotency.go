package apigateway

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/openplp/khocr/api/v1alpha1"
	"github.com/openplp/khocr/internal/archive"
)

const (
	headerIdempotencyKey      = "Idempotency-Key"
	headerIdempotencyReplayed = "Idempotency-Replayed"
)

const maxIdempotencyKey = 255

// idempotencyKey names a submission, so that it can be sent again without being made again. The job's own name is derived
// from it: the API server lets one of several at once make it, whichever gateways they come to.
type idempotencyKey struct {
	namespace, key string
}

// idempotencyKeyOf reads the header, nil where there is none.
func idempotencyKeyOf(header http.Header, namespace string) (*idempotencyKey, error) {
	values := header.Values(headerIdempotencyKey)
	if len(values) == 0 {
		return nil, nil
	}
	key := values[0]
	printable := func(r rune) bool { return r >= ' ' && r <= '~' }
	if len(values) > 1 || key == "" || len(key) > maxIdempotencyKey || strings.ContainsFunc(key, func(r rune) bool { return !printable(r) }) {
		return nil, invalidIdempotencyKey.because(nil)
	}
	return &idempotencyKey{namespace, key}, nil
}

// name is the one that the key's job gets, the n-th where the ones before belong to other jobs.
func (k *idempotencyKey) name(n int) string {
	digest := sha256.Sum256([]byte(strings.Join([]string{"khocr/idempotency", k.namespace, k.key, strconv.Itoa(n)}, "\x00")))
	return hex.EncodeToString(digest[:6])
}

// digest is what a job tells of its key.
func (k *idempotencyKey) digest() string {
	digest := sha256.Sum256([]byte(k.key))
	return hex.EncodeToString(digest[:])
}

// payloadOf sums up what a submission asks for: two that ask for the same have the same. The document counts by its
// content, and what is missing as what it then means. The code stands for the password.
func payloadOf(spec v1alpha1.OcrJobSpec, passwordCode []byte) string {
	spec.Source = v1alpha1.DocumentSource{Upload: &v1alpha1.Upload{SHA256: spec.Source.Upload.SHA256}}
	spec.OutputFormat, spec.OcrMode, spec.Priority = spec.EffectiveFormat(), spec.EffectiveMode(), spec.EffectivePriority()
	if spec.Correct == v1alpha1.CorrectAuto {
		spec.Correct = "" // as in what was remembered before there was a choice
	}
	if spec.Fallback == v1alpha1.FallbackDefault {
		spec.Fallback = "" // as well
	}
	encoded, err := json.Marshal(spec)
	if err != nil {
		panic(fmt.Errorf("encode a spec: %w", err)) // our own types encode
	}
	digest := sha256.New()
	digest.Write(encoded)
	digest.Write(passwordCode)
	return hex.EncodeToString(digest.Sum(nil))
}

// retryPayload is the payload of a job's retry, which has no parameters.
func retryPayload(job string) string {
	digest := sha256.Sum256([]byte("retry\x00" + job))
	return hex.EncodeToString(digest[:])
}

// samePayload makes sure that an earlier submission of the same key asked for the same.
func samePayload(earlier *v1alpha1.OcrJob, payload string) error {
	if earlier.Annotations[v1alpha1.AnnotationPayload] != payload {
		return idempotencyKeyReused.detailed("The Idempotency-Key was used before, for another request: job %s.", earlier.Name).
			khmer("Idempotency-Key នេះត្រូវបានប្រើរួចហើយសម្រាប់សំណើផ្សេង៖ ការងារ %s។", earlier.Name)
	}
	return nil
}

// earlier finds the job that a key was used for, or nil. It fails with job_deleted if that was deleted.
func (s *Server) earlier(ctx context.Context, key *idempotencyKey) (*v1alpha1.OcrJob, error) {
	for n := range attempts {
		job, taken, err := s.holder(ctx, key, key.name(n))
		if err != nil || job != nil || !taken {
			return job, err
		}
	}
	return nil, nil
}

// holder finds out who has a name that was derived from a key: the key's own job, or another one, or nobody.
func (s *Server) holder(ctx context.Context, key *idempotencyKey, name string) (job *v1alpha1.OcrJob, taken bool, err error) {
	found, err := s.lookUp(ctx, client.ObjectKey{Namespace: key.namespace, Name: name})
	switch {
	case err != nil:
		return nil, false, err
	case found.job == nil:
		return nil, false, nil
	case found.job.Annotations[v1alpha1.AnnotationIdempotencyKey] != key.digest():
		return nil, true, nil
	case found.deleted != "":
		return nil, true, jobDeleted.detailed("The job %s of this Idempotency-Key was deleted.", name).
			khmer("ការងារ %s របស់ Idempotency-Key នេះត្រូវបានលុបហើយ។", name)
	}
	return found.job, true, nil
}

// known is what the platform knows of a job.
type known struct {
	// job is nil where there is none.
	job *v1alpha1.OcrJob
	// deleted says why nothing but a record is left of it, and is empty otherwise.
	deleted archive.Deletion
}

// lookUp finds a job by its OcrJob, or by its record once that is gone. The record is written before the OcrJob goes, so
// nothing is missed in this order; and a job that is deleted says so first in its record.
func (s *Server) lookUp(ctx context.Context, name client.ObjectKey) (known, error) {
	job, err := s.readNow(ctx, name)
	switch {
	case err != nil && !errors.Is(err, errNoJob):
		return known{}, err
	case job != nil && !job.Status.Phase.Ended():
		return known{job: job}, nil
	}
	record, err := s.recordOf(ctx, name, job)
	switch {
	case err != nil:
		return known{}, err
	case record == nil:
		return known{job: job}, nil
	}
	return known{&record.Job, record.Deleted}, nil
}
