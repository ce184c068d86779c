package apigateway

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/openplp/khocr/api/v1alpha1"
	"github.com/openplp/khocr/internal/storage"
)

// searchable is the searchable PDF of a job: the document's own bytes and what the worker appended to them, or a file of its
// own. Its parts follow one another.
type searchable struct {
	parts []*storage.Blob
}

// openSearchable opens the searchable PDF of a job, or fails with storage.ErrNotFound where it has none.
func openSearchable(ctx context.Context, store *storage.Store, job *v1alpha1.OcrJob) (*searchable, error) {
	whole, err := store.Get(ctx, storage.WholeKey(job.Namespace, job.UID))
	if err == nil {
		return &searchable{parts: []*storage.Blob{whole}}, nil
	}
	if !errors.Is(err, storage.ErrNotFound) {
		return nil, err
	}
	appendix, err := store.Get(ctx, storage.AppendixKey(job.Namespace, job.UID))
	if err != nil {
		return nil, err
	}
	original := storage.DocumentKey(job.Namespace, job.UID)
	if upload := job.Spec.Source.Upload; upload != nil {
		original = storage.UploadKey(job.Namespace, upload.ID)
	}
	document, err := store.Get(ctx, original)
	if err != nil {
		return nil, errors.Join(err, appendix.Close())
	}
	return &searchable{parts: []*storage.Blob{document, appendix}}, nil
}

// Close lets go of the parts.
func (c *searchable) Close() error {
	var failed []error
	for _, part := range c.parts {
		failed = append(failed, part.Close())
	}
	return errors.Join(failed...)
}

func (c *searchable) size() int64 {
	var size int64
	for _, part := range c.parts {
		size += part.Size
	}
	return size
}

func (c *searchable) measure() (int64, error) { return c.size(), nil }

func (c *searchable) send(w io.Writer, offset, length int64) error {
	for _, part := range c.parts {
		from := min(offset, part.Size)
		wanted := min(length, part.Size-from)
		offset, length = offset-from, length-wanted
		if wanted <= 0 {
			continue
		}
		if seeker, ok := part.ReadCloser.(io.Seeker); ok && from > 0 {
			if _, err := seeker.Seek(from, io.SeekStart); err != nil {
				return fmt.Errorf("%w: skip to the part of a PDF: %w", storage.ErrUnavailable, err)
			}
		} else if _, err := io.CopyN(io.Discard, part, from); err != nil {
			return fmt.Errorf("%w: skip to the part of a PDF: %w", storage.ErrUnavailable, err)
		}
		if _, err := io.CopyN(w, part, wanted); err != nil {
			return fmt.Errorf("send a PDF: %w", err)
		}
	}
	return nil
}
