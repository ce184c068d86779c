// Package storage keeps documents and page results in a blob store. Their keys are written once and never changed; a small
// record, such as the last use of keys, may be replaced. What Put and Replace have acknowledged survives a crash of the
// process and of the machine. It never looks inside a document.
package storage

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"

	"gocloud.dev/blob"
	"gocloud.dev/blob/fileblob"
	"gocloud.dev/blob/s3blob"
	"gocloud.dev/gcerrors"

	"github.com/openplp/khocr/internal/memory"
)

var (
	// ErrExists: the key was written before, and what was written then stands.
	ErrExists = errors.New("already stored")
	// ErrNotFound: nothing is stored under the key.
	ErrNotFound = errors.New("not stored")
	// ErrUnavailable: the store cannot do its work at present, because it is full, read-only or out of reach.
	ErrUnavailable = errors.New("store unavailable")
)

// Store is a blob store. Its methods may be called from many goroutines.
type Store struct {
	bucket *blob.Bucket
	// root is the folder of a store in a file system, "" for any other.
	root string
	// objects are those of a store in S3, nil for any other.
	objects *objects
	// read and written are page results in memory. Apart, because results are fetched by strangers, and stored by our workers.
	read, written *memory.Pool
}

// Open opens the store at a URL: file:///var/lib/khocr, whose folder must exist, or s3://BUCKET?PARAMETERS as gocloud.dev's
// s3blob has them, with credentials and authorities from the environment as AWS's programs do.
func Open(ctx context.Context, rawURL string) (*Store, error) {
	address, err := url.Parse(rawURL)
	if err != nil {
		return nil, fmt.Errorf("parse the store's address: %w", err)
	}
	store := &Store{read: memory.New(pagesInMemory, pagesOfOne), written: memory.New(pagesInMemory, pagesOfOne)}
	if address.Scheme == fileblob.Scheme {
		store.root = fileRoot(address)
		address.RawQuery = fileOptions(address.Query()).Encode()
	}
	if store.bucket, err = blob.OpenBucket(ctx, address.String()); err != nil {
		return nil, fmt.Errorf("open the store: %w", err)
	}
	if address.Scheme == s3blob.Scheme {
		if store.objects, err = s3Objects(store.bucket, address); err != nil {
			return nil, errors.Join(fmt.Errorf("open the store: %w", err), store.bucket.Close())
		}
	}
	return store, nil
}

// Close lets go of the store.
func (s *Store) Close() error {
	if err := s.bucket.Close(); err != nil {
		return fmt.Errorf("close the store: %w", err)
	}
	return nil
}

// Check tells, as an ErrUnavailable, whether the store is out of reach, or does not keep what is written once.
func (s *Store) Check(ctx context.Context) error {
	if s.root != "" {
		// The file driver would list folders for an answer.
		if _, err := os.Stat(s.root); err != nil {
			return unavailable(fmt.Errorf("reach the store: %w", err))
		}
		return nil
	}
	accessible, err := s.bucket.IsAccessible(ctx)
	if err != nil {
		return unavailable(fmt.Errorf("reach the store: %w", err))
	}
	if !accessible {
		return unavailable(errors.New("the bucket does not exist"))
	}
	if s.objects != nil {
		return s.objects.check(ctx)
	}
	return nil
}

// Exists tells whether something is stored under the key.
func (s *Store) Exists(ctx context.Context, key string) (bool, error) {
	exists, err := s.bucket.Exists(ctx, key)
	if err != nil {
		return false, unavailable(fmt.Errorf("look for %s: %w", key, err))
	}
	return exists, nil
}

// Blob is stored content on its way to a reader, who closes it.
type Blob struct {
	io.ReadCloser
	// Size in bytes.
	Size int64
}

// Get opens what is stored under the key, or fails with ErrNotFound.
func (s *Store) Get(ctx context.Context, key string) (*Blob, error) {
	reader, err := s.open(ctx, key)
	if err != nil {
		return nil, err
	}
	return &Blob{ReadCloser: reader, Size: reader.Size()}, nil
}

// Delete removes what is stored under the key. Nothing there is no error.
func (s *Store) Delete(ctx context.Context, key string) error {
	err := s.bucket.Delete(ctx, key)
	if err != nil && gcerrors.Code(err) != gcerrors.NotFound {
		return unavailable(fmt.Errorf("delete %s: %w", key, err))
	}
	return nil
}
