// Package ratelimit counts requests against limits per minute. A limit is both a rate and a burst: a bucket that holds so
// many requests and is full again a minute after it was empty. It knows nothing of HTTP and of who asks.
package ratelimit

import (
	"context"
	"math"
	"time"
)

// Key names a bucket.
type Key struct {
	// Policy tells the buckets of an organization apart, such as submissions from reads.
	Policy string
	// Organization whose requests are counted.
	Organization string
}

// Limiter holds buckets of requests. It never fails: what a bucket cannot be asked about is decided without it.
type Limiter interface {
	// Take takes a request out of a bucket, if there is one left. The limit, at least 1, is how many a full bucket holds, and
	// may change from call to call: the share that is used up stays the same.
	Take(ctx context.Context, key Key, limit int) Result
	// Peek tells what Take would find and takes nothing.
	Peek(ctx context.Context, key Key, limit int) Result
}

// Result is how a bucket stands after a request, or after the refusal of one.
type Result struct {
	// Allowed tells whether the request may go on; of a Peek, whether one could.
	Allowed bool
	// Limit is how many requests a full bucket holds.
	Limit int
	// Remaining requests that may be made at once.
	Remaining int
	// RetryAfter is the time after which there is one more than Remaining, 0 of a full bucket.
	RetryAfter time.Duration
	// Reset is the time after which the bucket is full.
	Reset time.Duration
}

// period is the time in which an empty bucket fills, whatever it holds.
const period = time.Minute

// slack is the part of a request that rounding may have lost, in a time that is told by the clock of another machine.
const slack = 1e-4

// resultOf tells how a bucket stands that is full again after the time given.
func resultOf(allowed bool, limit int, reset time.Duration) Result {
	each := float64(period) / float64(limit)
	reset = max(0, reset)
	used := int(math.Ceil(float64(reset)/each - slack))
	result := Result{Allowed: allowed, Limit: limit, Remaining: max(0, limit-used), Reset: reset}
	if used > 0 {
		kept := limit - result.Remaining - 1
		result.RetryAfter = reset - time.Duration(float64(kept)*each)
	}
	return result
}
