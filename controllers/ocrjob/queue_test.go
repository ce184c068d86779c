package ocrjob

import (
	"fmt"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/watch"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/openplp/khocr/api/v1alpha1"
	"github.com/openplp/khocr/internal/queue"
	"github.com/openplp/khocr/internal/testenv"
)

func (c *cluster) slots() {
	c.organize("slots", 2)
	versions, err := c.watchAll()
	c.must(err)
	defer versions.Stop()
	names := []string{"a", "b", "c", "d", "e"}
	for _, name := range names {
		// The other jobs here, some of which never get a node, take no room of this priority.
		c.submit(name, lowPriority)
	}
	for _, name := range names[2:] {
		c.waitsFor(name, v1alpha1.ReasonWaitingForSlot)
	}
	for _, name := range names {
		c.finish(name, 1)
	}
	c.atWorkNeverAbove(versions, 2, len(names))
}

func (c *cluster) fairness() {
	c.organize("busy", 10)
	busy := *c
	quiet := *c
	quiet.organize("quiet", 10)
	for _, name := range []string{"a", "b", "c", "d"} {
		busy.submit(name, lowPriority)
	}
	busy.lacksRoom("a")
	busy.lacksRoom("b")
	busy.waitsFor("c", v1alpha1.ReasonWaitingForCapacity)
	quiet.submit("z", lowPriority)
	quiet.waitsFor("z", v1alpha1.ReasonWaitingForCapacity)

	// Only one pod at a time waits for a node now, and the next turn is that of the organization which has no job at work.
	busy.runPod(busy.job("a"), 1)
	busy.runPod(busy.job("b"), 1)
	pod := quiet.awaitPod("z")
	for _, name := range []string{"c", "d"} {
		if queue.AtWork(&busy.job(name).Status) {
			c.Errorf("%s began before the job of an organization that had none at work", name)
		}
	}
	quiet.bind(pod)
	busy.finish("c", 1)
	busy.finish("d", 1)
}

func (c *cluster) suspension() {
	c.organize("suspension", 1)
	first := c.submit("a")
	pod := c.runPod(first, 1)
	c.report(first, pod, 5, 2)
	c.submit("b")
	c.waitsFor("b", v1alpha1.ReasonWaitingForSlot)
	c.patch("a", `{"spec":{"suspend":true}}`)
	c.runPod(c.job("b"), 1)
	c.patch("a", `{"spec":{"suspend":false}}`)
	stopped := c.waitsFor("a", v1alpha1.ReasonWaitingForSlot)
	if worker := stopped.Status.Workers[0]; worker.PodName != "" || worker.PodUID != "" || worker.Attempt != 2 || worker.Failures != 0 {
		c.Errorf("worker of a stopped job: %+v", worker)
	}
	c.complete(c.job("b"), c.podOf("b", 1))
	c.finish("a", 2)
}

func (c *cluster) vanishingPlan() {
	c.organize("planless", 2)
	running := c.submit("a")
	pod := c.runPod(running, 1)
	c.must(c.admin.Delete(c.Context(), &v1alpha1.Plan{ObjectMeta: metav1.ObjectMeta{Name: c.organization}}))
	c.submit("b")
	c.waitsFor("b", v1alpha1.ReasonPlanNotFound)
	c.report(running, pod, 2, 2)
	c.eventually(running, "unreserved", func(j *v1alpha1.OcrJob) bool {
		reserved := meta.FindStatusCondition(j.Status.Conditions, v1alpha1.ConditionQuotaReserved)
		return j.Status.Phase == v1alpha1.PhaseRunning && reserved != nil &&
			reserved.Status == metav1.ConditionFalse && reserved.Reason == v1alpha1.ReasonPlanNotFound
	})
	c.plan(2)
	c.complete(running, pod)
	c.finish("b", 1)
}

