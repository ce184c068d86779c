package apigateway

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/openplp/khocr/api/v1alpha1"
	"github.com/openplp/khocr/apigateway/gatewaytest"
	"github.com/openplp/khocr/internal/storage"
)

// image stands for a preview: what comes to the store was looked at by the internal port.
const image = "\xff\xd8\xff an image, as the internal port lets it through"

func storePreview(t *testing.T, g *gatewaytest.Gateway, job *v1alpha1.OcrJob, number int) {
	t.Helper()
	if _, err := g.Store.Put(t.Context(), storage.PreviewKey(job.Namespace, job.UID, number), strings.NewReader(image)); err != nil {
		t.Fatal(err)
	}
}

func testPreview(t *testing.T, g *gatewaytest.Gateway) {
	key, other := g.Organization(t, "looking", nil), g.Organization(t, "overlooking", nil)
	a := serve(t, g, nil)
	path := func(job *v1alpha1.OcrJob) string { return "/api/v1/jobs/" + job.Name + "/pages/1/preview" }

	t.Run("as its page", func(t *testing.T) {
		job := jobOf(t, a, "khocr-looking", a.convert(t, key, pdf("a.pdf", 99)))
		storePreview(t, g, job, 1)
		storePage(t, g, job, 1)
		a.get(t, path(job), key).wantProblem(t, 409, "page_not_ready")
		at(t, g, job, v1alpha1.PhaseRunning, 10)
		a.get(t, path(job), key).wantProblem(t, 409, "page_not_ready")
		at(t, g, job, v1alpha1.PhaseFailed, 50)
		a.get(t, path(job), key).wantProblem(t, 409, "job_failed")
	})

	job := resultOf(t, a, "khocr-looking", key, 2)
	storePreview(t, g, job, 1)
	t.Run("an image, and nothing else", func(t *testing.T) {
		got := a.get(t, path(job), key)
		if got.StatusCode != 200 || string(got.body) != image {
			t.Fatalf("status %d: %q", got.StatusCode, got.body)
		}
		for name, want := range map[string]string{
			"Content-Type": "image/jpeg", "X-Content-Type-Options": "nosniff", "Cache-Control": "private, no-cache", "Content-Encoding": "",
		} {
			if value := got.Header.Get(name); value != want {
				t.Errorf("%s: %q, want %q", name, value, want)
			}
		}
		again := a.request(t, http.MethodGet, path(job), key, nil)
		again.Header.Set("If-None-Match", got.Header.Get("ETag"))
		if same := a.do(t, again); same.StatusCode != http.StatusNotModified || len(same.body) > 0 {
			t.Errorf("the same image again: status %d, %d bytes", same.StatusCode, len(same.body))
		}
		head := a.do(t, a.request(t, http.MethodHead, path(job), key, nil))
		if head.StatusCode != 200 || head.ContentLength != int64(len(image)) || len(head.body) > 0 {
			t.Errorf("HEAD: status %d, %d bytes", head.StatusCode, head.ContentLength)
		}
	})

	t.Run("where there is none", func(t *testing.T) {
		second := strings.Replace(path(job), "/1/", "/2/", 1)
		a.get(t, second, key).wantProblem(t, 404, "preview_not_found")
		a.get(t, strings.Replace(path(job), "/1/", "/3/", 1), key).wantProblem(t, 404, "page_not_found")
		a.get(t, path(job)+"?size=9", key).wantProblem(t, 400, "unknown_parameter")
		a.get(t, path(job), other).wantProblem(t, 404, "job_not_found")
	})

	t.Run("it goes with the result", func(t *testing.T) {
		late := serve(t, g, func(s *Server) { s.Now = func() time.Time { return time.Now().Add(time.Hour) } })
		late.get(t, path(job), key).wantProblem(t, 410, "result_expired")
		if got := a.do(t, a.request(t, http.MethodDelete, "/api/v1/jobs/"+job.Name, key, nil)); got.StatusCode >= 300 {
			t.Fatalf("status %d: %s", got.StatusCode, got.body)
		}
		gatewaytest.Eventually(t, "the purged job says that it is gone", func() bool {
			return a.get(t, path(job), key).StatusCode == http.StatusGone
		})
	})
}
