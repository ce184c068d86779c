package apigateway

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/openplp/khocr/api/v1alpha1"
	"github.com/openplp/khocr/apigateway/filename"
	"github.com/openplp/khocr/apigateway/jobview"
	"github.com/openplp/khocr/internal/document"
	"github.com/openplp/khocr/internal/storage"
)

// result delivers the pages of an ended job, in the format that was asked for at submission or is asked for now.
func (s *Server) result(w http.ResponseWriter, r *http.Request) error {
	if err := onlyQuery(r, "format", queryCorrections); err != nil {
		return err
	}
	corrected, err := wantsCorrections(r)
	if err != nil {
		return err
	}
	job, err := s.findJob(r)
	if err != nil {
		return err
	}
	format, err := formatOf(r, job.OcrJob)
	if err != nil {
		return err
	}
	if !jobview.Ended(job.OcrJob) {
		// The caller may have learned of the end from a gateway whose cache is ahead of ours.
		if live, err := s.readLive(r.Context(), client.ObjectKeyFromObject(job.OcrJob)); err == nil {
			job = s.ended(callerOf(r.Context()), live)
		}
	}
	end, err := callerOf(r.Context()).begin(s.downloads)
	if err != nil {
		return err
	}
	defer end()
	numbers, err := s.releasedResult(r, job)
	if err != nil {
		return err
	}
	if format == document.FormatPDF {
		return s.deliverSearchable(w, r, job.OcrJob, numbers)
	}
	revisions, err := s.revisionsOf(r.Context(), job.OcrJob, corrected)
	if err != nil {
		return err
	}
	content := &rendition{func(w io.Writer) error { return s.render(r.Context(), w, job.OcrJob, format, numbers, revisions) }}
	return s.deliver(w, r, described{
		contentType: format.ContentType(), name: resultName(job.OcrJob, format.Extension()), etag: etagOf(job.UID, format, numbers, revisions),
	}, content)
}

// render writes the result of a job in a format that pages are rendered in, with its corrections of these revisions. As json the
// pages are stored already.
func (s *Server) render(
	ctx context.Context, w io.Writer, job *v1alpha1.OcrJob, format document.Format, numbers []int, revisions map[int]int,
) error {
	info := infoOf(job, len(numbers))
	if format == document.FormatJSON {
		return document.RenderJSON(w, info, s.encodedPages(ctx, job, numbers, revisions))
	}
	return document.Render(w, format, info, s.pages(ctx, job, numbers, revisions))
}

// releasedResult lists the pages of the result of an ended job, at least one.
func (s *Server) releasedResult(r *http.Request, job foundJob) ([]int, error) {
	numbers, released, err := s.endedPages(r.Context(), job)
	if err != nil {
		return nil, err
	}
	if len(numbers) == 0 {
		return nil, resultExpired.because(nil)
	}
	if job.Status.Phase == v1alpha1.PhaseCompleted && len(numbers) < released {
		return nil, fmt.Errorf("the store has %d pages of the %d that were finished", len(numbers), released)
	}
	return numbers, nil
}

// endedPages lists the stored pages of an ended job that may be handed out, and tells how many there should be.
func (s *Server) endedPages(ctx context.Context, job foundJob) (numbers []int, released int, err error) {
	if released, err = releasedPages(job, s.Now()); err != nil {
		return nil, 0, err
	}
	if numbers, err = s.Store.PageNumbers(ctx, job.Namespace, job.UID); err != nil {
		return nil, 0, err
	}
	// More pages than were counted were not charged.
	return numbers[:min(released, len(numbers))], released, nil
}

func formatOf(r *http.Request, job *v1alpha1.OcrJob) (document.Format, error) {
	asked := r.URL.Query().Get("format")
	if !r.URL.Query().Has("format") {
		asked = string(job.Spec.EffectiveFormat())
	}
	format, err := document.ParseFormat(filename.Truncate(asked, 64))
	if err != nil {
		return "", invalidParameter.detailed("%v.", err)
	}
	return format, nil
}

// releasedPages is how many pages of a job may be handed out, at least one, or why none may. No page leaves before it is
// set aside in the organization's month: the manager completes only jobs whose pages are, and a cancelled one says.
func releasedPages(job foundJob, now time.Time) (int, error) {
	status := &job.Status
	done := 0
	if status.Pages != nil {
		done = int(status.Pages.Done)
	}
	switch {
	case !jobview.Ended(job.OcrJob):
		return 0, jobNotFinished.because(nil)
	case status.Phase == v1alpha1.PhaseFailed:
		problem := jobFailed.because(nil)
		problem.job = jobview.Failure(status)
		problem.detail = problem.job.Message
		return 0, problem
	case status.Phase == v1alpha1.PhaseCancelled &&
		(done == 0 || !meta.IsStatusConditionTrue(status.Conditions, v1alpha1.ConditionQuotaReserved)):
		return 0, jobCancelled.because(nil)
	// It is about to be deleted, and may be there in part.
	case !job.expiresAt.IsZero() && !now.Before(job.expiresAt):
		return 0, resultExpired.because(nil)
	}
	return done, nil
}

func infoOf(job *v1alpha1.OcrJob, pages int) document.Info {
	info := document.Info{
		ID:        job.Name,
		FileName:  filename.Of(&job.Spec.Source),
		Pages:     pages,
		Model:     job.Status.Model,
		CreatedAt: job.Accepted().Time,
	}
	if job.Status.CompletionTime != nil {
		info.FinishedAt = job.Status.CompletionTime.Time
	}
	return info
}

// deliverSearchable delivers the searchable PDF of a job, where the worker could make one.
func (s *Server) deliverSearchable(w http.ResponseWriter, r *http.Request, job *v1alpha1.OcrJob, numbers []int) error {
	const format = document.FormatPDF
	content, err := s.Store.Searchable(r.Context(), job.Namespace, job.UID, documentKey(job))
	if errors.Is(err, storage.ErrNotFound) {
		return formatUnavailable.because(err)
	}
	if err != nil {
		return err
	}
	defer content.Close()
	return s.deliver(w, r, described{
		contentType: format.ContentType(), name: resultName(job, format.Extension()), etag: etagOf(job.UID, format, numbers, nil),
	}, searchable{content})
}

// resultName is the document's name with the ending of the format.
func resultName(job *v1alpha1.OcrJob, extension string) string {
	name := filename.Of(&job.Spec.Source)
	name = strings.TrimSuffix(name, filepath.Ext(name))
	if name == "" {
		name = job.Name
	}
	return name + extension
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
