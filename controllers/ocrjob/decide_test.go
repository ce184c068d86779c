package ocrjob

import (
	"testing"
	"time"

	kstatus "github.com/fluxcd/cli-utils/pkg/kstatus/status"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"

	"github.com/openplp/khocr/api/v1alpha1"
)

var start = time.Date(2026, 3, 1, 8, 0, 0, 0, time.UTC)

// snapshotBuilder builds the snapshot of a job in a healthy organization with a ready model, whose turn it is.
type snapshotBuilder struct{ Snapshot }

func makeSnapshot() *snapshotBuilder {
	return &snapshotBuilder{Snapshot{
		Now: start.Add(10 * time.Second),
		Job: &v1alpha1.OcrJob{ObjectMeta: metav1.ObjectMeta{
			Namespace: "khocr-moj", Name: "a1b2c3d4e5f6", UID: "uid-job", Generation: 1,
			CreationTimestamp: metav1.NewTime(start), Finalizers: []string{v1alpha1.FinalizerLedger},
		}},
		Tenant: Tenant{Known: true, Plan: "free", Limits: &v1alpha1.PlanLimits{
			Priorities: []v1alpha1.Priority{v1alpha1.PriorityNormal, v1alpha1.PriorityLow}, MaxConcurrentJobs: 2}},
		Models: Models{Model: "khmer"},
		Turn:   Turn{Granted: true},
	}}
}

// tenant changes the job's organization.
func (b *snapshotBuilder) tenant(change func(*Tenant)) *snapshotBuilder {
	change(&b.Tenant)
	return b
}

// forbidden is a job whose models its organization may not use.
func forbidden(b *snapshotBuilder) *snapshotBuilder {
	b.Models = Models{Model: "vision", Recognizer: "khmer", Reason: v1alpha1.ReasonModelNotAllowed, Problem: "It is not for the plan", Forbidden: true}
	return b
}

// waiting is a job that the queue has wait.
func (b *snapshotBuilder) waiting(reason string) *snapshotBuilder {
	b.Turn = Turn{Reason: reason, Message: "Something else goes first"}
	return b
}

// says is a job on whose record a reason to wait stands.
func (b *snapshotBuilder) says(reason string) *snapshotBuilder {
	b.Job.Status.Phase = v1alpha1.PhasePending
	b.Job.Status.ObservedGeneration = b.Job.Generation
	for kind, status := range map[string]metav1.ConditionStatus{
		v1alpha1.ConditionStarted: metav1.ConditionFalse, v1alpha1.ConditionReconciling: metav1.ConditionTrue} {
		meta.SetStatusCondition(&b.Job.Status.Conditions, metav1.Condition{
			Type: kind, Status: status, Reason: reason, Message: "Somebody else went first",
			ObservedGeneration: b.Job.Generation, LastTransitionTime: metav1.NewTime(start),
		})
	}
	return b
}

// stopped is a job whose workers have no pod, as after a suspension.
func (b *snapshotBuilder) stopped() *snapshotBuilder {
	b.Job.Status.Phase = v1alpha1.PhasePending
	return b.worker(func(w *v1alpha1.WorkerStatus) { w.PodName, w.PodUID = "", "" })
}

// admitted is a job whose worker's pod has no node yet.
func (b *snapshotBuilder) admitted() *snapshotBuilder {
	b.running(1).worker(func(w *v1alpha1.WorkerStatus) { w.PodUID = "" })
	b.Job.Status.StartTime = nil
	return b.says(v1alpha1.ReasonAdmitted)
}

func (b *snapshotBuilder) spec(change func(*v1alpha1.OcrJobSpec)) *snapshotBuilder {
	change(&b.Job.Spec)
	return b
}

// running is a job whose worker's current attempt has a recorded pod.
func (b *snapshotBuilder) running(attempt int32) *snapshotBuilder {
	b.Job.Status.Phase = v1alpha1.PhaseRunning
	b.Job.Status.Priority, b.Job.Status.Model = v1alpha1.PriorityNormal, "khmer"
	b.Job.Status.StartTime = new(metav1.NewTime(start.Add(time.Second)))
	name := Attempt{Number: attempt}.PodName(b.Job.Name)
	b.Job.Status.Workers = []v1alpha1.WorkerStatus{{Attempt: attempt, PodName: name, PodUID: types.UID("uid-" + name)}}
	b.Job.Status.ObservedGeneration = b.Job.Generation
	for _, kind := range []string{v1alpha1.ConditionStarted, v1alpha1.ConditionReconciling} {
		meta.SetStatusCondition(&b.Job.Status.Conditions, metav1.Condition{
			Type: kind, Status: metav1.ConditionTrue, Reason: v1alpha1.ReasonWorkerStarted,
			ObservedGeneration: b.Job.Generation, LastTransitionTime: metav1.NewTime(start),
		})
	}
	return b
}

func (b *snapshotBuilder) worker(change func(*v1alpha1.WorkerStatus)) *snapshotBuilder {
	change(&b.Job.Status.Workers[0])
	return b
}

func (b *snapshotBuilder) progress(total, done, failed int32) *snapshotBuilder {
	return b.worker(func(w *v1alpha1.WorkerStatus) {
		w.Progress = &v1alpha1.PageCounts{Total: total, Done: done, Recognized: done - failed, Failed: failed}
	})
}

