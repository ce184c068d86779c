package apigateway

import (
	"archive/zip"
	"bytes"
	"encoding/json"
	"fmt"
	"mime"
	"net/http"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/openplp/khocr/api/v1alpha1"
	"github.com/openplp/khocr/apigateway/gatewaytest"
	"github.com/openplp/khocr/internal/document"
	"github.com/openplp/khocr/internal/storage"
)

func testResult(t *testing.T, g *gatewaytest.Gateway) {
	key := g.Organization(t, "results", nil)
	a := serve(t, g, nil)
	// ended makes a job with three stored pages and the status given.
	ended := func(t *testing.T, format string, status v1alpha1.OcrJobStatus) string {
		t.Helper()
		job := jobOf(t, a, "khocr-results", a.convert(t, key, pdf("ច្បាប់ 2026.pdf", 99), part{name: "output_format", content: format}))
		for number := 1; number <= 3; number++ {
			storePage(t, g, job, number)
		}
		job.Status = status
		if status.Phase.Ended() {
			job.Status.CompletionTime = &metav1.Time{Time: time.Now()}
		}
		g.UpdateStatus(t, job)
		return "/api/v1/jobs/" + job.Name + "/result"
	}
	all := &v1alpha1.PageCounts{Total: 3, Done: 3, Recognized: 3}
	completed := v1alpha1.OcrJobStatus{Phase: v1alpha1.PhaseCompleted, Pages: all, Progress: 100}
	condition := func(kind string, value metav1.ConditionStatus, reason string) []metav1.Condition {
		return []metav1.Condition{{Type: kind, Status: value, Reason: reason, LastTransitionTime: metav1.Now()}}
	}
	reserved := condition(v1alpha1.ConditionQuotaReserved, metav1.ConditionTrue, v1alpha1.ReasonPagesReserved)

	t.Run("the format that was asked for, and any other", func(t *testing.T) {
		path := ended(t, "text", completed)
		for query, want := range map[string]struct{ contentType, extension string }{
			"":             {"text/plain; charset=utf-8", ".txt"},
			"?format=text": {"text/plain; charset=utf-8", ".txt"},
			"?format=json": {"application/json", ".json"},
			"?format=docx": {"application/vnd.openxmlformats-officedocument.wordprocessingml.document", ".docx"},
		} {
			got := a.get(t, path+query, key)
			if got.StatusCode != http.StatusOK || got.Header.Get("Content-Type") != want.contentType {
				t.Fatalf("%s: status %d, Content-Type %q: %s", query, got.StatusCode, got.Header.Get("Content-Type"), got.body)
			}
			disposition, values, err := mime.ParseMediaType(got.Header.Get("Content-Disposition"))
			if err != nil || disposition != "attachment" || values["filename"] != "ច្បាប់ 2026"+want.extension {
				t.Errorf("%s: Content-Disposition %q (%v)", query, got.Header.Get("Content-Disposition"), err)
			}
			switch want.extension {
			case ".txt":
				if text := string(got.body); !strings.Contains(text, "ទំព័រទី 1") || !strings.Contains(text, "ទំព័រទី 3") {
					t.Errorf("text %q", text)
				}
			case ".json":
				var result struct{ Pages []document.Page }
				if err := json.Unmarshal(got.body, &result); err != nil || len(result.Pages) != 3 || result.Pages[2].Number != 3 {
					t.Errorf("%v: %s", err, got.body)
				}
			case ".docx":
				if _, err := zip.NewReader(bytes.NewReader(got.body), int64(len(got.body))); err != nil {
					t.Error(err)
				}
			}
			head := a.do(t, a.request(t, http.MethodHead, path+query, key, nil))
			if head.StatusCode != http.StatusOK || head.Header.Get("Content-Type") != want.contentType || len(head.body) != 0 {
				t.Errorf("%s: HEAD %d, %q", query, head.StatusCode, head.Header.Get("Content-Type"))
			}
		}
		a.get(t, path+"?format=xml", key).wantProblem(t, 400, "invalid_parameter")
		a.get(t, path+"?fromat=json", key).wantProblem(t, 400, "unknown_parameter")
		a.get(t, path+"?format=json&format=text", key).wantProblem(t, 400, "duplicate_parameter")
	})

	t.Run("a job at work", func(t *testing.T) {
		for _, phase := range []v1alpha1.JobPhase{v1alpha1.PhasePending, v1alpha1.PhaseRunning} {
			path := ended(t, "json", v1alpha1.OcrJobStatus{Phase: phase, Pages: all, Progress: 100, Conditions: reserved})
			problem := a.get(t, path, key).wantProblem(t, 409, "job_not_finished")
			if problem.MessageKm != jobNotFinished.Khmer {
				t.Errorf("message_km %q", problem.MessageKm)
			}
		}
	})

	t.Run("an end that the informers have not seen yet", func(t *testing.T) {
		path := ended(t, "text", completed)
		job := &v1alpha1.OcrJob{Status: v1alpha1.OcrJobStatus{Phase: v1alpha1.PhaseRunning}}
		job.Namespace, job.Name = "khocr-results", strings.Split(path, "/")[4]
		behind := serve(t, g, func(s *Server) { s.Client = lagging{s.Client, job} })
		if got := behind.get(t, path, key); got.StatusCode != http.StatusOK {
			t.Errorf("status %d: %s", got.StatusCode, got.body)
		}
	})

	t.Run("a failed job says why and gives nothing away", func(t *testing.T) {
		path := ended(t, "json", v1alpha1.OcrJobStatus{Phase: v1alpha1.PhaseFailed, Pages: all,
			Conditions: condition(v1alpha1.ConditionFailed, metav1.ConditionTrue, v1alpha1.ReasonPageQuotaExceeded)})
		problem := a.get(t, path, key).wantProblem(t, 409, "job_failed")
		if problem.Error == nil || problem.Error.Code != "page_quota_exceeded" || problem.Error.MessageKm == "" {
			t.Errorf("error %+v", problem.Error)
		}
	})

	t.Run("a cancelled job gives the pages that were finished and counted", func(t *testing.T) {
		path := ended(t, "json", v1alpha1.OcrJobStatus{Phase: v1alpha1.PhaseCancelled, Conditions: reserved,
			Pages: &v1alpha1.PageCounts{Total: 9, Done: 2, Recognized: 2}})
		got := a.get(t, path, key)
		var result struct{ Pages []document.Page }
		if err := json.Unmarshal(got.body, &result); err != nil || len(result.Pages) != 2 {
			t.Errorf("%v, %d pages, want the 2 that were counted of the 3 in the store: %s", err, len(result.Pages), got.body)
		}
	})

	t.Run("a cancelled job whose worker has yet to stop has none yet", func(t *testing.T) {
		path := ended(t, "json", v1alpha1.OcrJobStatus{Phase: v1alpha1.PhaseRunning, Conditions: reserved,
			Pages: &v1alpha1.PageCounts{Total: 9, Done: 2, Recognized: 2}})
		job := &v1alpha1.OcrJob{}
		if err := g.Client.Get(t.Context(), client.ObjectKey{Namespace: "khocr-results", Name: strings.Split(path, "/")[4]}, job); err != nil {
			t.Fatal(err)
		}
		job.Status.Phase = v1alpha1.PhaseCancelled
		stopping := serve(t, g, func(s *Server) { s.Client, s.Live = lagging{s.Client, job}, lagging{s.Client, job} })
		stopping.get(t, path, key).wantProblem(t, 409, "job_not_finished")
		if got := stopping.get(t, strings.TrimSuffix(path, "/result"), key); !strings.Contains(string(got.body), `"PROCESSING"`) {
			t.Errorf("the job is %s", got.body)
		}
	})

	t.Run("a cancelled job whose pages were never set aside gives none", func(t *testing.T) {
		path := ended(t, "json", v1alpha1.OcrJobStatus{Phase: v1alpha1.PhaseCancelled, Pages: all})
		a.get(t, path, key).wantProblem(t, 409, "job_cancelled")
	})

	t.Run("a job outlives its result", func(t *testing.T) {
		path := ended(t, "json", completed)
		late := serve(t, g, func(s *Server) { s.Now = func() time.Time { return time.Now().Add(time.Hour) } })
		late.get(t, path, key).wantProblem(t, 410, "result_expired")
		job := strings.TrimSuffix(path, "/result")
		late.get(t, job+"/pages/1", key).wantProblem(t, 410, "result_expired")
		if got := late.get(t, job, key); got.StatusCode != http.StatusOK {
			t.Errorf("status %d: %s", got.StatusCode, got.body)
		}
	})

	t.Run("pages that are not kept any more", func(t *testing.T) {
		job := jobOf(t, a, "khocr-results", a.convert(t, key, pdf("a.pdf", 99)))
		job.Status = completed
		g.UpdateStatus(t, job)
		a.get(t, "/api/v1/jobs/"+job.Name+"/result", key).wantProblem(t, 410, "result_expired")
	})

	t.Run("a completed job that lacks a page is no result", func(t *testing.T) {
		status := completed
		status.Pages = &v1alpha1.PageCounts{Total: 4, Done: 4, Recognized: 4}
		a.get(t, ended(t, "json", status), key).wantProblem(t, 500, "internal_error")
	})

	t.Run("a result that breaks off does not look like a whole one", func(t *testing.T) {
		job := jobOf(t, a, "khocr-results", a.convert(t, key, pdf("a.pdf", 99)))
		// More than any buffer holds, and then a page that cannot be read.
		const pages = 200
		for number := 1; number < pages; number++ {
			storePage(t, g, job, number)
		}
		damaged := storage.PageKey(job.Namespace, job.UID, pages)
		if _, err := g.Store.Put(t.Context(), damaged, strings.NewReader("{")); err != nil {
			t.Fatal(err)
		}
		job.Status = v1alpha1.OcrJobStatus{Phase: v1alpha1.PhaseCompleted, Pages: &v1alpha1.PageCounts{Total: pages, Done: pages}}
		g.UpdateStatus(t, job)
		for _, format := range []string{"json", "text", "docx"} {
			request := a.request(t, http.MethodGet, "/api/v1/jobs/"+job.Name+"/result?format="+format, key, nil)
			response, err := http.DefaultClient.Do(request)
			if err != nil {
				continue
			}
			_, err = new(bytes.Buffer).ReadFrom(response.Body)
			_ = response.Body.Close()
			if err == nil && response.StatusCode == http.StatusOK {
				t.Errorf("%s: the result ended like a whole one", format)
			}
		}
	})
}

