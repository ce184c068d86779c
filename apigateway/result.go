package apigateway

import (
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"strings"

	"k8s.io/apimachinery/pkg/api/meta"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/openplp/khocr/api/v1alpha1"
	"github.com/openplp/khocr/apigateway/filename"
	"github.com/openplp/khocr/apigateway/jobview"
	"github.com/openplp/khocr/apigateway/serving"
	"github.com/openplp/khocr/internal/document"
)

// result delivers the pages of an ended job, in the format that was asked for at submission or is asked for now.
func (s *Server) result(w http.ResponseWriter, r *http.Request) error {
	if err := onlyQuery(r, "format"); err != nil {
		return err
	}
	job, err := s.findJob(r)
	if err != nil {
		return err
	}
	format, err := formatOf(r, job)
	if err != nil {
		return err
	}
	if !job.Status.Phase.Ended() {
		// The caller may have learned of the end from a gateway whose cache is ahead of ours.
		if job, err = s.readLive(r.Context(), client.ObjectKeyFromObject(job)); err != nil {
			return err
		}
	}
	released, err := releasedPages(job)
	if err != nil {
		return err
	}
	numbers, err := s.Store.PageNumbers(r.Context(), job.Namespace, job.UID)
	if err != nil {
		return err
	}
	if len(numbers) == 0 {
		return resultExpired.because(nil)
	}
	if job.Status.Phase == v1alpha1.PhaseCompleted && len(numbers) < released {
		return fmt.Errorf("the store has %d pages of the %d that were finished", len(numbers), released)
	}
	// More pages than were counted were not charged.
	numbers = numbers[:min(released, len(numbers))]
	return s.deliver(w, r, job, format, numbers)
}

func formatOf(r *http.Request, job *v1alpha1.OcrJob) (document.Format, error) {
	asked := r.URL.Query().Get("format")
	if !r.URL.Query().Has("format") {
		asked = string(job.Spec.EffectiveFormat())
	}
	format, err := document.ParseFormat(asked)
	if err != nil {
		return "", invalidParameter.detailed("format must be one of json, text, docx.")
	}
	return format, nil
}

// releasedPages is how many pages of a job may be handed out, at least one, or why none may. No page leaves before it is
// set aside in the organization's month: the manager completes only jobs whose pages are, and a cancelled one says.
func releasedPages(job *v1alpha1.OcrJob) (int, error) {
	status := &job.Status
	done := 0
	if status.Pages != nil {
		done = int(status.Pages.Done)
	}
	switch {
	case !status.Phase.Ended():
		return 0, jobNotFinished.because(nil)
	case status.Phase == v1alpha1.PhaseFailed:
		problem := jobFailed.because(nil)
		problem.job = jobview.Failure(status)
		problem.detail = problem.job.Message
		return 0, problem
	case status.Phase == v1alpha1.PhaseCancelled &&
		(done == 0 || !meta.IsStatusConditionTrue(status.Conditions, v1alpha1.ConditionQuotaReserved)):
		return 0, jobCancelled.because(nil)
	}
	return done, nil
}

// deliver renders the pages on their way to the caller, one at a time.
func (s *Server) deliver(w http.ResponseWriter, r *http.Request, job *v1alpha1.OcrJob, format document.Format, numbers []int) error {
	header := w.Header()
	header.Set("Content-Type", format.ContentType())
	header.Set("Content-Disposition", attachment(resultName(job, format)))
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("Cache-Control", "private, no-cache")
	if r.Method == http.MethodHead {
		w.WriteHeader(http.StatusOK)
		return nil
	}
	info := document.Info{
		ID:        job.Name,
		FileName:  filename.Of(&job.Spec.Source),
		Pages:     len(numbers),
		Model:     job.Status.Model,
		CreatedAt: job.CreationTimestamp.Time,
	}
	if job.Status.CompletionTime != nil {
		info.FinishedAt = job.Status.CompletionTime.Time
	}
	answer := &begun{Writer: serving.PacedWriter(w)}
	err := document.Render(answer, format, info, s.Store.Pages(r.Context(), job.Namespace, job.UID, numbers))
	if err != nil && !answer.yes {
		for _, name := range []string{"Content-Disposition", "Cache-Control"} {
			header.Del(name)
		}
		return err
	}
	if err != nil {
		s.Log.WarnContext(r.Context(), "a result broke off", "request_id", serving.RequestFrom(r.Context()).ID, "err", err)
		// Half a result must not look like a whole one.
		panic(http.ErrAbortHandler)
	}
	return nil
}

// begun notes whether anything was written.
type begun struct {
	io.Writer
	yes bool
}

func (b *begun) Write(p []byte) (int, error) {
	b.yes = true
	return b.Writer.Write(p)
}

// resultName is the document's name with the ending of the format.
func resultName(job *v1alpha1.OcrJob, format document.Format) string {
	name := filename.Of(&job.Spec.Source)
	name = strings.TrimSuffix(name, filepath.Ext(name))
	if name == "" {
		name = job.Name
	}
	return name + format.Extension()
}

// attachment is a Content-Disposition by RFC 6266: the name in ASCII for old clients, and as it is by RFC 8187.
func attachment(name string) string {
	var ascii, encoded strings.Builder
	for _, r := range name {
		if r < 0x20 || r >= 0x7f || r == '"' || r == '\\' || r == '%' {
			r = '_'
		}
		ascii.WriteRune(r)
	}
	for _, b := range []byte(name) {
		if strings.IndexByte(attrChars, b) >= 0 {
			encoded.WriteByte(b)
		} else {
			fmt.Fprintf(&encoded, "%%%02X", b)
		}
	}
	return `attachment; filename="` + ascii.String() + `"; filename*=UTF-8''` + encoded.String()
}

// attrChars are the characters of RFC 8187 that stand for themselves.
const attrChars = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789!#$&+-.^_`|~"
