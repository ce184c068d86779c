package ocrjob

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/openplp/khocr/api/v1alpha1"
	"github.com/openplp/khocr/internal/queue"
)

// town plays the jobs of several organizations together: the queue, the decisions about each job, a scheduler with few
// places, and everything that people and failures do to them. What the manager sees of a job is behind its record, and
// nobody is looked at who was not woken, so that a wake that is missing leaves jobs behind.
type town struct {
	*testing.T
	random  *rand.Rand
	now     time.Time
	tenants map[string]Tenant
	models  []v1alpha1.OcrModel
	jobs    []*citizen
	// places are how many pods have room on the nodes.
	places int
	// partition is how documents are cut.
	partition *v1alpha1.Partition
	// calm is when nothing goes wrong any more.
	calm bool

	// The manager's memory.
	turns          *turns
	caughtUp, pass bool
}

// citizen is a job: its record, and what the manager's cache shows of it.
type citizen struct {
	record, seen *v1alpha1.OcrJob
	pods         []Pod
	entry        *v1alpha1.LedgerEntry
	pages        int32
	// due is when the job is looked at again; never when it is zero.
	due time.Time
}

func TestJobsOfManyShareThePlatformAndAllOfThemEnd(t *testing.T) {
	for seed := range uint64(500) {
		t.Run(fmt.Sprintf("seed %d", seed), func(t *testing.T) {
			w := newTown(t, rand.New(rand.NewPCG(seed, 7)))
			for range 400 {
				w.somethingHappens()
				w.managerActs()
				w.tick()
			}
			w.calmDown()
			for step := 0; !w.allEnded(); step++ {
				if step > 20000 {
					w.Fatalf("left behind:\n%s", w.describe())
				}
				w.clusterActs()
				w.managerActs()
				w.tick()
			}
			for _, c := range w.jobs {
				checkForTools(t, &v1alpha1.OcrJob{ObjectMeta: metav1.ObjectMeta{Generation: c.record.Generation}}, c.record.Status)
			}
		})
	}
}

func newTown(t *testing.T, random *rand.Rand) *town {
	w := &town{T: t, random: random, now: start, tenants: map[string]Tenant{}, places: 1 + random.IntN(4),
		partition: &v1alpha1.Partition{PagesPerWorker: 1 + random.Int32N(6), MaxWorkers: 1 + random.Int32N(3)}}
	w.models = []v1alpha1.OcrModel{{ObjectMeta: metav1.ObjectMeta{Name: "khmer"}, Spec: v1alpha1.OcrModelSpec{Default: new(true)},
		Status: v1alpha1.OcrModelStatus{Conditions: []metav1.Condition{readyCondition()}}}}
	priorities := []v1alpha1.Priority{v1alpha1.PriorityHigh, v1alpha1.PriorityNormal, v1alpha1.PriorityLow}
	for i := range 1 + random.IntN(3) {
		namespace := fmt.Sprintf("khocr-%c", 'a'+i)
		w.tenants[namespace] = Tenant{Known: true, Plan: "free", Limits: &v1alpha1.PlanLimits{
			Priorities: priorities[random.IntN(2):], MaxConcurrentJobs: 1 + random.Int32N(3)}}
		for j := range random.IntN(6) {
			job := &v1alpha1.OcrJob{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: fmt.Sprintf("job-%d", j),
				UID: types.UID(fmt.Sprintf("%s-%d", namespace, j)), Generation: 1, ResourceVersion: "1", CreationTimestamp: metav1.NewTime(w.now)},
				Spec:   v1alpha1.OcrJobSpec{Priority: priorities[random.IntN(3)]},
				Status: v1alpha1.OcrJobStatus{ObservedGeneration: -1}}
			w.jobs = append(w.jobs, &citizen{record: job, seen: job, pages: 1 + random.Int32N(5), due: w.now})
		}
	}
	w.restart()
	return w
}

// restart begins with a new manager, which knows nothing and looks at everything.
func (w *town) restart() {
	w.turns, w.caughtUp, w.pass = newTurns(), false, true
	for _, c := range w.jobs {
		c.due = w.now
	}
}

func (w *town) chance(of int) bool { return w.random.IntN(of) == 0 }

func (w *town) tick() { w.now = w.now.Add(time.Duration(w.random.IntN(500)) * time.Millisecond) }

// write makes a version of a job's record.
func (w *town) write(c *citizen, change func(*v1alpha1.OcrJob)) {
	before, version := c.record, 0
	c.record = c.record.DeepCopy()
	change(c.record)
	_, _ = fmt.Sscan(before.ResourceVersion, &version)
	c.record.ResourceVersion = fmt.Sprint(version + 1)
	if queue.AtWork(&c.record.Status) && !queue.AtWork(&before.Status) {
		w.checkSlots(c.record.Namespace)
	}
}

