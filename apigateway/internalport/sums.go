package internalport

import (
	"context"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/cache"

	"github.com/openplp/khocr/internal/storage"
)

const (
	// mostKept bounds the page results of a job together, with their previews, in bytes. Those of 5,000 pages of a book take 250 MB,
	// and those of 5,000 pages of dense lists 2.5 GB; previews take some 500 MB more.
	mostKept = 4 << 30
	// alwaysKept in bytes is what a page may take even then: one without a result takes some hundred, and a document of which every
	// page has one or the other is complete.
	alwaysKept = 4 << 10
	// unseen is how many bytes of a job may be stored before the store is asked how much there is. Until then other gateways, and
	// this one before its restart, may have stored more.
	unseen = 64 << 20
	// A job that has not been thought of for forgotten, or that is one of too many, is seen anew.
	sumsInMemory = 4096
	forgotten    = time.Hour
)

// sums knows about how much is stored of each job, without a list of its pages for every one of them.
type sums struct {
	most  int64
	total func(ctx context.Context, namespace string, job types.UID) (int64, error)

	mu   sync.Mutex
	jobs *cache.LRUExpireCache
}

func newSums(store *storage.Store) *sums {
	return &sums{most: mostKept, jobs: cache.NewLRUExpireCache(sumsInMemory),
		total: func(ctx context.Context, namespace string, job types.UID) (total int64, err error) {
			for _, prefix := range []string{storage.PagesPrefix(namespace, job), storage.PreviewsPrefix(namespace, job)} {
				for listed, err := range store.List(ctx, prefix) {
					if err != nil {
						return 0, err
					}
					total += listed.Size
				}
			}
			return total, nil
		}}
}

// add counts a page of so many bytes in, whether or not it is stored in the end, and tells whether it may be.
func (s *sums) add(ctx context.Context, namespace string, job types.UID, size int64) (bool, error) {
	return s.of(job).add(size, s.most, func() (int64, error) { return s.total(ctx, namespace, job) })
}

func (s *sums) of(job types.UID) *sum {
	s.mu.Lock()
	defer s.mu.Unlock()
	known, ok := s.jobs.Get(job)
	if !ok {
		known = new(sum)
	}
	s.jobs.Add(job, known, forgotten)
	return known.(*sum)
}

// sum is what is stored of a job.
type sum struct {
	mu sync.Mutex
	// seen is what the store has told, and since what was counted after that.
	seen, since int64
}

// add refuses nothing without having asked the store since it last counted something in.
func (s *sum) add(size, most int64, total func() (int64, error)) (bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	fits := func() bool { return s.seen+s.since+size <= most || size <= alwaysKept }
	if s.since > 0 && (s.since+size > unseen || !fits()) {
		stored, err := total()
		if err != nil {
			return false, err
		}
		s.seen, s.since = stored, 0
	}
	if !fits() {
		return false, nil
	}
	s.since += size
	return true, nil
}