func (b *snapshotBuilder) ended(phase v1alpha1.JobPhase) *snapshotBuilder {
	b.Job.Status.Phase = phase
	b.Job.Status.ObservedGeneration = b.Job.Generation
	meta.RemoveStatusCondition(&b.Job.Status.Conditions, v1alpha1.ConditionReconciling)
	b.Job.Status.CompletionTime = new(metav1.NewTime(start.Add(5 * time.Second)))
	return b
}

func (b *snapshotBuilder) pod(attempt int32, state PodState) *snapshotBuilder {
	name := Attempt{Number: attempt}.PodName(b.Job.Name)
	b.Pods = append(b.Pods, Pod{Name: name, UID: types.UID("uid-" + name), Node: "node", Attempt: Attempt{Number: attempt}, State: state, Message: "it ended"})
	return b
}

func (b *snapshotBuilder) ledger(state v1alpha1.LedgerState, pages int64) *snapshotBuilder {
	b.Tenant.Entry = &v1alpha1.LedgerEntry{UID: b.Job.UID, Job: b.Job.Name, Month: "2026-03", Pages: pages, State: state}
	return b
}

// outcome is what the tables below expect of a decision.
type outcome struct {
	Phase           v1alpha1.JobPhase
	Writes          bool
	Started         string // reason of the condition
	Failed          string // reason of the condition
	Unreserved      string // reason of the condition QuotaReserved while it is false
	Attempt         int32
	Failures        int32
	PodUID          types.UID
	Stopped         bool // the worker has given its slot up
	Progress        int32
	Create          []Attempt
	Delete          []string
	AddFinalizer    bool
	RemoveFinalizer bool
	RequeueAfter    time.Duration
}

func outcomeOf(s Snapshot, d Decision) outcome {
	o := outcome{
		Phase: d.Status.Phase, Writes: !cmp.Equal(s.Job.Status, d.Status), Progress: d.Status.Progress,
		AddFinalizer: d.AddFinalizer, RemoveFinalizer: d.RemoveFinalizer,
		RequeueAfter: d.RequeueAfter,
	}
	if c := meta.FindStatusCondition(d.Status.Conditions, v1alpha1.ConditionStarted); c != nil {
		o.Started = c.Reason
	}
	if meta.IsStatusConditionTrue(d.Status.Conditions, v1alpha1.ConditionFailed) {
		o.Failed = meta.FindStatusCondition(d.Status.Conditions, v1alpha1.ConditionFailed).Reason
	}
	if c := meta.FindStatusCondition(d.Status.Conditions, v1alpha1.ConditionQuotaReserved); c != nil && c.Status == metav1.ConditionFalse {
		o.Unreserved = c.Reason
	}
	if len(d.Status.Workers) > 0 {
		o.Stopped = d.Status.Workers[0].PodName == ""
		o.Attempt, o.Failures, o.PodUID = d.Status.Workers[0].Attempt, d.Status.Workers[0].Failures, d.Status.Workers[0].PodUID
	}
	for _, pod := range d.CreatePods {
		o.Create = append(o.Create, pod.Attempt)
	}
	for _, pod := range d.DeletePods {
		o.Delete = append(o.Delete, pod.Name)
	}
	return o
}

