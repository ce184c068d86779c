package internalport

import (
	"fmt"
	"net/http"
	"slices"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/openplp/khocr/api/v1alpha1"
	"github.com/openplp/khocr/internal/pagerange"
	"github.com/openplp/khocr/internal/workerport"
)

const (
	// MaxPages is the number of pages beyond which a document is refused.
	MaxPages = 5000
	// PageTimeoutSeconds bounds the processing of one page.
	PageTimeoutSeconds = 300
)

// ticket tells a worker what it is to do and what is done already.
func (s *Server) ticket(w http.ResponseWriter, r *http.Request, work assignment) error {
	job := work.job
	name := recognizerOf(job)
	model := new(v1alpha1.OcrModel)
	if err := s.Client.Get(r.Context(), client.ObjectKey{Name: name}, model); err != nil {
		return fmt.Errorf("read model %q: %w", name, err)
	}
	trainedData := ""
	if model.Spec.Tesseract != nil {
		trainedData = model.Spec.Tesseract.TrainedData
	}
	numbers, err := s.Store.PageNumbers(r.Context(), job.Namespace, job.UID)
	if err != nil {
		return err
	}
	if numbers, err = ofPart(job, work.part, numbers); err != nil {
		return err
	}
	stored := make([]workerport.StoredPage, 0, len(numbers))
	for page, err := range s.Store.Pages(r.Context(), job.Namespace, job.UID, numbers) {
		if err != nil {
			return err
		}
		stored = append(stored, workerport.Stored(page))
	}
	password, err := s.password(r.Context(), job)
	if err != nil {
		return err
	}
	task, err := s.aiTask(r.Context(), job)
	if err != nil {
		return err
	}
	writeJSON(w, http.StatusOK, workerport.Ticket{
		Namespace:          job.Namespace,
		Job:                job.Name,
		UID:                string(job.UID),
		Part:               work.part,
		Password:           password,
		Mode:               string(job.Spec.EffectiveMode()),
		Correct:            job.Spec.EffectiveCorrection() != v1alpha1.CorrectOff,
		Pages:              job.Spec.Pages,
		Partition:          job.Status.Partition,
		Model:              name,
		TrainedData:        trainedData,
		MaxPages:           MaxPages,
		PageTimeoutSeconds: PageTimeoutSeconds,
		AI:                 task,
		Stored:             stored,
	})
	return nil
}

// ofPart keeps those pages that are a part's. While the document is not cut nobody knows which those are, but its worker.
func ofPart(job *v1alpha1.OcrJob, part int32, numbers []int) ([]int, error) {
	if len(job.Status.Workers) < 2 || job.Status.Pages == nil {
		return numbers, nil
	}
	asked, err := pagerange.Parse(job.Spec.Pages, MaxPages)
	if err != nil {
		return nil, fmt.Errorf("read which pages were asked for: %w", err)
	}
	first, last := job.Status.Partition.Share(part, job.Status.Pages.Total)
	own := asked.Share(int(first), int(last))
	return slices.DeleteFunc(numbers, func(number int) bool { return !own.Has(number) }), nil
}
