package apigateway

import (
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"net/http"

	"github.com/openplp/khocr/api/v1alpha1"
	"github.com/openplp/khocr/internal/document"
)

// queryCorrections asks for what was read, where it is false.
const queryCorrections = "corrections"

// wantsCorrections tells whether a request is for the text as people have corrected it.
func wantsCorrections(r *http.Request) (bool, error) {
	switch asked := r.URL.Query().Get(queryCorrections); {
	case !r.URL.Query().Has(queryCorrections), asked == "true":
		return true, nil
	case asked == "false":
		return false, nil
	}
	return false, invalidParameter.detailed("corrections is true or false.")
}

// revisionsOf finds the last corrections of each page of a job, where they are wanted.
func (s *Server) revisionsOf(ctx context.Context, job *v1alpha1.OcrJob, wanted bool) (map[int]int, error) {
	if !wanted {
		return nil, nil
	}
	return s.Store.CorrectionRevisions(ctx, job.Namespace, job.UID)
}

// pages yields stored pages with their corrections of these revisions, as Store.Pages does.
func (s *Server) pages(ctx context.Context, job *v1alpha1.OcrJob, numbers []int, revisions map[int]int) iter.Seq2[*document.Page, error] {
	return func(yield func(*document.Page, error) bool) {
		for page, err := range s.Store.Pages(ctx, job.Namespace, job.UID, numbers) {
			if err == nil && revisions[page.Number] > 0 {
				page, err = s.corrected(ctx, job, page, revisions[page.Number])
			}
			if !yield(page, err) || err != nil {
				return
			}
		}
	}
}

// encodedPages yields what pages does, as json has it: only those that were corrected are decoded.
func (s *Server) encodedPages(ctx context.Context, job *v1alpha1.OcrJob, numbers []int, revisions map[int]int) iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) {
		at := 0
		for encoded, err := range s.Store.EncodedPages(ctx, job.Namespace, job.UID, numbers) {
			if err == nil && revisions[numbers[at]] > 0 {
				encoded, err = s.reencoded(ctx, job, encoded, revisions[numbers[at]])
			}
			at++
			if !yield(encoded, err) || err != nil {
				return
			}
		}
	}
}

// reencoded is a page with its corrections.
func (s *Server) reencoded(ctx context.Context, job *v1alpha1.OcrJob, encoded []byte, revision int) ([]byte, error) {
	page := new(document.Page)
	if err := json.Unmarshal(encoded, page); err != nil {
		return nil, fmt.Errorf("read a page: %w", err)
	}
	page, err := s.corrected(ctx, job, page, revision)
	if err != nil {
		return nil, err
	}
	return document.EncodePage(page)
}

func (s *Server) corrected(ctx context.Context, job *v1alpha1.OcrJob, page *document.Page, revision int) (*document.Page, error) {
	corrections, err := s.Store.Corrections(ctx, job.Namespace, job.UID, page.Number, revision)
	if err != nil {
		return nil, err
	}
	return page.Corrected(corrections.Words), nil
}