func TestDecide(t *testing.T) {
	const pod1, pod2 = "a1b2c3d4e5f6-0-1", "a1b2c3d4e5f6-0-2"
	tests := map[string]struct {
		given *snapshotBuilder
		want  outcome
	}{
		"a new job without the finalizer gets it before anything else": {
			given: func() *snapshotBuilder { b := makeSnapshot(); b.Job.Finalizers = nil; return b }(),
			want:  outcome{AddFinalizer: true},
		},
		"a new job that the queue has not looked at is left as it is": {
			given: makeSnapshot().waiting(""),
			want:  outcome{},
		},
		"a new job whose turn it is not says what it waits for": {
			given: makeSnapshot().waiting(v1alpha1.ReasonWaitingForSlot),
			want:  outcome{Phase: v1alpha1.PhasePending, Writes: true, Started: v1alpha1.ReasonWaitingForSlot},
		},
		"a waiting job costs no write as long as its reason stands": {
			given: makeSnapshot().says(v1alpha1.ReasonWaitingForSlot).waiting(v1alpha1.ReasonWaitingForSlot),
			want:  outcome{Phase: v1alpha1.PhasePending, Started: v1alpha1.ReasonWaitingForSlot},
		},
		"a waiting job says so when it waits for something else": {
			given: makeSnapshot().says(v1alpha1.ReasonWaitingForSlot).waiting(v1alpha1.ReasonWaitingForCapacity),
			want:  outcome{Phase: v1alpha1.PhasePending, Writes: true, Started: v1alpha1.ReasonWaitingForCapacity},
		},
		"a waiting job whose turn has come is admitted": {
			given: makeSnapshot().says(v1alpha1.ReasonWaitingForCapacity),
			want: outcome{Phase: v1alpha1.PhasePending, Writes: true, Started: v1alpha1.ReasonAdmitted, Attempt: 1,
				Create: []Attempt{{Number: 1}}},
		},
		"a spec that was changed meanwhile is acknowledged": {
			given: func() *snapshotBuilder {
				b := makeSnapshot().says(v1alpha1.ReasonWaitingForSlot).waiting(v1alpha1.ReasonWaitingForSlot)
				b.Job.Generation = 2
				return b
			}(),
			want: outcome{Phase: v1alpha1.PhasePending, Writes: true, Started: v1alpha1.ReasonWaitingForSlot},
		},
		"a job of a priority that the plan does not allow fails before it has a worker": {
			given: makeSnapshot().spec(func(s *v1alpha1.OcrJobSpec) { s.Priority = v1alpha1.PriorityHigh }),
			want: outcome{Phase: v1alpha1.PhaseFailed, Writes: true, Started: v1alpha1.ReasonPriorityNotAllowed,
				Failed: v1alpha1.ReasonPriorityNotAllowed},
		},
		"a job that had a worker keeps a priority that the plan no longer allows": {
			given: makeSnapshot().running(1).pod(1, PodActive).spec(func(s *v1alpha1.OcrJobSpec) { s.Priority = v1alpha1.PriorityHigh }),
			want:  outcome{Phase: v1alpha1.PhaseRunning, Started: v1alpha1.ReasonWorkerStarted, Attempt: 1, PodUID: "uid-" + pod1},
		},
		"a job without a plan waits": {
			given: makeSnapshot().tenant(func(t *Tenant) { t.Limits = nil }),
			want:  outcome{Phase: v1alpha1.PhasePending, Writes: true, Started: v1alpha1.ReasonPlanNotFound},
		},
		"a running job goes on without a plan": {
			given: makeSnapshot().running(1).pod(1, PodActive).tenant(func(t *Tenant) { t.Limits = nil }),
			want:  outcome{Phase: v1alpha1.PhaseRunning, Started: v1alpha1.ReasonWorkerStarted, Attempt: 1, PodUID: "uid-" + pod1},
		},
		"a job whose pages are done and cannot be reserved for want of a plan says so": {
			given: makeSnapshot().running(1).progress(2, 2, 0).pod(1, PodSucceeded).tenant(func(t *Tenant) { t.Limits = nil }),
			want: outcome{Phase: v1alpha1.PhaseRunning, Writes: true, Started: v1alpha1.ReasonWorkerStarted, Attempt: 1, PodUID: "uid-" + pod1,
				Unreserved: v1alpha1.ReasonPlanNotFound},
		},
		"and completes when the plan is back": {
			given: func() *snapshotBuilder {
				b := makeSnapshot().running(1).progress(2, 2, 0).pod(1, PodSucceeded).ledger(v1alpha1.LedgerReserved, 2)
				meta.SetStatusCondition(&b.Job.Status.Conditions, metav1.Condition{Type: v1alpha1.ConditionQuotaReserved,
					Status: metav1.ConditionFalse, Reason: v1alpha1.ReasonPlanNotFound})
				return b
			}(),
			want: outcome{Phase: v1alpha1.PhaseCompleted, Writes: true, Started: v1alpha1.ReasonWorkerStarted, Attempt: 1,
				PodUID: "uid-" + pod1, Progress: 100},
		},
		"a job of an organization that is being deleted gets no worker": {
			given: makeSnapshot().tenant(func(t *Tenant) { t.Leaving = true }),
			want:  outcome{Phase: v1alpha1.PhasePending, Writes: true, Started: v1alpha1.ReasonNoOrganization},
		},
		"a job whose pod has no node yet gives its slot up when its organization is suspended": {
			given: makeSnapshot().admitted().pod(1, PodQueued).tenant(func(t *Tenant) { t.Suspended = true }),
			want: outcome{Phase: v1alpha1.PhasePending, Writes: true, Started: v1alpha1.ReasonOrganizationSuspended, Attempt: 2, Stopped: true,
				Delete: []string{pod1}},
		},
		"a job that was stopped waits for its turn again": {
			given: makeSnapshot().running(2).progress(10, 4, 0).stopped().waiting(v1alpha1.ReasonWaitingForSlot),
			want: outcome{Phase: v1alpha1.PhasePending, Writes: true, Started: v1alpha1.ReasonWaitingForSlot, Attempt: 2, Stopped: true,
				Progress: 40},
		},
		"and goes on with the attempt on record when it has it": {
			given: makeSnapshot().running(2).progress(10, 4, 0).stopped(),
			want: outcome{Phase: v1alpha1.PhasePending, Writes: true, Started: v1alpha1.ReasonAdmitted, Attempt: 2, Progress: 40,
				Create: []Attempt{{Number: 2}}},
		},
		"a job that goes on has no pod of an earlier attempt beside its new one": {
			given: makeSnapshot().running(2).progress(10, 4, 0).stopped().pod(1, PodActive),
			want: outcome{Phase: v1alpha1.PhasePending, Writes: true, Started: v1alpha1.ReasonAdmitted, Attempt: 2, Progress: 40,
				Create: []Attempt{{Number: 2}}, Delete: []string{pod1}},
		},
		"a job that was stopped while it waited to try again still waits": {
			given: makeSnapshot().running(2).stopped().worker(func(w *v1alpha1.WorkerStatus) {
				w.RetryAt = new(metav1.NewTime(start.Add(13 * time.Second)))
			}),
			want: outcome{Phase: v1alpha1.PhasePending, Writes: true, Started: v1alpha1.ReasonAdmitted, Attempt: 2, RequeueAfter: 3 * time.Second},
		},
		"a suspended job whose pages are done completes": {
			given: makeSnapshot().running(1).progress(2, 2, 0).pod(1, PodActive).ledger(v1alpha1.LedgerReserved, 2).
				spec(func(s *v1alpha1.OcrJobSpec) { s.Suspend = new(true) }),
			want: outcome{Phase: v1alpha1.PhaseCompleted, Writes: true, Started: v1alpha1.ReasonWorkerStarted, Attempt: 1,
				PodUID: "uid-" + pod1, Progress: 100},
		},
		"a job that was stopped before it ended says that a worker had started": {
			given: makeSnapshot().running(2).progress(10, 4, 0).stopped().says(v1alpha1.ReasonSuspended).
				spec(func(s *v1alpha1.OcrJobSpec) { s.Cancel = new(true) }),
			want: outcome{Phase: v1alpha1.PhaseCancelled, Writes: true, Started: v1alpha1.ReasonWorkerStarted, Attempt: 2, Stopped: true,
				Progress: 40},
		},
		"a pod that finds no room stays a reason to wait, however the scheduler words it": {
			given: makeSnapshot().admitted().says(v1alpha1.ReasonWaitingForCapacity).pod(1, PodUnschedulable),
			want:  outcome{Phase: v1alpha1.PhasePending, Started: v1alpha1.ReasonWaitingForCapacity, Attempt: 1},
		},
		"a change of an ended job's spec is acknowledged": {
			given: func() *snapshotBuilder {
				b := makeSnapshot().running(1).ended(v1alpha1.PhaseCompleted).ledger(v1alpha1.LedgerReserved, 2)
				b.Job.Generation = 2
				return b
			}(),
			want: outcome{Phase: v1alpha1.PhaseCompleted, Writes: true, Started: v1alpha1.ReasonWorkerStarted, Attempt: 1, PodUID: "uid-" + pod1},
		},
		"a new job is admitted and its first pod made": {
			given: makeSnapshot(),
			want: outcome{Phase: v1alpha1.PhasePending, Writes: true, Started: v1alpha1.ReasonAdmitted, Attempt: 1,
				Create: []Attempt{{Number: 1}}},
		},
		"an admitted job whose pod is not to be seen has it made, again if need be": {
			given: makeSnapshot().running(1).worker(func(w *v1alpha1.WorkerStatus) { w.PodUID = "" }),
			want: outcome{Phase: v1alpha1.PhaseRunning, Started: v1alpha1.ReasonWorkerStarted, Attempt: 1,
				Create: []Attempt{{Number: 1}}},
		},
		"a pod without a node changes nothing": {
			given: makeSnapshot().running(1).worker(func(w *v1alpha1.WorkerStatus) { w.PodUID = "" }).pod(1, PodQueued),
			want:  outcome{Phase: v1alpha1.PhaseRunning, Started: v1alpha1.ReasonWorkerStarted, Attempt: 1},
		},
		"a job whose first pod fits nowhere waits for capacity": {
			given: func() *snapshotBuilder {
				b := makeSnapshot().running(1).worker(func(w *v1alpha1.WorkerStatus) { w.PodUID = "" }).pod(1, PodUnschedulable)
				b.Job.Status.Phase = v1alpha1.PhasePending
				return b
			}(),
			want: outcome{Phase: v1alpha1.PhasePending, Writes: true, Started: v1alpha1.ReasonWaitingForCapacity, Attempt: 1},
		},
		"a pod with a node is recorded and the job runs": {
			given: func() *snapshotBuilder {
				b := makeSnapshot().running(1).worker(func(w *v1alpha1.WorkerStatus) { w.PodUID = "" }).pod(1, PodActive)
				b.Job.Status = v1alpha1.OcrJobStatus{Phase: v1alpha1.PhasePending, Workers: b.Job.Status.Workers}
				return b
			}(),
			want: outcome{Phase: v1alpha1.PhaseRunning, Writes: true, Started: v1alpha1.ReasonWorkerStarted, Attempt: 1, PodUID: "uid-" + pod1},
		},
		"a page count alone is not written down": {
			given: makeSnapshot().running(1).progress(7, 0, 0).pod(1, PodActive),
			want:  outcome{Phase: v1alpha1.PhaseRunning, Started: v1alpha1.ReasonWorkerStarted, Attempt: 1, PodUID: "uid-" + pod1},
		},
		"pages that are done are": {
			given: makeSnapshot().running(1).progress(8, 3, 0).pod(1, PodActive),
			want: outcome{Phase: v1alpha1.PhaseRunning, Writes: true, Started: v1alpha1.ReasonWorkerStarted, Attempt: 1,
				PodUID: "uid-" + pod1, Progress: 37},
		},
		"a document whose pages are done waits for the ledger, and costs no write meanwhile": {
			given: makeSnapshot().running(1).progress(2, 2, 0).pod(1, PodActive),
			want:  outcome{Phase: v1alpha1.PhaseRunning, Started: v1alpha1.ReasonWorkerStarted, Attempt: 1, PodUID: "uid-" + pod1},
		},
		"a document whose pages are done and reserved is complete, before its pod has ended": {
			given: makeSnapshot().running(1).progress(2, 2, 1).pod(1, PodActive).ledger(v1alpha1.LedgerReserved, 2),
			want: outcome{Phase: v1alpha1.PhaseCompleted, Writes: true, Started: v1alpha1.ReasonWorkerStarted, Attempt: 1,
				PodUID: "uid-" + pod1, Progress: 100},
		},
		"a document of which every page failed has failed": {
			given: makeSnapshot().running(1).progress(2, 2, 2).pod(1, PodActive).ledger(v1alpha1.LedgerReserved, 2),
			want: outcome{Phase: v1alpha1.PhaseFailed, Writes: true, Started: v1alpha1.ReasonWorkerStarted, Failed: v1alpha1.ReasonAllPagesFailed,
				Attempt: 1, PodUID: "uid-" + pod1, Progress: 100, Delete: []string{pod1}},
		},
		"a document that does not fit into the month fails and its pod goes": {
			given: makeSnapshot().running(1).progress(200, 0, 0).pod(1, PodActive).ledger(v1alpha1.LedgerRefused, 200),
			want: outcome{Phase: v1alpha1.PhaseFailed, Writes: true, Started: v1alpha1.ReasonWorkerStarted, Failed: v1alpha1.ReasonPageQuotaExceeded,
				Unreserved: v1alpha1.ReasonPageQuotaExceeded, Attempt: 1, PodUID: "uid-" + pod1, Delete: []string{pod1}},
		},
		"a pod that vanished after it finished a page is replaced at once and for free": {
			given: makeSnapshot().running(1).progress(20, 5, 0),
			want: outcome{Phase: v1alpha1.PhaseRunning, Writes: true, Started: v1alpha1.ReasonWorkerStarted, Attempt: 2, Progress: 25,
				Create: []Attempt{{Number: 2}}},
		},
		"a pod that was evicted before it finished a page is replaced later, and for free": {
			given: makeSnapshot().running(2).progress(20, 5, 0).worker(func(w *v1alpha1.WorkerStatus) { w.DoneBefore = 5 }).pod(2, PodDisrupted),
			want: outcome{Phase: v1alpha1.PhaseRunning, Writes: true, Started: v1alpha1.ReasonWorkerStarted, Attempt: 3, Progress: 25,
				RequeueAfter: 2 * time.Second},
		},
		"a pod that was preempted before it finished a page does not": {
			given: func() *snapshotBuilder {
				b := makeSnapshot().running(2).progress(20, 5, 0).worker(func(w *v1alpha1.WorkerStatus) { w.DoneBefore, w.Failures = 5, 3 }).pod(2, PodDisrupted)
				b.Pods[0].Preempted = true
				return b
			}(),
			want: outcome{Phase: v1alpha1.PhaseRunning, Writes: true, Started: v1alpha1.ReasonWorkerStarted, Attempt: 3, Failures: 3, Progress: 25,
				Create: []Attempt{{Number: 3}}},
		},
		"a pod on a lost node is waited for": {
			given: func() *snapshotBuilder {
				b := makeSnapshot().running(1).progress(20, 5, 0).pod(1, PodActive)
				b.Job.Status.Pages, b.Job.Status.Progress = b.Job.Status.Workers[0].Progress, 25
				b.Pods[0].Deleting, b.Pods[0].GoneBy = true, start.Add(-15*time.Second)
				return b
			}(),
			want: outcome{Phase: v1alpha1.PhaseRunning, Started: v1alpha1.ReasonWorkerStarted, Attempt: 1, PodUID: "uid-" + pod1, Progress: 25,
				RequeueAfter: 5 * time.Second},
		},
		"a pod on a lost node is replaced in the end": {
			given: func() *snapshotBuilder {
				b := makeSnapshot().running(1).progress(20, 5, 0).pod(1, PodActive)
				b.Pods[0].Deleting, b.Pods[0].GoneBy = true, start.Add(-25*time.Second)
				return b
			}(),
			want: outcome{Phase: v1alpha1.PhaseRunning, Writes: true, Started: v1alpha1.ReasonWorkerStarted, Attempt: 2, Progress: 25,
				Create: []Attempt{{Number: 2}}},
		},
		"a document whose source is never there fails for that": {
			given: func() *snapshotBuilder {
				b := makeSnapshot().running(4).pod(4, PodCrashed).worker(func(w *v1alpha1.WorkerStatus) { w.Failures = 3 })
				b.Pods[0].Reason = v1alpha1.ReasonSourceUnavailable
				return b
			}(),
			want: outcome{Phase: v1alpha1.PhaseFailed, Writes: true, Started: v1alpha1.ReasonWorkerStarted, Failed: v1alpha1.ReasonSourceUnavailable,
				Attempt: 4, Failures: 4, PodUID: "uid-a1b2c3d4e5f6-0-4"},
		},
		"a crash is tried again later": {
			given: makeSnapshot().running(1).pod(1, PodCrashed).worker(func(w *v1alpha1.WorkerStatus) { w.Failures = 1 }),
			want: outcome{Phase: v1alpha1.PhaseRunning, Writes: true, Started: v1alpha1.ReasonWorkerStarted, Attempt: 2, Failures: 2,
				RequeueAfter: 4 * time.Second},
		},
		"the backoff is waited for": {
			given: makeSnapshot().running(2).worker(func(w *v1alpha1.WorkerStatus) {
				w.PodUID, w.RetryAt = "", new(metav1.NewTime(start.Add(13*time.Second)))
			}),
			want: outcome{Phase: v1alpha1.PhaseRunning, Started: v1alpha1.ReasonWorkerStarted, Attempt: 2, RequeueAfter: 3 * time.Second},
		},
		"after the backoff the next pod is made": {
			given: makeSnapshot().running(2).worker(func(w *v1alpha1.WorkerStatus) {
				w.PodUID, w.RetryAt = "", new(metav1.NewTime(start.Add(9*time.Second)))
			}),
			want: outcome{Phase: v1alpha1.PhaseRunning, Started: v1alpha1.ReasonWorkerStarted, Attempt: 2, Create: []Attempt{{Number: 2}}},
		},
		"one crash too many fails the job": {
			given: makeSnapshot().running(4).pod(4, PodCrashed).worker(func(w *v1alpha1.WorkerStatus) { w.Failures = 3 }),
			want: outcome{Phase: v1alpha1.PhaseFailed, Writes: true, Started: v1alpha1.ReasonWorkerStarted, Failed: v1alpha1.ReasonBackoffLimit,
				Attempt: 4, Failures: 4, PodUID: "uid-a1b2c3d4e5f6-0-4"},
		},
		"a worker that ends well without having finished counts as a crash": {
			given: makeSnapshot().running(1).progress(2, 1, 0).pod(1, PodSucceeded),
			want: outcome{Phase: v1alpha1.PhaseRunning, Writes: true, Started: v1alpha1.ReasonWorkerStarted, Attempt: 2, Failures: 1, Progress: 50,
				RequeueAfter: 2 * time.Second},
		},
		"a pod lost after its last page is not replaced": {
			given: makeSnapshot().running(1).progress(2, 2, 0),
			want:  outcome{Phase: v1alpha1.PhaseRunning, Started: v1alpha1.ReasonWorkerStarted, Attempt: 1, PodUID: "uid-" + pod1},
		},
		"a pod of an earlier attempt that still runs is taken away": {
			given: makeSnapshot().running(2).pod(1, PodActive).pod(2, PodActive),
			want: outcome{Phase: v1alpha1.PhaseRunning, Started: v1alpha1.ReasonWorkerStarted, Attempt: 2, PodUID: "uid-" + pod2,
				Delete: []string{pod1}},
		},
		"a cancelled job ends and its pod goes": {
			given: makeSnapshot().running(1).progress(10, 4, 0).pod(1, PodActive).spec(func(s *v1alpha1.OcrJobSpec) { s.Cancel = new(true) }),
			want: outcome{Phase: v1alpha1.PhaseCancelled, Writes: true, Started: v1alpha1.ReasonWorkerStarted, Attempt: 1, PodUID: "uid-" + pod1,
				Progress: 40, Delete: []string{pod1}},
		},
		"a deleted job ends as cancelled": {
			given: func() *snapshotBuilder {
				b := makeSnapshot().running(1).pod(1, PodActive)
				b.Job.DeletionTimestamp = new(metav1.NewTime(start))
				return b
			}(),
			want: outcome{Phase: v1alpha1.PhaseCancelled, Writes: true, Started: v1alpha1.ReasonWorkerStarted, Attempt: 1, PodUID: "uid-" + pod1,
				Delete: []string{pod1}},
		},
		"a job past its deadline fails": {
			given: makeSnapshot().running(1).pod(1, PodActive).spec(func(s *v1alpha1.OcrJobSpec) { s.DeadlineSeconds = new(int64(10)) }),
			want: outcome{Phase: v1alpha1.PhaseFailed, Writes: true, Started: v1alpha1.ReasonWorkerStarted, Failed: v1alpha1.ReasonDeadlineExceeded,
				Attempt: 1, PodUID: "uid-" + pod1, Delete: []string{pod1}},
		},
		"a job before its deadline is looked at again when it has come": {
			given: makeSnapshot().running(1).pod(1, PodActive).spec(func(s *v1alpha1.OcrJobSpec) { s.DeadlineSeconds = new(int64(60)) }),
			want: outcome{Phase: v1alpha1.PhaseRunning, Started: v1alpha1.ReasonWorkerStarted, Attempt: 1, PodUID: "uid-" + pod1,
				RequeueAfter: 50 * time.Second},
		},
		"a suspended job does not start": {
			given: makeSnapshot().spec(func(s *v1alpha1.OcrJobSpec) { s.Suspend = new(true) }),
			want:  outcome{Phase: v1alpha1.PhasePending, Writes: true, Started: v1alpha1.ReasonSuspended},
		},
		"a running job that is suspended gives its pod up and counts no failure": {
			given: makeSnapshot().running(1).progress(10, 4, 0).pod(1, PodActive).spec(func(s *v1alpha1.OcrJobSpec) { s.Suspend = new(true) }),
			want: outcome{Phase: v1alpha1.PhasePending, Writes: true, Started: v1alpha1.ReasonSuspended, Attempt: 2, Stopped: true,
				Delete: []string{pod1}},
		},
		"a job of a suspended organization waits": {
			given: func() *snapshotBuilder { b := makeSnapshot(); b.Tenant.Suspended = true; return b }(),
			want:  outcome{Phase: v1alpha1.PhasePending, Writes: true, Started: v1alpha1.ReasonOrganizationSuspended},
		},
		"a job that already runs goes on when its organization is suspended": {
			given: func() *snapshotBuilder {
				b := makeSnapshot().running(1).pod(1, PodActive)
				b.Tenant.Suspended = true
				return b
			}(),
			want: outcome{Phase: v1alpha1.PhaseRunning, Started: v1alpha1.ReasonWorkerStarted, Attempt: 1, PodUID: "uid-" + pod1},
		},
		"a job in a namespace of nobody's waits": {
			given: func() *snapshotBuilder { b := makeSnapshot(); b.Tenant = Tenant{}; return b }(),
			want:  outcome{Phase: v1alpha1.PhasePending, Writes: true, Started: v1alpha1.ReasonNoOrganization},
		},
		"a job without a model waits": {
			given: func() *snapshotBuilder {
				b := makeSnapshot()
				b.Models = Models{Reason: v1alpha1.ReasonModelNotFound}
				return b
			}(),
			want: outcome{Phase: v1alpha1.PhasePending, Writes: true, Started: v1alpha1.ReasonModelNotFound},
		},
		"a job whose model is not ready waits": {
			given: func() *snapshotBuilder { b := makeSnapshot(); b.Models.Reason = v1alpha1.ReasonModelNotReady; return b }(),
			want:  outcome{Phase: v1alpha1.PhasePending, Writes: true, Started: v1alpha1.ReasonModelNotReady},
		},
		"a job whose model is not for its organization fails": {
			given: forbidden(makeSnapshot()),
			want:  outcome{Phase: v1alpha1.PhaseFailed, Writes: true, Started: v1alpha1.ReasonModelNotAllowed, Failed: v1alpha1.ReasonModelNotAllowed},
		},
		"an ended job keeps its finalizer until the ledger has settled it": {
			given: makeSnapshot().running(1).ended(v1alpha1.PhaseCompleted).ledger(v1alpha1.LedgerReserved, 2),
			want:  outcome{Phase: v1alpha1.PhaseCompleted, Started: v1alpha1.ReasonWorkerStarted, Attempt: 1, PodUID: "uid-" + pod1},
		},
		"a settled job loses its finalizer": {
			given: makeSnapshot().running(1).ended(v1alpha1.PhaseCompleted).ledger(v1alpha1.LedgerSettled, 2),
			want: outcome{Phase: v1alpha1.PhaseCompleted, Started: v1alpha1.ReasonWorkerStarted, Attempt: 1, PodUID: "uid-" + pod1,
				RemoveFinalizer: true},
		},
		"a cancelled job records the pages that were charged before it is let go": {
			given: func() *snapshotBuilder {
				b := makeSnapshot().running(1).progress(10, 4, 0).ended(v1alpha1.PhaseCancelled).ledger(v1alpha1.LedgerSettled, 4)
				b.Job.Status.Pages = &v1alpha1.PageCounts{Total: 10, Done: 2, Recognized: 2}
				return b
			}(),
			want: outcome{Phase: v1alpha1.PhaseCancelled, Writes: true, Started: v1alpha1.ReasonWorkerStarted, Attempt: 1, PodUID: "uid-" + pod1,
				Progress: 40},
		},
		"a cancelled job that was charged nothing is let go as it is": {
			given: makeSnapshot().running(1).progress(10, 0, 0).ended(v1alpha1.PhaseCancelled).ledger(v1alpha1.LedgerSettled, 0),
			want: outcome{Phase: v1alpha1.PhaseCancelled, Started: v1alpha1.ReasonWorkerStarted, Attempt: 1, PodUID: "uid-" + pod1,
				RemoveFinalizer: true},
		},
		"a job whose pages are done is not stopped any more": {
			given: makeSnapshot().running(1).progress(2, 2, 0).pod(1, PodActive).spec(func(s *v1alpha1.OcrJobSpec) { s.Suspend = new(true) }),
			want:  outcome{Phase: v1alpha1.PhaseRunning, Started: v1alpha1.ReasonWorkerStarted, Attempt: 1, PodUID: "uid-" + pod1},
		},
		"a completed job leaves its pod the time to end": {
			given: makeSnapshot().running(1).ended(v1alpha1.PhaseCompleted).ledger(v1alpha1.LedgerReserved, 2).pod(1, PodActive),
			want: outcome{Phase: v1alpha1.PhaseCompleted, Started: v1alpha1.ReasonWorkerStarted, Attempt: 1, PodUID: "uid-" + pod1,
				RequeueAfter: 25 * time.Second},
		},
		"the pod of a completed job is deleted when it has ended": {
			given: makeSnapshot().running(1).ended(v1alpha1.PhaseCompleted).ledger(v1alpha1.LedgerReserved, 2).pod(1, PodSucceeded),
			want: outcome{Phase: v1alpha1.PhaseCompleted, Started: v1alpha1.ReasonWorkerStarted, Attempt: 1, PodUID: "uid-" + pod1,
				Delete: []string{pod1}},
		},
		"the crashed pod of a failed job is kept for its log": {
			given: makeSnapshot().running(1).ended(v1alpha1.PhaseFailed).ledger(v1alpha1.LedgerReserved, 2).pod(1, PodCrashed),
			want:  outcome{Phase: v1alpha1.PhaseFailed, Started: v1alpha1.ReasonWorkerStarted, Attempt: 1, PodUID: "uid-" + pod1},
		},
		"an ended job is the gateway's to delete": {
			given: func() *snapshotBuilder {
				b := makeSnapshot().ended(v1alpha1.PhaseCompleted).spec(func(s *v1alpha1.OcrJobSpec) { s.TTLSecondsAfterFinished = new(int32(5)) })
				b.Job.Finalizers = nil
				return b
			}(),
			want: outcome{Phase: v1alpha1.PhaseCompleted},
		},
		"an ended job whose organization is gone has nothing to settle": {
			given: func() *snapshotBuilder {
				b := makeSnapshot().ended(v1alpha1.PhaseCancelled)
				b.Tenant = Tenant{}
				return b
			}(),
			want: outcome{Phase: v1alpha1.PhaseCancelled, RemoveFinalizer: true},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			before := test.given.Job.DeepCopy()
			got := outcomeOf(test.given.Snapshot, Decide(test.given.Snapshot))
			if diff := cmp.Diff(test.want, got, cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("decision (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(before, test.given.Job); diff != "" {
				t.Errorf("the snapshot was changed:\n%s", diff)
			}
			checkForTools(t, test.given.Job, Decide(test.given.Snapshot).Status)
		})
	}
}

