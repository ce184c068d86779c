package ocrjob

import (
	"bytes"
	"encoding/json"
	"math"
	"math/rand/v2"
	"os"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"
	apiequality "k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"
	"sigs.k8s.io/yaml"

	"github.com/openplp/khocr/api/v1alpha1"
	"github.com/openplp/khocr/internal/chance"
)

// FuzzDecide decides on jobs that no story leads to: everything that the schema lets a job, its pods and its organization be.
// Whatever a worker claims, the decision is one that the API server takes, never makes a second pod beside one that runs, and
// leads to rest within a few rounds.
func FuzzDecide(f *testing.F) {
	for seed := range uint64(200) {
		f.Add(chance.Input(seed, 5, 150))
	}
	schema := statusSchema(f)
	f.Fuzz(func(t *testing.T, input []byte) {
		random, _ := chance.New(input)
		s := anySnapshot(random)
		for round := 0; ; round++ {
			before := clone(s)
			d := Decide(s)
			if !reflect.DeepEqual(before, s) {
				t.Fatalf("the snapshot was changed from %+v to %+v", before, s)
			}
			checkDecision(t, schema, s, d)
			next := follow(s, d)
			if sameWorld(s, next) {
				return
			}
			if round > 12 {
				t.Fatalf("it does not come to rest: %+v follows %+v", next.Job.Status, s.Job.Status)
			}
			s = next
		}
	})
}

// statusSchema is what the API server takes for the status of a job.
func statusSchema(t testing.TB) *jsonschema.Schema {
	t.Helper()
	content, err := os.ReadFile("../../config/crd/bases/ocr.openplp.com_ocrjobs.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if content, err = yaml.YAMLToJSON(content); err != nil {
		t.Fatal(err)
	}
	definition, err := jsonschema.UnmarshalJSON(bytes.NewReader(content))
	if err != nil {
		t.Fatal(err)
	}
	compiler := jsonschema.NewCompiler()
	compiler.DefaultDraft(jsonschema.Draft4)
	if err := compiler.AddResource("crd.json", definition); err != nil {
		t.Fatal(err)
	}
	schema, err := compiler.Compile("crd.json#/spec/versions/0/schema/openAPIV3Schema/properties/status")
	if err != nil {
		t.Fatal(err)
	}
	return schema
}

func oneOf[T any](random *rand.Rand, values ...T) T { return values[random.IntN(len(values))] }

// maybe is nil more often than not.
func maybe[T any](random *rand.Rand, values ...T) *T {
	if random.IntN(3) > 0 {
		return nil
	}
	return new(oneOf(random, values...))
}

func anyCounts(random *rand.Rand) v1alpha1.PageCounts {
	number := func() int32 { return oneOf[int32](random, 0, 1, 2, 3, 7, 8, 9, 30, 1000, math.MaxInt32) }
	return v1alpha1.PageCounts{Total: number(), Done: number(), Native: number(), Recognized: number(), Failed: number()}
}

