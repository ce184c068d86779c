package worker

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"
)

func TestRetryBeginsSoonAndGivesUpAfterTheLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begin := time.Now()
		var tries []time.Duration
		cause := errors.New("not yet")
		err := retry(t.Context(), func(context.Context) error {
			tries = append(tries, time.Since(begin))
			return retriableError{cause}
		})
		if !errors.Is(err, cause) {
			t.Errorf("error = %v, want the last one", err)
		}
		if tries[1] > 60*time.Millisecond || tries[4] > 500*time.Millisecond {
			t.Errorf("the first tries came after %v", tries[:5])
		}
		last := tries[len(tries)-1]
		if last > retryLimit || last < retryLimit-7*time.Second || len(tries) > 50 {
			t.Errorf("%d tries, the last after %v, want some up to %v", len(tries), last, retryLimit)
		}
	})
}

func TestRetryWaitsForAsLongAsItIsAskedTo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begin := time.Now()
		var tries []time.Duration
		err := retry(t.Context(), func(context.Context) error {
			tries = append(tries, time.Since(begin))
			if len(tries) == 1 {
				return retriableError{fmt.Errorf("store a page: %w", &answerError{status: 429, after: 7 * time.Second})}
			}
			return nil
		})
		if err != nil || len(tries) != 2 || tries[1] != 7*time.Second {
			t.Errorf("tries after %v, %v; want another one after 7 seconds", tries, err)
		}
	})
}

func TestRetryStopsAtAnErrorThatStays(t *testing.T) {
	cause := errors.New("never")
	tries := 0
	err := retry(t.Context(), func(context.Context) error { tries++; return cause })
	if tries != 1 || !errors.Is(err, cause) {
		t.Errorf("%d tries and %v, want one and the error", tries, err)
	}
}

func TestRetryStopsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	err := retry(ctx, func(context.Context) error { cancel(); return retriableError{errors.New("not yet")} })
	if !errors.Is(err, context.Canceled) {
		t.Errorf("error = %v, want the context's", err)
	}
}
