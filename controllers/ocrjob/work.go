package ocrjob

import (
	"cmp"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/openplp/khocr/api/v1alpha1"
	"github.com/openplp/khocr/internal/queue"
)

// Backoff after crashes and disruptions: it doubles from firstBackoff up to maxBackoff. Failures that heal by themselves (a gateway that
// restarts) heal within seconds, so it starts low.
const (
	firstBackoff = 2 * time.Second
	maxBackoff   = 5 * time.Minute
)

// lostAfter is how long after its time a pod that was told to go is waited for. The kubelet of a node that is lost never
// says that a pod has ended; the pod's tokens are void by then, so it cannot do anything for the job any more.
const lostAfter = 30 * time.Second

// defaultBackoffLimit is the number of failures that a job survives unless its spec says otherwise.
const defaultBackoffLimit = 3

// work brings a job that may run one step further.
func (d *decider) work() {
	if !queue.AtWork(&d.Status) {
		d.takeTurn()
		return
	}
	for i := range d.Status.Workers {
		worker := &d.Status.Workers[i]
		d.dropOldPods(worker)
		d.followPod(worker)
		if d.Status.Phase.Ended() {
			return
		}
	}
	d.cut()
	d.completeIfDone()
}

// takeTurn has the job begin if it is its turn, and says what it waits for if that is known.
func (d *decider) takeTurn() {
	switch {
	case d.Turn.Granted:
		d.admit()
	case d.Turn.Reason != "":
		d.waitInLine(d.Turn.Reason, d.Turn.Message)
	}
}

// admit puts the job to work: with a first attempt, or with those that it had when it was stopped.
func (d *decider) admit() {
	status := &d.Status
	status.Phase = v1alpha1.PhasePending
	status.Priority = d.Job.Spec.EffectivePriority()
	status.Model, status.Recognizer, status.Corrector = d.Models.Model, d.Models.Recognizer, d.Models.Corrector
	status.PagesPerPage = d.Models.PagesPerPage
	if len(status.Workers) == 0 {
		status.Workers = []v1alpha1.WorkerStatus{{Part: 0, Attempt: 1}}
		status.Partition = d.Partition
	}
	for i := range status.Workers {
		worker := &status.Workers[i]
		if isFurther(status, worker) {
			continue
		}
		worker.PodName = attemptOf(worker).PodName(d.Job.Name)
		if !status.PartDone(worker) {
			d.dropOldPods(worker) // a manager that was behind may have made one while the job was stopped
			d.startAttempt(worker)
		}
	}
	d.condition(v1alpha1.ConditionStarted, metav1.ConditionFalse, v1alpha1.ReasonAdmitted, "The worker pod has no node yet")
	message := fmt.Sprintf("Admitted with priority %s and model %s", status.Priority, status.Model)
	if status.Corrector != "" {
		message += ", which " + status.Corrector + " corrects"
	}
	d.event(corev1.EventTypeNormal, v1alpha1.ReasonAdmitted, message)
}

// followPod looks at the pod of the worker's current attempt. Of one whose pages are done there is nothing to follow.
func (d *decider) followPod(worker *v1alpha1.WorkerStatus) {
	if d.Status.PartDone(worker) {
		return
	}
	pod := d.podOf(worker)
	switch {
	case worker.PodName == "":
		d.beginPart(worker, pod)
	case d.hasGivenWay(worker, pod):
		worker.PodName = ""
	case worker.PodUID == "" && pod == nil:
		d.startAttempt(worker)
	case worker.PodUID == "":
		d.followNewPod(worker, pod)
	case pod == nil || pod.UID != worker.PodUID:
		d.disrupted(worker, "its pod is gone")
	case pod.State == PodDisrupted && pod.Preempted:
		d.retry(worker, retry{event: v1alpha1.ReasonWorkerLost, why: pod.Message})
	case pod.State == PodDisrupted:
		d.disrupted(worker, pod.Message)
	case pod.State.Alive() && pod.Deleting && d.isPast(pod.GoneBy.Add(lostAfter)):
		d.disrupted(worker, "its node does not answer")
	case pod.State == PodCrashed:
		d.crashed(worker, pod)
	case pod.State == PodBadDocument:
		d.end(v1alpha1.PhaseFailed, pod.Reason, pod.Message)
	case pod.State == PodSucceeded:
		d.crashed(worker, &Pod{Message: "it ended without having finished its pages"})
	}
}

// startAttempt has the pod of an attempt on record made, when its time has come.
func (d *decider) startAttempt(worker *v1alpha1.WorkerStatus) {
	if worker.RetryAt != nil && !d.isPast(worker.RetryAt.Time) {
		return
	}
	d.CreatePods = append(d.CreatePods, NewPod{attemptOf(worker), isFurther(&d.Status, worker)})
}

// followNewPod waits until a pod has a node, and then records which pod it is: from then on that pod, and no other, may
// read the document and report progress. Recording it earlier would cost a write more for each document.
func (d *decider) followNewPod(worker *v1alpha1.WorkerStatus, pod *Pod) {
	if pod.GivesWay && !pod.State.hasNode() && !isFurther(&d.Status, worker) {
		// Its job would wait behind all others for as long as there are any.
		d.nextAttempt(worker)
		d.dropOldPods(worker)
		d.startAttempt(worker)
		return
	}
	switch pod.State {
	case PodQueued:
	case PodUnschedulable:
		if d.Status.Phase != v1alpha1.PhaseRunning {
			d.waitInLine(v1alpha1.ReasonWaitingForCapacity, pod.Message)
		}
	default:
		worker.PodUID = pod.UID
		worker.RetryAt = nil
		if d.Status.StartTime == nil {
			now := metav1.NewTime(d.Now)
			d.Status.StartTime = &now
		}
		d.Status.Phase = v1alpha1.PhaseRunning
		d.condition(v1alpha1.ConditionStarted, metav1.ConditionTrue, v1alpha1.ReasonWorkerStarted, "The worker pod has a node")
		d.event(corev1.EventTypeNormal, v1alpha1.ReasonWorkerStarted, fmt.Sprintf("Worker pod %s starts on node %s", pod.Name, pod.Node))
	}
}