func (c *cluster) forbiddenPriority() {
	c.organize("modest", 2)
	job := &v1alpha1.OcrJob{ObjectMeta: metav1.ObjectMeta{Namespace: c.namespace, Name: "by-hand"},
		Spec: v1alpha1.OcrJobSpec{Source: v1alpha1.DocumentSource{URL: "https://example.org/a.pdf"}, Priority: v1alpha1.PriorityHigh}}
	c.must(c.admin.Create(c.Context(), job))
	failed := c.eventually(job, "failed", func(j *v1alpha1.OcrJob) bool { return j.Status.Phase == v1alpha1.PhaseFailed })
	if why := meta.FindStatusCondition(failed.Status.Conditions, v1alpha1.ConditionFailed); why == nil || why.Reason != v1alpha1.ReasonPriorityNotAllowed {
		c.Errorf("failed for %+v", why)
	}
	if len(failed.Status.Workers) != 0 {
		c.Errorf("workers: %+v", failed.Status.Workers)
	}
	testenv.Await(c, "an event tells why", func() bool {
		events, err := c.pods.CoreV1().Events(c.namespace).List(c.Context(), metav1.ListOptions{
			FieldSelector: "involvedObject.name=" + job.Name + ",reason=" + v1alpha1.ReasonPriorityNotAllowed})
		return err == nil && len(events.Items) == 1
	})
}

// takenNames has pods stand under the names that jobs would give to theirs: workers whose job was deleted without them, and
// pods of somebody else.
func (c *cluster) takenNames() {
	c.organize("taken", 10)
	strange := func(name string, edit func(*corev1.Pod)) {
		job := &v1alpha1.OcrJob{ObjectMeta: metav1.ObjectMeta{Namespace: c.namespace, Name: name}}
		pod := workerPod(job, c.organization, NewPod{Attempt: Attempt{Number: 1}}, WorkerTemplate{Image: "khocr/worker:test"}, Endpoint{})
		pod.OwnerReferences = nil
		edit(pod)
		c.must(c.admin.Create(c.Context(), pod))
	}
	strange("left", func(*corev1.Pod) {})
	for i := range 5 {
		strange(fmt.Sprintf("taken%d", i), func(pod *corev1.Pod) { pod.Labels = nil })
		c.submit(fmt.Sprintf("taken%d", i), lowPriority)
	}
	c.submit("left", lowPriority)
	testenv.Await(c, "a pod that was left behind gives way", func() bool {
		pod := &corev1.Pod{}
		err := c.admin.Get(c.Context(), client.ObjectKey{Namespace: c.namespace, Name: "left-0-1"}, pod)
		return err == nil && metav1.IsControlledBy(pod, c.job("left"))
	})
	c.finish("left", 1)
	for i := range 5 {
		c.patch(fmt.Sprintf("taken%d", i), `{"spec":{"cancel":true}}`)
	}
}

// refusedPods has the namespace of an organization refuse its pods, as a quota of an administrator may.
func (c *cluster) refusedPods() {
	c.organize("refused", 40)
	limits := &corev1.LimitRange{ObjectMeta: metav1.ObjectMeta{Namespace: c.namespace, Name: "none"},
		Spec: corev1.LimitRangeSpec{Limits: []corev1.LimitRangeItem{{
			Type: corev1.LimitTypePod, Max: corev1.ResourceList{corev1.ResourceCPU: resource.MustParse("1n")}}}}}
	c.must(c.admin.Create(c.Context(), limits))
	for i := range 40 {
		c.submit(fmt.Sprintf("a%d", i))
	}
	for i := range 40 {
		name := fmt.Sprintf("a%d", i)
		c.eventually(c.job(name), "at work without a pod", func(j *v1alpha1.OcrJob) bool { return queue.AtWork(&j.Status) })
	}
	others := *c
	others.organize("unharmed", 1)
	others.submit("b")
	others.finish("b", 1)
	c.must(c.admin.Delete(c.Context(), limits))
	for i := range 40 {
		c.patch(fmt.Sprintf("a%d", i), `{"spec":{"cancel":true}}`)
	}
}

func (c *cluster) leaving() {
	c.organize("leaving", 2)
	organization := &v1alpha1.Organization{}
	c.must(c.admin.Get(c.Context(), client.ObjectKey{Name: c.organization}, organization))
	organization.Finalizers = []string{v1alpha1.FinalizerDrain}
	c.must(c.admin.Update(c.Context(), organization))
	c.must(c.admin.Delete(c.Context(), organization))
	c.submit("a")
	if job := c.waitsFor("a", v1alpha1.ReasonNoOrganization); len(job.Status.Workers) != 0 {
		c.Errorf("workers: %+v", job.Status.Workers)
	}
}

func lowPriority(spec *v1alpha1.OcrJobSpec) { spec.Priority = v1alpha1.PriorityLow }

