package storage

import (
	"context"
	"errors"
)

// Copy stores what lies under a key under another one, too, once, and tells how many bytes that were. When it returns
// without an error the copy is durable, and has nothing to do with the original any more. It fails with ErrNotFound where
// there is no original, with ErrExists where the other key was written before, and with ErrUnavailable otherwise; then
// nothing is left behind.
func (s *Store) Copy(ctx context.Context, from, to string) (int64, error) {
	original, err := s.Get(ctx, from)
	if err != nil {
		return 0, err
	}
	defer original.Close()
	size, err := s.Put(ctx, to, original)
	if err != nil && !errors.Is(err, ErrExists) && !errors.Is(err, ErrUnavailable) {
		return 0, unavailable(err)
	}
	return size, err
}
