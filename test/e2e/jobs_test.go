package e2e

import (
	"bytes"
	"encoding/json"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/openplp/khocr/api/v1alpha1"
)

// submitAs submits a document under an Idempotency-Key. It asks once more if the connection is lost, which the key is for.
func (t *tenant) submitAs(key string, f form) (answer, accepted) {
	t.Helper()
	ask := func() (*http.Response, error) {
		body, contentType := f.encode()
		request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, t.url+"/api/v1/convert", body)
		t.must(err)
		request.Header.Set("Content-Type", contentType)
		request.Header.Set("X-API-Key", t.key)
		request.Header.Set("Idempotency-Key", key)
		return web.Do(request)
	}
	response, err := ask()
	if err != nil {
		t.Logf("asking once more: %v", err)
		response, err = ask()
	}
	t.must(err)
	defer func() { _ = response.Body.Close() }()
	var content bytes.Buffer
	_, err = content.ReadFrom(response.Body)
	t.must(err)
	a, told := answer{status: response.StatusCode, header: response.Header, body: content.Bytes()}, accepted{}
	_ = json.Unmarshal(a.body, &told)
	return a, told
}

func TestOneIdempotencyKeyMakesOneJob(t *testing.T) {
	p := connect(t)
	org := p.newTenant(p.newPlan(func(plan *v1alpha1.PlanSpec) { plan.Limits.JobTTLSeconds = 60 }))
	document := form{fileName: "native.pdf", content: testdata(t, "native.pdf")}
	var group errgroup.Group
	ids := make([]string, 8)
	for i := range ids {
		group.Go(func() error {
			a, told := org.submitAs("invoice 17", document)
			if a.status != http.StatusAccepted {
				t.Errorf("answer %d: %s", a.status, a.body)
			}
			ids[i] = told.JobID
			return nil
		})
	}
	p.must(group.Wait())
	if slices.Sort(ids); ids[0] == "" || len(slices.Compact(ids)) != 1 {
		t.Fatalf("jobs = %v", ids)
	}
	if jobs := org.jobs(); len(jobs) != 1 {
		t.Errorf("there are %d jobs", len(jobs))
	}
	id := ids[0]
	if job := org.await(id); job.Status != "COMPLETED" {
		t.Fatalf("job = %+v", job)
	}
	if a, _ := org.submitAs("invoice 17", form{fileName: "native.pdf", content: nativePDF("another", 1)}); a.status != http.StatusUnprocessableEntity || a.problem().Code != "idempotency_key_reused" {
		t.Errorf("another document under the same key: %d %s", a.status, a.body)
	}

	org.until("the OcrJob is gone at its time to live", func() bool {
		err := p.client.Get(t.Context(), client.ObjectKey{Namespace: org.namespace(), Name: id}, &v1alpha1.OcrJob{})
		return apierrors.IsNotFound(err)
	})
	if a, told := org.submitAs("invoice 17", document); a.status != http.StatusAccepted || told.JobID != id || a.header.Get("Idempotency-Replayed") != "true" {
		t.Errorf("after the time to live: %d %v %s", a.status, a.header, a.body)
	}
	if job := org.await(id); job.Status != "COMPLETED" || job.Progress != 100 {
		t.Errorf("the archive says %+v", job)
	}
	if r := org.jsonResult(id); len(r.Pages) != 1 || r.Pages[0].Text == "" {
		t.Errorf("the archive gives %+v", r)
	}
	if listed := org.list(""); len(listed) != 1 || listed[0].ID != id {
		t.Errorf("the list is %+v", listed)
	}
}

// list reads the whole list of jobs, some at a time.
func (t *tenant) list(query string) []jobStatus {
	t.Helper()
	var all []jobStatus
	cursor := ""
	for {
		a, err := t.send(http.MethodGet, "/api/v1/jobs?limit=2"+query+cursor, nil, "")
		t.must(err)
		var page struct {
			Jobs []jobStatus `json:"jobs"`
			Next *string     `json:"next_cursor"`
		}
		a.decode(t.T, &page)
		if a.status != http.StatusOK {
			t.Fatalf("list: %d %s", a.status, a.body)
		}
		all = append(all, page.Jobs...)
		if page.Next == nil {
			return all
		}
		cursor = "&cursor=" + *page.Next
	}
}

