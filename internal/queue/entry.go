// Package queue says which of the platform's waiting jobs may begin to work, and in which order the others follow: pure
// functions of plain values, for the manager, which gives the turns out, and for the gateway, which tells of them.
//
// Two things are scarce. An organization has as many slots as its plan allows jobs at work at the same time. And of each
// priority only a few pods without a node exist at a time, so that it is this queue that decides who comes next, and not
// the scheduler's. The package must never do I/O or ask for the time.
package queue

import (
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/openplp/khocr/api/v1alpha1"
)

// Entry is what the queue knows of a job that has not ended, or of a further part of one.
type Entry struct {
	UID types.UID
	// Part is that of a further part, and 0 for the job itself: the first part is never a further one.
	Part int32
	// Namespace of the job, which is that of one organization.
	Namespace, Name string
	Priority        v1alpha1.Priority
	Created         time.Time
	State           State
	// Unschedulable tells of an Unplaced job that the scheduler finds no room for its pod.
	Unschedulable bool
}

// ID names what an entry is about.
type ID struct {
	Job  types.UID
	Part int32
}

// ID of the entry.
func (e *Entry) ID() ID { return ID{e.UID, e.Part} }

// State is where a job stands in the queue. From Podless on it is at work and takes a slot of its organization.
type State int

const (
	// Held jobs must not begin, for reasons of their own. They block nobody.
	Held State = iota
	// Waiting jobs begin when it is their turn.
	Waiting
	// Podless jobs are at work and have no pod at present: it is not yet time to try again, or none could be made.
	Podless
	// Unplaced jobs are at work and their pod has no node yet.
	Unplaced
	// Placed jobs are at work and their pod has got a node.
	Placed
)

// AtWork tells whether the job takes a slot of its organization.
func (s State) AtWork() bool { return s >= Podless }

// AtWork tells by the record whether a job is at work: it has not ended, and a pod is meant to work for it.
func AtWork(status *v1alpha1.OcrJobStatus) bool {
	if status.Phase.Ended() {
		return false
	}
	for i := range status.Workers {
		if status.Workers[i].PodName != "" {
			return true
		}
	}
	return false
}

// Observe takes from a job what its record tells the queue; it is false for one that has ended. What keeps a job from
// beginning for its organization's or its model's sake is for the caller to know, who then makes it Held.
func Observe(job *v1alpha1.OcrJob, now time.Time) (Entry, bool) {
	if job.Status.Phase.Ended() {
		return Entry{}, false
	}
	return Entry{
		UID:       job.UID,
		Namespace: job.Namespace,
		Name:      job.Name,
		Priority:  job.Spec.EffectivePriority(),
		Created:   job.Accepted().Time,
		State:     stateOf(job, now),
	}, true
}

func stateOf(job *v1alpha1.OcrJob, now time.Time) State {
	isSet := func(flag *bool) bool { return flag != nil && *flag }
	switch {
	case AtWork(&job.Status):
		if leading := job.Status.Leading(); leading != nil {
			return workState(leading, now)
		}
		return Placed
	case job.DeletionTimestamp != nil, isSet(job.Spec.Cancel), isSet(job.Spec.Suspend):
		return Held
	}
	return Waiting
}

// workState is that of a part at work.
func workState(worker *v1alpha1.WorkerStatus, now time.Time) State {
	switch {
	case worker.PodUID != "":
		return Placed
	case worker.PodName == "" || worker.RetryAt != nil && worker.RetryAt.After(now):
		return Podless
	}
	return Unplaced
}
