package ocrjob

import (
	"slices"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"

	"github.com/openplp/khocr/api/v1alpha1"
	"github.com/openplp/khocr/internal/chance"
)

// maxRounds is how many decisions with an effect a job takes from any state to its end, once nothing goes wrong any more.
const maxRounds = 300

// FuzzStory leads the world of TestJobsEndWhateverHappensToTheirPods, in which people and organizations change their minds
// besides. Then nothing goes wrong any more: the job is looked at only when something that it depends on has changed, or when
// it asked for that, and must come to its end.
func FuzzStory(f *testing.F) {
	for seed := range uint64(50) {
		f.Add(chance.Input(seed, 6, 30*(int(seed)+1)))
	}
	f.Add(chance.Input(4503, 6, 150)) // a further part is told to make room, and nobody takes its pod away
	f.Fuzz(func(t *testing.T, input []byte) {
		if len(input) > 3000 {
			t.Skip("a story of so many steps holds nothing new")
		}
		random, source := chance.New(input)
		s := &story{snapshotBuilder: makeSnapshot(), random: random, made: map[string]types.UID{}}
		s.total = 1 + random.Int32N(30)
		s.Partition = &v1alpha1.Partition{PagesPerWorker: 1 + random.Int32N(20), MaxWorkers: 1 + random.Int32N(4)}
		for !source.Spent() && !s.Job.Status.Phase.Ended() {
			d := Decide(s.Snapshot)
			checkPods(t, s.Snapshot, d)
			s.carryOut(t, d)
			s.somethingHappens()
			s.somebodyChangesTheirMind()
			s.Now = s.Now.Add(time.Duration(random.IntN(3000)) * time.Millisecond)
		}
		s.calmDown(t)
	})
}

func (s *story) somebodyChangesTheirMind() {
	switch s.random.IntN(40) {
	case 0:
		s.Job.Spec.Suspend = new(s.random.IntN(2) == 0)
	case 1:
		s.Tenant.Suspended = !s.Tenant.Suspended
	case 2:
		s.Tenant.Known = !s.Tenant.Known
	case 3:
		s.Models.Reason, s.Models.Problem = v1alpha1.ReasonModelNotReady, "It is not ready"
	case 4:
		s.Models.Reason, s.Models.Problem = "", ""
	case 5, 6:
		s.Turn.Granted = !s.Turn.Granted
	case 7:
		if s.random.IntN(8) == 0 {
			s.Job.Spec.Cancel = new(true)
		}
	case 8:
		if s.random.IntN(8) == 0 {
			s.Job.DeletionTimestamp = new(metav1.NewTime(s.Now))
		}
	case 9:
		if len(s.Pods) > 0 {
			pod := &s.Pods[s.random.IntN(len(s.Pods))]
			pod.Deleting, pod.GoneBy = true, s.Now.Add(time.Second)
		}
	}
}

// calmDown lets everything go well until the job has ended and is let go.
func (s *story) calmDown(t *testing.T) {
	t.Helper()
	s.Job.Spec.Suspend = new(false)
	s.Tenant.Known, s.Tenant.Suspended, s.Models = true, false, Models{Model: "khmer"}
	s.Turn, s.PartTurns = Turn{Granted: true}, []int32{0, 1, 2, 3}
	for rounds := 0; ; {
		d := Decide(s.Snapshot)
		checkPods(t, s.Snapshot, d)
		after := follow(s.Snapshot, d)
		worked := !sameWorld(s.Snapshot, after)
		s.Snapshot = after
		happened := s.goesWell()
		switch {
		case worked:
			if rounds++; rounds > maxRounds {
				t.Fatalf("the job is not done after %d rounds: %+v", rounds, s.Job.Status)
			}
		case happened:
		case s.Job.Status.Phase.Ended() && !controllerutil.ContainsFinalizer(s.Job, v1alpha1.FinalizerLedger) && !slices.ContainsFunc(s.Pods, func(p Pod) bool { return p.State.Alive() }):
			return
		case d.RequeueAfter > 0:
			s.Now = s.Now.Add(d.RequeueAfter)
			if rounds++; rounds > maxRounds {
				t.Fatalf("the job waits for ever: %+v", s.Job.Status)
			}
		default:
			t.Fatalf("the job is stuck: %+v, pods %+v, entry %+v", s.Job.Status, s.Pods, s.Tenant.Entry)
		}
	}
}

// goesWell takes the cluster a step further, and tells whether there was anything to do.
func (s *story) goesWell() (happened bool) {
	live := s.Job.Status.LivePages().Total
	switch entry := s.Tenant.Entry; {
	case entry == nil && live > 0 && !s.Job.Status.Phase.Ended():
		s.ledger(v1alpha1.LedgerReserved, int64(s.total))
		happened = true
	case s.Job.Status.Phase.Ended() && (entry == nil || entry.State != v1alpha1.LedgerSettled):
		s.ledger(v1alpha1.LedgerSettled, 0)
		happened = true
	}
	for i := len(s.Pods) - 1; i >= 0; i-- {
		pod := &s.Pods[i]
		worker := s.Job.Status.Worker(pod.Attempt.Part)
		recorded := worker != nil && worker.PodUID == pod.UID
		switch {
		case !pod.State.Alive():
			continue
		case pod.Deleting:
			s.remove(pod.Name)
		case pod.State != PodActive:
			pod.State = PodActive
		case recorded && s.Job.Status.PartDone(worker):
			pod.State = PodSucceeded
		case recorded:
			first, last := s.Job.Status.Partition.Share(worker.Part, s.total)
			done := min(last-first+1, pagesDone(worker)+4)
			worker.Progress = &v1alpha1.PageCounts{Total: s.total, Done: done, Recognized: done}
		default:
			continue
		}
		happened = true
	}
	return happened
}
