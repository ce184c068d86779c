package internalport

import (
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"sigs.k8s.io/controller-runtime/pkg/metrics"

	"github.com/openplp/khocr/internal/document"
)

// What is counted of pages. Nobody can ask the workers, which are tenants' pods and gone within minutes, but all that they
// do comes by here. A worker that was taken over can say of its own pages what it likes, in these words.
var (
	pagesStored = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "khocr_pages_total",
		Help: "Pages whose result was stored for the first time, by where their text comes from; none for those without text and for failed ones.",
	}, []string{"source"})
	pageFailures = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "khocr_page_failures_total",
		Help: "Pages that could not be processed, by reason. Each page_crashed is one that the engine died on.",
	}, []string{"reason"})
	pageSeconds = prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name:    "khocr_page_duration_seconds",
		Help:    "Time that a page took in its worker, by where its text comes from.",
		Buckets: []float64{.05, .1, .25, .5, 1, 2, 4, 8, 15, 30, 60, 120, 300},
	}, []string{"source"})
)

func init() {
	metrics.Registry.MustRegister(pagesStored, pageFailures, pageSeconds)
	// The first of a kind is a rise from nothing, which no query would see.
	for _, source := range []document.Source{document.SourceNative, document.SourceLegacy, document.SourceOCR, document.SourceMixed, document.SourceNone} {
		pagesStored.WithLabelValues(string(source))
		pageSeconds.WithLabelValues(string(source))
	}
	for _, reason := range append(failures, otherFailure) {
		pageFailures.WithLabelValues(reason)
	}
}

// failures are the reasons that are counted by their names. A worker that was taken over may give others.
var failures = []string{document.PageErrorCrashed, document.PageErrorTimeout, document.PageErrorTooLarge, document.PageErrorUnreadable,
	document.PageErrorNotRead}

const otherFailure = "other"

// countPage counts a page that was stored.
func countPage(page *document.Page) {
	source := string(page.Source)
	pagesStored.WithLabelValues(source).Inc()
	took := time.Duration(min(max(0, page.Milliseconds), 2*PageTimeoutSeconds*1000)) * time.Millisecond
	pageSeconds.WithLabelValues(source).Observe(took.Seconds())
	if page.Error == nil {
		return
	}
	reason := page.Error.Code
	if !slices.Contains(failures, reason) {
		reason = otherFailure
	}
	pageFailures.WithLabelValues(reason).Inc()
}