// checkSlots checks, at each admission, that there was a slot for it.
func (w *town) checkSlots(namespace string) {
	atWork := int32(0)
	for _, c := range w.jobs {
		if c.record.Namespace == namespace && queue.AtWork(&c.record.Status) {
			atWork++
		}
	}
	if limit := w.tenants[namespace].Limits.MaxConcurrentJobs; atWork > limit {
		w.Fatalf("%d jobs at work in %s, which may have %d:\n%s", atWork, namespace, limit, w.describe())
	}
}

// managerActs lets the cache of some jobs catch up, and one pass and the decisions about those jobs be made that were
// asked for.
func (w *town) managerActs() {
	for _, c := range w.jobs {
		if c.seen != c.record && (w.calm || w.chance(2)) {
			w.pass = w.pass || queueMoved(c.seen, c.record, w.now)
			c.seen, c.due = c.record, w.now
		}
	}
	select {
	case <-w.turns.freed:
		w.pass = true
	default:
	}
	if w.pass && (w.calm || w.chance(2)) {
		w.makePass()
	}
	for _, c := range w.jobs {
		if !c.due.IsZero() && !c.due.After(w.now) && (w.calm || w.chance(2)) {
			w.decide(c)
		}
	}
}

func (w *town) makePass() {
	var seen, live []v1alpha1.OcrJob
	unschedulable := map[queue.ID]bool{}
	for _, c := range w.jobs {
		seen, live = append(seen, *c.seen), append(live, *c.record)
		for _, pod := range c.pods {
			worker := c.record.Status.Worker(pod.Attempt.Part)
			if pod.State == PodUnschedulable && worker != nil && worker.PodName == pod.Name && worker.PodUID == "" {
				unschedulable[queueID(c.record, NewPod{pod.Attempt, isFurther(&c.record.Status, worker)})] = true
			}
		}
	}
	w.caughtUp = w.caughtUp || showsWork(seen, live)
	if !w.caughtUp {
		return
	}
	w.pass = false
	for _, request := range w.turns.pass(platform{Now: w.now, Jobs: seen, Tenants: w.tenants, Models: w.models, Unschedulable: unschedulable}) {
		for _, c := range w.jobs {
			if c.seen.Namespace == request.Namespace && c.seen.Name == request.Name {
				c.due = w.now
			}
		}
	}
}

// decide reconciles a job as the Reconciler does.
func (w *town) decide(c *citizen) {
	c.due = time.Time{}
	tenant := w.tenants[c.seen.Namespace]
	tenant.Entry = c.entry
	s := Snapshot{Now: w.now, Job: c.seen, Tenant: tenant, Models: modelsAmong(w.models, c.seen, tenant.Organization), Partition: w.partition, Pods: c.pods}
	s.Turn, s.PartTurns = w.turns.of(c.seen.UID)
	d := Decide(s)
	if d.forgoesTurn(s) {
		w.turns.giveBack(c.seen.UID)
	}
	if c.seen != c.record {
		if d.AddFinalizer || !equality.Semantic.DeepEqual(c.seen.Status, d.Status) {
			return // a conflict: what changed is on its way
		}
	} else if d.AddFinalizer {
		w.write(c, func(j *v1alpha1.OcrJob) { j.Finalizers = []string{v1alpha1.FinalizerLedger} })
		return
	} else if !equality.Semantic.DeepEqual(c.seen.Status, d.Status) {
		w.write(c, func(j *v1alpha1.OcrJob) { j.Status = *d.Status.DeepCopy() })
	}
	if !w.calm && w.chance(20) {
		c.due = w.now // a failure, after which the job is looked at again
		return
	}
	for _, attempt := range d.CreatePods {
		refused := !w.calm && w.chance(5)
		w.turns.podRefused(queueID(c.seen, attempt), refused)
		if refused {
			c.due = w.now.Add(time.Second)
			return
		}
		c.makePod(attempt, w.now)
	}
	for _, pod := range d.DeletePods {
		c.removePod(pod.Name, w.now)
	}
	if d.RequeueAfter > 0 && c.due.IsZero() {
		c.due = w.now.Add(d.RequeueAfter)
	}
}

func (c *citizen) makePod(attempt NewPod, now time.Time) {
	name := attempt.PodName(c.record.Name)
	for _, pod := range c.pods {
		if pod.Name == name {
			return
		}
	}
	c.pods = append(c.pods, Pod{Name: name, UID: types.UID(name + now.String()), Attempt: attempt.Attempt, GivesWay: attempt.GivesWay})
	c.due = now
}

func (c *citizen) removePod(name string, now time.Time) {
	for i := range c.pods {
		if c.pods[i].Name == name {
			c.pods = append(c.pods[:i:i], c.pods[i+1:]...)
			c.due = now
			return
		}
	}
}

