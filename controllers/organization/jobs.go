package organization

import (
	"context"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/openplp/khocr/api/v1alpha1"
	"github.com/openplp/khocr/internal/ledger"
)

// lastReport is the time that a worker of a job which was ended from outside has to report the pages that it had in hand.
// It is beyond a worker pod's time to terminate; a pod that still exists after it has lost its node.
const lastReport = time.Minute

// dueJobs finds the jobs for which the ledger has something to do, as the API server has them now. With them comes the
// time until one more job may be due without anything else happening; 0 for never.
func (r *Reconciler) dueJobs(ctx context.Context, organization *v1alpha1.Organization, now time.Time) ([]ledger.Job, time.Duration, error) {
	namespace := organization.JobNamespace()
	jobs := &v1alpha1.OcrJobList{}
	if err := r.Client.List(ctx, jobs, client.InNamespace(namespace), client.UnsafeDisableDeepCopy); err != nil {
		return nil, 0, fmt.Errorf("listing the jobs in %s: %w", namespace, err)
	}
	pods := &corev1.PodList{}
	if err := r.Client.List(ctx, pods, client.InNamespace(namespace), client.UnsafeDisableDeepCopy); err != nil {
		return nil, 0, fmt.Errorf("listing the workers in %s: %w", namespace, err)
	}
	working := workingJobs(pods.Items)

	var (
		cached []ledger.Job
		wait   time.Duration
	)
	for i := range jobs.Items {
		job, left := observe(&jobs.Items[i], working, now)
		cached = append(cached, job)
		if left > 0 && job.Held && (wait == 0 || left < wait) {
			wait = left
		}
	}
	var live []ledger.Job
	due, company := ledger.Due(&organization.Status, cached, now)
	if company > 0 && (wait == 0 || company < wait) {
		wait = company
	}
	for _, due := range due {
		job := &v1alpha1.OcrJob{}
		err := r.Live.Get(ctx, client.ObjectKey{Namespace: namespace, Name: due.Name}, job)
		switch {
		case apierrors.IsNotFound(err), err == nil && job.UID != due.UID:
			live = append(live, ledger.Job{UID: due.UID, Name: due.Name})
		case err != nil:
			return nil, 0, fmt.Errorf("reading job %s: %w", due.Name, err)
		default:
			observed, _ := observe(job, working, now)
			live = append(live, observed)
		}
	}
	return live, wait, nil
}

// observe takes from a job what the ledger needs to know. A job that failed or was cancelled has not ended for the ledger
// while one of its workers may still report pages; the time that is left to them comes with it.
func observe(job *v1alpha1.OcrJob, working map[types.UID]bool, now time.Time) (ledger.Job, time.Duration) {
	observed := ledger.Observe(job)
	status := &job.Status
	if !observed.Ended || status.Phase == v1alpha1.PhaseCompleted || status.CompletionTime == nil || !working[job.UID] {
		return observed, 0
	}
	left := status.CompletionTime.Add(lastReport).Sub(now)
	if left <= 0 {
		return observed, 0
	}
	observed.Ended = false
	return observed, left
}

// workingJobs are the jobs that have a pod which has not ended.
func workingJobs(pods []corev1.Pod) map[types.UID]bool {
	working := map[types.UID]bool{}
	for i := range pods {
		owner := metav1.GetControllerOf(&pods[i])
		if owner != nil && !podEnded(&pods[i]) {
			working[owner.UID] = true
		}
	}
	return working
}

func podEnded(pod *corev1.Pod) bool {
	return pod.Status.Phase == corev1.PodSucceeded || pod.Status.Phase == corev1.PodFailed
}
