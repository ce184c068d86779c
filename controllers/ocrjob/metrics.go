package ocrjob

import (
	"github.com/prometheus/client_golang/prometheus"
	"k8s.io/apimachinery/pkg/api/meta"
	"sigs.k8s.io/controller-runtime/pkg/metrics"

	"github.com/openplp/khocr/api/v1alpha1"
)

// What is counted of jobs, when it is on record. Counts begin anew with another leader, as rate() expects.
var (
	jobsEnded = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "khocr_jobs_ended_total",
		Help: "Jobs that have ended, by phase and reason.",
	}, []string{"phase", "reason"})
	jobSeconds = prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name:    "khocr_job_duration_seconds",
		Help:    "Time from a job's acceptance to its end, by phase.",
		Buckets: []float64{1, 2.5, 5, 10, 30, 60, 150, 300, 900, 1800, 3600, 4 * 3600, 24 * 3600},
	}, []string{"phase"})
	jobWait = prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name:    "khocr_job_wait_seconds",
		Help:    "Time from a job's acceptance until its first worker had a node, by priority.",
		Buckets: []float64{.5, 1, 2.5, 5, 10, 30, 60, 150, 300, 900, 1800, 3600, 4 * 3600},
	}, []string{"priority"})
	workerFailures = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "khocr_worker_failures_total",
		Help: "Workers that ended before their pages were done, by reason: WorkerCrashed is a fault of theirs, WorkerLost is not.",
	}, []string{"reason"})
)

func init() {
	metrics.Registry.MustRegister(jobsEnded, jobSeconds, jobWait, workerFailures)
	// The first of a kind is a rise from nothing, which no query would see.
	jobsEnded.WithLabelValues(string(v1alpha1.PhaseCompleted), v1alpha1.ReasonCompleted)
	for _, phase := range []v1alpha1.JobPhase{v1alpha1.PhaseCompleted, v1alpha1.PhaseFailed, v1alpha1.PhaseCancelled} {
		jobSeconds.WithLabelValues(string(phase))
	}
	for _, priority := range []v1alpha1.Priority{v1alpha1.PriorityHigh, v1alpha1.PriorityNormal, v1alpha1.PriorityLow} {
		jobWait.WithLabelValues(string(priority))
	}
	for _, reason := range []string{v1alpha1.ReasonWorkerCrashed, v1alpha1.ReasonWorkerLost} {
		workerFailures.WithLabelValues(reason)
	}
}

// count counts what a decision on the job has changed.
func (d *Decision) count(job *v1alpha1.OcrJob) {
	accepted := job.Accepted().Time
	if before, after := job.Status.StartTime, d.Status.StartTime; before == nil && after != nil {
		jobWait.WithLabelValues(string(job.Spec.EffectivePriority())).Observe(after.Sub(accepted).Seconds())
	}
	workerFailures.WithLabelValues(v1alpha1.ReasonWorkerCrashed).Add(float64(max(0, failures(&d.Status)-failures(&job.Status))))
	for _, event := range d.Events {
		if event.Reason == v1alpha1.ReasonWorkerLost {
			workerFailures.WithLabelValues(event.Reason).Inc()
		}
	}
	if job.Status.Phase.Ended() || !d.Status.Phase.Ended() {
		return
	}
	phase := string(d.Status.Phase)
	jobsEnded.WithLabelValues(phase, endReason(&d.Status)).Inc()
	if end := d.Status.CompletionTime; end != nil {
		jobSeconds.WithLabelValues(phase).Observe(end.Sub(accepted).Seconds())
	}
}

// endReason is why a job has ended: one of the Reason constants.
func endReason(status *v1alpha1.OcrJobStatus) string {
	if complete := meta.FindStatusCondition(status.Conditions, v1alpha1.ConditionComplete); complete != nil {
		return complete.Reason
	}
	return ""
}

// failures of all workers together. The last one ends the job and has no event of its own.
func failures(status *v1alpha1.OcrJobStatus) int32 {
	var sum int32
	for i := range status.Workers {
		sum += status.Workers[i].Failures
	}
	return sum
}