func anySnapshot(random *rand.Rand) Snapshot {
	s := makeSnapshot().Snapshot
	moment := func() metav1.Time { return metav1.NewTime(start.Add(time.Duration(random.IntN(200)-60) * time.Second)) }
	s.Now = start.Add(time.Duration(random.IntN(200)) * time.Second)

	job := s.Job
	if random.IntN(5) == 0 {
		job.Finalizers = nil
	}
	if random.IntN(8) == 0 {
		job.DeletionTimestamp = new(moment())
	}
	spec := &job.Spec
	spec.Priority = oneOf(random, "", v1alpha1.PriorityHigh, v1alpha1.PriorityNormal, v1alpha1.PriorityLow)
	spec.Suspend, spec.Cancel = maybe(random, true, false), maybe(random, true, false, false, false)
	spec.BackoffLimit, spec.DeadlineSeconds = maybe[int32](random, 0, 1, 3), maybe[int64](random, 1, 60, math.MaxInt32)

	status := &job.Status
	status.Phase = oneOf(random, "", v1alpha1.PhasePending, v1alpha1.PhaseRunning, v1alpha1.PhaseRunning, v1alpha1.PhaseRunning,
		v1alpha1.PhaseCompleted, v1alpha1.PhaseFailed, v1alpha1.PhaseCancelled)
	status.Partition = maybe(random, v1alpha1.Partition{PagesPerWorker: 1, MaxWorkers: 4}, v1alpha1.Partition{PagesPerWorker: 3, MaxWorkers: 2}, v1alpha1.Partition{PagesPerWorker: 20, MaxWorkers: 1000})
	status.Pages = maybe(random, anyCounts(random))
	status.Progress = int32(oneOf(random, 0, 0, 50, 100))
	status.StartTime, status.CompletionTime = maybe(random, moment()), maybe(random, moment())
	for part := range int32(random.IntN(4)) {
		worker := v1alpha1.WorkerStatus{Part: part, Attempt: int32(1 + random.IntN(4)), Failures: int32(random.IntN(6)), DoneBefore: int32(random.IntN(4)),
			RetryAt: maybe(random, moment()), Progress: maybe(random, anyCounts(random))}
		if random.IntN(4) > 0 {
			worker.PodName = attemptOf(&worker).PodName(job.Name)
			worker.PodUID = oneOf[types.UID](random, "", "a", "b")
		}
		status.Workers = append(status.Workers, worker)
		// A pod is of an attempt that was on record.
		for number := int32(1); number <= worker.Attempt; number++ {
			if random.IntN(2) == 0 {
				continue
			}
			s.Pods = append(s.Pods, anyPod(random, job, Attempt{part, number}, moment))
		}
	}

	s.Tenant.Known, s.Tenant.Leaving, s.Tenant.Suspended = random.IntN(6) > 0, random.IntN(6) == 0, random.IntN(6) == 0
	if random.IntN(6) == 0 {
		s.Tenant.Limits = nil
	}
	s.Tenant.Entry = maybe(random, v1alpha1.LedgerEntry{UID: job.UID, Month: "2026-03", Pages: int64(random.IntN(40)),
		State: oneOf(random, v1alpha1.LedgerReserved, v1alpha1.LedgerReserved, v1alpha1.LedgerRefused, v1alpha1.LedgerSettled)})
	if random.IntN(6) == 0 {
		s.Models = Models{Reason: v1alpha1.ReasonModelNotReady, Problem: "It is not ready"}
	}
	if random.IntN(6) == 0 {
		s.Models = oneOf(random, Models{Model: "vision", Recognizer: "khmer", PagesPerPage: 3}, Models{Model: "khmer", Corrector: "vision"},
			Models{Model: "vision", Recognizer: "khmer", Reason: v1alpha1.ReasonModelNotAllowed, Problem: "It is not for the plan", Forbidden: true})
	}
	s.Turn = oneOf(random, Turn{}, Turn{Granted: true}, Turn{Reason: v1alpha1.ReasonWaitingForSlot, Message: "Others come first"})
	for part := range int32(4) {
		if random.IntN(2) == 0 {
			s.PartTurns = append(s.PartTurns, part)
		}
	}
	s.Partition = maybe(random, v1alpha1.Partition{PagesPerWorker: 2, MaxWorkers: 3})
	return s
}

func anyPod(random *rand.Rand, job *v1alpha1.OcrJob, attempt Attempt, moment func() metav1.Time) Pod {
	pod := Pod{Name: attempt.PodName(job.Name), UID: oneOf[types.UID](random, "a", "b", "c"), Attempt: attempt, State: PodState(random.IntN(int(PodDisrupted) + 1)),
		Deleting: random.IntN(4) == 0, GivesWay: random.IntN(4) == 0, Preempted: random.IntN(6) == 0}
	if pod.Deleting {
		pod.GoneBy = moment().Time
	}
	if pod.State == PodBadDocument {
		pod.Reason, pod.Message = v1alpha1.ReasonPasswordProtected, "A password is needed"
	}
	return pod
}

func clone(s Snapshot) Snapshot {
	s.Job = s.Job.DeepCopy()
	s.Pods, s.PartTurns = slices.Clone(s.Pods), slices.Clone(s.PartTurns)
	s.Tenant.Entry = s.Tenant.Entry.DeepCopy()
	return s
}