func TestADeletedJobLeavesNothing(t *testing.T) {
	p := connect(t)
	org := p.newTenant("standard")
	document := form{fileName: "native.pdf", content: testdata(t, "native.pdf")}
	var ids []string
	for range 5 {
		ids = append(ids, org.submit(document))
	}
	for _, id := range ids {
		org.await(id)
	}
	if listed := org.list(""); len(listed) != len(ids) {
		t.Errorf("%d of %d jobs are listed", len(listed), len(ids))
	}
	gone := ids[2]
	if a, err := org.send(http.MethodDelete, "/api/v1/jobs/"+gone, nil, ""); err != nil || a.status != http.StatusOK {
		t.Fatalf("deletion: %+v, %v", a, err)
	}
	for _, path := range []string{"", "/result", "/result?format=pdf", "/pages/1", "/events"} {
		if a, err := org.send(http.MethodGet, "/api/v1/jobs/"+gone+path, nil, ""); err != nil || a.status != http.StatusGone || a.problem().Code != "job_deleted" {
			t.Errorf("GET %s of a deleted job: %d %s %v", path, a.status, a.body, err)
		}
	}
	if a, err := org.send(http.MethodDelete, "/api/v1/jobs/"+gone, nil, ""); err != nil || a.status != http.StatusGone {
		t.Errorf("deleted again: %+v, %v", a, err)
	}
	for _, job := range org.list("&status=COMPLETED") {
		if job.ID == gone {
			t.Error("the deleted job is listed")
		}
	}
	org.until("its OcrJob is gone", func() bool {
		err := p.client.Get(t.Context(), client.ObjectKey{Namespace: org.namespace(), Name: gone}, &v1alpha1.OcrJob{})
		return apierrors.IsNotFound(err)
	})
}

func TestACancelledJobFreesItsNodeWithinSeconds(t *testing.T) {
	p := connect(t)
	org := p.newTenant("standard")
	id := org.submit(form{fileName: "pages20.pdf", content: testdata(t, "pages20.pdf")})
	org.until("some pages are done", func() bool { return org.job(id).Status.LivePages().Done >= 2 })
	pod := org.job(id).Status.Workers[0].PodName
	began := time.Now()
	if a, err := org.send(http.MethodDelete, "/api/v1/jobs/"+id, nil, ""); err != nil || a.status != http.StatusAccepted {
		t.Fatalf("cancellation: %+v, %v", a, err)
	}
	org.until("its pod is gone", func() bool {
		found, err := p.kube.CoreV1().Pods(org.namespace()).Get(t.Context(), pod, metav1.GetOptions{})
		return apierrors.IsNotFound(err) || err == nil && found.Status.Phase != corev1.PodRunning && found.Status.Phase != corev1.PodPending
	})
	t.Logf("the pod was gone after %.1f s", time.Since(began).Seconds())
	if job := org.await(id); job.Status != "CANCELLED" {
		t.Errorf("job = %+v", job)
	}
	if pages := org.jsonResult(id).Pages; len(pages) < 2 || len(pages) >= 20 {
		t.Errorf("%d pages of the cancelled job are there", len(pages))
	}
}

func TestAPasswordIsUsedAndNeverSeen(t *testing.T) {
	p := connect(t)
	org := p.newTenant("standard")
	const password = "ouk-chaktrang-7319"
	folder := t.TempDir()
	open, locked := filepath.Join(folder, "open.pdf"), filepath.Join(folder, "locked.pdf")
	p.must(os.WriteFile(open, nativePDF("Locked", 1), 0o600))
	if output, err := exec.CommandContext(t.Context(), "qpdf", "--encrypt", password, password, "256", "--", open, locked).CombinedOutput(); err != nil {
		t.Fatalf("locking a PDF: %v\n%s", err, output)
	}
	content, err := os.ReadFile(locked)
	p.must(err)
	document := form{fileName: "locked.pdf", content: content, fields: map[string]string{"password": password}}
	id := org.submit(document)
	if job := org.await(id); job.Status != "COMPLETED" {
		t.Fatalf("job = %+v, error %+v", job, job.Error)
	}
	if r := org.jsonResult(id); len(r.Pages) != 1 || !strings.Contains(r.Pages[0].Text, "Locked, page 1 of 1.") {
		t.Errorf("result = %+v", r)
	}
	document.fields["password"] = "wrong-" + password
	if job := org.await(org.submit(document)); job.Status != "FAILED" || job.Error == nil || job.Error.Code != "password_protected" {
		t.Errorf("with a wrong password: %+v, error %+v", job, job.Error)
	}
	document.fields = nil
	if job := org.await(org.submit(document)); job.Status != "FAILED" || job.Error == nil || job.Error.Code != "password_protected" {
		t.Errorf("without a password: %+v, error %+v", job, job.Error)
	}

	seen := p.kubectl("get", "ocrjobs,pods,events,organizations", "--all-namespaces", "--output=yaml")
	for _, component := range []string{"gateway", "manager"} {
		seen += p.kubectl("logs", "--namespace", systemNS, "--selector", "app.kubernetes.io/component="+component, "--tail=-1")
	}
	if strings.Contains(seen, password) {
		t.Error("the password is in an object or in a log")
	}
}
