package ocrjob

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/openplp/khocr/api/v1alpha1"
)

// large is a running job of 30 pages in parts of 10, before the document is cut. Its first worker has done some.
func large(done int32) *snapshotBuilder {
	b := makeSnapshot().running(1).pod(1, PodActive).progress(30, done, 0).ledger(v1alpha1.LedgerReserved, 30)
	b.Job.Status.Partition = &v1alpha1.Partition{PagesPerWorker: 10, MaxWorkers: 4}
	b.Job.Status.Pages = &v1alpha1.PageCounts{Total: 30, Done: done, Recognized: done}
	return b
}

// cut is that job of three parts, each of which has done so many pages and runs.
func cut(done ...int32) *snapshotBuilder {
	b := large(done[0])
	sum := done[0]
	for part := int32(1); part < int32(len(done)); part++ {
		name := Attempt{part, 1}.PodName(b.Job.Name)
		uid := types.UID("uid-" + name)
		b.Job.Status.Workers = append(b.Job.Status.Workers, v1alpha1.WorkerStatus{Part: part, Attempt: 1, PodName: name, PodUID: uid,
			Progress: &v1alpha1.PageCounts{Total: 30, Done: done[part], Recognized: done[part]}})
		b.Pods = append(b.Pods, Pod{Name: name, UID: uid, Node: "node", Attempt: Attempt{part, 1}, State: PodActive, GivesWay: true, Message: "it ended"})
		sum += done[part]
	}
	b.Job.Status.Pages = &v1alpha1.PageCounts{Total: 30, Done: sum, Recognized: sum}
	return b
}

// part changes a worker and its pod.
func (b *snapshotBuilder) part(part int32, change func(*v1alpha1.WorkerStatus, *Pod)) *snapshotBuilder {
	change(b.Job.Status.Worker(part), &b.Pods[part])
	return b
}

// waits is a part that waits for its turn and never had a pod.
func (b *snapshotBuilder) waits(part int32) *snapshotBuilder {
	return b.part(part, func(w *v1alpha1.WorkerStatus, pod *Pod) {
		w.PodName, w.PodUID = "", ""
		pod.Attempt.Number = 0 // another's
		pod.State = PodSucceeded
	})
}

// without leaves the pod of a part out.
func (b *snapshotBuilder) without(part int32) *snapshotBuilder {
	return b.part(part, func(_ *v1alpha1.WorkerStatus, pod *Pod) { *pod = Pod{Attempt: Attempt{part, 99}, State: PodSucceeded} })
}

func (b *snapshotBuilder) turnOf(parts ...int32) *snapshotBuilder {
	b.PartTurns = parts
	return b
}

func ends(state PodState) func(*v1alpha1.WorkerStatus, *Pod) {
	return func(_ *v1alpha1.WorkerStatus, pod *Pod) { pod.State = state }
}

func isPreempted(state PodState) func(*v1alpha1.WorkerStatus, *Pod) {
	return func(_ *v1alpha1.WorkerStatus, pod *Pod) { pod.State, pod.Preempted, pod.Deleting = state, true, true }
}

// hasGivenWay is a part that waits for another turn.
func hasGivenWay(state PodState) func(*v1alpha1.WorkerStatus, *Pod) {
	return func(w *v1alpha1.WorkerStatus, pod *Pod) {
		w.PodName, pod.State, pod.Preempted = "", state, true
		pod.Deleting, pod.GoneBy = state.Alive(), start.Add(time.Minute)
	}
}

