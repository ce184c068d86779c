package internalport

import (
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"sigs.k8s.io/controller-runtime/pkg/metrics"

	"github.com/openplp/khocr/api/v1alpha1"
	"github.com/openplp/khocr/apigateway/spending"
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
	aiPages = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "khocr_ai_pages_total",
		Help: "Pages that an AI model was to read or to correct, by model (empty where it is gone), outcome (used, fallback, failed) and why it was not used.",
	}, []string{"model", "outcome", "reason"})
	aiTokens = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "khocr_ai_tokens_total",
		Help: "Tokens of AI models, by organization, model and direction (input, output), as their endpoints told them.",
	}, []string{"organization", "model", "direction"})
	aiCost = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "khocr_ai_cost_total",
		Help: "What AI models have cost, in the platform's currency, by organization and model.",
	}, []string{"organization", "model"})
	aiSeconds = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "khocr_ai_seconds_total",
		Help: "Time that endpoints of AI models took, without waiting for a turn, by organization and model.",
	}, []string{"organization", "model"})
)

func init() {
	metrics.Registry.MustRegister(pagesStored, pageFailures, pageSeconds, aiPages, aiTokens, aiCost, aiSeconds)
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

// Outcomes of pages that an AI model was asked about.
const (
	aiUsed     = "used"
	aiFallback = "fallback"
	aiFailed   = "failed"
)

// countAI counts a page that was stored, by a model that is nil where it does not exist any more.
func countAI(model *v1alpha1.OcrModel, page *document.Page) {
	outcome, name := aiUsed, ""
	switch {
	case page.Error != nil:
		outcome = aiFailed
	case page.AI.Reason != "":
		outcome = aiFallback
	}
	if model != nil {
		name = model.Name
	}
	aiPages.WithLabelValues(name, outcome, page.AI.Reason).Inc()
}

// countSpent counts what a model that exists has spent on a page, be it nothing: what comes next is a rise then.
func countSpent(organization, model string, sum spending.Sum) {
	aiTokens.WithLabelValues(organization, model, "input").Add(float64(sum.InputTokens))
	aiTokens.WithLabelValues(organization, model, "output").Add(float64(sum.OutputTokens))
	aiCost.WithLabelValues(organization, model).Add(sum.Cost.Float())
	aiSeconds.WithLabelValues(organization, model).Add(float64(sum.Milliseconds) / 1000)
}
