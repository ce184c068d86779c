package ratelimit

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"sync/atomic"
	"time"

	"github.com/go-redis/redis_rate/v10"
	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"
)

const (
	// redisTimeout is how long a request waits for Redis at the most, connecting included.
	redisTimeout = 250 * time.Millisecond
	// probeInterval is how often a Redis that was lost is looked for. Between two looks nobody waits for it.
	probeInterval = 2 * time.Second
)

// Shared keeps the buckets of several gateways in Redis, so that they are one. While Redis cannot be reached each gateway
// holds to its share of a limit, by buckets of its own, which are drawn from all the time.
type Shared struct {
	client  *redis.Client
	limiter *redis_rate.Limiter
	own     *Memory
	// gateways counts those that share the limits, this one included.
	gateways func() int
	log      *slog.Logger
	timeout  time.Duration

	away atomic.Bool
	lost chan struct{}
}

// NewShared makes a Limiter over the Redis at a URL of the form redis://, rediss:// or unix://. It does not need Redis to be
// there. Gateways counts those that share the limits, this one included; now is the clock of this gateway's own buckets.
// No error and no line of the log holds the URL.
func NewShared(address string, gateways func() int, now func() time.Time, log *slog.Logger) (*Shared, error) {
	options, err := redis.ParseURL(address)
	if err != nil {
		// What it says may repeat the password.
		return nil, errors.New("the address of Redis is no URL of the form redis://, rediss:// or unix://")
	}
	options.ContextTimeoutEnabled = true
	options.MaxRetries = -1
	options.DialerRetries = 1
	options.MaintNotificationsConfig = &maintnotifications.Config{Mode: maintnotifications.ModeDisabled}
	client := redis.NewClient(options)
	return &Shared{
		client: client, limiter: redis_rate.NewLimiter(client), own: NewMemory(now), gateways: gateways, log: log,
		timeout: redisTimeout, lost: make(chan struct{}, 1),
	}, nil
}

// Away tells whether Redis is away at present, so that each gateway holds to its share.
func (s *Shared) Away() bool { return s.away.Load() }

// HasPassword tells whether the address of a Redis holds a password, or cannot be read, so that it might.
func HasPassword(address string) bool {
	parsed, err := url.Parse(address)
	if err != nil {
		return true
	}
	_, has := parsed.User.Password()
	return has
}

// Take implements Limiter.
func (s *Shared) Take(ctx context.Context, key Key, limit int) Result {
	result, known := s.ask(ctx, key, limit, 1)
	if known && !result.Allowed {
		return result
	}
	own := s.own.Take(ctx, key, share(limit, s.gateways()))
	if known {
		return result
	}
	own.Limit = limit
	return own
}

// Peek implements Limiter.
func (s *Shared) Peek(ctx context.Context, key Key, limit int) Result {
	result, known := s.ask(ctx, key, limit, 0)
	if !known {
		result = s.own.Peek(ctx, key, share(limit, s.gateways()))
		result.Limit = limit
	}
	result.Allowed = result.Remaining > 0
	return result
}

// share is what one of several gateways lets through of a limit by itself: together never less than the limit.
func share(limit, gateways int) int {
	gateways = max(1, gateways)
	return (limit + gateways - 1) / gateways
}

// ask takes requests out of a bucket in Redis, or tells that Redis is away.
func (s *Shared) ask(ctx context.Context, key Key, limit, requests int) (result Result, known bool) {
	if s.away.Load() {
		return Result{}, false
	}
	answer, err := s.allow(ctx, key, limit, requests)
	if err != nil {
		s.lose(err)
		return Result{}, false
	}
	return resultOf(answer.Allowed > 0, limit, answer.ResetAfter), true
}

// allow does not end with the caller's request: one that goes away must not look like a Redis that does.
func (s *Shared) allow(ctx context.Context, key Key, limit, requests int) (*redis_rate.Result, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.timeout)
	defer cancel()
	return s.limiter.AllowN(ctx, "khocr:"+key.Policy+":"+key.Organization, redis_rate.PerMinute(limit), requests)
}

func (s *Shared) lose(cause error) {
	if s.away.Swap(true) {
		return
	}
	redisAway.Set(1)
	s.log.Warn("Redis is away: each gateway holds to its share of the rate limits", "gateways", s.gateways(), "err", cause)
	s.lost <- struct{}{}
}

// Run looks for Redis whenever it was lost, until ctx is done, and then lets go of it.
func (s *Shared) Run(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			if err := s.client.Close(); err != nil {
				return fmt.Errorf("close the connections to Redis: %w", err)
			}
			return nil
		case <-s.lost:
			s.find(ctx)
		}
	}
}

// find returns when Redis counts again. It takes a request of nobody's: a Redis that only answers a ping may yet be unable
// to count.
func (s *Shared) find(ctx context.Context) {
	look := time.NewTicker(probeInterval)
	defer look.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-look.C:
		}
		if _, err := s.allow(ctx, Key{Policy: "probe"}, 1_000_000, 1); err == nil {
			s.away.Store(false)
			redisAway.Set(0)
			s.log.Info("Redis is back: the gateways share the rate limits again")
			return
		}
	}
}
