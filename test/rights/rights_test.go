// Package rights tests what the people of an organization may do with kubectl, on a real API server with its RBAC, the
// roles of config/rbac, the admission policies, and the bindings that the Organization controller makes.
package rights

import (
	"context"
	"strings"
	"testing"
	"time"

	authenticationv1 "k8s.io/api/authentication/v1"
	authorizationv1 "k8s.io/api/authorization/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/openplp/khocr/api/v1alpha1"
	"github.com/openplp/khocr/controllers/organization"
	"github.com/openplp/khocr/internal/testenv"
	"github.com/openplp/khocr/internal/workerport"
)

const (
	namespace = "khocr-moj"
	elsewhere = "khocr-other"
)

// site is a cluster with two organizations, moj and other. Sokha is admin of moj, the group clerks edits its jobs, and
// Dara views them.
type site struct {
	*testing.T
	environment *testenv.Environment
	admin       client.Client
}

// person is somebody who has authenticated, with no rights but those that roles give.
type person struct {
	name string
	client.Client
	api kubernetes.Interface
}

func (s *site) person(name string, groups ...string) person {
	s.Helper()
	config := rest.CopyConfig(s.environment.Admin)
	config.Impersonate = rest.ImpersonationConfig{UserName: name, Groups: append(groups, "system:authenticated")}
	c, err := client.New(config, client.Options{Scheme: testenv.Scheme(), Mapper: s.admin.RESTMapper()})
	s.must(err)
	return person{name, c, kubernetes.NewForConfigOrDie(config)}
}

func (s *site) must(err error) {
	s.Helper()
	if err != nil {
		s.Fatal(err)
	}
}

func newSite(t *testing.T) *site {
	environment := testenv.Start(t)
	environment.Apply(t, "config/rbac/*_account*.yaml", "config/rbac/*role*.yaml", "config/rbac/manager_bindings.yaml", "config/plans/free.yaml")
	// The controller has the rights of the manager's role, and no more.
	token, err := kubernetes.NewForConfigOrDie(environment.Admin).CoreV1().ServiceAccounts("khocr-system").
		CreateToken(t.Context(), "khocr-manager", &authenticationv1.TokenRequest{}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	account := rest.AnonymousClientConfig(environment.Admin)
	account.BearerToken = token.Status.Token
	mgr := testenv.NewManager(t, account)
	reconciler := &organization.Reconciler{
		Client: mgr.GetClient(), Live: mgr.GetAPIReader(), Recorder: mgr.GetEventRecorder("organization"),
		GatewayNamespace: "khocr-system", Now: time.Now,
	}
	if err := reconciler.SetupWithManager(t.Context(), mgr); err != nil {
		t.Fatal(err)
	}
	testenv.Run(t, mgr)

	s := &site{T: t, environment: environment, admin: environment.Client}
	s.organize("moj",
		v1alpha1.Member{Kind: "User", Name: "sokha", Role: v1alpha1.RoleAdmin},
		v1alpha1.Member{Kind: "Group", Name: "clerks", Role: v1alpha1.RoleEditor},
		v1alpha1.Member{Kind: "User", Name: "dara", Role: v1alpha1.RoleViewer})
	s.organize("other", v1alpha1.Member{Kind: "User", Name: "bopha", Role: v1alpha1.RoleAdmin})
	return s
}

func (s *site) organize(name string, members ...v1alpha1.Member) {
	s.Helper()
	organization := &v1alpha1.Organization{ObjectMeta: metav1.ObjectMeta{Name: name}, Spec: v1alpha1.OrganizationSpec{
		PlanRef: "free", DisplayName: v1alpha1.LocalizedText{En: name}, Members: members}}
	s.must(s.admin.Create(s.Context(), organization))
	testenv.Await(s, name+" is ready", func() bool {
		s.must(s.admin.Get(s.Context(), client.ObjectKeyFromObject(organization), organization))
		return meta.IsStatusConditionTrue(organization.Status.Conditions, v1alpha1.ConditionReady)
	})
}

func newJob(namespace, name string, finalizers ...string) *v1alpha1.OcrJob {
	return &v1alpha1.OcrJob{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name, Finalizers: finalizers},
		Spec:       v1alpha1.OcrJobSpec{Source: v1alpha1.DocumentSource{URL: "http://documents.test/a.pdf"}},
	}
}

