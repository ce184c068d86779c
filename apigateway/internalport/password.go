package internalport

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/openplp/khocr/api/v1alpha1"
	"github.com/openplp/khocr/internal/storage"
)

// maxSealedPassword in bytes: a password has at most 255, and the seal adds some dozens.
const maxSealedPassword = 1 << 10

// password of the job's document; empty where it has none. Only an uploaded document can have one.
func (s *Server) password(ctx context.Context, job *v1alpha1.OcrJob) (string, error) {
	upload := job.Spec.Source.Upload
	if s.Seal == nil || upload == nil {
		return "", nil
	}
	key := storage.PasswordKey(job.Namespace, upload.ID)
	content, err := s.Store.Get(ctx, key)
	if errors.Is(err, storage.ErrNotFound) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	defer content.Close()
	sealed, err := io.ReadAll(io.LimitReader(content, maxSealedPassword))
	if err != nil {
		return "", fmt.Errorf("read the sealed password: %w", err)
	}
	password, err := s.Seal.Open(key, sealed)
	if err != nil {
		return "", fmt.Errorf("open the sealed password: %w", err)
	}
	return string(password), nil
}
