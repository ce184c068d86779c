package ocrjob

import (
	metav1ac "k8s.io/client-go/applyconfigurations/meta/v1"

	"github.com/openplp/khocr/api/v1alpha1"
	ac "github.com/openplp/khocr/api/v1alpha1/applyconfiguration/api/v1alpha1"
)

// statusToApply is the whole status but what the workers own in it, for server-side apply, on the version of the job that
// it was computed from.
func statusToApply(job *v1alpha1.OcrJob, status v1alpha1.OcrJobStatus) *ac.OcrJobApplyConfiguration {
	applied := ac.OcrJobStatus().
		WithObservedGeneration(status.ObservedGeneration).
		WithProgress(status.Progress)
	if status.Phase != "" {
		applied.WithPhase(status.Phase)
	}
	if status.Priority != "" {
		applied.WithPriority(status.Priority)
	}
	if status.Model != "" {
		applied.WithModel(status.Model)
	}
	if status.Recognizer != "" {
		applied.WithRecognizer(status.Recognizer)
	}
	if status.Corrector != "" {
		applied.WithCorrector(status.Corrector)
	}
	if status.PagesPerPage != 0 {
		applied.WithPagesPerPage(status.PagesPerPage)
	}
	if pages := status.Pages; pages != nil {
		counts := ac.PageCounts().WithTotal(pages.Total).WithDone(pages.Done).
			WithNative(pages.Native).WithRecognized(pages.Recognized).WithFailed(pages.Failed)
		if pages.AI != 0 {
			counts.WithAI(pages.AI)
		}
		applied.WithPages(counts)
	}
	if partition := status.Partition; partition != nil {
		applied.WithPartition(ac.Partition().WithPagesPerWorker(partition.PagesPerWorker).WithMaxWorkers(partition.MaxWorkers))
	}
	for i := range status.Workers {
		applied.WithWorkers(workerToApply(&status.Workers[i]))
	}
	if status.AcceptedAt != nil {
		applied.WithAcceptedAt(*status.AcceptedAt)
	}
	if status.StartTime != nil {
		applied.WithStartTime(*status.StartTime)
	}
	if status.CompletionTime != nil {
		applied.WithCompletionTime(*status.CompletionTime).WithElapsed(status.Elapsed)
	}
	if result := status.Result; result != nil {
		applied.WithResult(ac.ResultReference().WithPages(result.Pages).WithPrefix(result.Prefix))
	}
	for _, condition := range status.Conditions {
		applied.WithConditions(metav1ac.Condition().
			WithType(condition.Type).
			WithStatus(condition.Status).
			WithReason(condition.Reason).
			WithMessage(condition.Message).
			WithObservedGeneration(condition.ObservedGeneration).
			WithLastTransitionTime(condition.LastTransitionTime))
	}
	return ac.OcrJob(job.Name, job.Namespace).
		WithUID(job.UID).
		WithResourceVersion(job.ResourceVersion).
		WithStatus(applied)
}

func workerToApply(worker *v1alpha1.WorkerStatus) *ac.WorkerStatusApplyConfiguration {
	applied := ac.WorkerStatus().
		WithPart(worker.Part).
		WithAttempt(worker.Attempt).
		WithPodName(worker.PodName).
		WithFailures(worker.Failures).
		WithDoneBefore(worker.DoneBefore)
	if worker.PodUID != "" {
		applied.WithPodUID(worker.PodUID)
	}
	if worker.RetryAt != nil {
		applied.WithRetryAt(*worker.RetryAt)
	}
	return applied
}
