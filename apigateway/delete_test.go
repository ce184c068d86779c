package apigateway

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/openplp/khocr/api/v1alpha1"
	"github.com/openplp/khocr/apigateway/gatewaytest"
	"github.com/openplp/khocr/internal/archive"
	"github.com/openplp/khocr/internal/storage"
)

func (a *api) delete(t testing.TB, id, key string) answer {
	t.Helper()
	return a.do(t, a.request(t, http.MethodDelete, "/api/v1/jobs/"+id, key, nil))
}

// ended submits a document and has its job completed, with one page.
func (a *api) ended(t *testing.T, namespace, key string) *v1alpha1.OcrJob {
	t.Helper()
	job := jobOf(t, a, namespace, a.convert(t, key, pdf("secret.pdf", 99)))
	job.Status = v1alpha1.OcrJobStatus{
		Phase: v1alpha1.PhaseCompleted, Progress: 100, CompletionTime: &metav1.Time{Time: time.Now()},
		Pages: &v1alpha1.PageCounts{Total: 1, Done: 1, Recognized: 1},
	}
	a.UpdateStatus(t, job)
	if _, err := a.Store.Put(t.Context(), storage.PageKey(namespace, job.UID, 1), strings.NewReader(`{"page":1,"text":"ក"}`)); err != nil {
		t.Fatal(err)
	}
	return job
}

// filesOf are the files of the store that have to do with a job.
func (a *api) filesOf(t testing.TB, job *v1alpha1.OcrJob) (content, records []string) {
	for _, file := range gatewaytest.Files(t, a.Folder) {
		about := strings.Contains(file, string(job.UID)) || strings.Contains(file, job.Name) || strings.Contains(file, job.Spec.Source.Upload.ID)
		switch {
		case about && (strings.Contains(file, "/records/") || strings.Contains(file, "/index/")):
			records = append(records, file)
		case about:
			content = append(content, file)
		}
	}
	return content, records
}