// toldOf describes a decision: the phase; whether it is written; each worker with part and attempt, * with a recorded pod, +
// with one that is to be recorded, and its failures; then the pods that are made, < in the class that gives way, and deleted.
func toldOf(s Snapshot, d Decision) string {
	words := []string{string(d.Status.Phase)}
	if !cmp.Equal(s.Job.Status, d.Status) {
		words = append(words, "written")
	}
	for _, w := range d.Status.Workers {
		word := fmt.Sprintf("%d-%d", w.Part, w.Attempt)
		switch {
		case w.PodName != "" && w.PodUID != "":
			word += "*"
		case w.PodName != "":
			word += "+"
		}
		if w.Failures > 0 {
			word += fmt.Sprintf(":%d", w.Failures)
		}
		words = append(words, word)
	}
	for _, pod := range d.CreatePods {
		word := fmt.Sprintf("make:%d-%d", pod.Part, pod.Number)
		if pod.GivesWay {
			word += "<"
		}
		words = append(words, word)
	}
	for _, pod := range d.DeletePods {
		words = append(words, fmt.Sprintf("delete:%d-%d", pod.Attempt.Part, pod.Attempt.Number))
	}
	return strings.Join(words, " ")
}

func TestDecideAboutParts(t *testing.T) {
	for name, test := range map[string]struct {
		given *snapshotBuilder
		want  string
	}{
		"a document is cut when its pages are reserved": {large(3), "Running written 0-1* 1-1 2-1"},
		"not before": {func() *snapshotBuilder { b := large(3); b.Tenant.Entry = nil; return b }(), "Running 0-1*"},
		"nor when fewer are reserved than there are":               {large(3).ledger(v1alpha1.LedgerReserved, 29), "Running 0-1*"},
		"nor when one part takes all":                              {large(3).progress(10, 3, 0), "Running 0-1*"},
		"nor on a job that was admitted without parts":             {func() *snapshotBuilder { b := large(3); b.Job.Status.Partition = nil; return b }(), "Running 0-1*"},
		"it is cut when the first part was faster than the ledger": {large(10).part(0, ends(PodSucceeded)), "Running written 0-1* 1-1 2-1"},
		"a first part that is done does not complete a job that is not reserved": {
			func() *snapshotBuilder { b := large(10).part(0, ends(PodSucceeded)); b.Tenant.Entry = nil; return b }(), "Running 0-1*"},

		"a further part waits for its turn":                            {cut(3, 0, 0).waits(1).waits(2), "Running 0-1* 1-1 2-1"},
		"and begins in it, in a pod that gives way":                    {cut(3, 0, 0).waits(1).waits(2).turnOf(2), "Running written 0-1* 1-1 2-1+ make:2-1<"},
		"several begin together":                                       {cut(3, 0, 0).waits(1).waits(2).turnOf(1, 2), "Running written 0-1* 1-1+ 2-1+ make:1-1< make:2-1<"},
		"its pod is made again until it is seen":                       {cut(3, 0, 0).without(1).part(1, func(w *v1alpha1.WorkerStatus, _ *Pod) { w.PodUID = "" }), "Running 0-1* 1-1+ 2-1* make:1-1<"},
		"and recorded when it has a node":                              {cut(3, 0, 0).part(1, func(w *v1alpha1.WorkerStatus, _ *Pod) { w.PodUID = "" }), "Running written 0-1* 1-1* 2-1*"},
		"the first part that is not done leads, and waits for no turn": {cut(10, 0, 0).waits(1).waits(2), "Running written 0-1* 1-1+ 2-1 make:1-1"},
		"a part that is done needs no pod":                             {cut(3, 10, 0).without(1), "Running 0-1* 1-1* 2-1*"},

		"a further part that is preempted waits again, and that is no failure": {cut(3, 0, 4).part(1, isPreempted(PodActive)), "Running written 0-1* 1-1 2-1*"},
		"nor when it is seen late": {cut(3, 0, 4).part(1, isPreempted(PodDisrupted)), "Running written 0-1* 1-1 2-1*"},
		"its next attempt does not begin while its pod may still store pages": {cut(3, 0, 4).part(1, hasGivenWay(PodActive)).turnOf(1), "Running 0-1* 1-1 2-1*"},
		"a pod that was marked and not told to go is": {cut(3, 0, 4).part(1, hasGivenWay(PodActive)).part(1, func(_ *v1alpha1.WorkerStatus, pod *Pod) {
			pod.Deleting = false
		}).turnOf(1), "Running 0-1* 1-1 2-1* delete:1-1"},
		"the next begins when that has ended": {cut(3, 0, 4).part(1, hasGivenWay(PodDisrupted)).turnOf(1), "Running written 0-1* 1-2+ 2-1* make:1-2<"},
		"or is gone":                          {cut(3, 0, 4).part(1, hasGivenWay(PodDisrupted)).without(1).turnOf(1), "Running written 0-1* 1-2+ 2-1* make:1-2<"},
		"or its node does not answer": {cut(3, 0, 4).part(1, hasGivenWay(PodActive)).part(1, func(_ *v1alpha1.WorkerStatus, pod *Pod) {
			pod.Deleting, pod.GoneBy = true, start.Add(-time.Minute)
		}).turnOf(1), "Running written 0-1* 1-2+ 2-1* make:1-2<"},
		"one that leads by then goes on without a turn, in a pod of the job's class": {cut(10, 2, 4).part(1, hasGivenWay(PodDisrupted)), "Running written 0-1* 1-2+ 2-1* make:1-2"},
		"a leading part that is preempted goes on at once":                           {cut(3, 0, 4).part(0, isPreempted(PodDisrupted)), "Running written 0-2+ 1-1* 2-1* make:0-2"},
		"a pod that gives way and has no node does not hold up the job that it leads": {
			cut(10, 0, 4).part(1, func(w *v1alpha1.WorkerStatus, pod *Pod) { w.PodUID, pod.State = "", PodUnschedulable }),
			"Running written 0-1* 1-2+ 2-1* make:1-2 delete:1-1"},
		"one that has a node goes on": {cut(10, 0, 4), "Running 0-1* 1-1* 2-1*"},

		"a part that is lost goes on by itself":      {cut(3, 2, 4).without(1), "Running written 0-1* 1-2+ 2-1* make:1-2<"},
		"a part that crashes is tried again later":   {cut(3, 2, 4).part(2, ends(PodCrashed)), "Running written 0-1* 1-1* 2-2+:1"},
		"one that crashed too often fails the job":   {cut(3, 2, 4).part(2, func(w *v1alpha1.WorkerStatus, pod *Pod) { w.Failures, pod.State = 3, PodCrashed }), "Failed written 0-1* 1-1* 2-1*:4 delete:0-1 delete:1-1"},
		"a bad document fails it, whoever finds out": {cut(3, 2, 4).part(1, ends(PodBadDocument)), "Failed written 0-1* 1-1* 2-1* delete:0-1 delete:2-1"},
		"one that ends too early has crashed":        {cut(3, 2, 4).part(1, ends(PodSucceeded)), "Running written 0-1* 1-2+:1 2-1*"},

		"a suspension stops all parts": {cut(3, 2, 4).spec(func(s *v1alpha1.OcrJobSpec) { s.Suspend = new(true) }),
			"Pending written 0-2 1-2 2-2 delete:0-1 delete:1-1 delete:2-1"},
		"a job that is resumed begins with the leading part": {func() *snapshotBuilder {
			b := cut(10, 2, 4)
			for i := range b.Job.Status.Workers {
				b.Job.Status.Workers[i].PodName, b.Job.Status.Workers[i].PodUID = "", ""
			}
			b.Job.Status.Phase, b.Pods = v1alpha1.PhasePending, nil
			return b
		}(), "Pending written 0-1+ 1-1+ 2-1 make:1-1"},
		"a cancellation stops all parts": {cut(3, 2, 4).spec(func(s *v1alpha1.OcrJobSpec) { s.Cancel = new(true) }),
			"Cancelled written 0-1* 1-1* 2-1* delete:0-1 delete:1-1 delete:2-1"},

		"a job goes on while a part is not done":           {cut(10, 10, 9), "Running 0-1* 1-1* 2-1*"},
		"and completes when all are":                       {cut(10, 10, 10), "Completed written 0-1* 1-1* 2-1*"},
		"one part cannot do the pages of another":          {cut(10, 20, 9), "Running 0-1* 1-1* 2-1*"},
		"a count that a worker takes back changes nothing": {cut(10, 10, 9).part(0, func(w *v1alpha1.WorkerStatus, _ *Pod) { w.Progress.Total = 10 }), "Running 0-1* 1-1* 2-1*"},
	} {
		t.Run(name, func(t *testing.T) {
			before := test.given.Job.DeepCopy()
			d := Decide(test.given.Snapshot)
			if got := toldOf(test.given.Snapshot, d); got != test.want {
				t.Errorf("got  %s\nwant %s", got, test.want)
			}
			if diff := cmp.Diff(before, test.given.Job); diff != "" {
				t.Errorf("the snapshot was changed:\n%s", diff)
			}
		})
	}
}

