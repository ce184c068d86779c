package ocrjob

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/openplp/khocr/api/v1alpha1"
)

// story plays a job from its creation to its end in a world where decisions are carried out in part (a manager may die
// after any step) and pods come to every kind of end.
type story struct {
	*snapshotBuilder
	random *rand.Rand
	made   map[string]types.UID
	total  int32
}

func TestJobsEndWhateverHappensToTheirPods(t *testing.T) {
	for seed := range uint64(2000) {
		t.Run(fmt.Sprintf("seed %d", seed), func(t *testing.T) {
			s := &story{snapshotBuilder: makeSnapshot(), random: rand.New(rand.NewPCG(seed, 1)), made: map[string]types.UID{}}
			s.total = 1 + s.random.Int32N(30)
			s.Partition = &v1alpha1.Partition{PagesPerWorker: 1 + s.random.Int32N(20), MaxWorkers: 1 + s.random.Int32N(4)}
			for step := 0; !s.Job.Status.Phase.Ended(); step++ {
				if step > 5000 {
					t.Fatalf("the job has not ended: %+v", s.Job.Status)
				}
				s.carryOut(t, Decide(s.Snapshot))
				s.somethingHappens()
				s.Now = s.Now.Add(time.Duration(s.random.IntN(3000)) * time.Millisecond)
			}
			s.checkEnd(t)
		})
	}
}

// carryOut does what was decided, up to a random step.
func (s *story) carryOut(t *testing.T, d Decision) {
	status, before := d.Status, s.Job.Status
	if s.random.IntN(10) == 0 {
		return
	}
	if status.Progress < before.Progress {
		t.Fatalf("progress went back from %d to %d", before.Progress, status.Progress)
	}
	for i := range before.Workers {
		if was, is := before.Workers[i], status.Workers[i]; is.Attempt < was.Attempt || is.Part != was.Part {
			t.Fatalf("%+v was followed by %+v", was, is)
		}
	}
	if len(status.Workers) > 1 && s.Tenant.Entry == nil {
		t.Fatalf("the document was cut before its pages were reserved")
	}
	s.Job.Status = *status.DeepCopy()
	for _, attempt := range d.CreatePods {
		if s.random.IntN(10) == 0 {
			return
		}
		worker := s.Job.Status.Worker(attempt.Part)
		if attempt.Attempt != attemptOf(worker) || worker.PodName != attempt.PodName(s.Job.Name) {
			t.Fatalf("a pod is made for %+v, on record is %+v", attempt, worker)
		}
		if leads := s.Job.Status.Leading().Part == attempt.Part; leads == attempt.GivesWay {
			t.Fatalf("a pod of part %d that leads, %v, gives way, %v", attempt.Part, leads, attempt.GivesWay)
		}
		name := attempt.PodName(s.Job.Name)
		if _, exists := s.made[name]; exists && worker.PodUID != "" {
			t.Fatalf("pod %s is made again although it was recorded", name)
		}
		if s.find(name) == nil {
			uid := types.UID(fmt.Sprintf("uid-%d", len(s.made)+s.random.IntN(1000)*1000))
			s.made[name] = uid
			s.Pods = append(s.Pods, Pod{Name: name, UID: uid, Attempt: attempt.Attempt, GivesWay: attempt.GivesWay})
		}
	}
	for _, pod := range d.DeletePods {
		s.remove(pod.Name)
	}
}

// somethingHappens lets one thing happen in the cluster.
func (s *story) somethingHappens() {
	if s.Tenant.Entry == nil && s.Job.Status.LivePages().Total > 0 && s.random.IntN(4) == 0 {
		s.ledger(v1alpha1.LedgerReserved, int64(s.total))
	}
	s.PartTurns = nil
	for part := range int32(4) {
		if s.random.IntN(3) == 0 {
			s.PartTurns = append(s.PartTurns, part)
		}
	}
	if len(s.Pods) == 0 {
		return
	}
	pod := &s.Pods[s.random.IntN(len(s.Pods))]
	switch s.random.IntN(14) {
	case 0:
		pod.State = PodUnschedulable
	case 1:
		s.remove(pod.Name)
	case 2:
		pod.State, pod.Message, pod.Preempted = PodDisrupted, "preempted", s.random.IntN(2) == 0
	case 3:
		if s.random.IntN(4) == 0 {
			pod.State, pod.Message = PodCrashed, "OOMKilled"
		}
	default:
		if pod.State.Alive() {
			pod.State = PodActive
			s.workerReports(pod)
		}
	}
}

// workerReports has the recorded worker finish pages; stored pages stay stored, so a new worker starts where they end.
func (s *story) workerReports(pod *Pod) {
	worker := s.Job.Status.Worker(pod.Attempt.Part)
	if worker == nil || worker.PodUID != pod.UID {
		return
	}
	first, last := s.Job.Status.Partition.Share(worker.Part, s.total)
	done := min(last-first+1, pagesDone(worker)+s.random.Int32N(4))
	worker.Progress = &v1alpha1.PageCounts{Total: s.total, Done: done, Recognized: done}
	if done == last-first+1 && s.random.IntN(2) == 0 {
		pod.State = PodSucceeded
	}
}

func (s *story) checkEnd(t *testing.T) {
	status := s.Job.Status
	complete := status.LivePages().Done == s.total
	switch {
	case status.Phase == v1alpha1.PhaseCompleted && !complete:
		t.Errorf("completed with %d of %d pages", status.LivePages().Done, s.total)
	case status.Phase == v1alpha1.PhaseCompleted && int32(len(status.Workers)) != status.Partition.Parts(s.total):
		t.Errorf("completed by %d workers: %d pages, %+v", len(status.Workers), s.total, status.Partition)
	case status.Phase == v1alpha1.PhaseFailed && !slices.ContainsFunc(status.Workers, func(w v1alpha1.WorkerStatus) bool { return w.Failures > defaultBackoffLimit }):
		t.Errorf("failed after few failures: %+v", status.Workers)
	case status.CompletionTime == nil:
		t.Error("ended without a completion time")
	}
	for _, condition := range status.Conditions {
		if condition.ObservedGeneration != s.Job.Generation || condition.Reason == "" {
			t.Errorf("condition %+v", condition)
		}
	}
	s.ledger(v1alpha1.LedgerSettled, int64(s.total))
	s.Now = status.CompletionTime.Add(time.Hour)
	last := Decide(s.Snapshot)
	if !last.RemoveFinalizer {
		t.Error("a settled job keeps its finalizer")
	}
	for _, pod := range s.Pods {
		if pod.State.Alive() && !deletes(last, pod.Name) {
			t.Errorf("pod %s of an ended job stays", pod.Name)
		}
	}
	s.Job.DeletionTimestamp = new(metav1.NewTime(s.Now))
	s.Job.Finalizers = nil
	if again := Decide(s.Snapshot); again.RemoveFinalizer || again.AddFinalizer {
		t.Errorf("a job that is going away is not left alone: %+v", again)
	}
}

func deletes(d Decision, name string) bool {
	for _, pod := range d.DeletePods {
		if pod.Name == name {
			return true
		}
	}
	return false
}

func (s *story) find(name string) *Pod {
	for i := range s.Pods {
		if s.Pods[i].Name == name {
			return &s.Pods[i]
		}
	}
	return nil
}

func (s *story) remove(name string) {
	for i := range s.Pods {
		if s.Pods[i].Name == name {
			s.Pods = append(s.Pods[:i:i], s.Pods[i+1:]...)
			return
		}
	}
}
