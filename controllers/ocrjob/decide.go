// Package ocrjob reconciles OcrJobs: it makes a worker pod for each, decides from the pod's end what comes next, and sums
// up what the workers report.
//
// What to do is decided by Decide, a pure function of plain values; the Reconciler gathers those values and carries the
// decision out. Neither ever opens a document or reads a page.
package ocrjob

import (
	"fmt"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"

	"github.com/openplp/khocr/api/v1alpha1"
	"github.com/openplp/khocr/internal/queue"
)

// Snapshot is everything that a decision about a job depends on. It is never changed.
type Snapshot struct {
	Now    time.Time
	Job    *v1alpha1.OcrJob
	Tenant Tenant
	Models Models
	Turn   Turn
	// PartTurns are the further parts of the job that may begin.
	PartTurns []int32
	Pods      []Pod
	// Partition is how documents are shared out among workers by now; nil for one worker each.
	Partition *v1alpha1.Partition
}

// Tenant is the organization that the job's namespace belongs to.
type Tenant struct {
	// Known is false in a namespace that no organization owns.
	Known bool
	// Organization itself says which AI models its jobs may use. It is never changed.
	Organization *v1alpha1.Organization
	// Leaving organizations are being deleted.
	Leaving   bool
	Suspended bool
	// Plan is the name of the organization's plan; Limits are nil where it does not exist.
	Plan   string
	Limits *v1alpha1.PlanLimits
	// Entry of the job in the organization's ledger, or nil.
	Entry *v1alpha1.LedgerEntry
}

// Turn is what the queue says of a job that is not at work.
type Turn struct {
	// Granted lets the job begin.
	Granted bool
	// Reason and Message say what it waits for; both are empty before the queue has looked at the job.
	Reason, Message string
}

// Decision is what to do about a job. Its parts are carried out in the order of the fields, and nothing of it once a
// step has failed: an attempt is on record before its pod exists, and events tell only what has come true.
type Decision struct {
	// AddFinalizer stands alone: the next decision is made on the job that has it.
	AddFinalizer bool
	// Status that the job shall have. What workers own in it is as it was in the snapshot.
	Status v1alpha1.OcrJobStatus
	Events []Event
	// DeletePods are pods that shall not exist. They are told to go before others come, and nobody waits for that: an old pod of a
	// part may run beside the new one while it ends, and on a node that does not answer for longer. What holds is that a part has at
	// most one pod on record. Status takes the old one off first, and from when they see that, the internal port serves it no more
	// and the API server takes no progress from it. A page that both have read is stored once, whoever comes first.
	DeletePods []Pod
	// CreatePods shall exist.
	CreatePods []NewPod
	// RemoveFinalizer lets the job go, as far as the ledger is concerned.
	RemoveFinalizer bool
	// RequeueAfter is the time after which time alone could change the decision; 0 for never.
	RequeueAfter time.Duration
}

// forgoesTurn tells that the job cannot use the turn that it has.
func (d *Decision) forgoesTurn(s Snapshot) bool {
	return s.Turn.Granted && !d.AddFinalizer && !queue.AtWork(&d.Status)
}

// Attempt names a worker pod.
type Attempt struct {
	Part, Number int32
}

// NewPod is an attempt whose pod shall exist.
type NewPod struct {
	Attempt
	// GivesWay tells that the part is a further one: its pod makes room for those of jobs.
	GivesWay bool
}

// attemptOf is the current attempt of a worker.
func attemptOf(worker *v1alpha1.WorkerStatus) Attempt {
	return Attempt{Part: worker.Part, Number: worker.Attempt}
}

// PodName of the attempt. It is the same for every manager that ever decides on the attempt, so no two pods of it exist at the
// same time.
func (a Attempt) PodName(job string) string {
	return fmt.Sprintf("%s-%d-%d", job, a.Part, a.Number)
}

// Event is told to people with `kubectl describe`.
type Event struct {
	// Type is Normal or Warning.
	Type    string
	Reason  string
	Message string
}

// Decide says what to do about the job of the snapshot.
func Decide(s Snapshot) Decision {
	d := &decider{Snapshot: s}
	d.Status = *s.Job.Status.DeepCopy()
	switch {
	case s.Job.Status.Phase.Ended():
		d.afterEnd()
	case d.endedFromOutside():
	case !controllerutil.ContainsFinalizer(s.Job, v1alpha1.FinalizerLedger):
		d.AddFinalizer = true
	case d.heldBack():
	default:
		d.work()
		d.sumUp()
	}
	d.tellTools()
	return d.Decision
}

// decider carries a decision while it is being made.
type decider struct {
	Snapshot
	Decision
}

