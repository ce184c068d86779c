package storage

import (
	"context"
	"fmt"
	"iter"
	"strings"
	"time"

	"gocloud.dev/blob"
	"gocloud.dev/gcerrors"
)

// Listed is a key that something is stored under.
type Listed struct {
	Key string
	// Modified is when it was written.
	Modified time.Time
	Size     int64
}

// List yields what is stored under keys that begin with the prefix, in the order of the keys. An error ends the sequence.
func (s *Store) List(ctx context.Context, prefix string) iter.Seq2[Listed, error] {
	return s.list(ctx, prefix, "")
}

// Folders yields the next part, up to a slash, of the keys that begin with the prefix, in order and each once. The prefix is
// empty or ends in a slash. An error ends the sequence.
func (s *Store) Folders(ctx context.Context, prefix string) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		for listed, err := range s.list(ctx, prefix, "/") {
			if err != nil {
				yield("", err)
				return
			}
			folder, isFolder := strings.CutSuffix(strings.TrimPrefix(listed.Key, prefix), "/")
			if isFolder && !yield(folder, nil) {
				return
			}
		}
	}
}

func (s *Store) list(ctx context.Context, prefix, delimiter string) iter.Seq2[Listed, error] {
	return func(yield func(Listed, error) bool) {
		for token := blob.FirstPageToken; len(token) > 0; {
			var objects []*blob.ListObject
			var err error
			objects, token, err = s.listPage(ctx, token, &blob.ListOptions{Prefix: prefix, Delimiter: delimiter})
			if err != nil {
				yield(Listed{}, unavailable(fmt.Errorf("list %s: %w", prefix, err)))
				return
			}
			for _, object := range objects {
				if !yield(Listed{Key: object.Key, Modified: object.ModTime, Size: object.Size}, nil) {
					return
				}
			}
		}
	}
}

const (
	listPageSize = 1000
	listAttempts = 20
)

// listPage lists a page of keys. The file driver fails with NotFound where a file goes between its name's being read and its
// being looked at, as temporary files do; another attempt does not see its name any more.
func (s *Store) listPage(ctx context.Context, token []byte, options *blob.ListOptions) (objects []*blob.ListObject, next []byte, err error) {
	for range listAttempts {
		objects, next, err = s.bucket.ListPage(ctx, token, listPageSize, options)
		if gcerrors.Code(err) != gcerrors.NotFound {
			break
		}
	}
	return objects, next, err
}

// DeleteAll removes everything that is stored under keys that begin with the prefix, which ends in a slash, and tells how
// much that was.
func (s *Store) DeleteAll(ctx context.Context, prefix string) (int, error) {
	deleted := 0
	for listed, err := range s.List(ctx, prefix) {
		if err == nil {
			err = s.Delete(ctx, listed.Key)
		}
		if err != nil {
			return deleted, err
		}
		deleted++
	}
	if err := s.removeFolder(prefix); err != nil {
		return deleted, unavailable(fmt.Errorf("delete %s: %w", prefix, err))
	}
	return deleted, nil
}
