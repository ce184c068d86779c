package apigateway

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"slices"

	"github.com/openplp/khocr/apigateway/jobview"
	"github.com/openplp/khocr/internal/document"
	"github.com/openplp/khocr/internal/storage"
)

const (
	// maxCorrectionBytes bounds what corrects a page: a thousand short words, or a page of long ones.
	maxCorrectionBytes = 128 << 10
	// maxRevisions bounds how often a page is corrected: each time is kept.
	maxRevisions = 1000
	// correctionTries is how often corrections that need not be of a certain revision are tried beside others'.
	correctionTries = 10
)

// correctionsBody is what people have corrected on a page.
type correctionsBody struct {
	Page  int                   `json:"page"`
	Words []document.Correction `json:"words"`
}

// corrections delivers what was corrected on a page.
func (s *Server) corrections(w http.ResponseWriter, r *http.Request) error {
	if err := onlyQuery(r); err != nil {
		return err
	}
	job, number, err := s.releasedPage(r)
	if err != nil {
		return err
	}
	last, err := s.Store.LastCorrections(r.Context(), job.Namespace, job.UID, number)
	if err != nil {
		return err
	}
	if hasAlready(w, r, revisionTag(last.Revision)) {
		return nil
	}
	writeCorrections(w, r, number, last)
	return nil
}

// correct replaces the corrections of a page of a job that has ended. Each time is a revision that is written once, so of two who
// have seen the same one the store lets one go on, and the other is told.
func (s *Server) correct(w http.ResponseWriter, r *http.Request) error {
	if err := onlyQuery(r); err != nil {
		return err
	}
	job, number, err := s.releasedPage(r)
	if err != nil {
		return err
	}
	if !jobview.Ended(job.OcrJob) {
		return jobNotFinished.because(nil)
	}
	asked, err := readCorrections(r, number)
	if err != nil {
		return err
	}
	made := storage.Corrections{Key: callerOf(r.Context()).key.Name}
	for page, err := range s.Store.Pages(r.Context(), job.Namespace, job.UID, []int{number}) {
		if err != nil {
			return err
		}
		if made.Words, err = page.CheckCorrections(asked.Words); err != nil {
			return invalidParameter.detailed("Invalid %v.", err).khmer("ការកែពាក្យមិនត្រឹមត្រូវ៖ ពាក្យនោះមិនមានក្នុងទំព័រ ឬអត្ថបទថ្មីវែងពេក ឬមានច្រើនជាងមួយបន្ទាត់។")
		}
	}
	conditions := r.Header.Values("If-Match")
	for range correctionTries {
		last, err := s.Store.LastCorrections(r.Context(), job.Namespace, job.UID, number)
		if err != nil {
			return err
		}
		// Who has not heard the answer sends the same once more, and is answered as before (RFC 9110, section 13.1.1).
		if slices.Equal(last.Words, made.Words) {
			writeCorrections(w, r, number, last)
			return nil
		}
		if len(conditions) > 0 && !matches(conditions, revisionTag(last.Revision)) {
			break
		}
		if made.Revision = last.Revision + 1; made.Revision > maxRevisions {
			return invalidParameter.detailed("The page was corrected %d times, and cannot be once more.", maxRevisions).
				khmer("ទំព័រនេះត្រូវបានកែ %d ដងហើយ មិនអាចកែបន្ថែមទៀតបានទេ។", maxRevisions)
		}
		made.Time = s.Now().UTC()
		err = s.Store.Correct(r.Context(), job.Namespace, job.UID, number, made)
		if errors.Is(err, storage.ErrExists) {
			continue
		}
		if err != nil {
			return err
		}
		if err := s.followDeletion(r, job); err != nil {
			return err
		}
		writeCorrections(w, r, number, made)
		return nil
	}
	return correctionsChanged.because(nil)
}

// followDeletion deletes what was corrected of a job that was deleted meanwhile: the deletion did not find it.
func (s *Server) followDeletion(r *http.Request, job foundJob) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), deletionTimeout)
	defer cancel()
	found, _, err := s.releasedPage(r.WithContext(ctx))
	if err == nil && found.UID != job.UID {
		err = jobDeleted.because(nil) // and another has its name
	}
	var problem *problemError
	if !errors.As(err, &problem) || problem.Status != http.StatusGone && problem.Code != jobNotFound.Code {
		return nil
	}
	_, deleting := s.Store.DeleteAll(ctx, storage.CorrectionsPrefix(job.Namespace, job.UID))
	return errors.Join(err, deleting)
}

// readCorrections reads the body of a request.
func readCorrections(r *http.Request, page int) (*correctionsBody, error) {
	if mediaType, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || mediaType != "application/json" {
		return nil, unsupportedContentType.detailed("The corrections must be application/json.").khmer("ការកែត្រូវតែជា application/json។")
	}
	bad := func(what string) error {
		return invalidParameter.detailed("The body %s.", what).khmer("ខ្លឹមសារសំណើត្រូវតែជាវត្ថុ JSON ដែលមាន words ហើយមិនធំពេក។")
	}
	content, err := io.ReadAll(io.LimitReader(r.Body, maxCorrectionBytes+1))
	if err != nil {
		return nil, uploadIncomplete.because(err)
	}
	if len(content) > maxCorrectionBytes {
		return nil, bad(fmt.Sprintf("has more than %d bytes", maxCorrectionBytes))
	}
	asked := new(correctionsBody)
	decoder := json.NewDecoder(bytes.NewReader(content))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(asked); err != nil || asked.Words == nil {
		return nil, bad(`is not of the form {"words": [{"line": 1, "word": 1, "text": "..."}]}`)
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return nil, bad("goes on behind its JSON")
	}
	if asked.Page != 0 && asked.Page != page {
		return nil, bad("is of another page")
	}
	return asked, nil
}

// revisionTag is the entity tag of a revision of the corrections of a page.
func revisionTag(revision int) string { return fmt.Sprintf(`"%d"`, revision) }

func writeCorrections(w http.ResponseWriter, r *http.Request, page int, corrections storage.Corrections) {
	words := corrections.Words
	if words == nil {
		words = []document.Correction{}
	}
	w.Header().Set("ETag", revisionTag(corrections.Revision))
	w.Header().Set("Cache-Control", "private, no-cache")
	writeBody(w, r, http.StatusOK, "application/json", correctionsBody{page, words})
}