// checkForTools checks what Git tools make of a status, by their own library.
func checkForTools(t *testing.T, job *v1alpha1.OcrJob, status v1alpha1.OcrJobStatus) {
	t.Helper()
	written := job.DeepCopy()
	written.DeletionTimestamp = nil // of an object that is going they ask no more
	written.Status = status
	if status.Phase == "" {
		written.Status.ObservedGeneration = -1 // which the API server fills in
	}
	content, err := runtime.DefaultUnstructuredConverter.ToUnstructured(written)
	if err != nil {
		t.Fatal(err)
	}
	result, err := kstatus.Compute(&unstructured.Unstructured{Object: content})
	if err != nil {
		t.Fatal(err)
	}
	want := kstatus.InProgressStatus
	switch {
	case status.Phase == v1alpha1.PhaseFailed && job.Status.Phase != v1alpha1.PhaseFailed:
		want = kstatus.FailedStatus
	case status.Phase.Ended():
		want = kstatus.CurrentStatus
	}
	if result.Status != want || want == kstatus.FailedStatus && result.Message == "" {
		t.Errorf("kstatus takes %s for %s: %s", status.Phase, result.Status, result.Message)
	}
}

func TestDecideFailsAJobForWhatItsWorkerSaidOfTheDocument(t *testing.T) {
	given := makeSnapshot().running(1)
	given.Pods = []Pod{{Name: "a1b2c3d4e5f6-0-1", UID: given.Job.Status.Workers[0].PodUID, Attempt: Attempt{Number: 1},
		State: PodBadDocument, Reason: v1alpha1.ReasonPasswordProtected, Message: "The document needs a password"}}
	got := Decide(given.Snapshot)
	failed := meta.FindStatusCondition(got.Status.Conditions, v1alpha1.ConditionFailed)
	if failed == nil || failed.Reason != v1alpha1.ReasonPasswordProtected || failed.Message != "The document needs a password" {
		t.Errorf("condition Failed = %+v", failed)
	}
	if failed != nil && failed.ObservedGeneration != given.Job.Generation {
		t.Errorf("observed generation = %d", failed.ObservedGeneration)
	}
}

func TestBackoffDoublesUpToItsBound(t *testing.T) {
	for failures, want := range map[int32]time.Duration{1: 2 * time.Second, 2: 4 * time.Second, 5: 32 * time.Second, 9: maxBackoff, 20: maxBackoff} {
		if got := backoff(failures); got != want {
			t.Errorf("backoff(%d) = %s, want %s", failures, got, want)
		}
	}
}

func TestAnAdmittedJobHasItsModelsOnRecord(t *testing.T) {
	b := makeSnapshot()
	b.Models = Models{Model: "vision", Recognizer: "khmer", PagesPerPage: 3}
	if status := Decide(b.Snapshot).Status; status.Model != "vision" || status.Recognizer != "khmer" || status.Corrector != "" || status.PagesPerPage != 3 {
		t.Errorf("a reader's status is %+v", status)
	}
	b.Models = Models{Model: "khmer", Corrector: "vision"}
	status := Decide(b.Snapshot).Status
	if status.Model != "khmer" || status.Recognizer != "" || status.Corrector != "vision" || status.PagesPerPage != 0 {
		t.Errorf("a corrector's status is %+v", status)
	}
}
