package ratelimit

import (
	"fmt"
	"testing"
	"time"
)

// clock is a clock that a test turns.
type clock struct{ at time.Time }

func newClock() *clock { return &clock{time.Date(2026, 8, 1, 8, 0, 0, 0, time.UTC)} }

func (c *clock) now() time.Time           { return c.at }
func (c *clock) advance(by time.Duration) { c.at = c.at.Add(by) }

var acme = Key{"minute", "acme"}

func TestTheRequestAfterTheLastIsRefusedUntilItsTime(t *testing.T) {
	for _, limit := range []int{1, 3, 7, 10, 50, 200, 12_000} {
		t.Run(fmt.Sprint(limit), func(t *testing.T) {
			clock := newClock()
			memory := NewMemory(clock.now)
			for i := range limit {
				got := memory.Take(t.Context(), acme, limit)
				if !got.Allowed || got.Remaining != limit-1-i || got.Limit != limit {
					t.Fatalf("request %d: %+v", i+1, got)
				}
			}
			for range 3 {
				got := memory.Take(t.Context(), acme, limit)
				if got.Allowed || got.Remaining != 0 || got.RetryAfter <= 0 {
					t.Fatalf("the request after the last: %+v", got)
				}
			}
			refused := memory.Take(t.Context(), acme, limit)
			clock.advance(refused.RetryAfter)
			if got := memory.Take(t.Context(), acme, limit); !got.Allowed {
				t.Errorf("refused after the %v that it was told to wait: %+v", refused.RetryAfter, got)
			}
			if got := memory.Take(t.Context(), acme, limit); got.Allowed {
				t.Errorf("more than the one request came back: %+v", got)
			}
			clock.advance(memory.Peek(t.Context(), acme, limit).Reset)
			if got := memory.Peek(t.Context(), acme, limit); got.Remaining != limit || got.Reset != 0 {
				t.Errorf("not full at its time: %+v", got)
			}
		})
	}
}

func TestAResultTellsWhenMoreComes(t *testing.T) {
	clock := newClock()
	memory := NewMemory(clock.now)
	memory.Take(t.Context(), acme, 10)
	if got, want := memory.Take(t.Context(), acme, 10), (Result{true, 10, 8, 6 * time.Second, 12 * time.Second}); got != want {
		t.Errorf("after two requests %+v, want %+v", got, want)
	}
	clock.advance(4 * time.Second)
	if got, want := memory.Peek(t.Context(), acme, 10), (Result{true, 10, 8, 2 * time.Second, 8 * time.Second}); got != want {
		t.Errorf("four seconds later %+v, want %+v", got, want)
	}
	if got, want := memory.Peek(t.Context(), Key{"minute", "other"}, 10), (Result{true, 10, 10, 0, 0}); got != want {
		t.Errorf("another organization %+v, want %+v", got, want)
	}
}

func TestALimitThatChangesIsFollowedAtOnce(t *testing.T) {
	for name, c := range map[string]struct{ limit, taken, next, remaining int }{
		"a full bucket has all of a larger limit":    {10, 0, 50, 50},
		"a full bucket has no more than a lower one": {50, 0, 10, 10},
		"half of it stays half":                      {10, 5, 50, 25},
		"an empty one stays empty":                   {10, 10, 50, 0},
		"a share is rounded to the disadvantage":     {50, 26, 10, 4},
	} {
		t.Run(name, func(t *testing.T) {
			memory := NewMemory(newClock().now)
			for range c.taken {
				memory.Take(t.Context(), acme, c.limit)
			}
			if got := memory.Peek(t.Context(), acme, c.next); got.Remaining != c.remaining || got.Limit != c.next {
				t.Errorf("%+v, want %d remaining", got, c.remaining)
			}
		})
	}
}

func TestBucketsThatAreFullAgainAreForgottenAndNoOthers(t *testing.T) {
	clock := newClock()
	memory := NewMemory(clock.now)
	for round := range 5 {
		for i := range 10_000 {
			memory.Take(t.Context(), Key{"minute", fmt.Sprint(round, i)}, 10)
		}
		clock.advance(period)
	}
	if kept := len(memory.current) + len(memory.previous); kept > 20_000 {
		t.Errorf("%d buckets are kept, more than those of two periods", kept)
	}

	clock.advance(period - time.Second)
	for range 10 {
		memory.Take(t.Context(), acme, 10)
	}
	for _, pause := range []time.Duration{2 * time.Second, 3 * time.Second} {
		clock.advance(pause)
		if got := memory.Take(t.Context(), acme, 10); got.Allowed {
			t.Errorf("an empty bucket was forgotten: %+v", got)
		}
	}
}
