package jobview

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/openplp/khocr/api/v1alpha1"
)

func TestOf(t *testing.T) {
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
		"a cancelled job whose worker has yet to stop": {v1alpha1.OcrJobStatus{Phase: v1alpha1.PhaseCancelled, CompletionTime: &end, Progress: 50}, "PROCESSING 50.0 30.0"},
	} {
		t.Run(name, func(t *testing.T) {
			job := &v1alpha1.OcrJob{ObjectMeta: metav1.ObjectMeta{Name: "a1b2c3d4e5f6", CreationTimestamp: created}, Status: c.status}
			if strings.HasSuffix(name, "has yet to stop") {
				job.Finalizers = []string{v1alpha1.FinalizerLedger}
			}
			view := Of(job, now, time.Time{})
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
	for number, want := range map[Tenths]string{45: "45.0", 12.5: "12.5", 0: "0.0", 100: "100.0"} {
		if got, err := json.Marshal(number); err != nil || string(got) != want {
			t.Errorf("%v is written %s (%v), want %s", float64(number), got, err, want)
		}
	}
}

func TestOfTellsWhatWasAskedFor(t *testing.T) {
	end := metav1.NewTime(time.Date(2026, 8, 1, 8, 0, 30, 0, time.UTC))
	expires := time.Date(2026, 8, 8, 15, 0, 30, 0, time.FixedZone("", 7*3600))
	job := &v1alpha1.OcrJob{
		ObjectMeta: metav1.ObjectMeta{Name: "a1b2c3d4e5f6", CreationTimestamp: end},
		Spec: v1alpha1.OcrJobSpec{
			Source:    v1alpha1.DocumentSource{Upload: &v1alpha1.Upload{ID: "a1b2c3d4e5f6", FileName: "a.pdf"}},
			OcrMode:   v1alpha1.ModeForce,
			Correct:   v1alpha1.CorrectOff,
			Languages: []string{"km", "en"}, Pages: "1-3,7", RetryOf: "000000000000",
			Metadata: []v1alpha1.MetadataEntry{{Name: "case", Value: "12/ក"}},
			Callback: &v1alpha1.Callback{URL: "https://sok:pw@example.test:8443/hook?token=secret#part", Secret: "main"},
		},
		Status: v1alpha1.OcrJobStatus{Phase: v1alpha1.PhaseCompleted, CompletionTime: &end},
	}
	encoded, err := json.Marshal(Of(job, end.Time, expires))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		`"output_format":"json","ocr_mode":"force","correct":"off","languages":["km","en"],"pages_requested":"1-3,7"`, `"metadata":{"case":"12/ក"}`,
		`"retry_of":"000000000000"`, `"webhook":{"url":"https://example.test:8443/hook","secret":"main"}`, `"expires_at":"2026-08-08T08:00:30Z"`,
	} {
		if !strings.Contains(string(encoded), want) {
			t.Errorf("the view lacks %s: %s", want, encoded)
		}
	}
	job.Status, job.Spec = v1alpha1.OcrJobStatus{}, v1alpha1.OcrJobSpec{}
	if encoded, _ = json.Marshal(Of(job, end.Time, expires)); !strings.Contains(string(encoded), `"metadata":{}`) || strings.Contains(string(encoded), "expires_at") {
		t.Errorf("a job at work: %s", encoded)
	}
}
