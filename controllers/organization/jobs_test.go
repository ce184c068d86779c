package organization

import (
	"reflect"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/openplp/khocr/api/v1alpha1"
)

func TestObserve(t *testing.T) {
	job := func(phase v1alpha1.JobPhase, ended time.Duration) *v1alpha1.OcrJob {
		j := &v1alpha1.OcrJob{ObjectMeta: metav1.ObjectMeta{UID: "1"}, Status: v1alpha1.OcrJobStatus{Phase: phase}}
		if ended > 0 {
			j.Status.CompletionTime = new(metav1.NewTime(noon.Add(-ended)))
		}
		return j
	}
	working := map[types.UID]bool{"1": true}
	tests := map[string]struct {
		job     *v1alpha1.OcrJob
		working map[types.UID]bool
		ended   bool
		wait    time.Duration
	}{
		"a running job has not ended":                           {job(v1alpha1.PhaseRunning, 0), working, false, 0},
		"a completed job has, although its worker lingers":      {job(v1alpha1.PhaseCompleted, time.Second), working, true, 0},
		"a cancelled job without a worker has":                  {job(v1alpha1.PhaseCancelled, time.Second), nil, true, 0},
		"a cancelled job with a worker has not yet":             {job(v1alpha1.PhaseCancelled, time.Second), working, false, 59 * time.Second},
		"a failed job with a worker has not yet":                {job(v1alpha1.PhaseFailed, time.Second), working, false, 59 * time.Second},
		"a worker that does not go is waited for so long":       {job(v1alpha1.PhaseCancelled, time.Minute), working, true, 0},
		"the worker of another job is not waited for":           {job(v1alpha1.PhaseCancelled, time.Second), map[types.UID]bool{"2": true}, true, 0},
		"an ended job whose end nobody knows is not waited for": {job(v1alpha1.PhaseCancelled, 0), working, true, 0},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			observed, wait := observe(test.job, test.working, noon)
			if observed.Ended != test.ended || wait != test.wait {
				t.Errorf("ended is %v and %v are left, want %v and %v", observed.Ended, wait, test.ended, test.wait)
			}
		})
	}
}

func TestWorkingJobs(t *testing.T) {
	pod := func(owner string, phase corev1.PodPhase) corev1.Pod {
		return corev1.Pod{
			ObjectMeta: metav1.ObjectMeta{OwnerReferences: []metav1.OwnerReference{{UID: types.UID(owner), Controller: new(true)}}},
			Status:     corev1.PodStatus{Phase: phase},
		}
	}
	got := workingJobs([]corev1.Pod{pod("a", corev1.PodRunning), pod("b", corev1.PodPending), pod("c", corev1.PodFailed), pod("d", corev1.PodSucceeded), {}})
	if want := map[types.UID]bool{"a": true, "b": true}; !reflect.DeepEqual(got, want) {
		t.Errorf("working are %v, want %v", got, want)
	}
}
