package apigateway

import (
	"context"
	"encoding/json"
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
