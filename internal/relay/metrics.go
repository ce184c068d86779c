package relay

import (
	"github.com/prometheus/client_golang/prometheus"
	"sigs.k8s.io/controller-runtime/pkg/metrics"

	"github.com/openplp/khocr/internal/relayport"
)

// resultGone is the result of questions whose caller went away.
const resultGone = "caller_gone"

// What is counted of questions. The models are those that there are.
var (
	asked = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "khocr_relay_requests_total",
		Help: "Questions to AI models, by model and result: ok, caller_gone, or the reason why there is no text.",
	}, []string{"model", "result"})
	durations = prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name:    "khocr_relay_request_duration_seconds",
		Help:    "Time that endpoints of AI models took for a question, tries included, by model.",
		Buckets: []float64{.5, 1, 2, 5, 10, 20, 30, 60, 120, 300, 600},
	}, []string{"model"})
	waiting = prometheus.NewGaugeVec(prometheus.GaugeOpts{
		Name: "khocr_relay_waiting",
		Help: "Questions that wait for their turn, by model.",
	}, []string{"model"})
	tokens = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "khocr_relay_tokens_total",
		Help: "Tokens that endpoints of AI models told of, by model and direction: input or output.",
	}, []string{"model", "direction"})
)

func init() { metrics.Registry.MustRegister(asked, durations, waiting, tokens) }

func count(model string, spent relayport.Spent) {
	tokens.WithLabelValues(model, "input").Add(float64(spent.InputTokens))
	tokens.WithLabelValues(model, "output").Add(float64(spent.OutputTokens))
}

// forgetMetrics of a model that is not there any more.
func forgetMetrics(model string) {
	labels := prometheus.Labels{"model": model}
	asked.DeletePartialMatch(labels)
	durations.DeletePartialMatch(labels)
	waiting.DeletePartialMatch(labels)
	tokens.DeletePartialMatch(labels)
}