// workerPod is one that the namespace's Pod Security lets through.
func workerPod(namespace, name string) *corev1.Pod {
	return &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name, Labels: map[string]string{v1alpha1.LabelJob: "job"}},
		Spec: corev1.PodSpec{
			ServiceAccountName: workerport.ServiceAccount,
			SecurityContext:    &corev1.PodSecurityContext{RunAsNonRoot: new(true), SeccompProfile: &corev1.SeccompProfile{Type: corev1.SeccompProfileTypeRuntimeDefault}},
			Containers: []corev1.Container{{Name: "worker", Image: "khocr/worker", SecurityContext: &corev1.SecurityContext{
				AllowPrivilegeEscalation: new(false), Capabilities: &corev1.Capabilities{Drop: []corev1.Capability{"ALL"}}}}},
		},
	}
}

// deed is something that a person tries.
type deed struct {
	name string
	do   func(context.Context, person) error
}

func patch(object client.Object, body string) func(context.Context, person) error {
	return func(ctx context.Context, p person) error {
		return p.Patch(ctx, object.DeepCopyObject().(client.Object), client.RawPatch(types.MergePatchType, []byte(body)))
	}
}

func patchStatus(object client.Object, body string) func(context.Context, person) error {
	return func(ctx context.Context, p person) error {
		return p.Status().Patch(ctx, object.DeepCopyObject().(client.Object), client.RawPatch(types.MergePatchType, []byte(body)))
	}
}

func create(object client.Object) func(context.Context, person) error {
	return func(ctx context.Context, p person) error {
		return p.Create(ctx, object.DeepCopyObject().(client.Object), client.DryRunAll)
	}
}

// reads are what every member may do.
func reads(in string) []deed {
	return []deed{
		{"list jobs", func(ctx context.Context, p person) error {
			return p.List(ctx, &v1alpha1.OcrJobList{}, client.InNamespace(in))
		}},
		{"read a job", func(ctx context.Context, p person) error {
			return p.Get(ctx, client.ObjectKey{Namespace: in, Name: "job"}, &v1alpha1.OcrJob{})
		}},
		{"watch jobs", func(ctx context.Context, p person) error {
			return p.may(ctx, "watch", in, "ocr.openplp.com", "ocrjobs")
		}},
		{"list workers", func(ctx context.Context, p person) error {
			return p.List(ctx, &corev1.PodList{}, client.InNamespace(in))
		}},
		{"read a worker's log", func(ctx context.Context, p person) error { return p.may(ctx, "get", in, "", "pods/log") }},
		{"list events", func(ctx context.Context, p person) error {
			return p.List(ctx, &corev1.EventList{}, client.InNamespace(in))
		}},
	}
}

// edits are what an editor may do beyond that.
func edits(in string) []deed {
	job := newJob(in, "job")
	return []deed{
		{"make a job", create(newJob(in, "another"))},
		{"suspend a job", patch(job, `{"spec":{"suspend":true}}`)},
		{"label a job", patch(job, `{"metadata":{"labels":{"a":"b"}}}`)},
		{"cancel a job", patch(job, `{"spec":{"cancel":true}}`)},
		{"delete a job", func(ctx context.Context, p person) error { return p.Delete(ctx, job.DeepCopy(), client.DryRunAll) }},
	}
}

// sweeps are what an admin may do beyond that.
func sweeps(in string) []deed {
	return []deed{{"delete all jobs at once", func(ctx context.Context, p person) error {
		return p.DeleteAllOf(ctx, &v1alpha1.OcrJob{}, client.InNamespace(in), &client.DeleteAllOfOptions{DeleteOptions: client.DeleteOptions{DryRun: []string{metav1.DryRunAll}}})
	}}}
}

