package worker

import (
	"context"
	"errors"
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/util/wait"
)

// retryLimit is how long an operation is tried again. It covers a gateway that restarts and a manager that has not
// recorded the pod yet.
const retryLimit = 2 * time.Minute

// newBackoff returns the pauses between tries. They start short: a worker is often ahead of the record of its pod by
// some milliseconds, which should not cost it a second.
func newBackoff() wait.Backoff {
	return wait.Backoff{Duration: 50 * time.Millisecond, Factor: 1.5, Jitter: 0.2, Steps: 100, Cap: 5 * time.Second}
}

// retriableError marks an error that another try may not meet.
type retriableError struct{ error }

func (e retriableError) Unwrap() error { return e.error }

// retry calls operation until it succeeds, fails with an error that is not a retriableError, the context ends, or
// retryLimit has passed. It waits for as long as an answer asks it to. The last error is returned.
func retry(ctx context.Context, operation func(context.Context) error) error {
	return retryWithin(ctx, retryLimit, operation)
}

// retryWithin is retry with a limit of its own, after which no further try begins.
func retryWithin(ctx context.Context, limit time.Duration, operation func(context.Context) error) error {
	deadline := time.Now().Add(limit)
	backoff := newBackoff()
	for {
		err := operation(ctx)
		var retriable retriableError
		if err == nil || !errors.As(err, &retriable) {
			return err
		}
		pause := backoff.Step()
		if answer := (*answerError)(nil); errors.As(err, &answer) {
			pause = max(pause, answer.after)
		}
		if time.Now().Add(pause).After(deadline) {
			return fmt.Errorf("no success within %v: %w", limit, err)
		}
		select {
		case <-ctx.Done():
			return errors.Join(ctx.Err(), err)
		case <-time.After(pause):
		}
	}
}
