package worker

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/openplp/khocr/api/v1alpha1"
	"github.com/openplp/khocr/internal/document"
	"github.com/openplp/khocr/internal/workerport"
	"github.com/openplp/khocr/worker/wire"
)

// supervisor drives the children over the pages of one document.
type supervisor struct {
	config Config
	log    *slog.Logger
	ticket *workerport.Ticket
	// path of the document.
	path string
	// store keeps a finished page; progress counts it.
	store    func(context.Context, *document.Page) error
	progress func(workerport.StoredPage)
	// storePreview keeps the small image of a page, a JPEG; nil where nobody wants any.
	storePreview func(ctx context.Context, page int, preview []byte) error
	// numbers lists the pages that all parts have stored; stored gets the result of one into a file; publish keeps a part of
	// the searchable PDF.
	numbers func(context.Context) ([]int, error)
	stored  func(ctx context.Context, page int, path string) error
	publish func(ctx context.Context, part, path string) error
	// read has the AI model of the job read a page, and gets what was stored of it as JSON, and its outline; nil where nobody can.
	read func(ctx context.Context, question *question, timeout time.Duration) (content []byte, stored *document.Page, err error)
	// answered, where set, is told which child has just tried which page.
	answered func(engine *child, page int)

	// previewDeaths counts the children that were lost on previews, drawDeaths those on images for the AI model.
	previewDeaths, drawDeaths atomic.Int32
	// kept is how many bytes of results were to be kept for the searchable PDF; all are there up to resultsRoom.
	kept atomic.Int64

	mutex sync.Mutex
	// resting is a child with the document open that has no page to do.
	resting *child
}

// rest keeps a child for what comes after the pages; one is enough.
func (s *supervisor) rest(engine *child) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if engine != nil && s.resting == nil {
		s.resting = engine
	} else if engine != nil {
		engine.kill()
	}
}

// wake hands out the child that rests; nil where none does.
func (s *supervisor) wake() *child {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	engine := s.resting
	s.resting = nil
	return engine
}

// dismiss ends the child that rests.
func (s *supervisor) dismiss() {
	if engine := s.wake(); engine != nil {
		engine.kill()
	}
}

// pageTimeout bounds one page, and the opening of the document, which has no limit of its own.
func (s *supervisor) pageTimeout() time.Duration {
	return time.Duration(s.ticket.PageTimeoutSeconds) * time.Second
}

// openFirst has the document opened for the first time and returns its number of pages. The first child was started
// beforehand; should it die or hang, another one tries once more with all the memory, and alone tells so. A document that
// kills both is to blame.
func (s *supervisor) openFirst(ctx context.Context, first *child) (engine *child, pages int, alone bool, err error) {
	pages, err = s.open(ctx, first)
	if err == nil {
		return first, pages, false, nil
	}
	if !errors.Is(err, errChildDied) && !errors.Is(err, errChildTimedOut) {
		return nil, 0, false, err
	}
	second, err := startChild(s.config, childMemory(s.config.MemoryLimit, 1))
	if err != nil {
		return nil, 0, false, temporary(reasonEngineUnavailable, "The engine could not be started.", err)
	}
	pages, err = s.open(ctx, second)
	if errors.Is(err, errChildDied) || errors.Is(err, errChildTimedOut) {
		return nil, 0, false, badDocument(v1alpha1.ReasonInvalidDocument, "The engine fails when it opens the document.")
	}
	return second, pages, true, err
}

// open has a child open the document. On an error the child is gone.
func (s *supervisor) open(ctx context.Context, engine *child) (pages int, err error) {
	request, err := s.opening()
	if err != nil {
		engine.kill()
		return 0, temporary(reasonWorkDirectory, "The pod's folder cannot be used.", err)
	}
	response, err := engine.ask(ctx, wire.Request{Open: request}, s.pageTimeout())
	switch {
	case err != nil:
	case response.Error != nil && v1alpha1.IsDocumentReason(response.Error.Reason):
		err = badDocument(response.Error.Reason, told(response.Error))
	case response.Opened == nil:
		err = errChildDied
	default:
		return response.Opened.Pages, nil
	}
	state, printed := engine.kill()
	if errors.Is(err, errChildDied) && state.ExitCode() == exitNotLoaded {
		err = temporary(reasonEngineUnavailable, "The engine cannot be run.", nil)
	}
	s.log.Warn("Document was not opened", "error", err, "state", state.String(), "stderr", printed)
	return 0, err
}

