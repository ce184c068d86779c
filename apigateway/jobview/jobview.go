// Package jobview tells of a job what its owner may know, in the words of the public API. It is the answer to whoever asks
// for a job, and what webhooks carry.
package jobview

import (
	"math"
	"net/url"
	"slices"
	"strconv"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/openplp/khocr/api/v1alpha1"
	"github.com/openplp/khocr/apigateway/filename"
)

// View is a job as programs see it. The first five fields are the contract's. Its fields are for encoding/json.
type View struct {
	ID             string `json:"id"`
	Status         string `json:"status"`
	Progress       Tenths `json:"progress"`
	TaskType       string `json:"task_type"`
	ElapsedSeconds Tenths `json:"elapsed_seconds"`

	Pages          *Pages            `json:"pages,omitempty"`
	FileName       string            `json:"file_name,omitempty"`
	OutputFormat   string            `json:"output_format"`
	OcrMode        string            `json:"ocr_mode"`
	Correct        string            `json:"correct,omitempty"`
	Fallback       string            `json:"fallback,omitempty"`
	Languages      []string          `json:"languages,omitempty"`
	PagesRequested string            `json:"pages_requested,omitempty"`
	Priority       string            `json:"priority"`
	Model          string            `json:"model,omitempty"`
	AI             *AI               `json:"ai,omitempty"`
	Metadata       map[string]string `json:"metadata"`
	RetryOf        string            `json:"retry_of,omitempty"`
	Webhook        *Webhook          `json:"webhook,omitempty"`
	CreatedAt      time.Time         `json:"created_at"`
	StartedAt      *time.Time        `json:"started_at,omitempty"`
	FinishedAt     *time.Time        `json:"finished_at,omitempty"`
	// ExpiresAt is when the result of an ended job is deleted.
	ExpiresAt *time.Time `json:"expires_at,omitempty"`
	// Waiting says what a queued job waits for, Error why a failed one failed.
	Waiting *Wait   `json:"waiting,omitempty"`
	Error   *Reason `json:"error,omitempty"`
}

// Pages counts the pages that were asked for, by what became of them.
type Pages struct {
	Total      int32 `json:"total"`
	Done       int32 `json:"done"`
	Native     int32 `json:"native"`
	Recognized int32 `json:"recognized"`
	Failed     int32 `json:"failed"`
	// AI are the recognised ones whose text is an AI model's.
	AI int32 `json:"ai,omitempty"`
}

// Webhook is who is told of the end. The query of its address may hold a secret and is left out.
type Webhook struct {
	URL string `json:"url"`
	// Secret names what signs the message; missing where the organization's first one does.
	Secret string `json:"secret,omitempty"`
}

// Wait says what a queued job waits for.
type Wait struct {
	Reason
	// Position among the platform's jobs that wait for a slot or for capacity, 1 for the next. Missing on others.
	Position int `json:"position,omitempty"`
}

// Tenths is a number that is written with one decimal always, so that programs of every language read a float.
type Tenths float64

// MarshalJSON implements json.Marshaler.
func (t Tenths) MarshalJSON() ([]byte, error) {
	return strconv.AppendFloat(nil, float64(t), 'f', 1, 64), nil
}

// Of sums up a job as it stands now. ExpiresAt is when its result is deleted, zero where that is not known; it is told of
// ended jobs only.
func Of(job *v1alpha1.OcrJob, now, expiresAt time.Time) *View {
	spec, status := &job.Spec, &job.Status
	view := &View{
		ID:             job.Name,
		Status:         Status(job),
		Progress:       progressOf(status),
		TaskType:       "convert",
		ElapsedSeconds: elapsed(job, now),
		Pages:          pagesOf(status),
		FileName:       filename.Of(&spec.Source),
		OutputFormat:   string(spec.EffectiveFormat()),
		OcrMode:        string(spec.EffectiveMode()),
		Correct:        string(spec.Correct),
		Fallback:       string(spec.Fallback),
		Languages:      spec.Languages,
		PagesRequested: spec.Pages,
		Priority:       string(spec.EffectivePriority()),
		Model:          status.Model,
		AI:             aiOf(status),
		Metadata:       make(map[string]string, len(spec.Metadata)),
		RetryOf:        spec.RetryOf,
		Webhook:        webhookOf(spec.Callback),
		CreatedAt:      job.Accepted().UTC(),
		StartedAt:      utc(status.StartTime),
	}
	if Ended(job) {
		view.FinishedAt = utc(status.CompletionTime)
	}
	for _, entry := range spec.Metadata {
		view.Metadata[entry.Name] = entry.Value
	}
	if status.Phase.Ended() && !expiresAt.IsZero() {
		view.ExpiresAt = utc(&metav1.Time{Time: expiresAt})
	}
	switch status.Phase {
	case v1alpha1.PhaseFailed:
		view.Error = Failure(status)
	case "", v1alpha1.PhasePending:
		view.Waiting = waitOf(status)
	}
	return view
}

