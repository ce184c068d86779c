package internalport

import (
	"errors"
	"fmt"
	"net/http"

	"github.com/gorilla/mux"

	"github.com/openplp/khocr/internal/storage"
	"github.com/openplp/khocr/internal/workerport"
)

// searchable stores a part of the job's searchable PDF, once.
func (s *Server) searchable(w http.ResponseWriter, r *http.Request, work assignment) error {
	key := storage.AppendixKey(work.job.Namespace, work.job.UID)
	if mux.Vars(r)["part"] == workerport.Whole {
		key = storage.WholeKey(work.job.Namespace, work.job.UID)
	}
	body := http.MaxBytesReader(w, r.Body, workerport.MaxSearchableBytes)
	_, err := s.Store.Put(r.Context(), key, body)
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		return &refusal{http.StatusRequestEntityTooLarge, "TooLarge", fmt.Sprintf("it has at most %d bytes", workerport.MaxSearchableBytes), nil}
	case errors.Is(err, storage.ErrExists):
		w.WriteHeader(http.StatusOK)
	case err != nil:
		return err
	default:
		w.WriteHeader(http.StatusCreated)
	}
	return nil
}
