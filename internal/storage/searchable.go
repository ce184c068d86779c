package storage

import (
	"context"
	"errors"
	"fmt"
	"io"

	"gocloud.dev/blob"
	"gocloud.dev/gcerrors"
	"k8s.io/apimachinery/pkg/types"
)

// Searchable is a job's searchable PDF on its way to a reader, who closes it. Any part of it can be read by seeking there.
type Searchable struct {
	// Size in bytes.
	Size int64

	// parts follow each other.
	parts []*blob.Reader
	at    int64
}

// Searchable opens the searchable PDF of a job whose document lies under a key: the document and what was appended to it, or
// the whole that was made in its place. It fails with ErrNotFound where the job has none, or its document is gone.
func (s *Store) Searchable(ctx context.Context, namespace string, job types.UID, documentKey string) (*Searchable, error) {
	appendix, err := s.open(ctx, AppendixKey(namespace, job))
	if errors.Is(err, ErrNotFound) {
		whole, err := s.open(ctx, WholeKey(namespace, job))
		if err != nil {
			return nil, err
		}
		return newSearchable(whole), nil
	}
	if err != nil {
		return nil, err
	}
	document, err := s.open(ctx, documentKey)
	if err != nil {
		return nil, errors.Join(err, appendix.Close())
	}
	return newSearchable(document, appendix), nil
}

func newSearchable(parts ...*blob.Reader) *Searchable {
	composed := &Searchable{parts: parts}
	for _, part := range parts {
		composed.Size += part.Size()
	}
	return composed
}

// Read reads from where Seek went or Read ended.
func (s *Searchable) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	begin := int64(0)
	for _, part := range s.parts {
		end := begin + part.Size()
		if s.at >= end {
			begin = end
			continue
		}
		// It does nothing to a reader that stands there already.
		if _, err := part.Seek(s.at-begin, io.SeekStart); err != nil {
			return 0, unavailable(fmt.Errorf("seek: %w", err))
		}
		n, err := part.Read(p[:min(int64(len(p)), end-s.at)])
		s.at += int64(n)
		if errors.Is(err, io.EOF) {
			err = nil
			if n == 0 {
				err = io.ErrUnexpectedEOF
			}
		}
		return n, err
	}
	return 0, io.EOF
}

// Seek goes to an offset, as io.Seeker has it.
func (s *Searchable) Seek(offset int64, whence int) (int64, error) {
	switch whence {
	case io.SeekCurrent:
		offset += s.at
	case io.SeekEnd:
		offset += s.Size
	}
	if offset < 0 {
		return 0, errors.New("seek before the beginning")
	}
	s.at = offset
	return offset, nil
}

// Close lets go of what was opened.
func (s *Searchable) Close() error {
	var failed error
	for _, part := range s.parts {
		failed = errors.Join(failed, part.Close())
	}
	return failed
}

// open what is stored under the key, or fail with ErrNotFound.
func (s *Store) open(ctx context.Context, key string) (*blob.Reader, error) {
	reader, err := s.bucket.NewReader(ctx, key, nil)
	if gcerrors.Code(err) == gcerrors.NotFound {
		return nil, fmt.Errorf("read %s: %w", key, ErrNotFound)
	}
	if err != nil {
		return nil, unavailable(fmt.Errorf("read %s: %w", key, err))
	}
	return reader, nil
}