func TestPartsAreSummedUp(t *testing.T) {
	d := Decide(cut(10, 10, 10).Snapshot)
	if d.Status.Progress != 100 || *d.Status.Pages != (v1alpha1.PageCounts{Total: 30, Done: 30, Recognized: 30}) || d.Status.Result.Pages != 30 {
		t.Errorf("completed with %+v, %+v", d.Status.Pages, d.Status.Result)
	}
	running := cut(3, 5, 4)
	running.Job.Status.Pages.Done, running.Job.Status.Pages.Recognized = 3, 3
	if d := Decide(running.Snapshot); d.Status.Progress != 40 || *d.Status.Pages != (v1alpha1.PageCounts{Total: 30, Done: 12, Recognized: 12}) {
		t.Errorf("running with %d %%, %+v", d.Status.Progress, d.Status.Pages)
	}
}

func TestAFirstPartThatWaitsForThePlanSaysSo(t *testing.T) {
	b := large(10).part(0, ends(PodSucceeded)).tenant(func(t *Tenant) { t.Entry, t.Limits = nil, nil })
	reserved := meta.FindStatusCondition(Decide(b.Snapshot).Status.Conditions, v1alpha1.ConditionQuotaReserved)
	if reserved == nil || reserved.Status != metav1.ConditionFalse || reserved.Reason != v1alpha1.ReasonPlanNotFound {
		t.Errorf("condition %+v", reserved)
	}
}

