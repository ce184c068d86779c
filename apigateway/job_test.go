package apigateway

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"reflect"
	"strings"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/openplp/khocr/api/v1alpha1"
	"github.com/openplp/khocr/apigateway/gatewaytest"
)

func TestViewOf(t *testing.T) {
	created := metav1.NewTime(time.Date(2026, 8, 1, 8, 0, 0, 0, time.UTC))
	now := created.Add(12*time.Second + 460*time.Millisecond)
	end := metav1.NewTime(created.Add(30 * time.Second))
	reporting := func(total, done int32) v1alpha1.WorkerStatus {
		return v1alpha1.WorkerStatus{Progress: &v1alpha1.PageCounts{Total: total, Done: done}}
	}
	condition := func(kind string, value metav1.ConditionStatus, reason string) []metav1.Condition {
		return []metav1.Condition{{Type: kind, Status: value, Reason: reason, Message: "pod acme-0-1 on node n1"}}
	}
	for name, c := range map[string]struct {
		status v1alpha1.OcrJobStatus
		want   string
	}{
		"a job that nobody has looked at": {v1alpha1.OcrJobStatus{}, "QUEUED 0.0 12.5"},
		"a pending job":                   {v1alpha1.OcrJobStatus{Phase: v1alpha1.PhasePending}, "QUEUED 0.0 12.5"},
		"a job that waits for capacity": {v1alpha1.OcrJobStatus{Phase: v1alpha1.PhasePending,
			Conditions: condition(v1alpha1.ConditionStarted, metav1.ConditionFalse, v1alpha1.ReasonWaitingForCapacity)},
			"QUEUED 0.0 12.5 waiting_for_capacity"},
		"a running job whose pages are not counted": {v1alpha1.OcrJobStatus{Phase: v1alpha1.PhaseRunning}, "PROCESSING 0.0 12.5"},
		"a running job goes by what its worker says": {v1alpha1.OcrJobStatus{Phase: v1alpha1.PhaseRunning,
			Workers: []v1alpha1.WorkerStatus{reporting(9, 4)}}, "PROCESSING 44.4 12.5"},
		"a worker that starts anew takes nothing back": {v1alpha1.OcrJobStatus{Phase: v1alpha1.PhaseRunning, Progress: 44,
			Workers: []v1alpha1.WorkerStatus{reporting(9, 0)}}, "PROCESSING 44.0 12.5"},
		"a part that has not reported yet counts": {v1alpha1.OcrJobStatus{Phase: v1alpha1.PhaseRunning,
			Pages: &v1alpha1.PageCounts{Total: 20}, Workers: []v1alpha1.WorkerStatus{reporting(10, 5), {Part: 1}}}, "PROCESSING 25.0 12.5"},
		"a completed job": {v1alpha1.OcrJobStatus{Phase: v1alpha1.PhaseCompleted, CompletionTime: &end, Progress: 100,
			Pages: &v1alpha1.PageCounts{Total: 3, Done: 3}}, "COMPLETED 100.0 30.0"},
		"a completed job whose workers' entries are behind": {v1alpha1.OcrJobStatus{Phase: v1alpha1.PhaseCompleted, CompletionTime: &end,
			Workers: []v1alpha1.WorkerStatus{reporting(3, 2)}}, "COMPLETED 100.0 30.0"},
		"a failed job": {v1alpha1.OcrJobStatus{Phase: v1alpha1.PhaseFailed, CompletionTime: &end, Progress: 20,
			Conditions: condition(v1alpha1.ConditionFailed, metav1.ConditionTrue, v1alpha1.ReasonPasswordProtected)},
			"FAILED 20.0 30.0 password_protected"},
		"a failed job of a reason that came later": {v1alpha1.OcrJobStatus{Phase: v1alpha1.PhaseFailed, CompletionTime: &end,
			Conditions: condition(v1alpha1.ConditionFailed, metav1.ConditionTrue, "SomethingNew")}, "FAILED 0.0 30.0 job_failed"},
		"a cancelled job": {v1alpha1.OcrJobStatus{Phase: v1alpha1.PhaseCancelled, CompletionTime: &end, Progress: 50}, "CANCELLED 50.0 30.0"},
	} {
		t.Run(name, func(t *testing.T) {
			job := &v1alpha1.OcrJob{ObjectMeta: metav1.ObjectMeta{Name: "a1b2c3d4e5f6", CreationTimestamp: created}, Status: c.status}
			view := viewOf(job, now)
			got := fmt.Sprintf("%s %.1f %.1f", view.Status, view.Progress, view.ElapsedSeconds)
			if view.Waiting != nil {
				got += " " + view.Waiting.Code
			}
			if view.Error != nil {
				got += " " + view.Error.Code
			}
			if got != c.want {
				t.Errorf("got %s, want %s", got, c.want)
			}
			encoded, err := json.Marshal(view)
			if err != nil {
				t.Fatal(err)
			}
			if strings.Contains(string(encoded), "acme-0-1") {
				t.Errorf("the view tells of the cluster: %s", encoded)
			}
			if !strings.HasPrefix(string(encoded), `{"id":"a1b2c3d4e5f6","status":"`+view.Status+`","progress":`) {
				t.Errorf("the contract's fields do not come first: %s", encoded)
			}
		})
	}
}

