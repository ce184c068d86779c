package ocrjob

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/openplp/khocr/api/v1alpha1"
	"github.com/openplp/khocr/internal/queue"
)

// crowd is a platform of one organization, with jobs that are a second younger each than the one before.
func crowd(slots int32, jobs ...v1alpha1.OcrJob) platform {
	tenant := makeSnapshot().Tenant
	tenant.Limits.MaxConcurrentJobs = slots
	for i := range jobs {
		jobs[i].CreationTimestamp = metav1.NewTime(start.Add(time.Duration(i) * time.Second))
	}
	return platform{
		Now: start, Jobs: jobs, Tenants: map[string]Tenant{"khocr-moj": tenant},
		Models: []v1alpha1.OcrModel{{ObjectMeta: metav1.ObjectMeta{Name: "khmer"}, Spec: v1alpha1.OcrModelSpec{Default: new(true)},
			Status: v1alpha1.OcrModelStatus{Conditions: []metav1.Condition{readyCondition()}}}},
	}
}

func jobNamed(name string) v1alpha1.OcrJob {
	return v1alpha1.OcrJob{ObjectMeta: metav1.ObjectMeta{Namespace: "khocr-moj", Name: name, UID: types.UID(name)}}
}

// saying is a job that has told what it waits for.
func saying(name, reason string) v1alpha1.OcrJob {
	j := jobNamed(name)
	j.Status.Phase = v1alpha1.PhasePending
	meta.SetStatusCondition(&j.Status.Conditions, metav1.Condition{Type: v1alpha1.ConditionStarted, Status: metav1.ConditionFalse, Reason: reason})
	return j
}

// working is a job whose pod has no node.
func working(name string) v1alpha1.OcrJob {
	j := saying(name, v1alpha1.ReasonAdmitted)
	j.Status.Workers = []v1alpha1.WorkerStatus{{Attempt: 1, PodName: name + "-0-1"}}
	return j
}

// wokenBy makes a pass and names the jobs that are woken by it.
func (t *turns) wokenBy(p platform) []string {
	var names []string
	for _, request := range t.pass(p) {
		names = append(names, request.Name)
	}
	return names
}

func (t *turns) turnOf(job types.UID) Turn {
	turn, _ := t.of(job)
	return turn
}

func (t *turns) isFreed() bool {
	select {
	case <-t.freed:
		return true
	default:
		return false
	}
}

func TestAJobIsWokenWhenItHasSomethingToDo(t *testing.T) {
	held := saying("b", v1alpha1.ReasonWaitingForSlot)
	held.Spec.Model = "nosuch"
	ended := working("b")
	ended.Status.Phase = v1alpha1.PhaseCompleted
	for name, test := range map[string]struct {
		jobs []v1alpha1.OcrJob
		want []string
	}{
		"its turn has come":                        {[]v1alpha1.OcrJob{jobNamed("a")}, []string{"a"}},
		"it does not say that it waits":            {[]v1alpha1.OcrJob{working("a"), jobNamed("b")}, []string{"b"}},
		"it says so already":                       {[]v1alpha1.OcrJob{working("a"), saying("b", v1alpha1.ReasonWaitingForSlot)}, nil},
		"it waits for something else than it says": {[]v1alpha1.OcrJob{working("a"), saying("b", v1alpha1.ReasonWaitingForCapacity)}, []string{"b"}},
		"it is held back and does not say so":      {[]v1alpha1.OcrJob{working("a"), held}, []string{"b"}},
		"it is no longer held back":                {[]v1alpha1.OcrJob{saying("a", v1alpha1.ReasonModelNotReady)}, []string{"a"}},
		"it is at work, or has ended":              {[]v1alpha1.OcrJob{working("a"), ended}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			turns := newTurns()
			if got := turns.wokenBy(crowd(1, test.jobs...)); !slices.Equal(got, test.want) {
				t.Errorf("woken: %v, want %v", got, test.want)
			}
			if got := turns.wokenBy(crowd(1, test.jobs...)); len(got) != 0 {
				t.Errorf("woken again for the same: %v", got)
			}
		})
	}
}

// largeJob is a job that runs, of three parts, of which those that are named have a pod without a node.
func largeJob(name string, begun ...int32) v1alpha1.OcrJob {
	j := saying(name, v1alpha1.ReasonWorkerStarted)
	j.Status.Phase = v1alpha1.PhaseRunning
	j.Status.Partition, j.Status.Pages = &v1alpha1.Partition{PagesPerWorker: 3, MaxWorkers: 3}, &v1alpha1.PageCounts{Total: 9}
	j.Status.Workers = []v1alpha1.WorkerStatus{{Attempt: 1, PodName: name + "-0-1", PodUID: "u"}, {Part: 1, Attempt: 1}, {Part: 2, Attempt: 1}}
	for _, part := range begun {
		j.Status.Workers[part].PodName = Attempt{part, 1}.PodName(name)
	}
	return j
}