func webhookOf(callback *v1alpha1.Callback) *Webhook {
	if callback == nil {
		return nil
	}
	webhook := &Webhook{Secret: callback.Secret}
	if address, err := url.Parse(callback.URL); err == nil {
		address.RawQuery, address.ForceQuery, address.Fragment, address.User = "", false, "", nil
		webhook.URL = address.String()
	}
	return webhook
}

// Statuses are the words of the API for where a job stands, in the order in which a job may come to them.
func Statuses() []string {
	return []string{"QUEUED", "PROCESSING", "COMPLETED", "FAILED", "CANCELLED"}
}

// Ended tells that a job has ended and that nothing about it changes any more. A cancelled one ends once its worker has
// stopped and reported its last pages, and the ledger has charged them.
func Ended(job *v1alpha1.OcrJob) bool {
	phase := job.Status.Phase
	return phase.Ended() && (phase != v1alpha1.PhaseCancelled || !slices.Contains(job.Finalizers, v1alpha1.FinalizerLedger))
}

// Status is the word of the API for where a job stands.
func Status(job *v1alpha1.OcrJob) string {
	phase := job.Status.Phase
	switch {
	case phase == v1alpha1.PhaseRunning, phase.Ended() && !Ended(job):
		return "PROCESSING"
	case phase == v1alpha1.PhaseCompleted:
		return "COMPLETED"
	case phase == v1alpha1.PhaseFailed:
		return "FAILED"
	case phase == v1alpha1.PhaseCancelled:
		return "CANCELLED"
	default:
		return "QUEUED"
	}
}

// progressOf is the share of the pages that are done, from 0 to 100. What the manager has recorded is its floor: the
// workers' reports may begin anew, and parts of a document report one after the other.
func progressOf(status *v1alpha1.OcrJobStatus) Tenths {
	if status.Phase == v1alpha1.PhaseCompleted {
		return 100
	}
	live := status.LivePages()
	if status.Pages != nil {
		live.Total = max(live.Total, status.Pages.Total)
	}
	percent := max(live.Percent(), float64(status.Progress))
	return Tenths(math.Round(percent*10) / 10)
}

// pagesOf counts the pages by what the workers last said, or by what was recorded if that is more.
func pagesOf(status *v1alpha1.OcrJobStatus) *Pages {
	counts := status.LivePages()
	if recorded := status.Pages; recorded != nil && (status.Phase.Ended() || recorded.Done > counts.Done) {
		counts = *recorded
	}
	if counts.Total == 0 {
		return nil
	}
	view := Pages(counts)
	return &view
}

// elapsed counts from the acceptance to the end, or to now, in seconds. The time of the end has whole seconds only, so
// what the manager measured then is taken where it stands.
func elapsed(job *v1alpha1.OcrJob, now time.Time) Tenths {
	if end := job.Status.CompletionTime; end != nil {
		now = end.Time
	}
	took := now.Sub(job.Accepted().Time)
	if measured, err := time.ParseDuration(job.Status.Elapsed); err == nil {
		took = measured
	}
	return Tenths(math.Round(max(0, took.Seconds())*10) / 10)
}

func utc(moment *metav1.Time) *time.Time {
	if moment == nil {
		return nil
	}
	in := moment.UTC()
	return &in
}
