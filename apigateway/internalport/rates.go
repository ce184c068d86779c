package internalport

import (
	"context"
	"time"

	"github.com/openplp/khocr/apigateway/ratelimit"
)

// allowance is how many requests of a kind somebody may make in a minute, which may come at once, and of how many the answers
// may be under way at the same time.
type allowance struct {
	name            string
	aMinute, atOnce int
}

// underWayAll are the requests of an allowance that may be under way of all workers together, a quarter of the port's connections.
const underWayAll = 1024

// No worker needs in its whole life what it is allowed in a minute, so those that are refused are not at their work.
var (
	// pages are requests about single ones: each page of the largest document is stored once, with its preview, and read once for
	// the searchable PDF. The rest is for those that have to be tried again. One at a time comes from each engine of a large pod.
	pages = allowance{"pages", 3*MaxPages + 2000, 16}
	// wholes are requests about the whole document or all of its pages. There are five in a life, one after the other, of which
	// one that fails is tried some twenty times in a minute; and another may have been given up that is under way here still.
	wholes = allowance{"wholes", 150, 2}
	// readings are pages that an AI model is asked about. A worker waits for mostAtOnce of them, and as many that it has given up may be
	// under way here still: what a model was asked is waited for and paid, whether or not the worker does. Ten a second are as many as a
	// fast model reads.
	readings = allowance{"readings", 600, 2 * mostAtOnce}
	// strangers are tokens from one address that the API server has to be asked about: a fifth of reviewsASecond. The address is that
	// of a pod, or, in networks that hide it, that of a node with all of its pods.
	strangers = allowance{"strangers", 60 * reviewsASecond / 5, 0}
)

// tooMany refuses a request that may be made after a time.
type tooMany struct{ after time.Duration }

func (tooMany) Error() string { return "too many requests" }

// permit counts a request of somebody's, or fails with tooMany.
func permit(ctx context.Context, limiter ratelimit.Limiter, allowed allowance, who string) error {
	taken := limiter.Take(ctx, ratelimit.Key{Policy: allowed.name, Organization: who}, allowed.aMinute)
	if !taken.Allowed {
		return tooMany{taken.RetryAfter}
	}
	return nil
}