func TestThePartitionIsThatOfTheFirstAdmission(t *testing.T) {
	b := makeSnapshot()
	b.Partition = &v1alpha1.Partition{PagesPerWorker: 10, MaxWorkers: 4}
	if d := Decide(b.Snapshot); d.Status.Partition == nil || *d.Status.Partition != *b.Partition {
		t.Errorf("recorded %+v", d.Status.Partition)
	}
	resumed := large(3).stopped()
	resumed.Partition = &v1alpha1.Partition{PagesPerWorker: 5, MaxWorkers: 2}
	if d := Decide(resumed.Snapshot); *d.Status.Partition != (v1alpha1.Partition{PagesPerWorker: 10, MaxWorkers: 4}) {
		t.Errorf("a job that is resumed has %+v", d.Status.Partition)
	}
}

func TestPodsOfFurtherPartsHaveAClassOfTheirOwn(t *testing.T) {
	job := &v1alpha1.OcrJob{Spec: v1alpha1.OcrJobSpec{Priority: v1alpha1.PriorityHigh}}
	for givesWay, want := range map[bool]string{false: "khocr-high", true: "khocr-high-part"} {
		pod := workerPod(job, "moj", NewPod{Attempt{1, 1}, givesWay}, WorkerTemplate{}, Endpoint{})
		observed, err := observePod(pod)
		if pod.Spec.PriorityClassName != want || err != nil || observed.GivesWay != givesWay {
			t.Errorf("class %s, observed as %+v, %v", pod.Spec.PriorityClassName, observed, err)
		}
	}
}
