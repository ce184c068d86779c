package ocrjob

import (
	"fmt"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/openplp/khocr/api/v1alpha1"
)

// mayBegin tells whether a job that is not at work waits for nothing but its turn, and otherwise the reason why not.
func mayBegin(s Snapshot) (reason string, ok bool) {
	d := &decider{Snapshot: s}
	if _, reason, _ := d.verdict(); reason != "" {
		return reason, false
	}
	reason, _ = d.obstacle()
	return reason, reason == ""
}

// endedFromOutside ends the job for reasons that lie outside of its workers.
func (d *decider) endedFromOutside() bool {
	phase, reason, message := d.verdict()
	if reason == "" {
		return false
	}
	d.end(phase, reason, message)
	return true
}

// verdict says how and why a job ends that no worker has ended; the reason is empty where it goes on.
func (d *decider) verdict() (phase v1alpha1.JobPhase, reason, message string) {
	spec, entry, limits := &d.Job.Spec, d.Tenant.Entry, d.Tenant.Limits
	switch {
	case d.Job.DeletionTimestamp != nil:
		return v1alpha1.PhaseCancelled, v1alpha1.ReasonCancelled, "The job was deleted before it ended"
	case spec.Cancel != nil && *spec.Cancel:
		return v1alpha1.PhaseCancelled, v1alpha1.ReasonCancelled, "The job was cancelled"
	case entry != nil && entry.State == v1alpha1.LedgerRefused:
		return v1alpha1.PhaseFailed, v1alpha1.ReasonPageQuotaExceeded,
			fmt.Sprintf("The document needs more pages than are left of the month %s: %d", entry.Month, entry.Pages)
	case spec.DeadlineSeconds != nil && d.isPast(d.Job.Accepted().Add(time.Duration(*spec.DeadlineSeconds)*time.Second)):
		return v1alpha1.PhaseFailed, v1alpha1.ReasonDeadlineExceeded,
			fmt.Sprintf("The job did not end within its deadline of %d s", *spec.DeadlineSeconds)
	case limits != nil && len(d.Job.Status.Workers) == 0 && !slices.Contains(limits.Priorities, spec.EffectivePriority()):
		return v1alpha1.PhaseFailed, v1alpha1.ReasonPriorityNotAllowed,
			fmt.Sprintf("The organization's Plan %s does not allow the priority %s, but %v", d.Tenant.Plan, spec.EffectivePriority(), limits.Priorities)
	case d.Models.Forbidden:
		return v1alpha1.PhaseFailed, d.Models.Reason, d.Models.Problem
	}
	return "", "", ""
}

// heldBack keeps a job from work that must not or cannot be worked on, and says why.
func (d *decider) heldBack() bool {
	reason, message := d.obstacle()
	if reason == "" {
		return false
	}
	d.stopWorkers()
	d.wait(reason, message)
	return true
}

// obstacle says why a job is held back; the reason is empty where it is not. A job that runs already is stopped only where
// that was asked for: what it has begun is paid for. Of one whose pages are done there is nothing left to stop.
func (d *decider) obstacle() (reason, message string) {
	reason, message = d.Tenant.problem(d.Job.Namespace)
	switch {
	case d.isDone():
		return "", ""
	case d.Job.Spec.Suspend != nil && *d.Job.Spec.Suspend:
		return v1alpha1.ReasonSuspended, "The job is suspended by its spec"
	case d.Job.Status.Phase == v1alpha1.PhaseRunning:
		return "", ""
	case reason != "":
		return reason, message
	case d.Tenant.Leaving:
		return v1alpha1.ReasonNoOrganization, "The organization is being deleted"
	case d.Tenant.Suspended:
		return v1alpha1.ReasonOrganizationSuspended, "The organization is suspended"
	}
	return d.Models.Reason, d.Models.Problem
}

// wait keeps the job pending for a reason.
func (d *decider) wait(reason, message string) {
	d.Status.Phase = v1alpha1.PhasePending
	d.Status.Priority = d.Job.Spec.EffectivePriority()
	d.condition(v1alpha1.ConditionStarted, metav1.ConditionFalse, reason, message)
}

// waitInLine keeps the job pending for a reason whose message changes from one moment to the next: that is worth no write.
func (d *decider) waitInLine(reason, message string) {
	started := meta.FindStatusCondition(d.Status.Conditions, v1alpha1.ConditionStarted)
	if d.Status.Phase == v1alpha1.PhasePending && started != nil && started.Reason == reason {
		return
	}
	d.wait(reason, message)
}

// stopWorkers takes the pods of a job away that is held back, and has it give its slot up. Its workers go on with a new
// attempt, which counts as no failure, when it has its turn again.
func (d *decider) stopWorkers() {
	for _, pod := range d.Pods {
		if pod.runs() {
			d.DeletePods = append(d.DeletePods, pod)
		}
	}
	for i := range d.Status.Workers {
		worker := &d.Status.Workers[i]
		if worker.PodName != "" && !d.Status.PartDone(worker) {
			d.nextAttempt(worker)
		}
		worker.PodName = ""
	}
}

// problem says why nothing can be charged to the organization; the reason is empty where it can.
func (t *Tenant) problem(namespace string) (reason, message string) {
	switch {
	case !t.Known:
		return v1alpha1.ReasonNoOrganization, "The namespace " + namespace + " belongs to no organization"
	case t.Limits == nil:
		return v1alpha1.ReasonPlanNotFound, "The organization's Plan " + t.Plan + " does not exist"
	}
	return "", ""
}
