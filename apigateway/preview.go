package apigateway

import (
	"errors"
	"io"
	"net/http"
	"strconv"

	"github.com/openplp/khocr/apigateway/serving"
	"github.com/openplp/khocr/internal/storage"
)

// previewType is the media type of previews.
const previewType = "image/jpeg"

// preview delivers the small image of a page, as soon as the page itself may be handed out.
func (s *Server) preview(w http.ResponseWriter, r *http.Request) error {
	if err := onlyQuery(r); err != nil {
		return err
	}
	job, number, err := s.releasedPage(r)
	if err != nil {
		return err
	}
	content, err := s.Store.Get(r.Context(), storage.PreviewKey(job.Namespace, job.UID, number))
	if errors.Is(err, storage.ErrNotFound) {
		return previewNotFound.because(nil)
	}
	if err != nil {
		return err
	}
	defer content.Close()
	// It is written once, so the job and the page name its bytes.
	if hasAlready(w, r, etagOf(job.UID, "preview", []int{number}, nil)) {
		return nil
	}
	header := w.Header()
	header.Set("Content-Type", previewType)
	header.Set("Content-Length", strconv.FormatInt(content.Size, 10))
	header.Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(http.StatusOK)
	if r.Method == http.MethodHead {
		return nil
	}
	if _, err := io.Copy(w, content); err != nil {
		s.Log.WarnContext(r.Context(), "a preview broke off", "request_id", serving.RequestFrom(r.Context()).ID, "err", err)
		panic(http.ErrAbortHandler)
	}
	return nil
}
