// Package admission tests the admission policies against a real API server, with tokens that it issued itself.
package admission

import (
	"context"
	"slices"
	"strings"
	"testing"

	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/openplp/khocr/api/v1alpha1"
	ac "github.com/openplp/khocr/api/v1alpha1/applyconfiguration/api/v1alpha1"
	"github.com/openplp/khocr/internal/testenv"
	"github.com/openplp/khocr/internal/workerport"
)

const workerPolicy = "ValidatingAdmissionPolicy 'khocr-worker-progress'"

// site is a namespace with the account and role that an organization's workers have.
type site struct {
	*testing.T
	environment *testenv.Environment
	manager     client.Client
	api         kubernetes.Interface
	namespace   string
}

func newSite(t *testing.T, environment *testenv.Environment) *site {
	t.Helper()
	manager, err := client.New(environment.Manager, client.Options{Scheme: testenv.Scheme()})
	if err != nil {
		t.Fatal(err)
	}
	s := &site{
		T: t, environment: environment, manager: manager,
		api: kubernetes.NewForConfigOrDie(environment.Admin), namespace: environment.Namespace(t, "khocr-"),
	}
	meta := metav1.ObjectMeta{Namespace: s.namespace, Name: workerport.ServiceAccount}
	for _, object := range []client.Object{
		&corev1.ServiceAccount{ObjectMeta: meta},
		// Wider than a worker's own role, so that it is the policy which refuses.
		&rbacv1.Role{ObjectMeta: meta, Rules: []rbacv1.PolicyRule{
			{APIGroups: []string{"ocr.openplp.com"}, Resources: []string{"ocrjobs", "ocrjobs/status"}, Verbs: []string{"*"}},
		}},
		&rbacv1.RoleBinding{ObjectMeta: meta,
			RoleRef:  rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: meta.Name},
			Subjects: []rbacv1.Subject{{Kind: rbacv1.ServiceAccountKind, Name: meta.Name, Namespace: s.namespace}}},
	} {
		s.must(environment.Client.Create(t.Context(), object))
	}
	return s
}

func (s *site) must(err error) {
	s.Helper()
	if err != nil {
		s.Fatal(err)
	}
}

func (s *site) pod(name string) *corev1.Pod {
	s.Helper()
	pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: s.namespace, Name: name}, Spec: corev1.PodSpec{
		ServiceAccountName: workerport.ServiceAccount, Containers: []corev1.Container{{Name: "worker", Image: "khocr/worker"}}}}
	s.must(s.environment.Client.Create(s.Context(), pod))
	return pod
}

// worker is a client with a token of the workers' account, bound to the pod unless that is nil.
func (s *site) worker(pod *corev1.Pod) client.Client {
	s.Helper()
	request := &authenticationv1.TokenRequest{}
	if pod != nil {
		request.Spec.BoundObjectRef = &authenticationv1.BoundObjectReference{APIVersion: "v1", Kind: "Pod", Name: pod.Name, UID: pod.UID}
	}
	token, err := s.api.CoreV1().ServiceAccounts(s.namespace).CreateToken(s.Context(), workerport.ServiceAccount, request, metav1.CreateOptions{})
	s.must(err)
	config := rest.AnonymousClientConfig(s.environment.Admin)
	config.BearerToken = token.Status.Token
	worker, err := client.New(config, client.Options{Scheme: testenv.Scheme(), Mapper: s.environment.Client.RESTMapper()})
	s.must(err)
	return worker
}

// job makes a running job of two parts, whose workers are the pods of the UIDs.
func (s *site) job(name string, uids ...types.UID) *v1alpha1.OcrJob {
	s.Helper()
	job := &v1alpha1.OcrJob{
		ObjectMeta: metav1.ObjectMeta{Namespace: s.namespace, Name: name},
		Spec:       v1alpha1.OcrJobSpec{Source: v1alpha1.DocumentSource{URL: "http://documents.test/a.pdf"}},
	}
	s.must(s.environment.Client.Create(s.Context(), job))
	status := ac.OcrJobStatus().WithPhase(v1alpha1.PhaseRunning).WithModel("khmer").WithConditions()
	for part, uid := range uids {
		worker := ac.WorkerStatus().WithPart(int32(part)).WithAttempt(1).WithPodName("pod")
		if uid != "" {
			worker.WithPodUID(uid)
		}
		status.WithWorkers(worker)
	}
	s.must(s.manager.Status().Apply(s.Context(), ac.OcrJob(name, s.namespace).WithStatus(status), client.FieldOwner("khocr-manager")))
	return job
}

func progress(job *v1alpha1.OcrJob, part, done int32) *ac.OcrJobApplyConfiguration {
	return ac.OcrJob(job.Name, job.Namespace).WithStatus(ac.OcrJobStatus().WithWorkers(
		ac.WorkerStatus().WithPart(part).WithProgress(ac.PageCounts().WithTotal(9).WithDone(done).WithRecognized(done))))
}