// takeovers are what none of them may do.
func takeovers(in string) []deed {
	job := newJob(in, "job")
	worker := workerPod(in, "worker")
	ordinary := workerPod(in, "ordinary")
	ordinary.Spec.ServiceAccountName = ""
	accounts := func(p person) interface {
		CreateToken(context.Context, string, *authenticationv1.TokenRequest, metav1.CreateOptions) (*authenticationv1.TokenRequest, error)
	} {
		return p.api.CoreV1().ServiceAccounts(in)
	}
	moj := &v1alpha1.Organization{ObjectMeta: metav1.ObjectMeta{Name: strings.TrimPrefix(in, "khocr-")}}
	plan := &v1alpha1.Plan{ObjectMeta: metav1.ObjectMeta{Name: "free"}}
	post := func(subresource string) func(context.Context, person) error {
		return func(ctx context.Context, p person) error {
			return p.api.CoreV1().RESTClient().Post().Namespace(in).Resource("pods").Name(worker.Name).SubResource(subresource).
				Param("command", "true").Do(ctx).Error()
		}
	}
	return []deed{
		{"make a pod with the workers' account", create(workerPod(in, "mine"))},
		{"make a pod with no account of note", create(ordinary)},
		{"change a worker's image", patch(worker, `{"spec":{"containers":[{"name":"worker","image":"mine"}]}}`)},
		{"delete a worker", func(ctx context.Context, p person) error { return p.Delete(ctx, worker.DeepCopy()) }},
		{"get a token for the workers' account", func(ctx context.Context, p person) error {
			_, err := accounts(p).CreateToken(ctx, workerport.ServiceAccount, &authenticationv1.TokenRequest{}, metav1.CreateOptions{})
			return err
		}},
		{"impersonate the workers' account", func(ctx context.Context, p person) error { return p.may(ctx, "impersonate", in, "", "serviceaccounts") }},
		{"run a command in a worker", post("exec")},
		{"attach to a worker", post("attach")},
		{"reach a worker's ports", post("portforward")},
		{"add a container to a worker", func(ctx context.Context, p person) error {
			return p.may(ctx, "patch", in, "", "pods/ephemeralcontainers")
		}},
		{"read secrets", func(ctx context.Context, p person) error {
			return p.List(ctx, &corev1.SecretList{}, client.InNamespace(in))
		}},
		{"make a role binding", create(&rbacv1.RoleBinding{ObjectMeta: metav1.ObjectMeta{Namespace: in, Name: "mine"},
			RoleRef: rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: "khocr-viewer"}})},
		{"change their role", patch(&rbacv1.RoleBinding{ObjectMeta: metav1.ObjectMeta{Namespace: in, Name: "khocr-admin"}}, `{"subjects":null}`)},
		{"take a job's finalizer off", patch(job, `{"metadata":{"finalizers":null}}`)},
		{"put a finalizer on a job", patch(job, `{"metadata":{"finalizers":["ocr.openplp.com/ledger","example.com/mine"]}}`)},
		{"make a job with a finalizer", create(newJob(in, "another", "example.com/mine"))},
		{"complete a job", patchStatus(job, `{"status":{"phase":"Completed"}}`)},
		{"report progress of a job", patchStatus(job, `{"status":{"workers":[{"part":0,"progress":{"total":1,"done":1}}]}}`)},
		{"reserve a job's pages", patchStatus(job, `{"status":{"conditions":[{"type":"QuotaReserved","status":"True","reason":"PagesReserved","message":"","lastTransitionTime":"2026-08-01T00:00:00Z"}]}}`)},
		{"use less of the month", patchStatus(moj, `{"status":{"usage":null}}`)},
		{"read the organization", func(ctx context.Context, p person) error {
			return p.Get(ctx, client.ObjectKeyFromObject(moj), moj.DeepCopy())
		}},
		{"raise the organization's limits", patch(moj, `{"spec":{"overrides":{"pagesPerMonth":1000000}}}`)},
		{"become a member of more", patch(moj, `{"spec":{"members":null}}`)},
		{"delete the organization", func(ctx context.Context, p person) error { return p.Delete(ctx, moj.DeepCopy(), client.DryRunAll) }},
		{"make an organization", create(&v1alpha1.Organization{ObjectMeta: metav1.ObjectMeta{Name: "mine"}, Spec: v1alpha1.OrganizationSpec{
			PlanRef: "free", DisplayName: v1alpha1.LocalizedText{En: "Mine"}}})},
		{"raise the plan's limits", patch(plan, `{"spec":{"limits":{"pagesPerMonth":1000000}}}`)},
		{"delete the plan", func(ctx context.Context, p person) error { return p.Delete(ctx, plan.DeepCopy(), client.DryRunAll) }},
		{"open the network", func(ctx context.Context, p person) error {
			return p.may(ctx, "delete", in, "networking.k8s.io", "networkpolicies")
		}},
		{"change the namespace", patch(&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: in}}, `{"metadata":{"labels":{"pod-security.kubernetes.io/enforce":"privileged"}}}`)},
	}
}

