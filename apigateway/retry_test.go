package apigateway

import (
	"bytes"
	"encoding/json"
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/openplp/khocr/api/v1alpha1"
	"github.com/openplp/khocr/apigateway/gatewaytest"
	"github.com/openplp/khocr/internal/archive"
	"github.com/openplp/khocr/internal/document"
	"github.com/openplp/khocr/internal/seal"
	"github.com/openplp/khocr/internal/storage"
)

func (a *api) retry(t testing.TB, key, job, idempotency string) answer {
	t.Helper()
	request := a.request(t, http.MethodPost, "/api/v1/jobs/"+job+"/retry", key, nil)
	if idempotency != "" {
		request.Header.Set("Idempotency-Key", idempotency)
	}
	return a.do(t, request)
}

func failPage(t *testing.T, g *gatewaytest.Gateway, job *v1alpha1.OcrJob, number int) {
	t.Helper()
	content, err := json.Marshal(document.Page{Number: number, Source: document.SourceNone, Error: &document.PageError{Code: document.PageErrorTimeout, Message: "slow"}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := g.Store.Put(t.Context(), storage.PageKey(job.Namespace, job.UID, number), bytes.NewReader(content)); err != nil {
		t.Fatal(err)
	}
}

func testRetry(t *testing.T, g *gatewaytest.Gateway) {
	const namespace = "khocr-trying"
	key := g.Organization(t, "trying", func(o *v1alpha1.Organization) {
		o.Spec.WebhookSecrets = []v1alpha1.WebhookSecret{{Name: "first", SecretName: "a"}}
	})
	a := serve(t, g, nil)
	b := serve(t, g.Replica(t), nil)
	file := pdf("សំណុំរឿង.pdf", 4000)
	completed := v1alpha1.OcrJobStatus{Phase: v1alpha1.PhaseCompleted}
	failed := v1alpha1.OcrJobStatus{Phase: v1alpha1.PhaseFailed}
	// ended makes a job of five pages, of which some failed, and ends it.
	ended := func(t *testing.T, status v1alpha1.OcrJobStatus, failing []int, parts ...part) *v1alpha1.OcrJob {
		t.Helper()
		job := jobOf(t, a, namespace, a.convert(t, key, append([]part{file}, parts...)...))
		for number := 1; number <= 5; number++ {
			storePage(t, g, job, number)
		}
		for _, number := range failing {
			if err := g.Store.Delete(t.Context(), storage.PageKey(namespace, job.UID, number)); err != nil {
				t.Fatal(err)
			}
			failPage(t, g, job, number)
		}
		job.Status = status
		g.UpdateStatus(t, job)
		return job
	}
	files := func() int { return len(gatewaytest.Files(t, filepath.Join(g.Folder, namespace))) }
	secret := part{name: "password", content: "open sesame"}

	t.Run("the failed pages of a completed job", func(t *testing.T) {
		job := ended(t, completed, []int{2, 3, 5}, part{name: "output_format", content: "docx"}, part{name: "priority", content: "low"}, part{name: "pages", content: "1-5"},
			part{name: "languages", content: "km"}, part{name: "metadata", content: `{"case":"17-B"}`}, part{name: "callback_url", content: "http://a"},
			part{name: "ocr_mode", content: "force"}, secret)
		got := b.retry(t, key, job.Name, "")
		again := jobOf(t, b, namespace, got)
		want := job.DeepCopy().Spec
		want.Pages, want.RetryOf = "2-3,5", job.Name
		want.Source.Upload.ID = again.Spec.Source.Upload.ID
		if diff := cmp.Diff(want, again.Spec); diff != "" {
			t.Error(diff)
		}
		if isReplay(got) || got.Header.Get("Location") != "/api/v1/jobs/"+again.Name || again.Name == job.Name {
			t.Errorf("answer %v %s", got.Header, got.body)
		}
		if again.Labels[v1alpha1.LabelAPIKey] != "main" || len(again.Finalizers) != 1 {
			t.Errorf("labels %v, finalizers %v", again.Labels, again.Finalizers)
		}
		old, fresh := job.Spec.Source.Upload.ID, again.Spec.Source.Upload.ID
		if old == fresh || fresh == again.Name {
			t.Errorf("the document is %s, as before", fresh)
		}
		for _, gone := range []string{storage.UploadKey(namespace, old), storage.PasswordKey(namespace, old)} {
			if err := g.Store.Delete(t.Context(), gone); err != nil {
				t.Fatal(err)
			}
		}
		if a.content(t, g.Store, storage.UploadKey(namespace, fresh)) != file.content {
			t.Error("the copy has other content")
		}
		place := storage.PasswordKey(namespace, fresh)
		if password, err := g.Seal.Open(place, []byte(a.content(t, g.Store, place))); err != nil || string(password) != "open sesame" {
			t.Errorf("the password is %q, %v", password, err)
		}
	})

	t.Run("everything of a failed job", func(t *testing.T) {
		job := ended(t, failed, []int{4}, part{name: "pages", content: "2-5"})
		again := jobOf(t, a, namespace, a.retry(t, key, job.Name, ""))
		if again.Spec.Pages != "2-5" || again.Spec.RetryOf != job.Name {
			t.Errorf("spec %+v", again.Spec)
		}
		if exists, err := g.Store.Exists(t.Context(), storage.PasswordKey(namespace, again.Spec.Source.Upload.ID)); exists || err != nil {
			t.Errorf("a password came from nowhere (%v)", err)
		}
	})

	t.Run("a document that was fetched", func(t *testing.T) {
		job := &v1alpha1.OcrJob{Spec: v1alpha1.OcrJobSpec{Source: v1alpha1.DocumentSource{URL: "http://example.test/docs/report.pdf?token=x"},
			Suspend: new(true), DeadlineSeconds: new(int64(9)), TTLSecondsAfterFinished: new(int32(5))}}
		job.Namespace, job.Name = namespace, "by-hand"
		if err := g.Client.Create(t.Context(), job); err != nil {
			t.Fatal(err)
		}
		job.Status = failed
		g.UpdateStatus(t, job)
		before := files()
		problem := a.retry(t, key, job.Name, "").wantProblem(t, 409, "job_not_retryable")
		if files() != before || !strings.Contains(problem.Detail, "document") {
			t.Errorf("%d files, %+v", files()-before, problem)
		}
		if _, err := g.Store.Put(t.Context(), storage.DocumentKey(namespace, job.UID), strings.NewReader(file.content)); err != nil {
			t.Fatal(err)
		}
		again := jobOf(t, a, namespace, a.retry(t, key, job.Name, ""))
		want := v1alpha1.OcrJobSpec{
			Source: v1alpha1.DocumentSource{Upload: &v1alpha1.Upload{
				ID: again.Spec.Source.Upload.ID, FileName: "report.pdf", Size: int64(len(file.content)),
			}},
			RetryOf: "by-hand", DeadlineSeconds: new(int64(9)), TTLSecondsAfterFinished: new(int32(3600)),
		}
		if diff := cmp.Diff(want, again.Spec); diff != "" {
			t.Error(diff)
		}
	})

	t.Run("what there is nothing of to try again", func(t *testing.T) {
		gone := ended(t, failed, nil)
		if err := g.Store.Delete(t.Context(), storage.UploadKey(namespace, gone.Spec.Source.Upload.ID)); err != nil {
			t.Fatal(err)
		}
		many := ended(t, completed, nil)
		for number := 101; number <= 699; number += 2 {
			failPage(t, g, many, number)
		}
		jobs := map[string]*v1alpha1.OcrJob{
			"queued":     ended(t, v1alpha1.OcrJobStatus{}, nil),
			"at work":    ended(t, v1alpha1.OcrJobStatus{Phase: v1alpha1.PhaseRunning}, []int{1}),
			"cancelled":  ended(t, v1alpha1.OcrJobStatus{Phase: v1alpha1.PhaseCancelled}, []int{1}),
			"no failure": ended(t, completed, nil),
			"no text":    gone,
			"no password": ended(t, v1alpha1.OcrJobStatus{Phase: v1alpha1.PhaseFailed, Conditions: []metav1.Condition{{
				Type: v1alpha1.ConditionFailed, Status: metav1.ConditionTrue, Reason: v1alpha1.ReasonPasswordProtected, LastTransitionTime: metav1.Now(),
			}}}, nil),
			"scattered": many,
		}
		before, known := files(), len(g.Jobs(t, namespace))
		details := map[string]bool{}
		for name, job := range jobs {
			problem := a.retry(t, key, job.Name, "").wantProblem(t, 409, "job_not_retryable")
			details[problem.Detail] = true
			if !isKhmer(problem.DetailKm) {
				t.Errorf("%s: %+v", name, problem)
			}
		}
		if len(details) != 6 {
			t.Errorf("the reasons are told apart as %v", details)
		}
		if files() != before || len(g.Jobs(t, namespace)) != known {
			t.Error("something was made")
		}
	})

	t.Run("a job whose OcrJob is gone", func(t *testing.T) {
		job := ended(t, completed, []int{3}, secret)
		record := archived(t, g, job, completed)
		removeJob(t, g, job)
		again := jobOf(t, a, namespace, a.retry(t, key, job.Name, ""))
		if again.Spec.Pages != "3" || a.content(t, g.Store, storage.UploadKey(namespace, again.Spec.Source.Upload.ID)) != file.content {
			t.Errorf("spec %+v", again.Spec)
		}
		record.Deleted = archive.Expired
		writeRecord(t, g, record)
		a.retry(t, key, job.Name, "").wantProblem(t, 409, "job_not_retryable")
		record.Deleted = archive.Purged
		writeRecord(t, g, record)
		a.retry(t, key, job.Name, "").wantProblem(t, 410, "job_deleted")
	})

	t.Run("no other organization's, and none that never was", func(t *testing.T) {
		job := ended(t, failed, nil)
		theirs := g.Organization(t, "curious", nil)
		for _, name := range []string{job.Name, "000000000000", "..", "A", strings.Repeat("a", 51)} {
			a.retry(t, theirs, name, "").wantProblem(t, 404, "job_not_found")
		}
		if jobs := g.Jobs(t, "khocr-curious"); len(jobs) != 0 {
			t.Errorf("%d jobs were made", len(jobs))
		}
	})

	t.Run("requests with something in them", func(t *testing.T) {
		job := ended(t, failed, nil)
		path := "/api/v1/jobs/" + job.Name + "/retry"
		a.do(t, a.request(t, http.MethodPost, path, key, strings.NewReader("{}"))).wantProblem(t, 400, "unknown_parameter")
		a.do(t, a.request(t, http.MethodPost, path+"?pages=1", key, nil)).wantProblem(t, 400, "unknown_parameter")
		a.get(t, path, key).wantProblem(t, 405, "method_not_allowed")
	})

	t.Run("the same again", func(t *testing.T) {
		job, other := ended(t, failed, nil, secret), ended(t, failed, nil)
		first := jobOf(t, a, namespace, a.retry(t, key, job.Name, "again"))
		before := files()
		got := b.retry(t, key, job.Name, "again")
		if second := jobOf(t, b, namespace, got); second.UID != first.UID || !isReplay(got) {
			t.Errorf("job %s, replayed %v", second.Name, isReplay(got))
		}
		b.retry(t, key, other.Name, "again").wantProblem(t, 422, "idempotency_key_reused")
		b.keyed(t, key, "again", file).wantProblem(t, 422, "idempotency_key_reused")
		if files() != before {
			t.Errorf("%d files more", files()-before)
		}
	})

	t.Run("a priority that the plan has no more", func(t *testing.T) {
		job := &v1alpha1.OcrJob{Spec: v1alpha1.OcrJobSpec{Source: v1alpha1.DocumentSource{URL: "http://example.test/a"}, Priority: v1alpha1.PriorityHigh}}
		job.Namespace, job.Name = namespace, "too-high"
		if err := g.Client.Create(t.Context(), job); err != nil {
			t.Fatal(err)
		}
		job.Status = failed
		g.UpdateStatus(t, job)
		a.retry(t, key, job.Name, "").wantProblem(t, 403, "priority_not_allowed")
	})

	t.Run("a platform that has lost its key", func(t *testing.T) {
		job := ended(t, failed, nil, secret)
		before := files()
		fresh, err := seal.NewKey(seal.Random())
		if err != nil {
			t.Fatal(err)
		}
		forgetful := serve(t, g, func(s *Server) { s.Seal = fresh })
		if problem := forgetful.retry(t, key, job.Name, "").wantProblem(t, 409, "job_not_retryable"); !strings.Contains(problem.Detail, "password") {
			t.Errorf("%+v", problem)
		}
		if files() != before {
			t.Errorf("%d files more", files()-before)
		}
	})
}
