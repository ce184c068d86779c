package queue

import (
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/openplp/khocr/api/v1alpha1"
)

var now = time.Date(2026, 3, 1, 8, 0, 0, 0, time.UTC)

func TestObserve(t *testing.T) {
	at := func(offset time.Duration) *metav1.Time { return &metav1.Time{Time: now.Add(offset)} }
	for name, test := range map[string]struct {
		change func(*v1alpha1.OcrJob)
		ended  bool
		want   State
	}{
		"a new job waits":         {func(*v1alpha1.OcrJob) {}, false, Waiting},
		"a suspended job is held": {func(j *v1alpha1.OcrJob) { j.Spec.Suspend = new(true) }, false, Held},
		"a cancelled job is held": {func(j *v1alpha1.OcrJob) { j.Spec.Cancel = new(true) }, false, Held},
		"a job that is deleted is held": {func(j *v1alpha1.OcrJob) {
			j.DeletionTimestamp = at(0)
		}, false, Held},
		"a job that is resumed waits": {func(j *v1alpha1.OcrJob) {
			j.Spec.Suspend = new(false)
			j.Status.Workers = []v1alpha1.WorkerStatus{{Attempt: 2}}
		}, false, Waiting},
		"an attempt on record is at work": {func(j *v1alpha1.OcrJob) {
			j.Status.Workers = []v1alpha1.WorkerStatus{{Attempt: 1, PodName: "a-0-1"}}
		}, false, Unplaced},
		"a job at work stays so whatever was asked for": {func(j *v1alpha1.OcrJob) {
			j.Spec.Suspend, j.Spec.Cancel, j.DeletionTimestamp = new(true), new(true), at(0)
			j.Status.Workers = []v1alpha1.WorkerStatus{{Attempt: 1, PodName: "a-0-1"}}
		}, false, Unplaced},
		"a pod whose UID is recorded has a node": {func(j *v1alpha1.OcrJob) {
			j.Status.Workers = []v1alpha1.WorkerStatus{{Attempt: 1, PodName: "a-0-1", PodUID: "u"}}
		}, false, Placed},
		"before the time to try again there is no pod": {func(j *v1alpha1.OcrJob) {
			j.Status.Workers = []v1alpha1.WorkerStatus{{Attempt: 2, PodName: "a-0-2", RetryAt: at(time.Second)}}
		}, false, Podless},
		"from then on there is one": {func(j *v1alpha1.OcrJob) {
			j.Status.Workers = []v1alpha1.WorkerStatus{{Attempt: 2, PodName: "a-0-2", RetryAt: at(0)}}
		}, false, Unplaced},
		"the leading part counts": {func(j *v1alpha1.OcrJob) {
			j.Status.Workers = []v1alpha1.WorkerStatus{
				{Part: 0, Attempt: 1, PodName: "a-0-1", PodUID: "u", Progress: &v1alpha1.PageCounts{Total: 9, Done: 3}},
				{Part: 1, Attempt: 2, PodName: "a-1-2", RetryAt: at(time.Second)},
				{Part: 2, Attempt: 1, PodName: "a-2-1"},
			}
			j.Status.Partition = &v1alpha1.Partition{PagesPerWorker: 3, MaxWorkers: 9}
		}, false, Podless},
		"a leading part without a pod is about to get one": {func(j *v1alpha1.OcrJob) {
			j.Status.Workers = []v1alpha1.WorkerStatus{
				{Part: 0, Attempt: 1, PodName: "a-0-1", PodUID: "u", Progress: &v1alpha1.PageCounts{Total: 9, Done: 3}}, {Part: 1, Attempt: 1}}
			j.Status.Partition = &v1alpha1.Partition{PagesPerWorker: 5, MaxWorkers: 9}
			j.Status.Workers[0].Progress.Done = 4
		}, false, Podless},
		"a job whose parts are all done needs no node": {func(j *v1alpha1.OcrJob) {
			j.Status.Workers = []v1alpha1.WorkerStatus{{Attempt: 1, PodName: "a-0-1", Progress: &v1alpha1.PageCounts{Total: 1, Done: 1}}}
		}, false, Placed},
		"an ended job is none of the queue's": {func(j *v1alpha1.OcrJob) {
			j.Status.Phase = v1alpha1.PhaseFailed
			j.Status.Workers = []v1alpha1.WorkerStatus{{Attempt: 1, PodName: "a-0-1"}}
		}, true, Held},
	} {
		t.Run(name, func(t *testing.T) {
			job := &v1alpha1.OcrJob{ObjectMeta: metav1.ObjectMeta{Namespace: "khocr-moj", Name: "a", UID: "uid", CreationTimestamp: *at(-time.Minute)}}
			test.change(job)
			entry, ok := Observe(job, now)
			if ok == test.ended || entry.State != test.want {
				t.Fatalf("Observe = %+v, %v", entry, ok)
			}
			if want := (Entry{"uid", 0, "khocr-moj", "a", v1alpha1.PriorityNormal, now.Add(-time.Minute), test.want, false}); ok && entry != want {
				t.Errorf("entry = %+v, want %+v", entry, want)
			}
		})
	}
}
