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
			return nil, fmt.Errorf("%w: list %s: %w", ErrUnavailable, prefix, err)
		}
		if number, ok := pageNumber(prefix, object.Key); ok {
			numbers = append(numbers, number)
		}
	}
}

// Page reads the result of one page, or fails with ErrNotFound.
func (s *Store) Page(ctx context.Context, namespace string, job types.UID, number int) (*document.Page, error) {
	content, err := s.Get(ctx, PageKey(namespace, job, number))
	if err != nil {
		return nil, err
	}
	defer content.Close()
	page := new(document.Page)
	if err := json.NewDecoder(content).Decode(page); err != nil {
		return nil, fmt.Errorf("decode page %d: %w", number, err)
	}
	return page, nil
}

// Pages yields stored pages of a job, those of the numbers given, one in memory at a time. An error ends the sequence.
func (s *Store) Pages(ctx context.Context, namespace string, job types.UID, numbers []int) iter.Seq2[*document.Page, error] {
	return func(yield func(*document.Page, error) bool) {
		for _, number := range numbers {
			page, err := s.Page(ctx, namespace, job, number)
			if !yield(page, err) || err != nil {
				return
			}
		}
	}
}
