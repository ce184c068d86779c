package storage

import (
	"context"
	"errors"
	"fmt"

	"github.com/prometheus/client_golang/prometheus"
	"sigs.k8s.io/controller-runtime/pkg/metrics"
)

var failures = prometheus.NewCounter(prometheus.CounterOpts{
	Name: "khocr_store_errors_total",
	Help: "Operations that the store could not do, because it was full, read-only or out of reach.",
})

func init() { metrics.Registry.MustRegister(failures) }

// unavailable makes an ErrUnavailable of what went wrong. It counts, unless it is only the caller who has gone away.
func unavailable(cause error) error {
	if !errors.Is(cause, context.Canceled) {
		failures.Inc()
	}
	return fmt.Errorf("%w: %w", ErrUnavailable, cause)
}
