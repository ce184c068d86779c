package webhook

import (
	"github.com/prometheus/client_golang/prometheus"
	"sigs.k8s.io/controller-runtime/pkg/metrics"

	"github.com/openplp/khocr/internal/archive"
)

// What became of an attempt.
const (
	attemptDelivered = "delivered"
	attemptRepeated  = "repeated"
	attemptGivenUp   = "given_up"
)

var attempts = prometheus.NewCounterVec(prometheus.CounterOpts{
	Name: "khocr_webhook_attempts_total",
	Help: "Attempts to deliver a webhook, by what became of them: delivered, to be repeated, or given up for good.",
}, []string{"result"})

func init() {
	metrics.Registry.MustRegister(attempts)
	for _, result := range []string{attemptDelivered, attemptRepeated, attemptGivenUp} {
		attempts.WithLabelValues(result)
	}
}

func count(outcome archive.Webhook) {
	result := attemptRepeated
	switch {
	case !outcome.DeliveredAt.IsZero():
		result = attemptDelivered
	case outcome.Final:
		result = attemptGivenUp
	}
	attempts.WithLabelValues(result).Inc()
}
