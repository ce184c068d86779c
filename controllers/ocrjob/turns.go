package ocrjob

import (
	"fmt"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/openplp/khocr/api/v1alpha1"
	"github.com/openplp/khocr/internal/queue"
)

// turns keeps what the queue has last said of the jobs that are not at work, between the dispatcher, which asks it, and the
// reconciles of the jobs, which act on it.
type turns struct {
	lock      sync.Mutex
	admission queue.Admission
	// waiting are the turns of the jobs that were not admitted.
	waiting map[types.UID]queue.Turn
	// further are, by job, the further parts that have a turn.
	further map[types.UID][]int32
	// refused are those whose pod could not be made.
	refused map[queue.ID]bool
	// woken tells of each job what it was last woken for.
	woken map[types.UID]wake
	// freed says that others can have what no record shows to be free.
	freed chan event.GenericEvent
}

// wake is what a job that is not at work should say it waits for, beside what it said; an admitted one waits for nothing. And
// the further parts of one at work that have a turn.
type wake struct{ should, says, parts string }

func newTurns() *turns {
	return &turns{refused: map[queue.ID]bool{}, freed: make(chan event.GenericEvent, 1)}
}

// of is the turn of a job, and the further parts of it that have one.
func (t *turns) of(job types.UID) (turn Turn, parts []int32) {
	t.lock.Lock()
	defer t.lock.Unlock()
	if t.admission.Granted(job) {
		turn.Granted = true
	} else if waiting, waits := t.waiting[job]; waits {
		turn = Turn{Reason: waiting.Reason, Message: waitMessage(waiting)}
	}
	return turn, t.further[job]
}

// giveBack lets others have the turn of a job that cannot use it.
func (t *turns) giveBack(job types.UID) {
	t.lock.Lock()
	defer t.lock.Unlock()
	t.admission.GiveBack(job)
	delete(t.woken, job)
	t.free()
}

// podRefused notes whether the API server has refused to make a pod for the job, or for a further part. A job without a pod takes its
// organization's slot, and no room from others.
func (t *turns) podRefused(id queue.ID, refused bool) {
	t.lock.Lock()
	defer t.lock.Unlock()
	switch {
	case !refused:
		delete(t.refused, id)
	case !t.refused[id]:
		t.refused[id] = true
		t.free()
	}
}

func (t *turns) free() {
	select {
	case t.freed <- event.GenericEvent{Object: &v1alpha1.OcrJob{}}:
	default: // the dispatcher has been told and has not looked yet
	}
}

// platform is what a pass of the queue looks at. It is never changed.
type platform struct {
	Now  time.Time
	Jobs []v1alpha1.OcrJob
	// Tenants by namespace; a namespace of nobody's is missing.
	Tenants map[string]Tenant
	Models  []v1alpha1.OcrModel
	// Unschedulable are those whose pod finds no room.
	Unschedulable map[queue.ID]bool
}

// pass asks the queue whose turn it is, and returns the jobs that have something to do about it: those that may begin, and
// those that say something else than what they wait for.
func (t *turns) pass(p platform) []reconcile.Request {
	t.lock.Lock()
	defer t.lock.Unlock()
	slots := make(map[string]int32, len(p.Tenants))
	for namespace, tenant := range p.Tenants {
		if tenant.Limits != nil {
			slots[namespace] = tenant.Limits.MaxConcurrentJobs
		}
	}
	entries, should := t.observe(p)
	waiting := map[types.UID]queue.Turn{}
	for _, turn := range t.admission.Pass(entries, slots) {
		if !turn.Admit && turn.Part == 0 {
			waiting[turn.UID] = turn
			should[turn.UID] = turn.Reason
		}
	}
	t.waiting, t.further = waiting, t.admission.Further()
	return t.wakes(p.Jobs, should)
}

// observe makes the entries of the queue, those of further parts among them, and says of the jobs that are held back what for.
func (t *turns) observe(p platform) (entries []queue.Entry, held map[types.UID]string) {
	entries, held = make([]queue.Entry, 0, len(p.Jobs)), map[types.UID]string{}
	refused := map[queue.ID]bool{}
	add := func(entry queue.Entry) {
		if entry.State == queue.Unplaced {
			entry.Unschedulable = p.Unschedulable[entry.ID()]
			if t.refused[entry.ID()] {
				entry.State, entry.Unschedulable = queue.Podless, false
			}
		}
		if t.refused[entry.ID()] && entry.State != queue.Placed {
			refused[entry.ID()] = true
		}
		entries = append(entries, entry)
	}
	for i := range p.Jobs {
		job := &p.Jobs[i]
		entry, ok := queue.Observe(job, p.Now)
		if !ok {
			continue
		}
		if !entry.State.AtWork() {
			tenant := p.Tenants[job.Namespace]
			s := Snapshot{Now: p.Now, Job: job, Tenant: tenant, Models: modelsAmong(p.Models, job, tenant.Organization)}
			if reason, ok := mayBegin(s); !ok {
				entry.State = queue.Held
				held[job.UID] = reason
			}
		}
		add(entry)
		for _, part := range queue.Further(job, p.Now) {
			add(part)
		}
	}
	t.refused = refused
	return entries, held
}

// wakes finds the jobs that have to be looked at, each once for the same cause.
func (t *turns) wakes(jobs []v1alpha1.OcrJob, should map[types.UID]string) []reconcile.Request {
	var requests []reconcile.Request
	woken := map[types.UID]wake{}
	for i := range jobs {
		job := &jobs[i]
		reason, waits := should[job.UID]
		parts := t.further[job.UID]
		if !waits && len(parts) == 0 && !t.admission.Granted(job.UID) {
			continue
		}
		cause := wake{should: reason, says: saysItWaitsFor(job)}
		if len(parts) > 0 {
			cause.parts = fmt.Sprint(parts)
		}
		woken[job.UID] = cause
		if cause.should != cause.says && cause != t.woken[job.UID] {
			requests = append(requests, reconcile.Request{NamespacedName: types.NamespacedName{Namespace: job.Namespace, Name: job.Name}})
		}
	}
	t.woken = woken
	return requests
}

func saysItWaitsFor(job *v1alpha1.OcrJob) string {
	if started := meta.FindStatusCondition(job.Status.Conditions, v1alpha1.ConditionStarted); started != nil {
		return started.Reason
	}
	return "nothing yet"
}

func waitMessage(turn queue.Turn) string {
	if turn.Reason == v1alpha1.ReasonWaitingForSlot {
		return fmt.Sprintf("The organization may have %d jobs at work at the same time, and as many are at work or come first", turn.Limit)
	}
	return "Other jobs come first, or the cluster has no room"
}
