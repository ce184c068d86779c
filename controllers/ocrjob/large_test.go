package ocrjob

import (
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/openplp/khocr/api/v1alpha1"
	"github.com/openplp/khocr/internal/testenv"
)

// startLarge has a job of 60 pages run in three pods.
func (c *cluster) startLarge(name string) (*v1alpha1.OcrJob, []*corev1.Pod) {
	c.Helper()
	job := c.submit(name, lowPriority)
	pods := []*corev1.Pod{c.runPod(job, 1)}
	c.report(job, pods[0], 60, 1)
	c.report(job, pods[0], 60, 3)
	c.ledger(job, v1alpha1.LedgerReserved, 60)
	for part := int32(1); part < 3; part++ {
		pods = append(pods, c.runPart(job, Attempt{part, 1}))
	}
	for part, class := range []string{"khocr-low", "khocr-low-part", "khocr-low-part"} {
		if got := pods[part].Spec.PriorityClassName; got != class {
			c.Errorf("the pod of part %d has the class %s, want %s", part, got, class)
		}
	}
	return job, pods
}

func (c *cluster) largeDocument() {
	c.organize("large", 9)
	job, pods := c.startLarge("a")
	c.reportPart(job, 1, 60, 7)
	c.reportPart(job, 2, 60, 5)
	c.eventually(job, "summed up", func(j *v1alpha1.OcrJob) bool {
		return j.Status.Pages.Done == 15 && j.Status.Pages.Total == 60 && j.Status.Progress == 25
	})

	// A pod that crashes is replaced without another part noticing.
	c.ends(pods[1], func(status *corev1.PodStatus) {
		status.ContainerStatuses = []corev1.ContainerStatus{{Name: workerContainer, State: corev1.ContainerState{
			Terminated: &corev1.ContainerStateTerminated{ExitCode: 75}}}}
	})
	c.runPart(job, Attempt{1, 2})

	// A job takes the room of a part, which comes after it, and after the next one.
	c.submit("b", lowPriority)
	c.lacksRoom("b")
	c.ends(pods[2], func(status *corev1.PodStatus) {
		status.Conditions = append(status.Conditions, corev1.PodCondition{Type: corev1.DisruptionTarget, Status: corev1.ConditionTrue,
			Reason: corev1.PodReasonPreemptionByScheduler})
	})
	c.eventually(job, "waiting with a part", func(j *v1alpha1.OcrJob) bool { return j.Status.Worker(2).PodName == "" })
	c.submit("c", lowPriority)
	c.waitsFor("c", v1alpha1.ReasonWaitingForCapacity)
	if worker := c.job("a").Status.Worker(2); worker.PodName != "" || worker.Attempt != 1 || worker.Failures != 0 {
		c.Errorf("a part did not give way to a job: %+v", worker)
	}
	c.finish("b", 1)
	c.finish("c", 1)
	c.runPart(job, Attempt{2, 2})

	// The part that is faster than the first does not end the job, and the first one does not for the others.
	c.reportPart(job, 1, 60, 20)
	c.report(job, nil, 60, 20)
	c.reportPart(job, 2, 60, 19)
	c.eventually(job, "all but done", func(j *v1alpha1.OcrJob) bool {
		return j.Status.Pages.Done == 59 && j.Status.Phase == v1alpha1.PhaseRunning
	})
	c.reportPart(job, 2, 60, 20)
	done := c.eventually(job, "completed", func(j *v1alpha1.OcrJob) bool { return j.Status.Phase == v1alpha1.PhaseCompleted })
	if pages := done.Status.Pages; pages.Done != 60 || pages.Total != 60 || done.Status.Result.Pages != 60 || done.Status.Progress != 100 {
		c.Errorf("completed with %+v, %+v", pages, done.Status.Result)
	}
	for part, want := range []v1alpha1.WorkerStatus{{Attempt: 1}, {Attempt: 2, Failures: 1}, {Attempt: 2}} {
		if worker := done.Status.Worker(int32(part)); worker.Attempt != want.Attempt || worker.Failures != want.Failures {
			c.Errorf("worker of part %d: %+v", part, worker)
		}
	}
	c.ledger(job, v1alpha1.LedgerSettled, 60)
	c.eventually(job, "without its finalizer", func(j *v1alpha1.OcrJob) bool { return len(j.Finalizers) == 0 })
}

func (c *cluster) cancelLarge() {
	c.organize("large-cancelled", 9)
	job, pods := c.startLarge("a")
	c.patch("a", `{"spec":{"cancel":true}}`)
	c.eventually(job, "cancelled", func(j *v1alpha1.OcrJob) bool { return j.Status.Phase == v1alpha1.PhaseCancelled })
	for _, pod := range pods {
		testenv.Await(c, "pod "+pod.Name+" is told to go", func() bool {
			err := c.admin.Get(c.Context(), client.ObjectKeyFromObject(pod), pod)
			return apierrors.IsNotFound(err) || pod.DeletionTimestamp != nil
		})
	}
	c.ledger(job, v1alpha1.LedgerSettled, 3)
	c.eventually(job, "without its finalizer", func(j *v1alpha1.OcrJob) bool { return len(j.Finalizers) == 0 })
}

// ends has a pod end in failure, by a status that tells how.
func (c *cluster) ends(pod *corev1.Pod, change func(*corev1.PodStatus)) {
	c.Helper()
	testenv.Await(c, "the end of pod "+pod.Name+" is recorded", func() bool {
		c.must(c.admin.Get(c.Context(), client.ObjectKeyFromObject(pod), pod))
		pod.Status.Phase = corev1.PodFailed
		change(&pod.Status)
		return c.admin.Status().Update(c.Context(), pod) == nil
	})
}
