package apigateway

import (
	"context"
	"net/http"
	"time"

	"github.com/openplp/khocr/apigateway/changes"
	"github.com/openplp/khocr/apigateway/tenants"
)

// recheckInterval is how soon somebody who waits is told nothing more once he may not know any more. It costs a look into an
// index in memory.
const recheckInterval = 2 * time.Second

// watch is a wait for news of a job on behalf of a caller.
type watch struct {
	server       *Server
	by           *caller
	subscription *changes.Subscription
	recheck      *time.Ticker
}

// watch begins to watch the job that the path names. Whoever looks at the job after that misses nothing.
func (s *Server) watch(r *http.Request) (*watch, error) {
	key, err := jobKey(r)
	if err != nil {
		return nil, err
	}
	subscription, err := s.Changes.Subscribe(key)
	if err != nil {
		problem := tooManyStreams.because(err)
		problem.retryAfter = defaultRetry
		return nil, problem
	}
	return &watch{server: s, by: callerOf(r.Context()), subscription: subscription, recheck: time.NewTicker(recheckInterval)}, nil
}

func (w *watch) close() {
	w.recheck.Stop()
	w.subscription.Close()
}

// news is what ends a wait.
type news int

const (
	// changed: the job may have changed.
	changed news = iota
	// alarmed: the caller's own time has come.
	alarmed
	// over: the caller is gone, or the server is about to stop.
	over
)

// next waits for news. It fails when the caller may not know of the job any more.
func (w *watch) next(ctx context.Context, alarm <-chan time.Time) (news, error) {
	for {
		select {
		case <-ctx.Done():
			return over, nil
		case <-alarm:
			return alarmed, nil
		case _, open := <-w.subscription.Changed:
			if !open {
				return over, nil
			}
			return changed, nil
		case <-w.recheck.C:
			if err := w.server.recheck(ctx, w.by); err != nil {
				return over, err
			}
		}
	}
}

// recheck tells whether somebody may still read what he was let in for.
func (s *Server) recheck(ctx context.Context, by *caller) error {
	now, err := s.callerByDigest(ctx, by.key.SHA256)
	if err != nil {
		return err
	}
	if now.organization.UID != by.organization.UID {
		return invalidAPIKey.because(tenants.ErrUnknownKey)
	}
	if !by.until.IsZero() && !s.Now().Before(by.until) {
		return invalidEventToken.because(nil)
	}
	return admit(now, reading)
}
