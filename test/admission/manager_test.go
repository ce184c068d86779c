package admission

import (
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/openplp/khocr/api/v1alpha1"
	"github.com/openplp/khocr/internal/testenv"
)

func TestManagerPolicies(t *testing.T) {
	environment := testenv.Start(t)
	s := newSite(t, environment)
	as := func(user string) client.Client {
		c, err := client.New(testenv.As(environment.Admin, user), client.Options{Scheme: testenv.Scheme()})
		s.must(err)
		return c
	}
	admin, gateway := environment.Client, as("system:serviceaccount:khocr-system:khocr-gateway")
	collector := as("system:serviceaccount:kube-system:generic-garbage-collector")

	newJob := func(name string, finalizers ...string) *v1alpha1.OcrJob {
		return &v1alpha1.OcrJob{
			ObjectMeta: metav1.ObjectMeta{Namespace: s.namespace, Name: name, Finalizers: finalizers},
			Spec:       v1alpha1.OcrJobSpec{Source: v1alpha1.DocumentSource{URL: "http://documents.test/a.pdf"}},
		}
	}
	merge := func(c client.Client, object client.Object, body string) error {
		return c.Patch(t.Context(), object.DeepCopyObject().(client.Object), client.RawPatch(types.MergePatchType, []byte(body)))
	}
	mergeStatus := func(c client.Client, object client.Object, body string) error {
		return c.Status().Patch(t.Context(), object.DeepCopyObject().(client.Object), client.RawPatch(types.MergePatchType, []byte(body)))
	}
	allowed := func(what string, err error) {
		t.Helper()
		if err != nil {
			t.Errorf("%s: %v", what, err)
		}
	}
	refused := func(what, policy string, err error) {
		t.Helper()
		if err == nil || !strings.Contains(err.Error(), "ValidatingAdmissionPolicy '"+policy+"'") {
			t.Errorf("%s: the answer is %v, want a refusal by the policy %s", what, err, policy)
		}
	}
	const (
		finalizers = "khocr-job-finalizers"
		status     = "khocr-manager-status"
		spec       = "khocr-manager-spec"
	)

	held := newJob("held", v1alpha1.FinalizerLedger)
	allowed("the gateway makes a job with the ledger's finalizer", gateway.Create(t.Context(), held))
	plain := newJob("plain")
	allowed("somebody makes a job without", admin.Create(t.Context(), plain))
	refused("somebody makes a job with a finalizer of their own", finalizers, admin.Create(t.Context(), newJob("own", "example.com/mine")))

	allowed("somebody cancels a job", merge(admin, held, `{"spec":{"cancel":true}}`))
	allowed("somebody labels a job", merge(admin, held, `{"metadata":{"labels":{"a":"b"}}}`))
	refused("somebody takes the finalizer off", finalizers, merge(admin, held, `{"metadata":{"finalizers":null}}`))
	refused("the gateway takes the finalizer off", finalizers, merge(gateway, held, `{"metadata":{"finalizers":null}}`))
	refused("the garbage collector takes the ledger's finalizer off", finalizers, merge(collector, held, `{"metadata":{"finalizers":null}}`))
	refused("somebody puts the finalizer on", finalizers, merge(admin, plain, `{"metadata":{"finalizers":["ocr.openplp.com/ledger"]}}`))
	refused("somebody puts another finalizer on", finalizers, merge(admin, plain, `{"metadata":{"finalizers":["example.com/mine"]}}`))
	allowed("the manager puts the finalizer on", merge(s.manager, plain, `{"metadata":{"finalizers":["ocr.openplp.com/ledger"]}}`))
	allowed("the manager takes the finalizer off", merge(s.manager, plain, `{"metadata":{"finalizers":null}}`))

	allowed("somebody deletes a job in the foreground", admin.Delete(t.Context(), held.DeepCopy(), client.PropagationPolicy(metav1.DeletePropagationForeground)))
	s.must(admin.Get(t.Context(), client.ObjectKeyFromObject(held), held))
	if len(held.Finalizers) != 2 {
		t.Fatalf("the finalizers are %v, want the ledger's and that of the deletion in the foreground", held.Finalizers)
	}
	allowed("the garbage collector ends the deletion in the foreground", merge(collector, held, `{"metadata":{"finalizers":["ocr.openplp.com/ledger"]}}`))
	allowed("the manager lets the job go", merge(s.manager, held, `{"metadata":{"finalizers":null}}`))
	namespaces := as("system:serviceaccount:kube-system:namespace-controller")
	allowed("the namespace controller removes all jobs", namespaces.DeleteAllOf(t.Context(), &v1alpha1.OcrJob{}, client.InNamespace(s.namespace)))

	job := s.job("job")
	organization := &v1alpha1.Organization{ObjectMeta: metav1.ObjectMeta{Name: "moj"},
		Spec: v1alpha1.OrganizationSpec{PlanRef: "free", DisplayName: v1alpha1.LocalizedText{En: "Ministry"}}}
	s.must(admin.Create(t.Context(), organization))
	model := &v1alpha1.OcrModel{ObjectMeta: metav1.ObjectMeta{Name: "khmer"}, Spec: v1alpha1.OcrModelSpec{
		DisplayName: v1alpha1.LocalizedText{En: "Khmer"}, Engine: v1alpha1.EngineTesseract,
		Tesseract: &v1alpha1.TesseractModel{TrainedData: "script/Khmer"}, Languages: []string{"km"}}}
	s.must(admin.Create(t.Context(), model))
	for _, c := range []struct {
		what   string
		object client.Object
		body   string
	}{
		{"a job's phase", job, `{"status":{"phase":"Completed"}}`},
		{"an organization's usage", organization, `{"status":{"usage":[{"month":"2026-08","settled":0}]}}`},
		{"a model's generation", model, `{"status":{"observedGeneration":5}}`},
	} {
		refused("somebody writes "+c.what, status, mergeStatus(admin, c.object, c.body))
		refused("the gateway writes "+c.what, status, mergeStatus(gateway, c.object, c.body))
		allowed("the manager writes "+c.what, mergeStatus(s.manager, c.object, c.body))
	}
	refused("a worker writes an organization's usage", status,
		mergeStatus(as("system:serviceaccount:khocr-moj:khocr-worker"), organization, `{"status":{"usage":null}}`))

	plan := &v1alpha1.Plan{ObjectMeta: metav1.ObjectMeta{Name: "free"}, Spec: v1alpha1.PlanSpec{
		DisplayName: v1alpha1.LocalizedText{En: "Free"},
		Limits: v1alpha1.PlanLimits{RequestsPerMinute: 1, PagesPerMonth: new(int64(1)), MaxFileBytes: 1,
			Priorities: []v1alpha1.Priority{v1alpha1.PriorityLow}, MaxConcurrentJobs: 1, JobTTLSeconds: 60, ResultRetentionSeconds: 60}}}
	s.must(admin.Create(t.Context(), plan))
	for _, c := range []struct {
		what   string
		object client.Object
		body   string
	}{
		{"an organization's plan", organization, `{"spec":{"planRef":"enterprise"}}`},
		{"a key into an organization", organization, `{"spec":{"apiKeys":[{"name":"own","sha256":"` + strings.Repeat("0", 64) + `"}]}}`},
		{"a plan's pages", plan, `{"spec":{"limits":{"pagesPerMonth":1000}}}`},
		{"a model's languages", model, `{"spec":{"languages":["en"]}}`},
		{"a job's cancellation", job, `{"spec":{"cancel":true}}`},
	} {
		refused("the manager writes "+c.what, spec, merge(s.manager, c.object, c.body))
		allowed("somebody writes "+c.what, merge(admin, c.object, c.body))
	}
	const probes = "khocr-relay-probes"
	relay := as("system:serviceaccount:khocr-system:khocr-relay")
	condition := func(kind, status string) string {
		return `{"type":"` + kind + `","status":"` + status + `","reason":"Because","message":"","lastTransitionTime":"2026-08-01T00:00:00Z"}`
	}
	s.must(mergeStatus(s.manager, model, `{"status":{"conditions":[`+condition("Ready", "False")+`]}}`))
	both := func(ready, reachable string) string {
		return `{"status":{"probedAt":"2026-08-01T00:00:00Z","conditions":[` + condition("Ready", ready) + `,` + condition("Reachable", reachable) + `]}}`
	}
	allowed("the relay says that an endpoint answers", mergeStatus(relay, model, both("False", "True")))
	allowed("the relay says that an endpoint is away", mergeStatus(relay, model, both("False", "False")))
	allowed("the manager makes a model ready of that", mergeStatus(s.manager, model, both("True", "False")))
	refused("the relay makes a model ready", probes, mergeStatus(relay, model, `{"status":{"conditions":[`+condition("Ready", "Unknown")+`]}}`))
	refused("the relay takes the manager's conditions away", probes, mergeStatus(relay, model, `{"status":{"conditions":null}}`))
	refused("the relay writes a model's generation", probes, mergeStatus(relay, model, `{"status":{"observedGeneration":7}}`))
	refused("the relay writes a job's phase", status, mergeStatus(relay, job, `{"status":{"phase":"Completed"}}`))
	refused("the relay writes an organization's usage", status, mergeStatus(relay, organization, `{"status":{"usage":null}}`))

	const roles = "khocr-manager-roles"
	reading := func(name string, rule rbacv1.PolicyRule) *rbacv1.Role {
		return &rbacv1.Role{ObjectMeta: metav1.ObjectMeta{Namespace: "khocr-signed", Name: name}, Rules: []rbacv1.PolicyRule{rule}}
	}
	named := rbacv1.PolicyRule{APIGroups: []string{""}, Resources: []string{"secrets"}, Verbs: []string{"get"}, ResourceNames: []string{"webhook"}}
	all, lists := *named.DeepCopy(), *named.DeepCopy()
	all.ResourceNames, lists.Verbs = nil, []string{"get", "list"}
	elsewhere := reading("khocr-gateway-webhooks", named)
	elsewhere.Namespace = "khocr-system"
	s.must(admin.Create(t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{
		Name: "khocr-signed", Labels: map[string]string{v1alpha1.LabelOrganization: "signed"}}}))
	refused("the manager lets all Secrets be read", roles, s.manager.Create(t.Context(), reading("khocr-gateway-webhooks", all)))
	refused("the manager lets Secrets be listed", roles, s.manager.Create(t.Context(), reading("khocr-gateway-webhooks", lists)))
	refused("the manager makes a role of another name", roles, s.manager.Create(t.Context(), reading("other", named)))
	refused("the manager makes a role outside of organizations", roles, s.manager.Create(t.Context(), elsewhere))
	allowed("the manager lets a named Secret be read", s.manager.Create(t.Context(), reading("khocr-gateway-webhooks", named)))
	refused("the manager makes more of that", roles, merge(s.manager, reading("khocr-gateway-webhooks", named), `{"rules":[{"apiGroups":["*"],"resources":["*"],"verbs":["*"]}]}`))
	allowed("somebody makes a role", admin.Create(t.Context(), reading("other", all)))
	allowed("the manager puts the drain on an organization", merge(s.manager, organization, `{"metadata":{"finalizers":["ocr.openplp.com/drain"]}}`))
	allowed("the manager takes the drain off", merge(s.manager, organization, `{"metadata":{"finalizers":null}}`))
	allowed("the manager puts the drain on once more", merge(s.manager, organization, `{"metadata":{"finalizers":["ocr.openplp.com/drain"]}}`))
	allowed("an administrator takes the drain off in an emergency", merge(admin, organization, `{"metadata":{"finalizers":null}}`))
}
