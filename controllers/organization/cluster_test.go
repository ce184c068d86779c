package organization

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/openplp/khocr/api/v1alpha1"
	"github.com/openplp/khocr/internal/testenv"
)

// cluster is an API server with the reconciler at work. The test plays the people, the workers and the OcrJob controller.
type cluster struct {
	*testing.T
	reconciler     *Reconciler
	admin, manager client.Client
	writes         *writes
}

func newPlan(name string, pages int64) *v1alpha1.Plan {
	return &v1alpha1.Plan{ObjectMeta: metav1.ObjectMeta{Name: name}, Spec: v1alpha1.PlanSpec{
		DisplayName: v1alpha1.LocalizedText{En: name},
		Limits: v1alpha1.PlanLimits{
			RequestsPerMinute: 10, PagesPerMonth: &pages, MaxFileBytes: 1 << 20, Priorities: []v1alpha1.Priority{v1alpha1.PriorityNormal},
			MaxConcurrentJobs: 2, JobTTLSeconds: 60, ResultRetentionSeconds: 60,
		},
	}}
}

func (c *cluster) organize(name, plan string, keys ...v1alpha1.APIKey) *v1alpha1.Organization {
	c.Helper()
	organization := &v1alpha1.Organization{ObjectMeta: metav1.ObjectMeta{Name: name}, Spec: v1alpha1.OrganizationSpec{
		PlanRef: plan, DisplayName: v1alpha1.LocalizedText{En: name}, APIKeys: keys}}
	c.must(c.admin.Create(c.Context(), organization))
	return organization
}

func (c *cluster) submit(namespace, name string) *v1alpha1.OcrJob {
	c.Helper()
	job := &v1alpha1.OcrJob{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name, Finalizers: []string{v1alpha1.FinalizerLedger}},
		Spec:       v1alpha1.OcrJobSpec{Source: v1alpha1.DocumentSource{URL: "http://documents.test/a.pdf"}},
	}
	c.must(c.admin.Create(c.Context(), job))
	return job
}

// report writes what the worker and the OcrJob controller would.
func (c *cluster) report(job *v1alpha1.OcrJob, phase v1alpha1.JobPhase, total, done, failed int32) {
	c.Helper()
	job.Status.Phase = phase
	job.Status.Workers = nil
	if total > 0 {
		job.Status.Workers = []v1alpha1.WorkerStatus{{Attempt: 1, Progress: &v1alpha1.PageCounts{Total: total, Done: done, Failed: failed}}}
	}
	if phase.Ended() && job.Status.CompletionTime == nil {
		job.Status.CompletionTime = new(metav1.Now())
	}
	c.must(c.manager.Status().Update(c.Context(), job))
}

func (c *cluster) release(job *v1alpha1.OcrJob) {
	c.Helper()
	job.Finalizers = nil
	c.must(c.manager.Update(c.Context(), job))
}

func (c *cluster) pod(job *v1alpha1.OcrJob) *corev1.Pod {
	c.Helper()
	pod := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: job.Namespace, Name: job.Name + "-0-1", Labels: map[string]string{v1alpha1.LabelJob: job.Name},
			OwnerReferences: []metav1.OwnerReference{*metav1.NewControllerRef(job, v1alpha1.GroupVersion.WithKind("OcrJob"))},
		},
		Spec: corev1.PodSpec{
			SecurityContext: &corev1.PodSecurityContext{RunAsNonRoot: new(true), SeccompProfile: &corev1.SeccompProfile{Type: corev1.SeccompProfileTypeRuntimeDefault}},
			Containers: []corev1.Container{{Name: "worker", Image: "khocr/worker", SecurityContext: &corev1.SecurityContext{
				AllowPrivilegeEscalation: new(false), Capabilities: &corev1.Capabilities{Drop: []corev1.Capability{"ALL"}}}}},
		},
	}
	c.must(c.admin.Create(c.Context(), pod))
	return pod
}

func (c *cluster) entry(organization *v1alpha1.Organization, job *v1alpha1.OcrJob, state v1alpha1.LedgerState, pages int64) {
	c.Helper()
	testenv.Await(c, fmt.Sprintf("%s is %s with %d pages", job.Name, state, pages), func() bool {
		for _, e := range c.current(organization).Status.Ledger {
			if e.UID == job.UID {
				return e.State == state && e.Pages == pages
			}
		}
		return false
	})
}

func (c *cluster) ready(organization *v1alpha1.Organization, status metav1.ConditionStatus, reason string) {
	c.Helper()
	testenv.Await(c, fmt.Sprintf("%s is %s for %s", organization.Name, status, reason), func() bool {
		ready := meta.FindStatusCondition(c.current(organization).Status.Conditions, v1alpha1.ConditionReady)
		return ready != nil && ready.Status == status && ready.Reason == reason
	})
}

func (c *cluster) current(organization *v1alpha1.Organization) *v1alpha1.Organization {
	c.Helper()
	current := &v1alpha1.Organization{}
	c.get(current, "", organization.Name)
	return current
}

func (c *cluster) get(object client.Object, namespace, name string) {
	c.Helper()
	c.must(c.admin.Get(c.Context(), client.ObjectKey{Namespace: namespace, Name: name}, object))
}

func (c *cluster) must(err error) {
	c.Helper()
	if err != nil {
		c.Fatal(err)
	}
}

// writes lists the requests of the manager that were granted and are no reads and no events.
type writes struct {
	lock sync.Mutex
	made []string
}

func (w *writes) of(config *rest.Config) *rest.Config {
	counted := rest.CopyConfig(config)
	counted.Wrap(func(next http.RoundTripper) http.RoundTripper {
		return roundTripper(func(request *http.Request) (*http.Response, error) {
			response, err := next.RoundTrip(request)
			// A reconcile that began before the cache had caught up may still be refused its write.
			made := err == nil && response.StatusCode < http.StatusMultipleChoices
			if made && request.Method != http.MethodGet && !strings.Contains(request.URL.Path, "/events") {
				w.lock.Lock()
				w.made = append(w.made, request.Method+" "+request.URL.Path)
				w.lock.Unlock()
			}
			return response, err
		})
	})
	return counted
}

func (w *writes) reset() { w.take() }

func (w *writes) take() []string {
	w.lock.Lock()
	defer w.lock.Unlock()
	made := w.made
	w.made = nil
	return made
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(request *http.Request) (*http.Response, error) { return f(request) }
