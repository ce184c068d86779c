package apigateway

import (
	"fmt"
	"io"

	"github.com/openplp/khocr/api/v1alpha1"
	"github.com/openplp/khocr/internal/storage"
)

// searchable is the content of a job's searchable PDF.
type searchable struct {
	*storage.Searchable
}

func (c searchable) size() int64 { return c.Size }

func (c searchable) measure() (int64, error) { return c.Size, nil }

func (c searchable) send(w io.Writer, offset, length int64) error {
	if _, err := c.Seek(offset, io.SeekStart); err != nil {
		return fmt.Errorf("find the part of a PDF: %w", err)
	}
	if _, err := io.CopyN(w, c, length); err != nil {
		return fmt.Errorf("send a PDF: %w", err)
	}
	return nil
}

// documentKey is where the document of a job lies.
func documentKey(job *v1alpha1.OcrJob) string {
	if upload := job.Spec.Source.Upload; upload != nil {
		return storage.UploadKey(job.Namespace, upload.ID)
	}
	return storage.DocumentKey(job.Namespace, job.UID)
}