func TestALargeJobIsWokenWhenAPartHasItsTurn(t *testing.T) {
	turns := newTurns()
	waiting := crowd(1, largeJob("a"))
	if got := turns.wokenBy(waiting); !slices.Equal(got, []string{"a"}) {
		t.Errorf("woken: %v", got)
	}
	if turn, parts := turns.of("a"); turn != (Turn{}) || !slices.Equal(parts, []int32{1, 2}) {
		t.Errorf("the job has %+v, its parts %v", turn, parts)
	}
	if got := turns.wokenBy(waiting); len(got) != 0 {
		t.Errorf("woken again for the same: %v", got)
	}
	if got := turns.wokenBy(crowd(1, largeJob("a", 1, 2))); len(got) != 0 {
		t.Errorf("woken while both parts begin: %v", got)
	}
	if _, parts := turns.of("a"); len(parts) != 0 {
		t.Errorf("turns that were made use of: %v", parts)
	}
}

func TestALargeJobIsWokenForEachPart(t *testing.T) {
	turns := newTurns()
	// No more than two pods without a node at first: one part is left for later.
	larger := func(begun ...int32) v1alpha1.OcrJob {
		j := largeJob("a", begun...)
		j.Status.Workers = append(j.Status.Workers, v1alpha1.WorkerStatus{Part: 3, Attempt: 1})
		j.Status.Partition.MaxWorkers, j.Status.Pages.Total = 4, 12
		return j
	}
	if got := turns.wokenBy(crowd(1, larger())); !slices.Equal(got, []string{"a"}) {
		t.Fatalf("woken: %v", got)
	}
	begun := larger(1)
	begun.Status.Workers[1].PodUID = "v"
	if got := turns.wokenBy(crowd(1, begun)); !slices.Equal(got, []string{"a"}) {
		t.Errorf("woken for the next part: %v", got)
	}
	if _, parts := turns.of("a"); !slices.Equal(parts, []int32{2, 3}) {
		t.Errorf("turns of %v are open", parts)
	}
}

func TestTheQueueLooksAgainWhenPartsMove(t *testing.T) {
	waiting, begun, further := largeJob("a"), largeJob("a", 1), largeJob("a")
	further.Status.Workers[0].Progress = &v1alpha1.PageCounts{Total: 9, Done: 2}
	whole := largeJob("a")
	whole.Status.Workers = whole.Status.Workers[:1]
	for name, test := range map[string]struct {
		before, after v1alpha1.OcrJob
		want          bool
	}{
		"a document is cut":           {whole, waiting, true},
		"a part begins":               {waiting, begun, true},
		"it gives way":                {begun, waiting, true},
		"a worker reports some pages": {waiting, further, false},
		"something else has changed":  {begun, begun, false},
	} {
		t.Run(name, func(t *testing.T) {
			if got := queueMoved(&test.before, &test.after, start); got != test.want {
				t.Errorf("queueMoved = %v", got)
			}
		})
	}
}

func TestPartsAreTheLastToHaveRoom(t *testing.T) {
	turns := newTurns()
	p := crowd(9, working("a"), largeJob("b"))
	p.Unschedulable = map[queue.ID]bool{{Job: "a"}: true}
	if got := turns.wokenBy(p); len(got) != 0 {
		t.Errorf("woken while a job has no room: %v", got)
	}
	p.Unschedulable = nil
	if got := turns.wokenBy(p); !slices.Equal(got, []string{"b"}) {
		t.Errorf("woken then: %v", got)
	}
}

func TestAPartWhosePodIsRefusedTakesNoRoomOfAnothers(t *testing.T) {
	turns := newTurns()
	p := crowd(9, largeJob("a", 1, 2), largeJob("b"))
	if got := turns.wokenBy(p); len(got) != 0 {
		t.Fatalf("woken while there is no room: %v", got)
	}
	turns.podRefused(queue.ID{Job: "a", Part: 2}, true)
	if got := turns.wokenBy(p); !turns.isFreed() || !slices.Equal(got, []string{"b"}) {
		t.Errorf("woken: %v", got)
	}
}

