package webhook

import (
	"math/rand/v2"
	"net/http"
	"strconv"
	"time"

	"github.com/openplp/khocr/internal/archive"
)

// delays are the times before each attempt, from the one before: those of the Standard Webhooks specification, three days
// in all.
var delays = []time.Duration{
	0, 5 * time.Second, 5 * time.Minute, 30 * time.Minute, 2 * time.Hour,
	5 * time.Hour, 10 * time.Hour, 14 * time.Hour, 20 * time.Hour, 24 * time.Hour,
}

// jitter is the share by which a delay is longer at random, so that receivers that were away are not asked all at once.
const jitter = 0.1

func jittered(delay time.Duration) time.Duration {
	return delay + time.Duration(rand.Float64()*jitter*float64(delay))
}

// result of an attempt.
type result struct {
	// status of the answer; 0 where there was none.
	status int
	// problem says in a few words why there was none.
	problem string
}

// next tells what becomes of a message after its attempt of that number, from 1, and the delay before the next one unless
// it is final. A receiver that answers 410 wants no more of it.
func next(attempt int, got result, now time.Time) (archive.Webhook, time.Duration) {
	outcome := archive.Webhook{Attempts: attempt, LastError: got.problem}
	switch {
	case got.problem == "" && got.status >= 200 && got.status < 300:
		outcome.DeliveredAt, outcome.Final = now.UTC(), true
		return outcome, 0
	case got.problem == "":
		outcome.LastError = "the receiver answered " + strconv.Itoa(got.status)
		if got.status >= 300 && got.status < 400 {
			outcome.LastError = "the receiver redirects, which is not followed"
		}
	}
	if outcome.Final = got.status == http.StatusGone || attempt >= len(delays); outcome.Final {
		return outcome, 0
	}
	return outcome, delays[attempt]
}
