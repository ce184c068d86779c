package backup

import (
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/openplp/khocr/api/v1alpha1"
	"github.com/openplp/khocr/internal/queue"
)

// job is one that is cut into two parts of ten pages, of which so many are done.
func job(phase v1alpha1.JobPhase, done ...int32) *v1alpha1.OcrJob {
	job := &v1alpha1.OcrJob{ObjectMeta: metav1.ObjectMeta{Name: "job", CreationTimestamp: metav1.Unix(1_000_000, 0)}}
	job.Status.Phase = phase
	job.Status.Pages = &v1alpha1.PageCounts{Total: 20}
	job.Status.Partition = &v1alpha1.Partition{PagesPerWorker: 10, MaxWorkers: 2}
	for part, pages := range done {
		job.Status.Workers = append(job.Status.Workers, v1alpha1.WorkerStatus{
			Part: int32(part), Attempt: 3, PodName: "pod", PodUID: "uid", Failures: 2, RetryAt: new(metav1.Now()),
			Progress: &v1alpha1.PageCounts{Total: 20, Done: pages},
		})
	}
	return job
}

// status of the manager's part, with the progress of the workers put back in.
func status(t *testing.T, of *v1alpha1.OcrJob) v1alpha1.OcrJobStatus {
	t.Helper()
	all := statusOf(of)
	whole := all[0].content.Status
	if all[0].owner != manager {
		t.Fatalf("the first part is %s's, want the manager's", all[0].owner)
	}
	for _, one := range all[1:] {
		worker := one.content.Status.Workers[0]
		if want := client.FieldOwner([]string{"khocr-worker-0", "khocr-worker-1"}[worker.Part]); one.owner != want {
			t.Errorf("the progress of part %d is %s's, want %s's", worker.Part, one.owner, want)
		}
		if whole.Workers[worker.Part].Progress != nil {
			t.Errorf("the manager is given the progress of part %d", worker.Part)
		}
		whole.Workers[worker.Part].Progress = worker.Progress
	}
	return whole
}

func TestAJobAtWorkWaitsForItsTurnAgain(t *testing.T) {
	got := status(t, job(v1alpha1.PhaseRunning, 10, 4))
	if got.Phase != v1alpha1.PhasePending || queue.AtWork(&got) {
		t.Errorf("it is %s, at work: %v", got.Phase, queue.AtWork(&got))
	}
	finished, begun := got.Workers[0], got.Workers[1]
	if finished.Attempt != 3 || finished.Progress.Done != 10 {
		t.Errorf("the part that is done is %+v", finished)
	}
	if begun.Attempt != 4 || begun.DoneBefore != 4 || begun.Failures != 2 || begun.RetryAt != nil || begun.PodUID != "" || begun.Progress.Done != 4 {
		t.Errorf("the part that is not is %+v", begun)
	}
}

func TestAJobThatNeedsNoWorkerStaysAsItIs(t *testing.T) {
	for name, job := range map[string]*v1alpha1.OcrJob{
		"one whose pages are all done": job(v1alpha1.PhaseRunning, 10, 10),
		"one that has ended":           job(v1alpha1.PhaseCancelled, 10, 4),
	} {
		got := status(t, job)
		if got.Phase != job.Status.Phase || got.Workers[1].Attempt != 3 || got.Workers[1].PodName != "pod" {
			t.Errorf("%s is %s with %+v", name, got.Phase, got.Workers[1])
		}
	}
}

func TestAJobIsAsOldAsItWas(t *testing.T) {
	once := job(v1alpha1.PhasePending)
	first := status(t, once)
	if !first.AcceptedAt.Equal(&once.CreationTimestamp) {
		t.Errorf("it was accepted at %v, want %v", first.AcceptedAt, once.CreationTimestamp)
	}
	twice := job(v1alpha1.PhasePending)
	twice.CreationTimestamp = metav1.NewTime(time.Unix(2_000_000, 0))
	twice.Status.AcceptedAt = first.AcceptedAt
	if second := status(t, twice); !second.AcceptedAt.Equal(first.AcceptedAt) {
		t.Errorf("restored once more it was accepted at %v, want %v", second.AcceptedAt, first.AcceptedAt)
	}
}

func TestOnlyUIDsOfJobsAreReplaced(t *testing.T) {
	known := uids{"00000000-0000-0000-0000-00000000000a": "11111111-1111-1111-1111-11111111111a"}
	for text, want := range map[string]string{
		"khocr-acme/jobs/00000000-0000-0000-0000-00000000000a/pages/000001.json":      "khocr-acme/jobs/11111111-1111-1111-1111-11111111111a/pages/000001.json",
		"khocr-acme/jobs/00000000-0000-0000-0000-00000000000b/document":               "khocr-acme/jobs/00000000-0000-0000-0000-00000000000b/document",
		"khocr-acme/index/2026-11-23/010203.a.00000000-0000-0000-0000-00000000000a.b": "khocr-acme/index/2026-11-23/010203.a.11111111-1111-1111-1111-11111111111a.b",
		`{"uid":"00000000-0000-0000-0000-00000000000a","n":1}`:                        `{"uid":"11111111-1111-1111-1111-11111111111a","n":1}`,
	} {
		if got := string(known.replace([]byte(text))); got != want {
			t.Errorf("%s became %s, want %s", text, got, want)
		}
	}
}
