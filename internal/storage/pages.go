package storage

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"

	"gocloud.dev/blob"
	"k8s.io/apimachinery/pkg/types"

	"github.com/openplp/khocr/internal/document"
)

// pagesInMemory bounds the bytes of the page results that are read at the same time, and of those that are written. Decoded
// they take ten times as much, so a process needs some 300 MB for them at the most, whatever the pages are and however many ask.
const pagesInMemory = 16 << 20

// pagesOfOne are those of one namespace: whoever takes or sends pages slowly holds up nobody else's. It is room for the
// largest page.
const pagesOfOne = pagesInMemory / 4

// HoldPage waits until a page result of so many bytes may be taken into memory to be written. The caller calls release when it
// is not needed any more. It fails only when ctx ends.
func (s *Store) HoldPage(ctx context.Context, namespace string, bytes int64) (release func(), err error) {
	return s.written.Hold(ctx, namespace, bytes)
}

// PageNumbers lists the pages of a job that are stored, in order.
func (s *Store) PageNumbers(ctx context.Context, namespace string, job types.UID) ([]int, error) {
	prefix := PagesPrefix(namespace, job)
	list := s.bucket.List(&blob.ListOptions{Prefix: prefix})
	var numbers []int
	for {
		object, err := list.Next(ctx)
		if errors.Is(err, io.EOF) {
			return numbers, nil
		}
		if err != nil {
			return nil, unavailable(fmt.Errorf("list %s: %w", prefix, err))
		}
		if number, ok := pageNumber(prefix, object.Key); ok {
			numbers = append(numbers, number)
		}
	}
}

// withPage reads the result of one page and lets use have it, or fails with ErrNotFound.
func (s *Store) withPage(ctx context.Context, namespace string, job types.UID, number int, use func(encoded []byte)) error {
	content, err := s.Get(ctx, PageKey(namespace, job, number))
	if err != nil {
		return err
	}
	defer content.Close()
	release, err := s.read.Hold(ctx, namespace, content.Size)
	if err != nil {
		return err
	}
	defer release()
	encoded := make([]byte, content.Size)
	if _, err := io.ReadFull(content, encoded); err != nil {
		return unavailable(fmt.Errorf("read page %d: %w", number, err))
	}
	use(encoded)
	return nil
}

// EncodedPages yields stored pages of a job, those of the numbers given, as they were stored, one in memory at a time. A page
// is good until the next one is asked for. An error ends the sequence.
func (s *Store) EncodedPages(ctx context.Context, namespace string, job types.UID, numbers []int) iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) {
		for _, number := range numbers {
			more := false
			err := s.withPage(ctx, namespace, job, number, func(encoded []byte) { more = yield(encoded, nil) })
			if err != nil {
				yield(nil, err)
				return
			}
			if !more {
				return
			}
		}
	}
}

// Pages yields what EncodedPages does, decoded.
func (s *Store) Pages(ctx context.Context, namespace string, job types.UID, numbers []int) iter.Seq2[*document.Page, error] {
	return func(yield func(*document.Page, error) bool) {
		for encoded, err := range s.EncodedPages(ctx, namespace, job, numbers) {
			page := new(document.Page)
			if err == nil {
				err = json.Unmarshal(encoded, page)
			}
			if err != nil {
				yield(nil, fmt.Errorf("read the pages: %w", err))
				return
			}
			if !yield(page, nil) {
				return
			}
		}
	}
}
