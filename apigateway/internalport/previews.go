package internalport

import (
	"bytes"
	"fmt"
	"image/jpeg"
	"net/http"

	"github.com/openplp/khocr/internal/storage"
	"github.com/openplp/khocr/internal/workerport"
)

// preview stores the small image of a page, once.
func (s *Server) preview(w http.ResponseWriter, r *http.Request, work assignment) error {
	number, err := pageNumber(r)
	if err != nil {
		return err
	}
	content, forget, err := s.receive(w, r, work, workerport.MaxPreviewBytes)
	if err != nil {
		return err
	}
	defer forget()
	if err := checkPreview(content); err != nil {
		return &refusal{http.StatusBadRequest, "InvalidPreview", "this is not the preview of a page", err}
	}
	created, err := s.keepOnce(r, work, storage.PreviewKey(work.job.Namespace, work.job.UID, number), content)
	if err != nil {
		return err
	}
	writeKept(w, created)
	return nil
}

// checkPreview reads the header alone: what a hostile document made of the rest, a browser has to bear as it bears any image, but
// it is an image and no larger than others.
func checkPreview(content []byte) error {
	config, err := jpeg.DecodeConfig(bytes.NewReader(content))
	if err != nil {
		return fmt.Errorf("read its header: %w", err)
	}
	if config.Width < 1 || config.Height < 1 || max(config.Width, config.Height) > workerport.MaxPreviewSide {
		return fmt.Errorf("it has %d by %d pixels", config.Width, config.Height)
	}
	return nil
}
