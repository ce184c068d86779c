package apigateway

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/openplp/khocr/internal/storage"
)

// keepPassword lays the password of a document beside it, sealed. It is nowhere else. An empty one is none.
func (s *Server) keepPassword(ctx context.Context, namespace, upload, password string) error {
	if password == "" {
		return nil
	}
	place := storage.PasswordKey(namespace, upload)
	_, err := s.Store.Put(ctx, place, bytes.NewReader(s.Seal.Seal(place, []byte(password))))
	if errors.Is(err, storage.ErrExists) {
		return serviceUnavailable.because(err)
	}
	return err
}

// passwordOf finds the password of a document, empty where it has none. It fails with seal.ErrForged where the platform
// has another key than when it was kept.
func (s *Server) passwordOf(ctx context.Context, namespace, upload string) (string, error) {
	place := storage.PasswordKey(namespace, upload)
	content, err := s.Store.Get(ctx, place)
	if errors.Is(err, storage.ErrNotFound) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	defer content.Close()
	sealed, err := io.ReadAll(content)
	if err != nil {
		return "", fmt.Errorf("%w: read %s: %w", storage.ErrUnavailable, place, err)
	}
	password, err := s.Seal.Open(place, sealed)
	if err != nil {
		return "", fmt.Errorf("open %s: %w", place, err)
	}
	return string(password), nil
}