// opening is the request to open the document, and the folders that it names.
func (s *supervisor) opening() (*wire.Open, error) {
	info, err := os.Stat(s.path)
	if err != nil {
		return nil, fmt.Errorf("measure the document: %w", err)
	}
	for _, folder := range []string{s.results(), s.config.madeDir()} {
		if err := os.MkdirAll(folder, 0o700); err != nil {
			return nil, err
		}
	}
	return &wire.Open{
		Path: s.path, Password: s.ticket.Password, Results: s.results(), Work: s.config.madeDir(),
		MaxFileBytes: info.Size() + searchableRoom,
	}, nil
}

// process has every page recognised and stored, round after round, by the given number of children; opened is the first
// of them. When ctx ends no more pages are begun, and those at work may finish until hard ends.
func (s *supervisor) process(ctx, hard context.Context, opened *child, children int, pages []int) error {
	ways, hard := errgroup.WithContext(hard)
	stores, readings := newLane(ways, children), newLane(ways, s.readAtOnce())
	slots, engines := errgroup.WithContext(hard)
	todo, again := &queue{pages: pages}, new(queue)

	for range children {
		slot := slot{
			supervisor: s, stores: stores, readings: readings, storing: hard,
			engine: opened, addressSpace: childMemory(s.config.MemoryLimit, children),
			round: firstRound, todo: todo, again: again,
		}
		opened = nil
		slots.Go(func() error { return slot.run(ctx, engines) })
	}
	err := slots.Wait()
	if err == nil && todo.empty() && !again.empty() {
		// It would take a share of the memory.
		s.dismiss()
		again.sort()
		last := slot{
			supervisor: s, stores: stores, readings: readings, storing: hard,
			addressSpace: childMemory(s.config.MemoryLimit, 1),
			round:        lastRound, todo: again, again: todo,
		}
		err = last.run(ctx, hard)
	}

	switch storeError := ways.Wait(); {
	case storeError != nil:
		// It ended hard, so whatever happened to the children followed from it.
		return storeError
	case err != nil:
		return err
	case todo.empty() && again.empty():
		return nil
	case ctx.Err() != nil:
		return temporary(reasonTerminated, "The worker was told to stop.", nil)
	default:
		return temporary(reasonEngineUnavailable, "No engine could open the document again.", nil)
	}
}

// keep stores a page and counts it. A page that the gateway will not have is stored as a failed one.
func (s *supervisor) keep(ctx context.Context, page *document.Page) error {
	err := s.store(ctx, page)
	if isRefused(err) && page.Error == nil {
		s.log.Error("Page was refused", "page", page.Number, "error", err)
		page = unstorable(page)
		err = s.store(ctx, page)
	}
	if err != nil {
		return err
	}
	if err := s.remember(page); err != nil {
		return temporary(reasonWorkDirectory, "The result could not be kept in the pod.", err)
	}
	s.progress(workerport.Stored(page))
	s.log.Info("Page was stored", "page", page.Number, "outcome", page.Outcome(), "ms", page.Milliseconds)
	return nil
}

// isRefused tells whether the gateway will not have what it was sent.
func isRefused(err error) bool {
	return hasStatus(err, http.StatusBadRequest, http.StatusRequestEntityTooLarge, http.StatusUnprocessableEntity)
}

// unstorable is the result of a page whose own the gateway will not have.
func unstorable(page *document.Page) *document.Page {
	return failedPage(page.Number, &document.PageError{
		Code: document.PageErrorUnreadable, Message: "The result of the page could not be stored.",
	}, time.Duration(page.Milliseconds)*time.Millisecond, page.ProcessedAt)
}