// changes are what the manager's policies say nothing of, because its role does not allow it.
func changes(in string) (deeds []deed) {
	for _, right := range []struct{ verb, group, resource string }{
		{"update", "", "pods"}, {"patch", "", "pods"}, {"deletecollection", "", "pods"},
		{"create", "", "pods/eviction"}, {"create", "", "pods/binding"}, {"update", "", "pods/status"}, {"patch", "", "pods/resize"},
		{"create", "", "pods/exec"}, {"create", "", "pods/attach"}, {"create", "", "pods/portforward"},
		{"patch", "", "pods/ephemeralcontainers"}, {"get", "", "pods/log"},
		{"create", "", "serviceaccounts/token"}, {"get", "", "secrets"},
		{"create", "apps", "deployments"}, {"create", "apps", "daemonsets"}, {"create", "batch", "jobs"},
	} {
		deeds = append(deeds, deed{right.verb + " " + right.resource, func(ctx context.Context, p person) error {
			return p.may(ctx, right.verb, in, right.group, right.resource)
		}})
	}
	return deeds
}

// may asks whether the person has a right that is awkward to use in a test, and fails like the API server without it.
func (p person) may(ctx context.Context, verb, namespace, group, resource string) error {
	resource, subresource, _ := strings.Cut(resource, "/")
	review, err := p.api.AuthorizationV1().SelfSubjectAccessReviews().Create(ctx, &authorizationv1.SelfSubjectAccessReview{
		Spec: authorizationv1.SelfSubjectAccessReviewSpec{ResourceAttributes: &authorizationv1.ResourceAttributes{
			Verb: verb, Namespace: namespace, Group: group, Resource: resource, Subresource: subresource}}}, metav1.CreateOptions{})
	if err == nil && !review.Status.Allowed {
		err = apierrors.NewForbidden(v1alpha1.GroupVersion.WithResource(resource).GroupResource(), "", nil)
	}
	return err
}

// webhooks tests what the manager gives the gateway, with no more rights than its own role has.
func (s *site) webhooks(t *testing.T) {
	gateway := s.person("system:serviceaccount:khocr-system:khocr-gateway")
	for _, name := range []string{"named", "other"} {
		s.must(s.admin.Create(t.Context(), &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name}}))
	}
	reads := func(name string) bool {
		err := gateway.Get(t.Context(), client.ObjectKey{Namespace: namespace, Name: name}, &corev1.Secret{})
		if err != nil && !apierrors.IsForbidden(err) {
			t.Fatal(err)
		}
		return err == nil
	}
	name := func(secrets string) {
		moj := &v1alpha1.Organization{ObjectMeta: metav1.ObjectMeta{Name: "moj"}}
		s.must(s.admin.Patch(t.Context(), moj, client.RawPatch(types.MergePatchType, []byte(`{"spec":{"webhookSecrets":`+secrets+`}}`))))
	}
	if reads("named") {
		t.Error("a Secret is read that nobody has named")
	}
	name(`[{"name":"main","secretName":"named"},{"name":"again","secretName":"named"}]`)
	testenv.Await(t, "the Secret is read that is named", func() bool { return reads("named") })
	if reads("other") || gateway.List(t.Context(), &corev1.SecretList{}, client.InNamespace(namespace)) == nil {
		t.Error("the gateway reads another Secret")
	}
	name(`[{"name":"main","secretName":"other"}]`)
	testenv.Await(t, "the other Secret is read instead", func() bool { return reads("other") && !reads("named") })
	name(`null`)
	testenv.Await(t, "none is read", func() bool { return !reads("other") })
	testenv.Await(t, "no role is left", func() bool {
		key := client.ObjectKey{Namespace: namespace, Name: "khocr-gateway-webhooks"}
		return apierrors.IsNotFound(s.admin.Get(t.Context(), key, &rbacv1.Role{})) && apierrors.IsNotFound(s.admin.Get(t.Context(), key, &rbacv1.RoleBinding{}))
	})
}