func testDelete(t *testing.T, g *gatewaytest.Gateway) {
	key, other := g.Organization(t, "deleter", nil), g.Organization(t, "bystander", nil)
	reader := g.Organization(t, "delete-reader", func(o *v1alpha1.Organization) {
		o.Spec.APIKeys[0].Scopes = []v1alpha1.Scope{v1alpha1.ScopeRead}
	})
	a := serve(t, g, nil)
	const namespace = "khocr-deleter"

	t.Run("an unfinished job is cancelled", func(t *testing.T) {
		job := jobOf(t, a, namespace, a.convert(t, key, pdf("a.pdf", 99)))
		for range 2 {
			got := a.delete(t, job.Name, key)
			var body deletion
			if err := json.Unmarshal(got.body, &body); err != nil || got.StatusCode != http.StatusAccepted || body != cancelling(job.Name) {
				t.Fatalf("%d %v %s", got.StatusCode, err, got.body)
			}
		}
		if err := g.Live.Get(t.Context(), client.ObjectKeyFromObject(job), job); err != nil || job.Spec.Cancel == nil || !*job.Spec.Cancel {
			t.Errorf("spec.cancel = %v, %v", job.Spec.Cancel, err)
		}
		if content, records := a.filesOf(t, job); len(content) != 1 || len(records) != 0 {
			t.Errorf("stored are %v and %v", content, records)
		}
	})

	t.Run("a finished job is deleted with everything that was stored", func(t *testing.T) {
		job := a.ended(t, namespace, key)
		if _, err := a.Store.Put(t.Context(), storage.PasswordKey(namespace, job.Spec.Source.Upload.ID), strings.NewReader("sealed")); err != nil {
			t.Fatal(err)
		}
		if _, err := a.Store.Put(t.Context(), storage.WebhookKey(namespace, job.UID), strings.NewReader("{}")); err != nil {
			t.Fatal(err)
		}
		got := a.delete(t, job.Name, key)
		var body deletion
		if err := json.Unmarshal(got.body, &body); err != nil || got.StatusCode != http.StatusOK || body != deleted(job.Name) {
			t.Fatalf("%d %v %s", got.StatusCode, err, got.body)
		}
		if content, records := a.filesOf(t, job); len(content) != 0 || len(records) != 2 {
			t.Errorf("stored are %v and %v", content, records)
		}
		record, err := archive.Read(t.Context(), a.Store, namespace, job.Name)
		if err != nil || record.Deleted != archive.Purged || record.Job.Spec.Source.Upload.FileName != "" {
			t.Errorf("record = %+v, %v", record, err)
		}
		a.delete(t, job.Name, key).wantProblem(t, http.StatusGone, "job_deleted")
		// The ledger has not let it go yet, and nobody but the manager may.
		if err := g.Live.Get(t.Context(), client.ObjectKeyFromObject(job), job); err != nil || job.DeletionTimestamp == nil ||
			!slices.Contains(job.Finalizers, v1alpha1.FinalizerLedger) {
			t.Errorf("the OcrJob: %v, going since %v with finalizers %v", err, job.DeletionTimestamp, job.Finalizers)
		}
		a.Settle(t, job)
		if err := g.Live.Get(t.Context(), client.ObjectKeyFromObject(job), job); !apierrors.IsNotFound(err) {
			t.Errorf("the OcrJob is there: %v", err)
		}
		a.delete(t, job.Name, key).wantProblem(t, http.StatusGone, "job_deleted")
	})

	t.Run("a job that only a record tells of is deleted", func(t *testing.T) {
		job := a.ended(t, namespace, key)
		if err := archive.Create(t.Context(), a.Store, &archive.Record{Job: *job, ExpiresAt: time.Now().Add(time.Hour)}); err != nil {
			t.Fatal(err)
		}
		if err := g.Client.Delete(t.Context(), job); err != nil {
			t.Fatal(err)
		}
		a.Settle(t, job)
		if got := a.delete(t, job.Name, key); got.StatusCode != http.StatusOK {
			t.Fatalf("%d %s", got.StatusCode, got.body)
		}
		if content, records := a.filesOf(t, job); len(content) != 0 || len(records) != 2 {
			t.Errorf("stored are %v and %v", content, records)
		}
		expired := &archive.Record{Job: *job}
		expired.Job.Name, expired.Job.UID = "expired", "uid-expired"
		if err := archive.Write(t.Context(), a.Store, expired.Tombstone(archive.Expired, time.Now())); err != nil {
			t.Fatal(err)
		}
		a.delete(t, "expired", key).wantProblem(t, http.StatusGone, "result_expired")
	})

	t.Run("a document that another job reads stays", func(t *testing.T) {
		job := a.ended(t, namespace, key)
		second := &v1alpha1.OcrJob{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "second"}, Spec: job.Spec}
		if err := g.Client.Create(t.Context(), second); err != nil {
			t.Fatal(err)
		}
		gatewaytest.Eventually(t, "the informers know the second job", func() bool {
			return g.Cached.Get(t.Context(), client.ObjectKeyFromObject(second), second) == nil
		})
		if got := a.delete(t, job.Name, key); got.StatusCode != http.StatusOK {
			t.Fatalf("%d %s", got.StatusCode, got.body)
		}
		if exists, err := a.Store.Exists(t.Context(), storage.UploadKey(namespace, job.Spec.Source.Upload.ID)); !exists || err != nil {
			t.Errorf("the document is there: %v, %v", exists, err)
		}
	})

	t.Run("of a deletion that is cut off nothing is lost", func(t *testing.T) {
		job := a.ended(t, namespace, key)
		broken := serve(t, g, func(s *Server) { s.Client = undeletable{s.Client} })
		broken.delete(t, job.Name, key).wantProblem(t, http.StatusServiceUnavailable, "service_unavailable")
		// What was answered is open; what was set down is not.
		a.delete(t, job.Name, key).wantProblem(t, http.StatusGone, "job_deleted")
	})

	t.Run("who may not", func(t *testing.T) {
		job := a.ended(t, namespace, key)
		a.delete(t, job.Name, other).wantProblem(t, http.StatusNotFound, "job_not_found")
		a.delete(t, job.Name, reader).wantProblem(t, http.StatusForbidden, "insufficient_scope")
		a.delete(t, "0123456789ab", key).wantProblem(t, http.StatusNotFound, "job_not_found")
		a.delete(t, "A1B2", key).wantProblem(t, http.StatusNotFound, "job_not_found")
		if content, records := a.filesOf(t, job); len(content) != 2 || len(records) != 0 {
			t.Errorf("stored are %v and %v", content, records)
		}
	})

	t.Run("a suspended organization may, and it counts as a read", func(t *testing.T) {
		job := a.ended(t, namespace, key)
		organization := new(v1alpha1.Organization)
		if err := g.Client.Get(t.Context(), keyOf("deleter"), organization); err != nil {
			t.Fatal(err)
		}
		organization.Spec.Suspended = new(true)
		if err := g.Client.Update(t.Context(), organization); err != nil {
			t.Fatal(err)
		}
		gatewaytest.Eventually(t, "the organization is suspended", func() bool {
			return a.convert(t, key, pdf("a.pdf", 99)).StatusCode == http.StatusForbidden
		})
		got := a.delete(t, job.Name, key)
		if got.StatusCode != http.StatusOK || !strings.HasPrefix(got.Header.Get("RateLimit-Policy"), `"reads"`) {
			t.Errorf("%d, RateLimit-Policy %s: %s", got.StatusCode, got.Header.Get("RateLimit-Policy"), got.body)
		}
	})
}

// undeletable is a cluster that takes no deletions at present.
type undeletable struct{ client.Client }

func (undeletable) Delete(context.Context, client.Object, ...client.DeleteOption) error {
	return errors.New("not now")
}