func storePage(t *testing.T, g *gatewaytest.Gateway, job *v1alpha1.OcrJob, number int) {
	t.Helper()
	text := fmt.Sprintf("ទំព័រទី %d", number)
	page := document.Page{Number: number, Width: 595, Height: 842, Source: document.SourceOCR, Text: text, ProcessedAt: time.Now(),
		Lines: []document.Line{{Text: text, Words: []document.Word{{Text: text, Confidence: 90}}, Paragraph: 1}}}
	content, err := json.Marshal(page)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := g.Store.Put(t.Context(), storage.PageKey(job.Namespace, job.UID, number), bytes.NewReader(content)); err != nil {
		t.Fatal(err)
	}
}

func TestAttachment(t *testing.T) {
	for name, want := range map[string]string{
		"report.json":     `attachment; filename="report.json"; filename*=UTF-8''report.json`,
		`a "b" 100%.json`: `attachment; filename="a _b_ 100_.json"; filename*=UTF-8''a%20%22b%22%20100%25.json`,
		"ក.txt":           `attachment; filename="_.txt"; filename*=UTF-8''%E1%9E%80.txt`,
		"a\r\nX: y.json":  `attachment; filename="a__X: y.json"; filename*=UTF-8''a%0D%0AX%3A%20y.json`,
	} {
		if got := attachment(name); got != want {
			t.Errorf("attachment(%q) = %s, want %s", name, got, want)
		}
	}
}