func TestRights(t *testing.T) {
	s := newSite(t)
	for _, in := range []string{namespace, elsewhere} {
		s.must(s.admin.Create(t.Context(), newJob(in, "job", v1alpha1.FinalizerLedger)))
		s.must(s.admin.Create(t.Context(), workerPod(in, "worker")))
		s.must(s.admin.Create(t.Context(), &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Namespace: in, Name: "default"}}))
	}
	sokha, clerk, dara := s.person("sokha"), s.person("vanna", "clerks"), s.person("dara")
	bopha, stranger := s.person("bopha"), s.person("stranger")

	may := func(p person, role string, deeds ...[]deed) {
		for _, deeds := range deeds {
			for _, d := range deeds {
				t.Run(role+" may "+d.name, func(t *testing.T) {
					if err := d.do(t.Context(), p); err != nil {
						t.Errorf("%s may not: %v", p.name, err)
					}
				})
			}
		}
	}
	mayNot := func(p person, role string, deeds ...[]deed) {
		for _, deeds := range deeds {
			for _, d := range deeds {
				t.Run(role+" may not "+d.name, func(t *testing.T) {
					if err := d.do(t.Context(), p); !apierrors.IsForbidden(err) {
						t.Errorf("%s is answered with %v, want a refusal", p.name, err)
					}
				})
			}
		}
	}
	may(dara, "a viewer", reads(namespace))
	mayNot(dara, "a viewer", edits(namespace), sweeps(namespace), takeovers(namespace))
	may(clerk, "an editor", reads(namespace), edits(namespace))
	mayNot(clerk, "an editor", sweeps(namespace), takeovers(namespace))
	may(sokha, "an admin", reads(namespace), edits(namespace), sweeps(namespace))
	mayNot(sokha, "an admin", takeovers(namespace))

	for _, p := range []person{sokha, clerk, dara} {
		mayNot(p, p.name+" elsewhere", reads(elsewhere), edits(elsewhere), sweeps(elsewhere), takeovers(elsewhere))
	}
	mayNot(bopha, "an admin of another organization", reads(namespace), edits(namespace), sweeps(namespace), takeovers(namespace))
	mayNot(stranger, "a member of none", reads(namespace), edits(namespace), sweeps(namespace), takeovers(namespace))

	mayNot(s.person(testenv.ManagerUser), "the manager", changes(namespace))

	t.Run("the gateway reads the Secrets that the organization names, and no others", func(t *testing.T) { s.webhooks(t) })

	// Whoever writes a status into the job itself is not refused; the API server takes no notice of it.
	s.must(sokha.Patch(t.Context(), newJob(namespace, "job"), client.RawPatch(types.MergePatchType, []byte(`{"status":{"phase":"Completed","progress":100}}`))))
	job := &v1alpha1.OcrJob{}
	s.must(s.admin.Get(t.Context(), client.ObjectKey{Namespace: namespace, Name: "job"}, job))
	if job.Status.Phase != "" || job.Status.Progress != 0 {
		t.Errorf("an admin wrote the status %+v", job.Status)
	}
	if len(job.Finalizers) != 1 || job.Finalizers[0] != v1alpha1.FinalizerLedger {
		t.Errorf("the job's finalizers are %v", job.Finalizers)
	}

	// None of it is refused for another reason than that they have no right to it.
	administrator := s.person("administrator", "system:masters")
	for _, d := range takeovers(namespace) {
		if err := d.do(t.Context(), administrator); apierrors.IsForbidden(err) && !strings.Contains(err.Error(), "ValidatingAdmissionPolicy") {
			t.Errorf("%s: not even an administrator may: %v", d.name, err)
		}
	}
}