// clusterActs lets scheduler, kubelet, worker and ledger do a step for each job.
func (w *town) clusterActs() {
	active := 0
	for _, c := range w.jobs {
		for _, pod := range c.pods {
			if pod.State == PodActive {
				active++
			}
		}
	}
	for _, c := range w.jobs {
		if c.entry == nil && c.record.Status.LivePages().Total > 0 && w.tenants[c.record.Namespace].Limits != nil && w.chance(2) {
			c.entry, c.due = &v1alpha1.LedgerEntry{State: v1alpha1.LedgerReserved, Pages: int64(c.pages), Month: "2026-03"}, w.now
		}
		for i := range c.pods {
			pod := &c.pods[i]
			switch {
			case pod.State == PodQueued || pod.State == PodUnschedulable:
				if !pod.GivesWay && active >= w.places && w.preempt() {
					active--
				}
				if active < w.places {
					pod.State = PodActive
					active++
				} else if pod.State == PodQueued {
					pod.State = PodUnschedulable
					w.pass = true
				}
				c.due = w.now
			case pod.State == PodActive:
				w.workerReports(c, pod)
			}
		}
	}
}

// preempt takes a pod that gives way from its node.
func (w *town) preempt() bool {
	for _, c := range w.jobs {
		for i := range c.pods {
			if pod := &c.pods[i]; pod.GivesWay && pod.State == PodActive {
				pod.State, pod.Preempted, c.due = PodDisrupted, true, w.now
				return true
			}
		}
	}
	return false
}

// workerReports has the recorded worker finish a page, and end with the last one.
func (w *town) workerReports(c *citizen, pod *Pod) {
	worker := c.record.Status.Worker(pod.Attempt.Part)
	if worker == nil || worker.PodUID != pod.UID || c.record.Status.Phase.Ended() {
		return
	}
	if c.record.Status.PartDone(worker) {
		pod.State, c.due = PodSucceeded, w.now
		return
	}
	w.write(c, func(j *v1alpha1.OcrJob) {
		worker := j.Status.Worker(pod.Attempt.Part)
		done := pagesDone(worker) + 1
		worker.Progress = &v1alpha1.PageCounts{Total: c.pages, Done: done, Recognized: done}
	})
}

// somethingHappens lets people, nodes and managers do one thing to one job or organization, beside the cluster's work.
func (w *town) somethingHappens() {
	w.clusterActs()
	if w.chance(60) {
		w.restart()
	}
	if len(w.jobs) == 0 {
		return
	}
	c := w.jobs[w.random.IntN(len(w.jobs))]
	namespace := c.record.Namespace
	tenant := w.tenants[namespace]
	switch w.random.IntN(40) {
	case 0, 1:
		w.write(c, func(j *v1alpha1.OcrJob) {
			j.Spec.Suspend, j.Generation = new(j.Spec.Suspend == nil || !*j.Spec.Suspend), j.Generation+1
		})
		return
	case 2:
		if w.chance(4) {
			w.write(c, func(j *v1alpha1.OcrJob) { j.Spec.Cancel, j.Generation = new(true), j.Generation+1 })
		}
		return
	case 3, 4:
		if len(c.pods) > 0 {
			c.removePod(c.pods[w.random.IntN(len(c.pods))].Name, w.now)
		}
		return
	case 5:
		tenant.Suspended = !tenant.Suspended
	case 6:
		tenant.Leaving = !tenant.Leaving
	case 7:
		w.models[0].Status.Conditions = nil
	case 8:
		w.models[0].Status.Conditions = []metav1.Condition{readyCondition()}
	default:
		return
	}
	w.tenants[namespace], w.pass = tenant, true
}

// calmDown undoes what keeps jobs from going on. It is an event like any other.
func (w *town) calmDown() {
	w.calm, w.pass = true, true
	w.models[0].Status.Conditions = []metav1.Condition{readyCondition()}
	for namespace, tenant := range w.tenants {
		tenant.Suspended, tenant.Leaving = false, false
		w.tenants[namespace] = tenant
	}
	for _, c := range w.jobs {
		if c.record.Spec.Suspend != nil && *c.record.Spec.Suspend {
			w.write(c, func(j *v1alpha1.OcrJob) { j.Spec.Suspend, j.Generation = nil, j.Generation+1 })
		}
	}
}

func (w *town) allEnded() bool {
	for _, c := range w.jobs {
		if !c.record.Status.Phase.Ended() || c.record.Status.ObservedGeneration != c.record.Generation {
			return false
		}
	}
	return true
}

func (w *town) describe() string {
	text := ""
	for _, c := range w.jobs {
		reason := ""
		if started := meta.FindStatusCondition(c.record.Status.Conditions, v1alpha1.ConditionStarted); started != nil {
			reason = started.Reason
		}
		text += fmt.Sprintf("%s/%s %s %s %s, turn %+v, workers %+v, pods %+v\n", c.record.Namespace, c.record.Name, c.record.Spec.Priority,
			c.record.Status.Phase, reason, w.turns.turnOf(c.record.UID), c.record.Status.Workers, c.pods)
	}
	return text
}