func TestNumbersKeepTheirDecimal(t *testing.T) {
	for number, want := range map[tenths]string{45: "45.0", 12.5: "12.5", 0: "0.0", 100: "100.0"} {
		if got, err := json.Marshal(number); err != nil || string(got) != want {
			t.Errorf("%v is written %s (%v), want %s", float64(number), got, err, want)
		}
	}
}

func TestFileNameOfASource(t *testing.T) {
	for address, want := range map[string]string{
		"https://example.test/a/b/%E1%9E%80.pdf?token=1": "ក.pdf",
		"https://example.test":                           "",
		"https://example.test/":                          "",
	} {
		if got := fileNameOf(&v1alpha1.DocumentSource{URL: address}); got != want {
			t.Errorf("fileNameOf(%s) = %q, want %q", address, got, want)
		}
	}
}

func testJob(t *testing.T, g *gatewaytest.Gateway) {
	key, other := g.Organization(t, "owner", nil), g.Organization(t, "stranger", nil)
	a := serve(t, g, nil)
	job := jobOf(t, a, "khocr-owner", a.convert(t, key, pdf("របាយការណ៍.pdf", 99)))
	path := "/api/v1/jobs/" + job.Name

	t.Run("a job that the informers have not seen yet", func(t *testing.T) {
		behind := serve(t, g, func(s *Server) { s.Client = lagging{Client: s.Client} })
		if got := behind.get(t, path, key); got.StatusCode != http.StatusOK {
			t.Fatalf("status %d: %s", got.StatusCode, got.body)
		}
		behind.get(t, "/api/v1/jobs/0123456789ab", key).wantProblem(t, 404, "job_not_found")
	})

	t.Run("a running job", func(t *testing.T) {
		job.Status = v1alpha1.OcrJobStatus{
			Phase: v1alpha1.PhaseRunning, Model: "khmer", Progress: 40, StartTime: &metav1.Time{Time: time.Now()},
			Workers: []v1alpha1.WorkerStatus{{Attempt: 1, PodName: job.Name + "-0-1", PodUID: "u",
				Progress: &v1alpha1.PageCounts{Total: 20, Done: 9, Native: 4, Recognized: 5}}},
		}
		g.UpdateStatus(t, job)
		got := a.get(t, path, key)
		var view map[string]any
		if err := json.Unmarshal(got.body, &view); err != nil || got.StatusCode != http.StatusOK {
			t.Fatalf("status %d, %v: %s", got.StatusCode, err, got.body)
		}
		for field, want := range map[string]any{
			"id": job.Name, "status": "PROCESSING", "progress": 45.0, "task_type": "convert", "file_name": "របាយការណ៍.pdf",
			"output_format": "json", "priority": "normal", "model": "khmer",
			"pages": map[string]any{"total": 20.0, "done": 9.0, "native": 4.0, "recognized": 5.0, "failed": 0.0},
		} {
			if !reflect.DeepEqual(view[field], want) {
				t.Errorf("%s is %v, want %v", field, view[field], want)
			}
		}
		if !strings.Contains(string(got.body), `"progress":45.0,`) {
			t.Errorf("progress is no float: %s", got.body)
		}
	})

	t.Run("a HEAD request has the headers alone", func(t *testing.T) {
		got := a.do(t, a.request(t, http.MethodHead, path, key, nil))
		if got.StatusCode != http.StatusOK || len(got.body) != 0 || got.ContentLength <= 0 {
			t.Errorf("status %d, %d bytes, Content-Length %d", got.StatusCode, len(got.body), got.ContentLength)
		}
	})

	t.Run("another organization's job is as unknown as one that never was", func(t *testing.T) {
		theirs := a.get(t, path, other).wantProblem(t, 404, "job_not_found")
		nobodys := a.get(t, "/api/v1/jobs/0123456789ab", other).wantProblem(t, 404, "job_not_found")
		theirs.RequestID, nobodys.RequestID = "", ""
		if theirs != nobodys {
			t.Errorf("%+v differs from %+v", theirs, nobodys)
		}
		a.get(t, path+"/result", other).wantProblem(t, 404, "job_not_found")
	})

	t.Run("what cannot be a name is unknown", func(t *testing.T) {
		for _, id := range []string{"A1B2", "a.b", "..", "%2e%2e", "a%2fb", strings.Repeat("a", 51), "%00"} {
			if got := a.get(t, "/api/v1/jobs/"+id, key); got.StatusCode != http.StatusNotFound {
				t.Errorf("%s: status %d", id, got.StatusCode)
			}
		}
	})
}

// lagging is a cache that is behind: it has a job as it was, or has none at all.
type lagging struct {
	client.Client
	old *v1alpha1.OcrJob
}

func (l lagging) Get(ctx context.Context, key client.ObjectKey, object client.Object, options ...client.GetOption) error {
	job, ok := object.(*v1alpha1.OcrJob)
	if !ok {
		return l.Client.Get(ctx, key, object, options...)
	}
	if l.old == nil {
		return apierrors.NewNotFound(v1alpha1.GroupVersion.WithResource("ocrjobs").GroupResource(), key.Name)
	}
	l.old.DeepCopyInto(job)
	return nil
}
