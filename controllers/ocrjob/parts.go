package ocrjob

import (
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"

	"github.com/openplp/khocr/api/v1alpha1"
)

// A document of several parts is cut once its pages are reserved. From then on its first part that is not done, the leading
// one, works as the only worker of a job does: in the job's slot, with its priority, and without asking. The parts after it
// are further ones. They use room that nobody else wants: each waits for a turn of its own behind the jobs, and its pod has a
// class just below theirs, so that the scheduler has it make room. So a large document always goes on, and a crowd of small
// ones does not wait for it.

// cut puts the further parts on record, which then wait for their turns.
func (d *decider) cut() {
	status, entry := &d.Status, d.Tenant.Entry
	pages := status.LivePages()
	parts := status.Partition.Parts(pages.Total)
	if parts == 1 || len(status.Workers) != 1 || entry == nil || entry.State != v1alpha1.LedgerReserved || entry.Pages < int64(pages.Total) {
		return
	}
	for part := int32(1); part < parts; part++ {
		status.Workers = append(status.Workers, v1alpha1.WorkerStatus{Part: part, Attempt: 1})
	}
	d.record(pages)
	d.event(corev1.EventTypeNormal, v1alpha1.ReasonDocumentCut, fmt.Sprintf("Cut the document of %d pages into %d parts", pages.Total, parts))
}

// isFurther tells whether a worker's part comes after the leading one. One that is done is none.
func isFurther(status *v1alpha1.OcrJobStatus, worker *v1alpha1.WorkerStatus) bool {
	leading := status.Leading()
	return leading != nil && worker.Part > leading.Part && !status.PartDone(worker)
}

// beginPart has a part begin that has no pod: the leading one at once, a further one in its turn. A pod that the part had
// before ends first, so that both do not read the same page.
func (d *decider) beginPart(worker *v1alpha1.WorkerStatus, before *Pod) {
	switch {
	case isFurther(&d.Status, worker) && !slices.Contains(d.PartTurns, worker.Part):
	case before != nil && before.State.Alive() && !before.Deleting:
		d.deletePod(*before) // the scheduler marks a pod before it deletes it, and may stop in between
	case before != nil && before.State.Alive() && !d.isPast(before.GoneBy.Add(lostAfter)):
	case before != nil || worker.PodUID != "":
		d.nextAttempt(worker)
		d.startAttempt(worker)
	default:
		worker.PodName = attemptOf(worker).PodName(d.Job.Name)
		d.startAttempt(worker)
	}
}

// hasGivenWay tells that the scheduler takes the pod of a further part away for somebody's who comes first. That is what such
// a pod is for, so it counts as no failure. The pod's UID stays on record until the next attempt: it may store and report
// what it has in hand.
func (d *decider) hasGivenWay(worker *v1alpha1.WorkerStatus, pod *Pod) bool {
	return pod != nil && pod.Preempted && isFurther(&d.Status, worker)
}
