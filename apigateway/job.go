package apigateway

import (
	"context"
	"fmt"
	"math"
	"net/http"
	"net/url"
	"path"
	"regexp"
	"strconv"
	"time"

	"github.com/gorilla/mux"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/openplp/khocr/api/v1alpha1"
	"github.com/openplp/khocr/apigateway/serving"
)

// jobView is the answer of GET /api/v1/jobs/{id}. The first five fields are the contract's.
type jobView struct {
	ID             string `json:"id"`
	Status         string `json:"status"`
	Progress       tenths `json:"progress"`
	TaskType       string `json:"task_type"`
	ElapsedSeconds tenths `json:"elapsed_seconds"`

	Pages        *pagesView `json:"pages,omitempty"`
	FileName     string     `json:"file_name,omitempty"`
	OutputFormat string     `json:"output_format"`
	Priority     string     `json:"priority"`
	Model        string     `json:"model,omitempty"`
	CreatedAt    time.Time  `json:"created_at"`
	StartedAt    *time.Time `json:"started_at,omitempty"`
	FinishedAt   *time.Time `json:"finished_at,omitempty"`
	// Waiting says what a queued job waits for, Error why a failed one failed.
	Waiting *waitView `json:"waiting,omitempty"`
	Error   *JobError `json:"error,omitempty"`
}

// pagesView counts the pages that were asked for, by what became of them.
type pagesView struct {
	Total      int32 `json:"total"`
	Done       int32 `json:"done"`
	Native     int32 `json:"native"`
	Recognized int32 `json:"recognized"`
	Failed     int32 `json:"failed"`
}

// tenths is a number that is written with one decimal always, so that programs of every language read a float.
type tenths float64

// MarshalJSON implements json.Marshaler.
func (t tenths) MarshalJSON() ([]byte, error) {
	return strconv.AppendFloat(nil, float64(t), 'f', 1, 64), nil
}

// job tells how a job stands.
func (s *Server) job(w http.ResponseWriter, r *http.Request) error {
	if err := onlyQuery(r); err != nil {
		return err
	}
	job, err := s.findJob(r)
	if err != nil {
		return err
	}
	view := viewOf(job, s.Now())
	if view.Waiting != nil && standsInLine(&job.Status) {
		if view.Waiting.Position, err = s.position(r.Context(), job); err != nil {
			// The job itself is known, and another organization's trouble is none of the caller's.
			s.Log.ErrorContext(r.Context(), "the queue cannot be told", "request_id", serving.RequestFrom(r.Context()).ID, "err", err)
		}
	}
	w.Header().Set("Cache-Control", "no-store")
	writeBody(w, r, http.StatusOK, "application/json", view)
	return nil
}

// jobName is what an OcrJob can be called, which is more than the ids that we make up: people make jobs of their own.
var jobName = regexp.MustCompile(`^[a-z0-9]([-a-z0-9]{0,48}[a-z0-9])?$`)

// findJob finds the job that the path names among those of the caller's organization. Another organization's is as
// unknown as one that never was.
func (s *Server) findJob(r *http.Request) (*v1alpha1.OcrJob, error) {
	id := mux.Vars(r)["id"]
	if !jobName.MatchString(id) {
		return nil, jobNotFound.because(nil)
	}
	key := client.ObjectKey{Namespace: callerOf(r.Context()).organization.JobNamespace(), Name: id}
	serving.RequestFrom(r.Context()).Job = key.String()
	job := new(v1alpha1.OcrJob)
	err := s.Client.Get(r.Context(), key, job)
	if apierrors.IsNotFound(err) {
		// It may have been made a moment ago.
		return s.readLive(r.Context(), key)
	}
	if err != nil {
		return nil, fmt.Errorf("read the job: %w", err)
	}
	return job, nil
}

func (s *Server) readLive(ctx context.Context, key client.ObjectKey) (*v1alpha1.OcrJob, error) {
	job := new(v1alpha1.OcrJob)
	err := s.Live.Get(ctx, key, job)
	if apierrors.IsNotFound(err) {
		return nil, jobNotFound.because(err)
	}
	if err != nil {
		return nil, serviceUnavailable.because(fmt.Errorf("read the job from the API server: %w", err))
	}
	return job, nil
}

