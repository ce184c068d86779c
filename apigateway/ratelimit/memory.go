package ratelimit

import (
	"context"
	"math"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// Memory holds the buckets of one process.
type Memory struct {
	now func() time.Time

	mu sync.Mutex
	// A bucket that has not been asked for during a whole period is full, like one that never was: only those of this period
	// and of the one before are kept.
	current, previous map[Key]*rate.Limiter
	begun             time.Time
}

// NewMemory makes a Limiter that keeps its buckets in this process. Now is the clock.
func NewMemory(now func() time.Time) *Memory {
	return &Memory{now: now, current: map[Key]*rate.Limiter{}, begun: now()}
}

// Take implements Limiter.
func (m *Memory) Take(_ context.Context, key Key, limit int) Result {
	m.mu.Lock()
	defer m.mu.Unlock()
	now := m.now()
	bucket := m.bucket(key, limit, now)
	allowed := bucket.AllowN(now, 1)
	return resultOf(allowed, limit, untilFull(bucket, now))
}

// Peek implements Limiter.
func (m *Memory) Peek(_ context.Context, key Key, limit int) Result {
	m.mu.Lock()
	defer m.mu.Unlock()
	now := m.now()
	result := resultOf(true, limit, untilFull(m.bucket(key, limit, now), now))
	result.Allowed = result.Remaining > 0
	return result
}

// bucket finds a bucket with the limit that holds now.
func (m *Memory) bucket(key Key, limit int, now time.Time) *rate.Limiter {
	if now.Sub(m.begun) >= period {
		m.previous, m.current, m.begun = m.current, map[Key]*rate.Limiter{}, now
	}
	bucket := m.current[key]
	if bucket == nil {
		bucket = m.previous[key]
	}
	switch {
	case bucket == nil:
		bucket = full(limit)
	case bucket.Burst() != limit:
		used := untilFull(bucket, now).Seconds() / period.Seconds()
		bucket = full(limit)
		bucket.AllowN(now, int(math.Ceil(used*float64(limit)-slack)))
	}
	m.current[key] = bucket
	return bucket
}

func full(limit int) *rate.Limiter {
	return rate.NewLimiter(rate.Limit(float64(limit)/period.Seconds()), limit)
}

func untilFull(bucket *rate.Limiter, now time.Time) time.Duration {
	missing := float64(bucket.Burst()) - bucket.TokensAt(now)
	return time.Duration(math.Round(missing / float64(bucket.Limit()) * float64(time.Second)))
}
