package ocrjob

import (
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"

	"github.com/openplp/khocr/api/v1alpha1"
)

// lingering is the time that a worker whose pages are all stored has to end by itself.
const lingering = 30 * time.Second

// afterEnd clears up behind a job that has ended: its pods, and its finalizer once the ledger is settled. The job itself is
// deleted at its time by the gateway, which keeps its record. The status of an ended job is not written any more, but for
// the last pages of a cancelled one.
func (d *decider) afterEnd() {
	d.clearPods()
	settled := !d.Tenant.Known || d.Tenant.Entry != nil && d.Tenant.Entry.State == v1alpha1.LedgerSettled
	if controllerutil.ContainsFinalizer(d.Job, v1alpha1.FinalizerLedger) {
		d.RemoveFinalizer = settled && !d.recordLastPages()
	}
}

// recordLastPages records, once the ledger is settled, the pages that workers reported after their job was cancelled:
// what is charged can be read. It tells whether there is anything to record.
func (d *decider) recordLastPages() bool {
	entry, live := d.Tenant.Entry, d.Job.Status.LivePages()
	if d.Job.Status.Phase != v1alpha1.PhaseCancelled || entry == nil || entry.Pages == 0 {
		return false
	}
	reserved := meta.IsStatusConditionTrue(d.Status.Conditions, v1alpha1.ConditionQuotaReserved)
	if reserved && d.Status.Pages != nil && *d.Status.Pages == live {
		return false
	}
	d.record(live)
	d.condition(v1alpha1.ConditionQuotaReserved, metav1.ConditionTrue, v1alpha1.ReasonPagesReserved, reservedMessage(entry))
	return true
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
