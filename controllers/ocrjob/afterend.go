package ocrjob

import (
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/openplp/khocr/api/v1alpha1"
)

// lingering is the time that a worker whose pages are all stored has to end by itself.
const lingering = 30 * time.Second

// afterEnd clears up behind a job that has ended: its pods, its finalizer once the ledger is settled, and at its time the
// job itself. The status of an ended job is not written any more.
func (d *decider) afterEnd() {
	d.clearPods()
	settled := !d.Tenant.Known || d.Tenant.Entry != nil && d.Tenant.Entry.State == v1alpha1.LedgerSettled
	if hasFinalizer(d.Job) {
		// The finalizer goes first, and the job at its time in a later decision: its deletion must find nothing left to do.
		d.RemoveFinalizer = settled
		return
	}
	if d.Job.DeletionTimestamp != nil || d.Job.Spec.TTLSecondsAfterFinished == nil || d.Status.CompletionTime == nil {
		return
	}
	ttl := time.Duration(*d.Job.Spec.TTLSecondsAfterFinished) * time.Second
	if d.isPast(d.Status.CompletionTime.Add(ttl)) {
		d.event(corev1.EventTypeNormal, v1alpha1.ReasonExpired, "The job is deleted at the end of its time to live")
		d.DeleteJob = true
	}
}

// clearPods keeps only the failed pods of a failed job, for their logs.
func (d *decider) clearPods() {
	completed := d.Job.Status.Phase == v1alpha1.PhaseCompleted
	failed := d.Job.Status.Phase == v1alpha1.PhaseFailed
	for _, pod := range d.Pods {
		switch {
		case pod.Deleting:
		case completed && pod.State.Alive() && d.Status.CompletionTime != nil && !d.isPast(d.Status.CompletionTime.Add(lingering)):
		case failed && !pod.State.Alive() && pod.State != PodSucceeded:
		default:
			d.DeletePods = append(d.DeletePods, pod)
		}
	}
}