// end gives the job a final phase, with the pages that were done.
func (d *decider) end(phase v1alpha1.JobPhase, reason, message string) {
	now := metav1.NewTime(d.Now)
	status := &d.Status
	status.Phase = phase
	status.CompletionTime = &now
	status.Elapsed = d.Now.Sub(d.Job.Accepted().Time).Round(100 * time.Millisecond).String()
	d.CreatePods = nil // of parts that were looked at before the one that ends the job
	d.sumUp()
	if entry := d.Tenant.Entry; entry != nil {
		if entry.State == v1alpha1.LedgerRefused {
			d.condition(v1alpha1.ConditionQuotaReserved, metav1.ConditionFalse, v1alpha1.ReasonPageQuotaExceeded, message)
		} else {
			d.condition(v1alpha1.ConditionQuotaReserved, metav1.ConditionTrue, v1alpha1.ReasonPagesReserved, reservedMessage(entry))
		}
	}
	switch phase {
	case v1alpha1.PhaseCompleted:
		d.condition(v1alpha1.ConditionComplete, metav1.ConditionTrue, reason, message)
		d.event(corev1.EventTypeNormal, reason, message)
	case v1alpha1.PhaseFailed:
		d.condition(v1alpha1.ConditionComplete, metav1.ConditionFalse, reason, message)
		d.condition(v1alpha1.ConditionFailed, metav1.ConditionTrue, reason, message)
		d.condition(v1alpha1.ConditionStalled, metav1.ConditionTrue, reason, message)
		d.event(corev1.EventTypeWarning, reason, message)
	case v1alpha1.PhaseCancelled:
		d.condition(v1alpha1.ConditionComplete, metav1.ConditionFalse, reason, message)
		d.event(corev1.EventTypeNormal, reason, message)
	}
	switch {
	case meta.IsStatusConditionTrue(status.Conditions, v1alpha1.ConditionStarted):
	case status.StartTime != nil:
		d.condition(v1alpha1.ConditionStarted, metav1.ConditionTrue, v1alpha1.ReasonWorkerStarted, "A worker had started before the job was stopped")
	default:
		d.condition(v1alpha1.ConditionStarted, metav1.ConditionFalse, reason, "The job ended before a worker started")
	}
	for _, pod := range d.Pods {
		if pod.runs() && phase != v1alpha1.PhaseCompleted {
			d.deletePod(pod)
		}
	}
}

// deletePod has a pod go, once however many reasons there are.
func (d *decider) deletePod(pod Pod) {
	if !slices.ContainsFunc(d.DeletePods, func(p Pod) bool { return p.UID == pod.UID && p.Name == pod.Name }) {
		d.DeletePods = append(d.DeletePods, pod)
	}
}

// tellTools keeps what Git tools read in line with the rest: the generation that the status was computed from, and whether
// more is about to happen. It writes nothing about a job that nothing is written about yet.
func (d *decider) tellTools() {
	status := &d.Status
	if status.Phase == "" {
		return
	}
	// The deletion of a job that has ended is a generation of its own, and nobody asks any more.
	if d.Job.DeletionTimestamp == nil || !d.Job.Status.Phase.Ended() {
		status.ObservedGeneration = d.Job.Generation
	}
	if status.Phase.Ended() {
		meta.RemoveStatusCondition(&status.Conditions, v1alpha1.ConditionReconciling)
		return
	}
	if started := meta.FindStatusCondition(status.Conditions, v1alpha1.ConditionStarted); started != nil {
		d.condition(v1alpha1.ConditionReconciling, metav1.ConditionTrue, started.Reason, started.Message)
	}
}

// sumUp records what the workers have reported. A page count alone is not worth a write: it is recorded with the first
// pages that are done. Nor are the last pages: they are recorded with the job's end, which waits for the ledger only.
func (d *decider) sumUp() {
	live := d.Job.Status.LivePages()
	known := v1alpha1.PageCounts{}
	if d.Status.Pages != nil {
		known = *d.Status.Pages
	}
	changesAnyway := d.Status.Phase != d.Job.Status.Phase
	goesOn := live.Done > known.Done && live.Done < live.Total
	if live.Total == 0 || live == known || !goesOn && !changesAnyway {
		return
	}
	d.record(live)
}

// record puts pages into the status. Progress never goes back.
func (d *decider) record(pages v1alpha1.PageCounts) {
	d.Status.Pages = &pages
	d.Status.Progress = max(d.Status.Progress, int32(pages.Percent()))
}

func (d *decider) condition(kind string, value metav1.ConditionStatus, reason, message string) {
	meta.SetStatusCondition(&d.Status.Conditions, metav1.Condition{
		Type:               kind,
		Status:             value,
		Reason:             reason,
		Message:            message,
		ObservedGeneration: d.Job.Generation,
		LastTransitionTime: metav1.NewTime(d.Now),
	})
}

func reservedMessage(entry *v1alpha1.LedgerEntry) string {
	return fmt.Sprintf("Pages reserved in the month %s: %d", entry.Month, entry.Pages)
}

func (d *decider) event(kind, reason, message string) {
	d.Events = append(d.Events, Event{Type: kind, Reason: reason, Message: message})
}

// isPast tells whether the moment has come; otherwise the job is looked at again when it has.
func (d *decider) isPast(moment time.Time) bool {
	left := moment.Sub(d.Now)
	if left <= 0 {
		return true
	}
	if d.RequeueAfter == 0 || left < d.RequeueAfter {
		d.RequeueAfter = left
	}
	return false
}
