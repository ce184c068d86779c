package client

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"net/http"
	"net/url"
	"time"
)

// UnexpectedError is an answer that is neither what was asked for nor a problem, such as that of a proxy on the way.
type UnexpectedError struct {
	// Status of the answer.
	Status int
	Err    error
}

// Error implements error.
func (e *UnexpectedError) Error() string {
	return fmt.Sprintf("status %d %s, and no problem that can be read: %v", e.Status, http.StatusText(e.Status), e.Err)
}

// Unwrap gives what is wrong with the body.
func (e *UnexpectedError) Unwrap() error { return e.Err }

// BrokenError is an answer that broke off before its end.
type BrokenError struct{ Err error }

// Error implements error.
func (e *BrokenError) Error() string { return "the connection broke: " + e.Err.Error() }

// Unwrap gives what the connection said.
func (e *BrokenError) Unwrap() error { return e.Err }

// body marks what goes wrong with the connection, so that it can be told from what goes wrong where the content goes.
type body struct{ io.ReadCloser }

func (b body) Read(into []byte) (int, error) {
	n, err := b.ReadCloser.Read(into)
	if err != nil && err != io.EOF {
		err = &BrokenError{err}
	}
	return n, err
}

// Temporary tells whether the same request may go better later: the gateway says so, or could not be reached.
func Temporary(err error) bool {
	if problem := new(ProblemError); errors.As(err, &problem) {
		return problem.Status >= 500 || problem.Status == http.StatusTooManyRequests && problem.Code != ProblemCodePageQuotaExceeded
	}
	if unexpected := new(UnexpectedError); errors.As(err, &unexpected) {
		return unexpected.Status >= 500 || unexpected.Status == http.StatusTooManyRequests
	}
	// A document that cannot be read and a gateway that is not the one that was meant come as errors of the request, too.
	if errors.As(err, new(*fs.PathError)) || errors.As(err, new(*tls.CertificateVerificationError)) || errors.Is(err, http.ErrSchemeMismatch) {
		return false
	}
	return errors.As(err, new(*BrokenError)) || errors.As(err, new(*url.Error))
}

// Patience says how long to go on with what fails for a while. It is for one goroutine.
type Patience struct {
	// For is how long nothing at all may go well. An answer that says when to come again is waited for in any case.
	For time.Duration
	// Tell, if not nil, is told of each failure and how long the pause is that follows.
	Tell func(err error, pause time.Duration)

	since time.Time
	tries int
}

const (
	firstPause = 500 * time.Millisecond
	maxPause   = 30 * time.Second
	// maxAsked bounds a pause that an answer asks for.
	maxAsked = time.Hour
)

// Insist does what may fail for a while, until it is done or fails for good, in which case its last error is returned.
func (p *Patience) Insist(ctx context.Context, do func() error) error {
	for {
		err := do()
		if err == nil {
			p.Renew()
			return nil
		}
		if err := p.pause(ctx, err); err != nil {
			return err
		}
	}
}

// Renew says that something went well.
func (p *Patience) Renew() { p.since, p.tries = time.Time{}, 0 }

// pause waits until it is time for another try after a failure. It returns an error where there shall be none.
func (p *Patience) pause(ctx context.Context, failure error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if !Temporary(failure) {
		return failure
	}
	now := time.Now()
	if p.since.IsZero() {
		p.since = now
	}
	// Half of it by chance, so that those who lost the same gateway do not come back all at once.
	pause := min(firstPause<<min(p.tries, 10), maxPause)
	pause = pause/2 + rand.N(pause/2)
	p.tries++
	problem := new(ProblemError)
	if errors.As(failure, &problem) && problem.RetryAfter > 0 {
		pause = time.Duration(min(problem.RetryAfter, int(maxAsked/time.Second))) * time.Second
	}
	if problem.Status == http.StatusTooManyRequests {
		p.since = now // it is there, and has said when
	} else if now.Sub(p.since) >= p.For {
		return failure
	}
	if p.Tell != nil {
		p.Tell(failure, pause)
	}
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-timer.C:
		return nil
	}
}
