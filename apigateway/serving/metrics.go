package serving

import (
	"net/http"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"sigs.k8s.io/controller-runtime/pkg/metrics"
)

// What is counted of requests. Every label has few values: a route is the template of a path, and what callers make up is
// counted as one.
var (
	requests = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "khocr_http_requests_total",
		Help: "Requests that were answered, by route, method and status; those of workers have routes below /internal.",
	}, []string{"route", "method", "status"})
	refused = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "khocr_http_errors_total",
		Help: "Requests that were answered with an error, by route and the error's code.",
	}, []string{"route", "code"})
	durations = prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name:    "khocr_http_request_duration_seconds",
		Help:    "Time from a request's headers to the end of its answer, by route and method. Event streams and requests that wait take long by design.",
		Buckets: []float64{.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60},
	}, []string{"route", "method"})
)

func init() { metrics.Registry.MustRegister(requests, refused, durations) }

// count counts a request that was answered.
func count(r *http.Request, request *Request, status int, took time.Duration) {
	route, method := request.Route, r.Method
	if route == "" {
		route = "none"
	}
	switch method {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions:
	default:
		method = "other"
	}
	requests.WithLabelValues(route, method, strconv.Itoa(status)).Inc()
	durations.WithLabelValues(route, method).Observe(took.Seconds())
	if request.Code != "" {
		refused.WithLabelValues(route, request.Code).Inc()
	}
}
