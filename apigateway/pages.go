package apigateway

import (
	"net/http"
	"slices"
	"strconv"

	"github.com/gorilla/mux"

	"github.com/openplp/khocr/api/v1alpha1"
	"github.com/openplp/khocr/apigateway/jobview"
	"github.com/openplp/khocr/internal/ledger"
)

// page delivers one page as the json format has it, which may be long before the job ends.
func (s *Server) page(w http.ResponseWriter, r *http.Request) error {
	if err := onlyQuery(r, queryCorrections); err != nil {
		return err
	}
	corrected, err := wantsCorrections(r)
	if err != nil {
		return err
	}
	job, number, err := s.releasedPage(r)
	if err != nil {
		return err
	}
	revisions := map[int]int{}
	if corrected {
		if revisions[number], err = s.Store.CorrectionRevision(r.Context(), job.Namespace, job.UID, number); err != nil {
			return err
		}
	}
	var encoded []byte
	for page, err := range s.encodedPages(r.Context(), job.OcrJob, []int{number}, revisions) {
		if err != nil {
			return err
		}
		// The sequence's page is good within the loop only.
		encoded = slices.Clone(page)
	}
	w.Header().Set("Cache-Control", "private, no-cache")
	writeEncoded(w, r, http.StatusOK, "application/json", encoded)
	return nil
}

// releasedPage finds the page that the path names, if it may be handed out.
func (s *Server) releasedPage(r *http.Request) (job foundJob, number int, err error) {
	if job, err = s.findJob(r); err != nil {
		return foundJob{}, 0, err
	}
	if number, err = pageAsked(mux.Vars(r)["n"], job.OcrJob); err != nil {
		return foundJob{}, 0, err
	}
	stored, err := s.releasedNumbers(r, job)
	switch {
	case err != nil:
		return foundJob{}, 0, err
	case slices.Contains(stored, number):
		return job, number, nil
	case jobview.Ended(job.OcrJob):
		return foundJob{}, 0, pageNotFound.detailed("The job has ended without a result of page %d.", number)
	default:
		return foundJob{}, 0, pageNotReady.because(nil)
	}
}

// maxPageDigits is how long a page number can be.
const maxPageDigits = 6

// pageAsked reads a page number, and refuses one that the document cannot have.
func pageAsked(text string, job *v1alpha1.OcrJob) (int, error) {
	number, err := strconv.Atoi(text)
	if err != nil || number < 1 || len(text) > maxPageDigits || strconv.Itoa(number) != text {
		return 0, pageNotFound.detailed("A page is a number from 1.")
	}
	// Of a job for some pages the size of the document is not known, only how many they are.
	if pages := job.Status.Pages; pages != nil && pages.Total > 0 && job.Spec.Pages == "" && number > int(pages.Total) {
		return 0, pageNotFound.detailed("The last page of the document is page %d.", pages.Total).
			khmer("ទំព័រចុងក្រោយរបស់ឯកសារនេះគឺទំព័រទី %d។", pages.Total)
	}
	return number, nil
}

// releasedNumbers lists the stored pages of a job that may be handed out, whether it has ended or not. No page leaves before
// it is set aside in the organization's month.
func (s *Server) releasedNumbers(r *http.Request, job foundJob) ([]int, error) {
	if !jobview.Ended(job.OcrJob) {
		// The ledger knows earlier than the job, whose condition saves a write by waiting for the end. A job that is cancelled is
		// charged for the pages that its worker has reported, so no others are handed out.
		released := min(ledger.ReservedPages(callerOf(r.Context()).organization, job.OcrJob), int64(job.Status.LivePages().Done))
		if released == 0 {
			return nil, pageNotReady.because(nil)
		}
		numbers, err := s.Store.PageNumbers(r.Context(), job.Namespace, job.UID)
		return numbers[:min(released, int64(len(numbers)))], err
	}
	numbers, _, err := s.endedPages(r.Context(), job)
	return numbers, err
}