// follow carries a decision out. Time stands still, and nothing else happens.
func follow(s Snapshot, d Decision) Snapshot {
	s = clone(s)
	if d.AddFinalizer {
		controllerutil.AddFinalizer(s.Job, v1alpha1.FinalizerLedger)
		return s
	}
	s.Job.Status = *d.Status.DeepCopy()
	for _, pod := range d.DeletePods {
		for i := range s.Pods {
			if s.Pods[i].Name == pod.Name && !s.Pods[i].Deleting {
				s.Pods[i].Deleting, s.Pods[i].GoneBy = true, s.Now.Add(lostAfter)
			}
		}
	}
	for _, made := range d.CreatePods {
		if name := made.PodName(s.Job.Name); !slices.ContainsFunc(s.Pods, func(p Pod) bool { return p.Name == name }) {
			s.Pods = append(s.Pods, Pod{Name: name, UID: types.UID("uid-" + name), Attempt: made.Attempt, GivesWay: made.GivesWay})
		}
	}
	if d.RemoveFinalizer {
		controllerutil.RemoveFinalizer(s.Job, v1alpha1.FinalizerLedger)
	}
	return s
}

func sameWorld(a, b Snapshot) bool {
	return apiequality.Semantic.DeepEqual(a.Job, b.Job) && slices.Equal(a.Pods, b.Pods)
}

func checkDecision(t *testing.T, schema *jsonschema.Schema, s Snapshot, d Decision) {
	t.Helper()
	before, after := &s.Job.Status, &d.Status
	if d.RequeueAfter < 0 {
		t.Fatalf("it is to be looked at again in %v", d.RequeueAfter)
	}
	if d.AddFinalizer && (len(d.CreatePods)+len(d.DeletePods)+len(d.Events) > 0 || d.RemoveFinalizer) {
		t.Fatalf("more than the finalizer: %+v", d)
	}
	if d.RemoveFinalizer && (!before.Phase.Ended() || s.Tenant.Known && (s.Tenant.Entry == nil || s.Tenant.Entry.State != v1alpha1.LedgerSettled)) {
		t.Fatalf("a job that is not settled is let go: %+v", s.Tenant.Entry)
	}
	if before.Phase.Ended() && after.Phase != before.Phase {
		t.Fatalf("%s became %s", before.Phase, after.Phase)
	}
	if after.Progress < before.Progress || len(after.Workers) < len(before.Workers) {
		t.Fatalf("it went back from %+v to %+v", before, after)
	}
	for i, was := range before.Workers {
		is := after.Workers[i]
		if is.Part != was.Part || is.Attempt < was.Attempt || is.Failures < was.Failures || !reflect.DeepEqual(is.Progress, was.Progress) {
			t.Fatalf("worker %+v became %+v", was, is)
		}
	}
	content, err := json.Marshal(after)
	if err != nil {
		t.Fatal(err)
	}
	decoded, err := jsonschema.UnmarshalJSON(bytes.NewReader(content))
	if err != nil {
		t.Fatal(err)
	}
	if err := schema.Validate(decoded); err != nil {
		t.Fatalf("the API server refuses the status: %v: %s", err, content)
	}
	checkPods(t, s, d)
}

// checkPods checks that no pod is made beside another one of its part that runs, nor without being on record.
func checkPods(t *testing.T, s Snapshot, d Decision) {
	t.Helper()
	deleted := map[string]bool{}
	for _, pod := range d.DeletePods {
		if deleted[pod.Name] || pod.Deleting || !slices.ContainsFunc(s.Pods, func(p Pod) bool { return p.Name == pod.Name && p.UID == pod.UID }) {
			t.Fatalf("pod %s is deleted twice, or is none: %+v", pod.Name, d.DeletePods)
		}
		deleted[pod.Name] = true
	}
	parts := map[int32]bool{}
	for _, made := range d.CreatePods {
		worker, name := d.Status.Worker(made.Part), made.PodName(s.Job.Name)
		switch {
		case parts[made.Part]:
			t.Fatalf("two pods are made for part %d: %+v", made.Part, d.CreatePods)
		case d.Status.Phase.Ended() || s.Job.DeletionTimestamp != nil || !controllerutil.ContainsFinalizer(s.Job, v1alpha1.FinalizerLedger):
			t.Fatalf("pod %s is made for a job that is %s", name, d.Status.Phase)
		case worker == nil || attemptOf(worker) != made.Attempt || worker.PodName != name:
			t.Fatalf("pod %s is not on record: %+v", name, worker)
		case deleted[name]:
			t.Fatalf("pod %s is made and deleted", name)
		}
		parts[made.Part] = true
		for _, pod := range s.Pods {
			if pod.Attempt.Part == made.Part && pod.Name != name && pod.runs() && !deleted[pod.Name] {
				t.Fatalf("pod %s is made beside %s, which runs: %+v", name, pod.Name, d)
			}
		}
	}
}
