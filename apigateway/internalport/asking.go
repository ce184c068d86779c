package internalport

import (
	"context"
	"errors"
	"maps"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/openplp/khocr/api/v1alpha1"
	"github.com/openplp/khocr/apigateway/relay"
	"github.com/openplp/khocr/apigateway/spending"
	"github.com/openplp/khocr/apigateway/tenants"
	"github.com/openplp/khocr/internal/document"
	"github.com/openplp/khocr/internal/relayport"
	"github.com/openplp/khocr/internal/vision"
)

const (
	// relayPause is for a relay that is being replaced.
	relayPause = 3 * time.Second
	// linesAtOnce are the lines of a page that a model is asked about at the same time: the relay has other organizations wait for them.
	linesAtOnce = 4
)

// ask has the model answer, if it may be asked. What it may cost is set aside until release is called. It fails where nothing can be
// said of the page: the worker has gone, or the store is away. A page that is paid for is not given up because its worker has gone.
func (s *Server) ask(ctx context.Context, asked *inquiry) (found finding, release func(), err error) {
	refused := func(reason string) (finding, func(), error) {
		return finding{reason: reason, next: nextStep(reason, maxAttempts, asked.fallsBack())}, func() {}, nil
	}
	if reason := mayAsk(asked.organization, asked.model); reason != "" {
		return refused(reason)
	}
	if len(asked.incoming.images) == 0 {
		return refused(document.AINoImage)
	}
	if s.Relay == nil {
		return refused(document.AIUnavailable)
	}
	asking, stop := context.WithTimeout(ctx, askingTime(asked.model.Spec.OpenAI))
	defer stop()
	release, err = s.Spending.Hold(asking, asked.work.job.Namespace, asked.month, asked.mostCost(), spending.LimitOf(asked.organization))
	if errors.Is(err, spending.ErrLimit) && ctx.Err() == nil {
		return refused(document.AICostLimit)
	}
	if err != nil {
		return finding{}, func() {}, err
	}
	if asked.role == document.RoleReader {
		found, err = s.askPage(asking, asked)
	} else {
		found = s.askLines(asking, asked)
	}
	if ctx.Err() != nil && (asked.role != document.RoleReader || found.next != use) {
		err = ctx.Err()
	}
	return found, release, err
}

// askPage asks about the whole page, and once more where the answer is not believed. It fails where the answer cannot be judged.
func (s *Server) askPage(ctx context.Context, asked *inquiry) (found finding, err error) {
	for found.attempts = 1; ; found.attempts++ {
		answer, failure := s.question(ctx, asked, wholePage, found.attempts)
		found.spent = total(found.spent, answer.Spent)
		// No text is right for a page without any, which the guard can tell.
		if found.reason, found.detail = failure.Reason, failure.Detail; found.reason == "" || found.reason == document.AIEmpty {
			found.text = vision.Clean(answer.Text)
			if err := s.judge(ctx, asked, &found); err != nil {
				return found, err
			}
		}
		if found.next = nextStep(found.reason, found.attempts, asked.fallsBack()); found.next != askAgain {
			return found, nil
		}
		if found.reason == document.AIUnavailable {
			select {
			case <-ctx.Done():
			case <-time.After(relayPause):
			}
		}
	}
}

// judge has the guard look at the text of a page.
func (s *Server) judge(ctx context.Context, asked *inquiry, found *finding) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), finishTime)
	defer cancel()
	return s.withPage(ctx, asked, len(found.text), func(quick *document.Page) error {
		found.reason = vision.Judge(found.text, quick)
		return nil
	})
}

// askLines asks about each line once. Where a line tells that nothing will come of the others, they are left out.
func (s *Server) askLines(ctx context.Context, asked *inquiry) (found finding) {
	found.lines = map[int]string{}
	var mu sync.Mutex
	var group errgroup.Group
	group.SetLimit(linesAtOnce)
	for _, line := range slices.Sorted(maps.Keys(asked.incoming.images)) {
		group.Go(func() error {
			mu.Lock()
			given := hopeless(found.reason)
			mu.Unlock()
			if given {
				return nil
			}
			answer, failure := s.question(ctx, asked, line, 1)
			text := vision.Clean(answer.Text)
			mu.Lock()
			defer mu.Unlock()
			found.attempts++
			found.spent = total(found.spent, answer.Spent)
			switch {
			case failure.Reason != "":
				if !hopeless(found.reason) {
					found.reason, found.detail = failure.Reason, failure.Detail
				}
			case text == "":
				found.reason = document.AIEmpty
			default:
				found.lines[line] = text
			}
			return nil
		})
	}
	_ = group.Wait()
	if len(found.lines) > 0 {
		// What was answered counts.
		found.reason = ""
	}
	// A corrector adds to a page, which is as good without it.
	found.next = nextStep(found.reason, maxAttempts, true)
	return found
}

// question asks about one image. Its failure has no reason where there is an answer; what was spent is in the answer either way.
func (s *Server) question(ctx context.Context, asked *inquiry, line, attempt int) (relayport.Answer, relayport.Failure) {
	kind := relayport.KindLine
	if line == wholePage {
		kind = relayport.KindPage
	}
	image := asked.incoming.images[line]
	location, reason := s.mayStillAsk(ctx, asked)
	if reason != "" {
		return relayport.Answer{}, relayport.Failure{Reason: reason}
	}
	answer, err := s.Relay.Ask(ctx, relay.Question{
		Model: asked.name, Organization: asked.organization.Name, Kind: kind, Location: location, Attempt: attempt, MediaType: image.mediaType, Image: image.content,
	})
	var failure *relayport.Failure
	switch {
	case err == nil:
		return answer, relayport.Failure{}
	case errors.As(err, &failure):
		return relayport.Answer{Spent: failure.Spent}, *failure
	}
	return relayport.Answer{}, relayport.Failure{Reason: document.AITimeout, Detail: err.Error()}
}

// mayStillAsk tells where the model is, or why it must not be asked any more: minutes may have gone by since the page came.
func (s *Server) mayStillAsk(ctx context.Context, asked *inquiry) (location v1alpha1.ModelLocation, reason string) {
	model, err := s.aiModel(ctx, asked.name)
	if err != nil {
		return "", document.AIUnavailable
	}
	organization, err := tenants.Directory{Reader: s.Client}.ByNamespace(ctx, asked.work.job.Namespace)
	if err != nil {
		return "", document.AIUnavailable
	}
	if reason := mayAsk(organization, model); reason != "" {
		return "", reason
	}
	return model.Spec.OpenAI.Location, ""
}

// total is what two questions have spent.
func total(a, b relayport.Spent) relayport.Spent {
	a, b = spending.Bounded(a), spending.Bounded(b)
	return relayport.Spent{
		InputTokens: a.InputTokens + b.InputTokens, OutputTokens: a.OutputTokens + b.OutputTokens,
		Answers: a.Answers + b.Answers, Tries: a.Tries + b.Tries, Milliseconds: a.Milliseconds + b.Milliseconds,
	}
}