func (c *cluster) job(name string) *v1alpha1.OcrJob {
	c.Helper()
	job := &v1alpha1.OcrJob{}
	c.must(c.admin.Get(c.Context(), client.ObjectKey{Namespace: c.namespace, Name: name}, job))
	return job
}

func (c *cluster) patch(name, change string) {
	c.Helper()
	c.must(c.admin.Patch(c.Context(), c.job(name), client.RawPatch("application/merge-patch+json", []byte(change))))
}

func (c *cluster) waitsFor(name, reason string) *v1alpha1.OcrJob {
	c.Helper()
	return c.eventually(c.job(name), "waiting: "+reason, func(j *v1alpha1.OcrJob) bool {
		return j.Status.Phase == v1alpha1.PhasePending && saysItWaitsFor(j) == reason
	})
}

// finish has a job run in the pod of an attempt, and complete.
func (c *cluster) finish(name string, attempt int32) {
	c.Helper()
	job := c.job(name)
	c.complete(job, c.runPod(job, attempt))
}

func (c *cluster) complete(job *v1alpha1.OcrJob, pod *corev1.Pod) {
	c.Helper()
	c.report(job, pod, 2, 2)
	c.ledger(job, v1alpha1.LedgerReserved, 2)
	c.eventually(job, "completed", func(j *v1alpha1.OcrJob) bool { return j.Status.Phase == v1alpha1.PhaseCompleted })
	c.ledger(job, v1alpha1.LedgerSettled, 2)
}

func (c *cluster) podOf(name string, attempt int32) *corev1.Pod {
	c.Helper()
	pod := &corev1.Pod{}
	c.must(c.admin.Get(c.Context(), client.ObjectKey{Namespace: c.namespace, Name: Attempt{Number: attempt}.PodName(name)}, pod))
	return pod
}

// lacksRoom has the scheduler find no node for the first pod of a job.
func (c *cluster) lacksRoom(name string) {
	c.Helper()
	pod := c.awaitPod(name)
	pod.Status.Conditions = []corev1.PodCondition{{Type: corev1.PodScheduled, Status: corev1.ConditionFalse,
		Reason: corev1.PodReasonUnschedulable, Message: "0/1 nodes are available"}}
	c.must(c.admin.Status().Update(c.Context(), pod))
	c.waitsFor(name, v1alpha1.ReasonWaitingForCapacity)
}

// awaitPod waits for the first pod of a job.
func (c *cluster) awaitPod(name string) *corev1.Pod {
	c.Helper()
	pod := &corev1.Pod{}
	key := client.ObjectKey{Namespace: c.namespace, Name: Attempt{Number: 1}.PodName(name)}
	testenv.Await(c, "pod "+key.Name+" exists", func() bool { return c.admin.Get(c.Context(), key, pod) == nil })
	return pod
}

func (c *cluster) watchAll() (watch.Interface, error) {
	watcher, err := client.NewWithWatch(c.config, client.Options{Scheme: testenv.Scheme()})
	if err != nil {
		return nil, err
	}
	return watcher.Watch(c.Context(), &v1alpha1.OcrJobList{}, client.InNamespace(c.namespace))
}

// atWorkNeverAbove reads every version of the organization's jobs until so many have ended, and counts them: a job that
// waits costs one more than a job that does not, however long it waits.
func (c *cluster) atWorkNeverAbove(versions watch.Interface, slots, jobs int) {
	c.Helper()
	atWork, ended, writes := map[string]bool{}, map[string]bool{}, map[string]int{}
	most := 0
	for len(ended) < jobs {
		version, ok := <-versions.ResultChan()
		if !ok {
			c.Fatal("the watch ended")
		}
		job := version.Object.(*v1alpha1.OcrJob)
		if !ended[job.Name] {
			writes[job.Name]++
		}
		delete(atWork, job.Name)
		if queue.AtWork(&job.Status) {
			atWork[job.Name] = true
		}
		if job.Status.Phase.Ended() {
			ended[job.Name] = true
		}
		most = max(most, len(atWork))
	}
	if most != slots {
		c.Errorf("at most %d jobs were at work, want %d", most, slots)
	}
	for name, count := range writes {
		// Created, waiting, admitted, pod recorded, pages done, completed.
		if count > 6 {
			c.Errorf("%s was written %d times until it was completed", name, count)
		}
	}
}