func TestWorkerPolicy(t *testing.T) {
	environment := testenv.Start(t)
	s := newSite(t, environment)
	own, other := s.pod("own"), s.pod("other")
	job := s.job("job", own.UID, other.UID)
	foreign := s.job("foreign", other.UID)
	unrecorded := s.job("unrecorded", "")
	worker, unbound := s.worker(own), s.worker(nil)

	apply := func(c client.Client, patch *ac.OcrJobApplyConfiguration, owner string) error {
		return c.Status().Apply(t.Context(), patch, client.FieldOwner(owner), client.ForceOwnership)
	}
	patch := func(kind types.PatchType, body string) func() error {
		return func() error {
			target := &v1alpha1.OcrJob{ObjectMeta: metav1.ObjectMeta{Namespace: s.namespace, Name: "job"}}
			return worker.Status().Patch(t.Context(), target, client.RawPatch(kind, []byte(body)), client.FieldOwner("khocr-worker-0"))
		}
	}
	mine := workerport.FieldManager(0)
	status := func(status *ac.OcrJobStatusApplyConfiguration) *ac.OcrJobApplyConfiguration {
		return ac.OcrJob("job", s.namespace).WithStatus(status)
	}

	for _, allowed := range []struct {
		name string
		do   func() error
	}{
		{"the page count", func() error { return apply(worker, progress(job, 0, 0), mine) }},
		{"a page", func() error { return apply(worker, progress(job, 0, 1), mine) }},
		{"the same once more", func() error { return apply(worker, progress(job, 0, 1), mine) }},
		{"another page", func() error { return apply(worker, progress(job, 0, 2), mine) }},
		{"the other part, by its own worker", func() error {
			return apply(s.worker(other), progress(job, 1, 5), workerport.FieldManager(1))
		}},
	} {
		if err := allowed.do(); err != nil {
			t.Errorf("a worker could not report %s: %v", allowed.name, err)
		}
	}

	for _, refused := range []struct {
		name string
		do   func() error
	}{
		{"the progress of another part", func() error { return apply(worker, progress(job, 1, 9), mine) }},
		{"the progress of another job", func() error { return apply(worker, progress(foreign, 0, 9), mine) }},
		{"progress where no pod is recorded", func() error { return apply(worker, progress(unrecorded, 0, 9), mine) }},
		{"progress with a token that is bound to no pod", func() error { return apply(unbound, progress(job, 0, 9), mine) }},
		{"a part that is not recorded", func() error { return apply(worker, progress(job, 2, 9), mine) }},
		{"the phase", func() error {
			return apply(worker, status(ac.OcrJobStatus().WithPhase(v1alpha1.PhaseCompleted)), mine)
		}},
		{"a field that was not set", func() error { return apply(worker, status(ac.OcrJobStatus().WithProgress(100)), mine) }},
		{"the model, by taking it away", patch(types.JSONPatchType, `[{"op":"remove","path":"/status/model"}]`)},
		{"the quota condition", patch(types.MergePatchType, `{"status":{"conditions":[{"type":"QuotaReserved","status":"True",`+
			`"reason":"PagesReserved","message":"","lastTransitionTime":"2026-08-01T00:00:00Z"}]}}`)},
		{"its pod's UID", patch(types.JSONPatchType, `[{"op":"replace","path":"/status/workers/0/podUID","value":"x"}]`)},
		{"the UID of the other part's pod", patch(types.JSONPatchType, `[{"op":"replace","path":"/status/workers/1/podUID","value":"`+string(own.UID)+`"}]`)},
		{"its attempt", patch(types.JSONPatchType, `[{"op":"replace","path":"/status/workers/0/attempt","value":7}]`)},
		{"its failures, which were not set", patch(types.JSONPatchType, `[{"op":"add","path":"/status/workers/0/failures","value":0}]`)},
		{"its entry, by taking it away", patch(types.JSONPatchType, `[{"op":"remove","path":"/status/workers/0"}]`)},
		{"the other part, by taking it away", patch(types.JSONPatchType, `[{"op":"remove","path":"/status/workers/1"}]`)},
		{"the whole status, by taking it away", patch(types.JSONPatchType, `[{"op":"remove","path":"/status"}]`)},
		{"progress in the manager's name", func() error { return apply(worker, progress(job, 0, 9), "khocr-manager") }},
		{"progress under a name of its choice", func() error { return apply(worker, progress(job, 0, 9), "somebody") }},
	} {
		if err := refused.do(); err == nil || !strings.Contains(err.Error(), workerPolicy) {
			t.Errorf("a worker wrote %s: the answer is %v, want a refusal by the policy", refused.name, err)
		}
	}

	// The API server itself takes no metadata from a write of the status.
	_ = patch(types.MergePatchType, `{"metadata":{"managedFields":[{}],"finalizers":["example.com/mine"]}}`)()
	current := &v1alpha1.OcrJob{}
	s.must(environment.Client.Get(t.Context(), client.ObjectKeyFromObject(job), current))
	if pages := current.Status.LivePages(); pages.Done != 7 || current.Status.Phase != v1alpha1.PhaseRunning {
		t.Errorf("the status is %+v, want 7 pages done and the rest as the manager wrote it", current.Status)
	}
	if len(current.Finalizers) != 0 || !slices.ContainsFunc(current.ManagedFields, func(m metav1.ManagedFieldsEntry) bool {
		return m.Manager == "khocr-manager" && strings.Contains(m.FieldsV1.GetRawString(), "f:phase")
	}) {
		t.Errorf("a worker changed the metadata to %+v", current.ObjectMeta)
	}
}

// A job may have a thousand parts, and the API server gives a policy only so much computing time.
func TestWorkerPolicyCopesWithTheLargestJob(t *testing.T) {
	s := newSite(t, testenv.Start(t))
	uids := make([]types.UID, 1000)
	for i := range uids {
		uids[i] = types.UID("00000000-0000-0000-0000-000000000000")
	}
	own := s.pod("own")
	uids[999] = own.UID
	job := s.job("large", uids...)
	if err := s.worker(own).Status().Apply(context.WithoutCancel(t.Context()), progress(job, 999, 1), client.FieldOwner(workerport.FieldManager(999))); err != nil {
		t.Errorf("the last of a thousand workers could not report: %v", err)
	}
}