func TestTurnsSayWhatIsWaitedFor(t *testing.T) {
	turns := newTurns()
	if got, parts := turns.of("a"); got != (Turn{}) || len(parts) != 0 {
		t.Errorf("before the first pass: %+v", got)
	}
	turns.pass(crowd(1, jobNamed("a"), jobNamed("b")))
	if got, _ := turns.of("a"); got != (Turn{Granted: true}) {
		t.Errorf("the first has %+v", got)
	}
	want := Turn{Reason: v1alpha1.ReasonWaitingForSlot, Message: "The organization may have 1 jobs at work at the same time, and as many are at work or come first"}
	if got, _ := turns.of("b"); got != want {
		t.Errorf("the second has %+v", got)
	}
}

func TestATurnThatIsGivenBackIsFree(t *testing.T) {
	turns := newTurns()
	turns.pass(crowd(1, jobNamed("a"), jobNamed("b")))
	turns.giveBack("a")
	if !turns.isFreed() {
		t.Error("the dispatcher is not told")
	}
	if turns.turnOf("a").Granted {
		t.Error("the turn is still there")
	}
	suspended := jobNamed("a")
	suspended.Spec.Suspend = new(true)
	if turns.pass(crowd(1, suspended, jobNamed("b"))); !turns.turnOf("b").Granted {
		t.Error("the next one has no turn")
	}
}

func TestAJobIsWokenForASecondTurn(t *testing.T) {
	turns := newTurns()
	turns.pass(crowd(1, jobNamed("a")))
	turns.giveBack("a")
	if got := turns.wokenBy(crowd(1, jobNamed("a"))); !slices.Equal(got, []string{"a"}) {
		t.Errorf("woken: %v", got)
	}
}

func TestAJobWhosePodIsRefusedTakesItsSlotAndNoRoom(t *testing.T) {
	turns := newTurns()
	jobs := []v1alpha1.OcrJob{working("a"), working("b"), saying("c", v1alpha1.ReasonWaitingForCapacity), saying("d", v1alpha1.ReasonWaitingForCapacity)}
	if got := turns.wokenBy(crowd(3, jobs...)); !slices.Equal(got, []string{"d"}) || turns.turnOf("d").Reason != v1alpha1.ReasonWaitingForSlot {
		t.Fatalf("woken while there is no room: %v, %+v", got, turns.turnOf("d"))
	}
	turns.podRefused(queue.ID{Job: "a"}, true)
	if !turns.isFreed() {
		t.Error("the dispatcher is not told")
	}
	turns.podRefused(queue.ID{Job: "a"}, true)
	if turns.isFreed() {
		t.Error("the dispatcher is told of each attempt")
	}
	turns.pass(crowd(3, jobs...))
	if !turns.turnOf("c").Granted || turns.turnOf("d").Granted {
		t.Errorf("turns: %+v, %+v", turns.turnOf("c"), turns.turnOf("d"))
	}
}

func TestShowsWork(t *testing.T) {
	ended := working("a")
	ended.Status.Phase = v1alpha1.PhaseFailed
	list := func(jobs ...v1alpha1.OcrJob) []v1alpha1.OcrJob { return jobs }
	for name, test := range map[string]struct {
		seen, live []v1alpha1.OcrJob
		want       bool
	}{
		"nothing is at work":                  {list(jobNamed("a")), list(jobNamed("a")), true},
		"what is at work is seen":             {list(working("a")), list(working("a")), true},
		"an admission is not seen":            {list(jobNamed("a")), list(working("a")), false},
		"a job at work is not seen":           {nil, list(working("a")), false},
		"the end is seen earlier":             {list(ended), list(working("a")), true},
		"a job that is gone is seen for long": {list(working("a")), nil, true},
		"a job that waits is not seen":        {nil, list(jobNamed("a")), true},
	} {
		t.Run(name, func(t *testing.T) {
			if got := showsWork(test.seen, test.live); got != test.want {
				t.Errorf("showsWork = %v, want %v", got, test.want)
			}
		})
	}
}

// BenchmarkPass is a pass over 5,000 waiting jobs of 1,000 organizations, all of which say what they wait for.
func BenchmarkPass(b *testing.B) {
	const organizations = 1000
	p := crowd(1)
	for i := range 6 * organizations {
		j := saying(fmt.Sprintf("%012d", i), v1alpha1.ReasonWaitingForSlot)
		if i < organizations {
			j = working(fmt.Sprintf("%012d", i))
		}
		j.Namespace = fmt.Sprintf("khocr-%d", i%organizations)
		j.CreationTimestamp = metav1.NewTime(start.Add(time.Duration(i) * time.Second))
		p.Jobs = append(p.Jobs, j)
		p.Tenants[j.Namespace] = p.Tenants["khocr-moj"]
	}
	turns := newTurns()
	for b.Loop() {
		if woken := turns.pass(p); len(woken) != 0 {
			b.Fatalf("%d jobs woken", len(woken))
		}
	}
}
