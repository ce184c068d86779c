package e2e

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/watch"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/openplp/khocr/api/v1alpha1"
)

// TestAHighJobTakesTheRoomOfALowOne fills the node with workers of low priority. A document of high priority must begin at
// once, in the room of one of them, which goes on later from the page where it stood and is charged once.
func TestAHighJobTakesTheRoomOfALowOne(t *testing.T) {
	const pages, engines = 20, 2
	p := connect(t)
	org := p.newTenant(p.newPlan(func(*v1alpha1.PlanSpec) {}))
	victims := org.watchVictims()
	read := org.keepLogs(p.takeNode())

	low := form{fileName: "pages20.pdf", content: testdata(t, "pages20.pdf"), fields: map[string]string{"priority": "low"}}
	lows := org.fillNode(low, 100)
	for range 2 { // so that one always waits
		lows = append(lows, org.submit(low))
	}
	org.until("every worker has reported a page, and none is near its end", func() bool {
		running := 0
		for _, job := range org.jobs() {
			if job.Status.Phase != v1alpha1.PhaseRunning {
				continue
			}
			worker := job.Status.Leading()
			if worker == nil || worker.Progress == nil || worker.Progress.Done < 1 || worker.Progress.Done > pages*3/4 {
				return false
			}
			running++
		}
		return running > 0
	})
	before := map[string]int32{} // pages reported, by pod
	for _, job := range org.jobs() {
		if worker := job.Status.Leading(); worker != nil && worker.Progress != nil {
			before[worker.PodName] = worker.Progress.Done
		}
	}

	submitted := time.Now()
	high := org.submit(form{fileName: "sample.pdf", content: testdata(t, "sample.pdf"), fields: map[string]string{"priority": "high"}})
	org.until("the job of high priority has a worker", func() bool { return org.job(high).Status.StartTime != nil })
	started := time.Since(submitted)
	waiting := 0
	for _, job := range org.jobs() {
		if job.Spec.EffectivePriority() == v1alpha1.PriorityLow && job.Status.StartTime == nil {
			waiting++
		}
	}
	if waiting == 0 {
		t.Error("no job of low priority waits any more: the one of high priority jumped no queue")
	}
	if job := org.await(high); job.Status != "COMPLETED" {
		t.Fatalf("job = %+v, error %+v", job, job.Error)
	}
	done := time.Since(submitted)

	for _, id := range lows {
		if job := org.await(id); job.Status != "COMPLETED" {
			t.Errorf("job = %+v, error %+v", job, job.Error)
		}
		if got := len(org.jsonResult(id).Pages); got != pages {
			t.Errorf("job %s has %d pages", id, got)
		}
		for _, worker := range org.job(id).Status.Workers {
			if worker.Failures != 0 {
				t.Errorf("job %s has failures: %+v", id, worker)
			}
		}
	}
	charged := org.settledPages(high)
	if want := int64(len(lows)*pages + 1); charged != want {
		t.Errorf("%d pages were charged, want %d", charged, want)
	}

	org.awaitNoWorkers()
	stored := map[string]map[int][]string{} // pods by job and page
	byPod := map[string]int{}
	for _, page := range read() {
		if stored[page.job] == nil {
			stored[page.job] = map[int][]string{}
		}
		stored[page.job][page.page] = append(stored[page.job][page.page], page.pod)
		byPod[page.pod]++
	}
	twice, kept := 0, 0
	for id, document := range stored {
		for page, pods := range document {
			if len(pods) != 1 {
				twice++
				t.Errorf("page %d of job %s was read by %v", page, id, pods)
			}
		}
	}
	preempted := victims()
	if len(preempted) == 0 {
		t.Error("no worker was preempted")
	}
	for _, pod := range preempted {
		id := strings.SplitN(pod, "-", 2)[0]
		// Of the pages that its engines had in hand one may have been stored without the worker living to log it.
		if id == high || byPod[pod] < int(before[pod]) || len(stored[id]) < pages-engines {
			t.Errorf("worker %s was preempted: it had reported %d pages and stored %d, of %d that its job has", pod, before[pod], byPod[pod], len(stored[id]))
		}
		kept += byPod[pod]
	}
	report(t, "preemption", fmt.Sprintf(`| Documents of low priority | Of them on the node | Seconds until the high one had a worker | Until it was done | Workers preempted | Pages they had stored | Pages read twice | Pages | Pages charged |
|---|---|---|---|---|---|---|---|---|
| %d | %d | %.1f | %.1f | %d | %d | %d | %d | %d |
`, len(lows), len(before), started.Seconds(), done.Seconds(), len(preempted), kept, twice, len(lows)*pages+1, charged))
}

// fillNode submits the document again and again until a job has to wait for room on the node, and at most so often.
func (t *tenant) fillNode(document form, most int) (ids []string) {
	t.Helper()
	for range most {
		id := t.submit(document)
		ids = append(ids, id)
		full := false
		t.until("job "+id+" runs or waits", func() bool {
			status := t.job(id).Status
			reason := meta.FindStatusCondition(status.Conditions, v1alpha1.ConditionStarted)
			full = reason != nil && reason.Reason == v1alpha1.ReasonWaitingForCapacity
			return full || status.StartTime != nil
		})
		if full {
			return ids
		}
	}
	t.Fatalf("the node has room for %d workers", most)
	return nil
}

// watchVictims watches the tenant's workers. What comes back tells which of them the scheduler has taken from the node for
// others, so far.
func (t *tenant) watchVictims() func() []string {
	t.Helper()
	var lock sync.Mutex
	victims := map[string]bool{}
	t.follow(&corev1.PodList{}, func(_ watch.EventType, object client.Object) {
		pod := object.(*corev1.Pod)
		for _, condition := range pod.Status.Conditions {
			if condition.Type == corev1.DisruptionTarget && condition.Reason == corev1.PodReasonPreemptionByScheduler {
				lock.Lock()
				victims[pod.Name] = true
				lock.Unlock()
			}
		}
	}, client.InNamespace(t.namespace()))
	return func() []string {
		lock.Lock()
		defer lock.Unlock()
		return slices.Sorted(maps.Keys(victims))
	}
}
