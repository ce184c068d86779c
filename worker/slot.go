package worker

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/openplp/khocr/internal/document"
	"github.com/openplp/khocr/worker/wire"
)

// slot is a place for one child at a time. It takes pages from a queue, and replaces the child when it is lost.
type slot struct {
	*supervisor
	// stores and readings run until storing ends.
	stores   lane
	readings lane
	storing  context.Context

	// engine has the document open; nil where a child has to be started first.
	engine *child
	// addressSpace in bytes for the children that the slot starts.
	addressSpace int64

	round round
	// todo is where pages come from. A page that was begun but neither ended nor is to be tried again goes back.
	todo *queue
	// again takes the pages to be tried again in the last round.
	again *queue
}

// run works until no page is left, no child opens the document any more, or one of the contexts ends: at the end of ctx
// no more pages are begun, at that of hard the child is killed. The pages that were not done are in the queues then. The
// error is a failure of the document or of the worker.
func (s *slot) run(ctx, hard context.Context) error {
	defer s.leave()
	for ctx.Err() == nil && hard.Err() == nil && !s.todo.empty() {
		if !s.ready(hard) {
			return nil
		}
		number, ok := s.todo.take()
		if !ok {
			return nil
		}
		page, err := s.recognise(hard, number)
		if err != nil {
			return err
		}
		if page != nil {
			question, err := s.question(ctx, page)
			if err != nil {
				return err
			}
			s.send(ctx, page, question, s.drawPreview(ctx, page))
		}
		if s.round == lastRound {
			s.drop()
		}
	}
	return nil
}

// send a page on its way, to the AI model if there is a question. It blocks while as many pages are on that way as may be, which
// bounds the memory.
func (s *slot) send(ctx context.Context, page *document.Page, question *question, preview []byte) {
	number := page.Number
	if question == nil {
		s.stores.start(func() error {
			s.keepPreview(ctx, number, preview)
			return s.keep(s.storing, page)
		})
		return
	}
	s.readings.start(func() error {
		s.keepPreview(ctx, number, preview)
		if ctx.Err() != nil {
			// The model would hardly answer within the grace, and may cost money: the next attempt asks it.
			s.todo.put(number)
			return nil
		}
		return s.haveRead(s.storing, question)
	})
}

// lane is a way on which there are so many pages at a time.
type lane struct {
	group *errgroup.Group
	room  chan struct{}
}

func newLane(group *errgroup.Group, pages int) lane { return lane{group, make(chan struct{}, pages)} }

// start blocks until there is room.
func (l lane) start(bring func() error) {
	l.room <- struct{}{}
	l.group.Go(func() error {
		defer func() { <-l.room }()
		return bring()
	})
}

// ready sees to it that there is a child with the document open. The document was opened before, so one that cannot be
// opened now is a matter of means: after two failures the slot gives up, and others go on.
func (s *slot) ready(hard context.Context) bool {
	for range 2 {
		if s.engine != nil {
			return true
		}
		engine, err := startChild(s.config, s.addressSpace)
		if err != nil {
			s.log.Error("Engine was not started", "error", err)
			continue
		}
		if _, err := s.open(hard, engine); err == nil {
			s.engine = engine
		}
	}
	return s.engine != nil
}

// drop ends the child, if there is one.
func (s *slot) drop() {
	if s.engine != nil {
		s.engine.kill()
		s.engine = nil
	}
}

// leave gives the child, if there is one, to whoever needs one next.
func (s *slot) leave() {
	s.rest(s.engine)
	s.engine = nil
}

// lacksModel tells whether what the model is made of is missing. A child that says so may have been taken over, by a page that
// would end each attempt this way.
func (s *supervisor) lacksModel() bool {
	_, err := wire.Languages(s.ticket.TrainedData, cmp.Or(s.config.TessdataPrefix, wire.DefaultTessdata))
	return err != nil
}

// recognise makes one try of a page. It returns the page to store, or nil where the page went to a queue again. The
// error is a failure of the worker: the document was opened, so whatever a child says of it, it says of the page.
func (s *slot) recognise(hard context.Context, number int) (*document.Page, error) {
	begin := time.Now()
	response, err := s.engine.ask(hard, wire.Request{Page: &wire.Page{
		Number:      number,
		Mode:        s.ticket.Mode,
		Correct:     s.ticket.Correct,
		TrainedData: s.ticket.TrainedData,
		Model:       s.ticket.Model,
	}}, s.pageTimeout())
	if s.answered != nil {
		s.answered(s.engine, number)
	}
	switch {
	case err != nil:
	case response.Error != nil && response.Error.Reason == wire.ReasonTrainedDataMissing && s.lacksModel():
		return nil, temporary(reasonEngineUnavailable, "The engine cannot load the model.", errors.New(told(response.Error)))
	case response.Page == nil || response.Page.Number != number:
		err = fmt.Errorf("%w: its answer is not the page", errChildDied)
	default:
		if err = response.Page.Check(); err == nil {
			return response.Page, nil
		}
		err = fmt.Errorf("%w: its answer is no page: %w", errChildDied, err)
	}

	state, printed := s.engine.kill()
	s.engine = nil
	if hard.Err() != nil {
		s.todo.put(number)
		return nil, nil
	}
	s.log.Warn("Engine was lost on a page", "page", number, "error", err, "state", state.String(), "stderr", printed)
	how := died
	if errors.Is(err, errChildTimedOut) {
		how = timedOut
	}
	again, pageError := judge(how, s.round)
	if again {
		s.again.put(number)
		return nil, nil
	}
	return failedPage(number, pageError, time.Since(begin), time.Now()), nil
}
