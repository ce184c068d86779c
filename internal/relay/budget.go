package relay

import (
	"context"
	"sync"
	"time"
)

// budget keeps a model to its tokens per minute. What a question takes is known only afterwards: so it is asked while anything is
// left, and may run into debt, which the next ones wait for.
type budget struct {
	mu   sync.Mutex
	left float64
	// since is when left was so.
	since time.Time
}

// await waits until a question may be asked, and fails only when ctx ends. perMinute is nil for no limit.
func (b *budget) await(ctx context.Context, perMinute *int64) error {
	for perMinute != nil {
		wait := b.wait(*perMinute, time.Now())
		if wait == 0 {
			return nil
		}
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
			timer.Stop()
			return ctx.Err()
		case <-timer.C:
		}
	}
	return nil
}

// wait is how long it takes until something is left.
func (b *budget) wait(perMinute int64, now time.Time) time.Duration {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.refill(perMinute, now)
	if b.left > 0 {
		return 0
	}
	return time.Duration((1 - b.left) / float64(perMinute) * float64(time.Minute))
}

// spend takes off what a question took.
func (b *budget) spend(perMinute *int64, tokens int64, now time.Time) {
	if perMinute == nil {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.refill(*perMinute, now)
	b.left -= float64(tokens)
}

// refill adds what the time since has brought; there is a minute's worth at the most.
func (b *budget) refill(perMinute int64, now time.Time) {
	if b.since.IsZero() {
		b.left = float64(perMinute)
	} else {
		b.left = min(float64(perMinute), b.left+float64(perMinute)*now.Sub(b.since).Minutes())
	}
	b.since = now
}
