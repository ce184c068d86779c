package worker

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/openplp/khocr/internal/document"
	"github.com/openplp/khocr/internal/workerport"
	"github.com/openplp/khocr/worker/wire"
)

const (
	// storedAtOnce is the number of earlier results that are fetched at the same time.
	storedAtOnce = 4
	// searchableRoom is how much longer than the document, in bytes, a part of its searchable PDF may get. The pod's folder
	// has room for twice as much besides two copies of the document, and for resultsRoom.
	searchableRoom = 128 << 20
	// resultsRoom bounds the results that are kept for the searchable PDF, in bytes. Those of 5,000 pages of a book take 250 MB,
	// but a hundred pages that share a text can take more than any folder has, and the kubelet would evict the pod for it, again
	// and again.
	resultsRoom = 512 << 20
)

// errNoRoom: the results of the pages take more than resultsRoom.
var errNoRoom = errors.New("the results of the pages are too large to be kept")

// makeSearchable has a child make the document a searchable PDF, from the results of all pages, and stores that. The job can
// do without: what goes wrong is logged. An error means that there is no point in going on, or that the worker was told to
// stop, so that the next attempt makes the PDF.
//
// Of several parts each looks, when its last page is stored, whether all others are stored, too. So the last one makes the
// PDF, and nobody waits for anybody; two that are last at once make the same.
func (s *supervisor) makeSearchable(ctx context.Context, work plan) error {
	begin := time.Now()
	elsewhere, complete, err := s.storedElsewhere(ctx, work)
	part := ""
	switch {
	case err != nil:
	case !complete:
		s.log.Info("Pages of other parts are missing: the last part makes the searchable PDF")
		return nil
	default:
		part, err = s.trySearchable(ctx, elsewhere)
	}
	switch {
	case err == nil:
		s.log.Info("Searchable PDF was stored", "piece", part, "ms", time.Since(begin).Milliseconds())
		return nil
	case hasStatus(err, http.StatusGone):
		return err
	case ctx.Err() != nil:
		return temporary(reasonTerminated, "The worker was told to stop.", err)
	}
	s.log.Warn("There is no searchable PDF", "error", err)
	return nil
}

// storedElsewhere lists the pages that were stored by others than this worker and have a result, and tells whether all pages
// of the job are stored.
func (s *supervisor) storedElsewhere(ctx context.Context, work plan) (pages []int, complete bool, err error) {
	var numbers []int
	needless := make(map[int]bool, len(work.pages))
	for _, page := range work.pages {
		needless[page] = true
	}
	for _, page := range s.ticket.Stored {
		numbers = append(numbers, page.Number)
		needless[page.Number] = page.Outcome == document.OutcomeFailed
	}
	if work.counts.Total < work.asked {
		if numbers, err = s.numbers(ctx); err != nil || len(numbers) < int(work.asked) {
			return nil, false, err
		}
	}
	return slices.DeleteFunc(numbers, func(number int) bool { return needless[number] }), true, nil
}

func (s *supervisor) trySearchable(ctx context.Context, elsewhere []int) (part string, err error) {
	if s.kept.Load() > resultsRoom {
		return "", errNoRoom
	}
	if err := s.fetchResults(ctx, elsewhere); err != nil {
		return "", err
	}
	opening, err := s.opening()
	if err != nil {
		return "", err
	}
	request := wire.Searchable{
		Results: s.results(), Output: s.output(), MaxBytes: opening.MaxFileBytes,
	}
	engine := s.wake()
	if engine != nil {
		part, err = s.askSearchable(ctx, engine, request)
	}
	if engine == nil || errors.Is(err, errChildDied) && ctx.Err() == nil {
		// With all the memory, which a document that is kept in it may need.
		if engine, err = startChild(s.config, childMemory(s.config.MemoryLimit, 1)); err != nil {
			return "", err
		}
		if _, err := s.open(ctx, engine); err != nil {
			return "", err
		}
		part, err = s.askSearchable(ctx, engine, request)
	}
	if err != nil {
		return "", err
	}
	return part, s.publish(ctx, part, request.Output)
}

// askSearchable has a child write the PDF, and ends it.
func (s *supervisor) askSearchable(ctx context.Context, engine *child, request wire.Searchable) (part string, err error) {
	response, err := engine.ask(ctx, wire.Request{Searchable: &request}, s.pageTimeout())
	state, printed := engine.kill()
	switch {
	case err != nil:
		s.log.Warn("Engine was lost on the searchable PDF", "error", err, "state", state.String(), "stderr", printed)
		return "", err
	case response.Error != nil:
		return "", errors.New(told(response.Error))
	case response.Searchable == nil || response.Searchable.Part != workerport.Appendix && response.Searchable.Part != workerport.Whole:
		return "", fmt.Errorf("%w: its answer is not about the searchable PDF", errChildDied)
	}
	return response.Searchable.Part, nil
}

// results is the folder that the child reads the pages' results from.
func (s *supervisor) results() string { return filepath.Join(s.config.WorkDir, "results") }

// output is the file that the child makes.
func (s *supervisor) output() string { return filepath.Join(s.config.madeDir(), "searchable") }

// remember the result of a page for the searchable PDF, as long as there is room for it.
func (s *supervisor) remember(page *document.Page) error {
	if len(page.Lines) == 0 && page.Source != document.SourceOCR {
		return nil
	}
	content, err := json.Marshal(page)
	if err != nil {
		return fmt.Errorf("encode page %d: %w", page.Number, err)
	}
	return s.rememberAs(page.Number, content)
}

// rememberAs is remember for a page whose JSON is there.
func (s *supervisor) rememberAs(page int, content []byte) error {
	if s.kept.Add(int64(len(content))) > resultsRoom {
		return nil
	}
	return os.WriteFile(filepath.Join(s.results(), wire.ResultName(page)), content, 0o600)
}

// fetchResults gets the results that earlier attempts and other parts stored.
func (s *supervisor) fetchResults(ctx context.Context, pages []int) error {
	fetches, ctx := errgroup.WithContext(ctx)
	fetches.SetLimit(storedAtOnce)
	for _, page := range pages {
		fetches.Go(func() error {
			path := filepath.Join(s.results(), wire.ResultName(page))
			if err := s.stored(ctx, page, path); err != nil {
				return err
			}
			info, err := os.Stat(path)
			if err != nil {
				return fmt.Errorf("measure the result of page %d: %w", page, err)
			}
			if s.kept.Add(info.Size()) > resultsRoom {
				return errNoRoom
			}
			return nil
		})
	}
	return fetches.Wait()
}
