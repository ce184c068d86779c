package load

import (
	"bytes"
	"fmt"
	"strings"
	"time"

	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/openplp/khocr/api/v1alpha1"
	"github.com/openplp/khocr/internal/document"
	"github.com/openplp/khocr/internal/storage"
	"github.com/openplp/khocr/internal/workerport"
)

// tenant is an organization with a job that is completed and workers at work.
type tenant struct {
	name, namespace, key string
	// done is a completed job with a result of some megabytes.
	done string
}

const (
	resultPages = 40
	pageText    = 64 << 10
	// documentBytes is more than the sockets between gateway and worker hold.
	documentBytes = 2 << 20
	// largestFile that tenants may submit: their oversized ones are not much larger.
	largestFile = 1 << 20
)

// tenant makes an organization on a plan that ships.
func (g *gateway) tenant(name, plan string) *tenant {
	t := &tenant{name: name, namespace: "khocr-" + name, done: "done"}
	t.key = g.Organization(g.T, name, func(o *v1alpha1.Organization) {
		o.Spec.PlanRef = plan
		o.Spec.Overrides = &v1alpha1.LimitOverrides{MaxFileBytes: new(int64(largestFile))}
	})
	g.must(g.Gateway.Client.Create(g.Context(), &corev1.ServiceAccount{
		ObjectMeta: metav1.ObjectMeta{Namespace: t.namespace, Name: workerport.ServiceAccount}}))
	job := g.job(t, t.done)
	for number := range resultPages {
		page := &document.Page{Number: number + 1, Source: document.SourceNative, Text: strings.Repeat("ក", pageText/3)}
		encoded, err := document.EncodePage(page)
		g.must(err)
		_, err = g.Store.Put(g.Context(), storage.PageKey(t.namespace, job.UID, number+1), bytes.NewReader(encoded))
		g.must(err)
	}
	job.Status = v1alpha1.OcrJobStatus{Phase: v1alpha1.PhaseCompleted, Model: "khocr", CompletionTime: &metav1.Time{Time: time.Now()},
		Pages: &v1alpha1.PageCounts{Total: resultPages, Done: resultPages, Native: resultPages}}
	g.UpdateStatus(g.T, job)
	return t
}

// job makes an OcrJob with a document.
func (g *gateway) job(t *tenant, name string) *v1alpha1.OcrJob {
	upload := fmt.Sprintf("%012x", name)[:12]
	_, err := g.Store.Put(g.Context(), storage.UploadKey(t.namespace, upload), strings.NewReader("%PDF-1.7\n"+strings.Repeat("x", documentBytes)))
	g.must(err)
	job := &v1alpha1.OcrJob{
		ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: t.namespace},
		Spec:       v1alpha1.OcrJobSpec{Source: v1alpha1.DocumentSource{Upload: &v1alpha1.Upload{ID: upload}}},
	}
	g.must(g.Gateway.Client.Create(g.Context(), job))
	return job
}

// worker makes a job with a worker at work, and returns the worker's token.
func (g *gateway) worker(t *tenant, name string) string {
	job := g.job(t, name)
	pod := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: name + "-0-1", Namespace: t.namespace},
		Spec: corev1.PodSpec{
			ServiceAccountName: workerport.ServiceAccount,
			Containers:         []corev1.Container{{Name: "worker", Image: "worker"}},
		},
	}
	g.must(g.Gateway.Client.Create(g.Context(), pod))
	job.Status = v1alpha1.OcrJobStatus{Phase: v1alpha1.PhaseRunning, Model: "khocr",
		Workers: []v1alpha1.WorkerStatus{{Part: 0, Attempt: 1, PodName: pod.Name, PodUID: pod.UID}}}
	g.UpdateStatus(g.T, job)
	request := &authenticationv1.TokenRequest{Spec: authenticationv1.TokenRequestSpec{
		Audiences:      []string{workerport.Audience},
		BoundObjectRef: &authenticationv1.BoundObjectReference{APIVersion: "v1", Kind: "Pod", Name: pod.Name, UID: pod.UID},
	}}
	account := &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Name: workerport.ServiceAccount, Namespace: t.namespace}}
	g.must(g.Gateway.Client.SubResource("token").Create(g.Context(), account, request))
	return request.Status.Token
}

// kept counts, for each document that a tenant's jobs are of, the jobs by name, and tells whether the document is in the store.
func (g *gateway) kept(t *tenant) map[string]bool {
	var jobs v1alpha1.OcrJobList
	g.must(g.Live.List(g.Context(), &jobs, client.InNamespace(t.namespace)))
	found := map[string]bool{}
	for i := range jobs.Items {
		upload := jobs.Items[i].Spec.Source.Upload
		stored, err := g.Store.Exists(g.Context(), storage.UploadKey(t.namespace, upload.ID))
		g.must(err)
		found[jobs.Items[i].Name] = stored
	}
	return found
}