// disrupted starts over after an end that was not the worker's fault, at once if a page was finished since the last one, and
// later and later otherwise, so that a node that takes every pod away, or a store that is full, is not asked without end. It is
// no failure: whatever dies, and for however long, it is not the document that is to blame.
func (d *decider) disrupted(worker *v1alpha1.WorkerStatus, why string) {
	r := retry{event: v1alpha1.ReasonWorkerLost, why: why}
	if pagesDone(worker) > worker.DoneBefore {
		worker.Disruptions = 0
	} else {
		worker.Disruptions++
		r.after = backoff(worker.Disruptions)
	}
	d.retry(worker, r)
}

// crashed starts over, later, after an end that was the worker's fault, or that of the place where its document is.
func (d *decider) crashed(worker *v1alpha1.WorkerStatus, pod *Pod) {
	worker.Failures++
	d.retry(worker, retry{event: v1alpha1.ReasonWorkerCrashed, why: pod.Message, after: backoff(worker.Failures), last: pod.Reason})
}

// retry is a new attempt after one that ended.
type retry struct {
	// event is the reason of the event that tells why it ended.
	event, why string
	after      time.Duration
	// last is the reason for which the job fails if no attempt is left, where there is a better one than that.
	last string
}

func (d *decider) retry(worker *v1alpha1.WorkerStatus, r retry) {
	message := fmt.Sprintf("Attempt %d of part %d ended: %s", worker.Attempt, worker.Part, r.why)
	limit := int32(defaultBackoffLimit)
	if d.Job.Spec.BackoffLimit != nil {
		limit = *d.Job.Spec.BackoffLimit
	}
	if worker.Failures > limit {
		d.end(v1alpha1.PhaseFailed, cmp.Or(r.last, v1alpha1.ReasonBackoffLimit), message)
		return
	}
	d.event(corev1.EventTypeWarning, r.event, message)
	d.nextAttempt(worker)
	d.dropOldPods(worker) // one of the same name, made again by a manager that was behind
	if r.after > 0 {
		at := metav1.NewTime(d.Now.Add(r.after).Truncate(time.Second))
		worker.RetryAt = &at
	}
	d.startAttempt(worker)
}

// nextAttempt puts the worker's next attempt on record.
func (d *decider) nextAttempt(worker *v1alpha1.WorkerStatus) {
	worker.Attempt++
	worker.PodName = attemptOf(worker).PodName(d.Job.Name)
	worker.PodUID = ""
	worker.DoneBefore = pagesDone(worker)
}

// completeIfDone ends the job once every page has a result and the pages are reserved. It does not wait for the pod's
// end, which the kubelet may report a second later.
func (d *decider) completeIfDone() {
	if d.Status.Leading() != nil {
		return
	}
	if d.Tenant.Entry == nil {
		if reason, message := d.Tenant.problem(d.Job.Namespace); reason != "" {
			d.condition(v1alpha1.ConditionQuotaReserved, metav1.ConditionFalse, reason, message)
		}
		return
	}
	if !d.isDone() {
		return
	}
	pages := d.Status.LivePages()
	if pages.Failed == pages.Total {
		d.end(v1alpha1.PhaseFailed, v1alpha1.ReasonAllPagesFailed, fmt.Sprintf("No page could be processed, of %d", pages.Total))
		return
	}
	readable := pages.Done - pages.Failed
	message := fmt.Sprintf("Pages: %d in all, %d native, %d recognized, %d failed", pages.Total, pages.Native, pages.Recognized, pages.Failed)
	if d.Status.Recognizer != "" {
		message += fmt.Sprintf("; %d of the recognized by %s", pages.AI, d.Status.Model)
	}
	d.Status.Result = &v1alpha1.ResultReference{Pages: readable, Prefix: fmt.Sprintf("%s/jobs/%s/pages/", d.Job.Namespace, d.Job.UID)}
	d.Status.Progress = 100
	d.end(v1alpha1.PhaseCompleted, v1alpha1.ReasonCompleted, message)
}

// dropOldPods takes away what still runs of earlier attempts.
func (d *decider) dropOldPods(worker *v1alpha1.WorkerStatus) {
	for _, pod := range d.Pods {
		if pod.Attempt.Part == worker.Part && pod.Attempt.Number < worker.Attempt && pod.runs() {
			d.deletePod(pod)
		}
	}
}

func (d *decider) podOf(worker *v1alpha1.WorkerStatus) *Pod {
	for i := range d.Pods {
		if d.Pods[i].Attempt == attemptOf(worker) {
			return &d.Pods[i]
		}
	}
	return nil
}

// isDone tells whether every page of the document has a result.
func (d *decider) isDone() bool {
	status := &d.Status
	return status.Leading() == nil && len(status.Workers) > 0 && len(status.Workers) >= int(status.Partition.Parts(status.LivePages().Total))
}

func pagesDone(worker *v1alpha1.WorkerStatus) int32 {
	if worker.Progress == nil {
		return 0
	}
	return worker.Progress.Done
}

// backoff before the attempt that follows so many failures, or disruptions in a row.
func backoff(failures int32) time.Duration {
	if failures > 10 {
		return maxBackoff
	}
	return min(maxBackoff, firstBackoff<<max(0, failures-1))
}