// viewOf sums up a job as it stands now.
func viewOf(job *v1alpha1.OcrJob, now time.Time) jobView {
	status := &job.Status
	view := jobView{
		ID:             job.Name,
		Status:         statusWord(status.Phase),
		Progress:       progressOf(status),
		TaskType:       "convert",
		ElapsedSeconds: elapsed(job, now),
		Pages:          pagesOf(status),
		FileName:       fileNameOf(&job.Spec.Source),
		OutputFormat:   string(job.Spec.EffectiveFormat()),
		Priority:       string(job.Spec.EffectivePriority()),
		Model:          status.Model,
		CreatedAt:      job.CreationTimestamp.UTC(),
		StartedAt:      utc(status.StartTime),
		FinishedAt:     utc(status.CompletionTime),
	}
	switch status.Phase {
	case v1alpha1.PhaseFailed:
		view.Error = failureOf(status)
	case "", v1alpha1.PhasePending:
		view.Waiting = waitOf(status)
	}
	return view
}

func statusWord(phase v1alpha1.JobPhase) string {
	switch phase {
	case v1alpha1.PhaseRunning:
		return "PROCESSING"
	case v1alpha1.PhaseCompleted:
		return "COMPLETED"
	case v1alpha1.PhaseFailed:
		return "FAILED"
	case v1alpha1.PhaseCancelled:
		return "CANCELLED"
	default:
		return "QUEUED"
	}
}

// progressOf is the share of the pages that are done, from 0 to 100. What the manager has recorded is its floor: the
// workers' reports may begin anew, and parts of a document report one after the other.
func progressOf(status *v1alpha1.OcrJobStatus) tenths {
	if status.Phase == v1alpha1.PhaseCompleted {
		return 100
	}
	live := status.LivePages()
	if status.Pages != nil {
		live.Total = max(live.Total, status.Pages.Total)
	}
	percent := max(live.Percent(), float64(status.Progress))
	return tenths(math.Round(percent*10) / 10)
}

// pagesOf counts the pages by what the workers last said, or by what was recorded if that is more.
func pagesOf(status *v1alpha1.OcrJobStatus) *pagesView {
	counts := status.LivePages()
	if recorded := status.Pages; recorded != nil && (status.Phase.Ended() || recorded.Done > counts.Done) {
		counts = *recorded
	}
	if counts.Total == 0 {
		return nil
	}
	view := pagesView(counts)
	return &view
}

// elapsed counts from the acceptance to the end, or to now, in seconds. The time of the end has whole seconds only, so
// what the manager measured then is taken where it stands.
func elapsed(job *v1alpha1.OcrJob, now time.Time) tenths {
	if end := job.Status.CompletionTime; end != nil {
		now = end.Time
	}
	took := now.Sub(job.CreationTimestamp.Time)
	if measured, err := time.ParseDuration(job.Status.Elapsed); err == nil {
		took = measured
	}
	return tenths(math.Round(max(0, took.Seconds())*10) / 10)
}

// fileNameOf is the name that the document came with, or the last part of the address that it comes from.
func fileNameOf(source *v1alpha1.DocumentSource) string {
	if source.Upload != nil {
		return source.Upload.FileName
	}
	address, err := url.Parse(source.URL)
	if err != nil {
		return ""
	}
	if name := path.Base(address.Path); name != "." && name != "/" {
		return cleanFileName(name)
	}
	return ""
}

// failureOf says why a job failed.
func failureOf(status *v1alpha1.OcrJobStatus) *JobError {
	if failed := meta.FindStatusCondition(status.Conditions, v1alpha1.ConditionFailed); failed != nil {
		if known, ok := JobFailures()[failed.Reason]; ok {
			return &known
		}
	}
	return &JobError{Code: jobFailed.Code, Message: jobFailed.English, MessageKm: jobFailed.Khmer}
}

func utc(moment *metav1.Time) *time.Time {
	if moment == nil {
		return nil
	}
	in := moment.UTC()
	return &in
}
