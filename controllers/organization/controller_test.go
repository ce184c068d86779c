package organization

import (
	"fmt"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/openplp/khocr/api/v1alpha1"
	"github.com/openplp/khocr/internal/testenv"
	"github.com/openplp/khocr/internal/workerport"
)

func TestReconciler(t *testing.T) {
	environment := testenv.Start(t)
	counted := &writes{}
	mgr := testenv.NewManager(t, counted.of(environment.Manager))
	reconciler := &Reconciler{
		Client: mgr.GetClient(), Live: mgr.GetAPIReader(), Recorder: mgr.GetEventRecorder("organization"),
		GatewayNamespace: "khocr-system", Now: time.Now,
	}
	if err := reconciler.SetupWithManager(t.Context(), mgr); err != nil {
		t.Fatal(err)
	}
	testenv.Run(t, mgr)
	manager, err := client.New(environment.Manager, client.Options{Scheme: testenv.Scheme()})
	if err != nil {
		t.Fatal(err)
	}
	c := &cluster{T: t, reconciler: reconciler, admin: environment.Client, manager: manager, writes: counted}
	c.must(c.admin.Create(t.Context(), newPlan("free", 10)))

	run := func(name string, test func(*cluster)) {
		t.Run(name, func(t *testing.T) {
			at := *c
			at.T = t
			test(&at)
		})
	}
	run("a new organization gets a namespace that is shut off", (*cluster).provides)
	run("an organization at rest costs no write", (*cluster).rests)
	run("what is changed or removed in the namespace is mended", (*cluster).mends)
	run("a namespace that exists is left alone", (*cluster).foreignNamespace)
	run("the older of two organizations gets the namespace that both name", (*cluster).sameNamespace)
	run("an organization waits for its plan", (*cluster).planNotFound)
	run("a key that two organizations have is told on both until one gives it up", (*cluster).sharedKey)
	run("jobs are reserved, refused, settled and dropped", (*cluster).ledger)
	run("documents in a row cost two writes of their organization each", (*cluster).writesOfDocuments)
	run("a cancelled job is charged what its worker still reports", (*cluster).lastReport)
	run("a namespace that is being deleted has its jobs settled", (*cluster).leavingNamespace)
	run("an organization that is deleted goes once its jobs are settled, however it is deleted", (*cluster).drains)
	run("an organization that never had its namespace takes nothing with it", (*cluster).drainsNothing)
	run("an organization goes whatever has become of its namespace", (*cluster).drainsWithoutNamespace)
	run("who deletes an organization and keeps what it owned keeps the jobs", (*cluster).drainsOrphans)
	run("members are bound to their roles, and only they", (*cluster).members)
	run("a binding that binds to something else is made again", (*cluster).wrongBinding)
	run("a suspended organization is as it shall be", (*cluster).suspended)
	run("plans and overrides take effect at once", (*cluster).limitsChange)
	run("jobs that no plan gives a limit wait, and are reserved once it is there", (*cluster).ledgerWithoutPlan)
}

func (c *cluster) provides() {
	c.writes.reset()
	organization := c.organize("moj", "free")
	c.ready(organization, metav1.ConditionTrue, reasonProvisioned)
	c.Logf("made by %v", c.writes.take())

	namespace := &corev1.Namespace{}
	c.get(namespace, "", "khocr-moj")
	for label, want := range map[string]string{
		"pod-security.kubernetes.io/enforce": "restricted",
		v1alpha1.LabelOrganization:           "moj",
	} {
		if got := namespace.Labels[label]; got != want {
			c.Errorf("the namespace has %s=%q, want %q", label, got, want)
		}
	}
	if !metav1.IsControlledBy(namespace, organization) {
		c.Error("the namespace is not owned by its organization")
	}
	account := &corev1.ServiceAccount{}
	c.get(account, "khocr-moj", workerport.ServiceAccount)
	if account.AutomountServiceAccountToken == nil || *account.AutomountServiceAccountToken {
		c.Error("the worker's account mounts a token by itself")
	}
	binding := &rbacv1.RoleBinding{}
	c.get(binding, "khocr-moj", workerName)
	if got := binding.RoleRef; got != (rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: "khocr-worker"}) {
		c.Errorf("the worker's account is bound to %+v", got)
	}
	policy := &networkingv1.NetworkPolicy{}
	c.get(policy, "khocr-moj", workerName)
	if len(policy.Spec.Ingress) != 0 || len(policy.Spec.PolicyTypes) != 2 {
		c.Errorf("the network policy lets something in: %+v", policy.Spec)
	}
	if rules := len(policy.Spec.Egress); rules < 3 {
		c.Errorf("the network policy has %d rules, want the gateway, the API server's Service and its endpoint", rules)
	}
	if got := c.current(organization).Status; got.Namespace != "khocr-moj" || got.Pages != "0/10" {
		c.Errorf("the status is %+v", got)
	}
	shown := &unstructured.Unstructured{}
	shown.SetGroupVersionKind(v1alpha1.GroupVersion.WithKind("Organization"))
	c.get(shown, "", "moj")
	if running, found, err := unstructured.NestedInt64(shown.Object, "status", "running"); running != 0 || !found || err != nil {
		c.Errorf("%d jobs are running: %v, %v; want a 0 that tables show", running, found, err)
	}
}

func (c *cluster) rests() {
	organization := c.organize("rest", "free")
	c.ready(organization, metav1.ConditionTrue, reasonProvisioned)
	before := c.current(organization)
	testenv.Await(c, "the cache has caught up", func() bool {
		cached := &v1alpha1.Organization{}
		c.must(c.reconciler.Client.Get(c.Context(), client.ObjectKeyFromObject(organization), cached))
		inCache := c.reconciler.Client.Get(c.Context(), client.ObjectKey{Namespace: "khocr-rest", Name: workerName}, &networkingv1.NetworkPolicy{}) == nil
		return cached.ResourceVersion == before.ResourceVersion && inCache
	})
	c.writes.reset()
	for range 3 {
		if _, err := c.reconciler.Reconcile(c.Context(), ctrl.Request{NamespacedName: client.ObjectKeyFromObject(organization)}); err != nil {
			c.Fatal(err)
		}
	}
	if made := c.writes.take(); len(made) > 0 {
		c.Errorf("an organization at rest was written: %v", made)
	}
	if after := c.current(organization); after.ResourceVersion != before.ResourceVersion {
		c.Errorf("the organization went from version %s to %s", before.ResourceVersion, after.ResourceVersion)
	}
}

func (c *cluster) mends() {
	c.ready(c.organize("mend", "free"), metav1.ConditionTrue, reasonProvisioned)
	policy := &networkingv1.NetworkPolicy{}
	c.get(policy, "khocr-mend", workerName)
	c.must(c.admin.Delete(c.Context(), policy))
	binding := &rbacv1.RoleBinding{}
	c.get(binding, "khocr-mend", workerName)
	binding.Subjects = append(binding.Subjects, rbacv1.Subject{Kind: rbacv1.UserKind, APIGroup: rbacv1.GroupName, Name: "somebody"})
	c.must(c.admin.Update(c.Context(), binding))
	namespace := &corev1.Namespace{}
	c.get(namespace, "", "khocr-mend")
	delete(namespace.Labels, "pod-security.kubernetes.io/enforce")
	c.must(c.admin.Update(c.Context(), namespace))

	key := client.ObjectKey{Namespace: "khocr-mend", Name: workerName}
	testenv.Await(c, "the network policy is back", func() bool {
		return c.admin.Get(c.Context(), key, &networkingv1.NetworkPolicy{}) == nil
	})
	testenv.Await(c, "the workers' role is theirs alone again", func() bool {
		c.must(c.admin.Get(c.Context(), key, binding))
		return len(binding.Subjects) == 1
	})
	testenv.Await(c, "the namespace is restricted again", func() bool {
		c.get(namespace, "", "khocr-mend")
		return namespace.Labels["pod-security.kubernetes.io/enforce"] == "restricted"
	})
}

func (c *cluster) foreignNamespace() {
	foreign := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "khocr-taken"}}
	c.must(c.admin.Create(c.Context(), foreign))
	organization := c.organize("taken", "free")
	c.ready(organization, metav1.ConditionFalse, reasonNamespaceConflict)
	version := foreign.ResourceVersion
	c.get(foreign, "", "khocr-taken")
	if foreign.ResourceVersion != version {
		c.Error("the foreign namespace was written")
	}
	if got := c.current(organization).Status.Namespace; got != "" {
		c.Errorf("the organization's namespace is said to be %q", got)
	}
	if err := c.admin.Get(c.Context(), client.ObjectKey{Namespace: "khocr-taken", Name: workerName}, &corev1.ServiceAccount{}); err == nil {
		c.Error("a service account was made in the foreign namespace")
	}
}

func (c *cluster) sameNamespace() {
	older := c.organize("older", "free")
	c.ready(older, metav1.ConditionTrue, reasonProvisioned)
	younger := &v1alpha1.Organization{ObjectMeta: metav1.ObjectMeta{Name: "younger"}, Spec: v1alpha1.OrganizationSpec{
		PlanRef: "free", DisplayName: v1alpha1.LocalizedText{En: "Younger"}, Namespace: "khocr-older"}}
	c.must(c.admin.Create(c.Context(), younger))
	c.ready(younger, metav1.ConditionFalse, reasonNamespaceConflict)
	c.ready(older, metav1.ConditionTrue, reasonProvisioned)
}

func (c *cluster) planNotFound() {
	organization := c.organize("early", "later")
	c.ready(organization, metav1.ConditionFalse, reasonPlanNotFound)
	c.get(&corev1.Namespace{}, "", "khocr-early")
	c.must(c.admin.Create(c.Context(), newPlan("later", 7)))
	c.ready(organization, metav1.ConditionTrue, reasonProvisioned)
	testenv.Await(c, "the pages are told", func() bool { return c.current(organization).Status.Pages == "0/7" })
}

func (c *cluster) sharedKey() {
	key := v1alpha1.APIKey{Name: "scanner", SHA256: strings.Repeat("ab", 32)}
	a, b := c.organize("key-a", "free", key), c.organize("key-b", "free", key)
	conflict := func(o *v1alpha1.Organization) bool {
		return meta.IsStatusConditionTrue(c.current(o).Status.Conditions, v1alpha1.ConditionKeyConflict)
	}
	testenv.Await(c, "both are told", func() bool { return conflict(a) && conflict(b) })
	c.ready(a, metav1.ConditionTrue, reasonProvisioned)
	c.must(c.admin.Patch(c.Context(), b.DeepCopy(), client.RawPatch("application/merge-patch+json", []byte(`{"spec":{"apiKeys":null}}`))))
	testenv.Await(c, "neither is told", func() bool { return !conflict(a) && !conflict(b) })
}

func (c *cluster) ledger() {
	organization := c.organize("count", "free")
	c.ready(organization, metav1.ConditionTrue, reasonProvisioned)
	namespace := "khocr-count"

	a := c.submit(namespace, "aaaaaaaaaaaa")
	c.report(a, "", 6, 0, 0)
	c.entry(organization, a, v1alpha1.LedgerReserved, 6)
	b := c.submit(namespace, "bbbbbbbbbbbb")
	c.report(b, "", 5, 0, 0)
	c.entry(organization, b, v1alpha1.LedgerRefused, 5)
	unknown := c.submit(namespace, "cccccccccccc")

	c.report(a, v1alpha1.PhaseCompleted, 6, 6, 2)
	c.entry(organization, a, v1alpha1.LedgerSettled, 4)
	c.report(b, v1alpha1.PhaseFailed, 5, 0, 0)
	c.entry(organization, b, v1alpha1.LedgerSettled, 0)
	c.report(unknown, v1alpha1.PhaseCancelled, 0, 0, 0)
	c.entry(organization, unknown, v1alpha1.LedgerSettled, 0)

	for _, job := range []*v1alpha1.OcrJob{a, b, unknown} {
		c.release(job)
	}
	testenv.Await(c, "the entries are gone", func() bool { return len(c.current(organization).Status.Ledger) == 0 })
	late := c.submit(namespace, "dddddddddddd")
	c.report(late, "", 6, 0, 0)
	c.entry(organization, late, v1alpha1.LedgerReserved, 6)
	status := c.current(organization).Status
	if len(status.Usage) != 1 || status.Usage[0].Settled != 4 || status.Usage[0].Reserved != 6 || status.Pages != "10/10" {
		c.Errorf("usage is %+v and %s, want 4 settled, 6 reserved, 10/10", status.Usage, status.Pages)
	}
}

func (c *cluster) writesOfDocuments() {
	organization := c.organize("row", "free")
	c.ready(organization, metav1.ConditionTrue, reasonProvisioned)
	c.writes.reset()
	const documents = 4
	for i := range documents {
		job := c.submit("khocr-row", fmt.Sprintf("document-%d", i))
		c.report(job, "", 2, 0, 0)
		c.entry(organization, job, v1alpha1.LedgerReserved, 2)
		// However slow this machine is, no entry has waited for too long when the next document comes.
		job.Status.CompletionTime = new(metav1.NewTime(time.Now().Add(time.Hour)))
		c.report(job, v1alpha1.PhaseCompleted, 2, 2, 0)
		c.entry(organization, job, v1alpha1.LedgerSettled, 2)
		c.release(job)
		testenv.Await(c, "the cache knows that the job is released", func() bool {
			c.must(c.reconciler.Client.Get(c.Context(), client.ObjectKeyFromObject(job), job))
			return len(job.Finalizers) == 0
		})
	}
	if made := c.writes.take(); len(made) != 2*documents {
		c.Errorf("%d documents cost %v", documents, made)
	}
	if status := c.current(organization).Status; len(status.Ledger) != 1 || status.Usage[0].Settled != 2*documents {
		c.Errorf("the status is %+v, want the entry of the last document", status)
	}
}

func (c *cluster) lastReport() {
	organization := c.organize("cancel", "free")
	c.ready(organization, metav1.ConditionTrue, reasonProvisioned)
	job := c.submit("khocr-cancel", "aaaaaaaaaaaa")
	pod := c.pod(job)
	c.report(job, v1alpha1.PhaseRunning, 6, 1, 0)
	c.entry(organization, job, v1alpha1.LedgerReserved, 6)
	testenv.Await(c, "the worker is in the cache", func() bool {
		return c.reconciler.Client.Get(c.Context(), client.ObjectKeyFromObject(pod), &corev1.Pod{}) == nil
	})
	c.report(job, v1alpha1.PhaseCancelled, 6, 1, 0)
	c.report(job, v1alpha1.PhaseCancelled, 6, 3, 0)
	c.must(c.admin.Delete(c.Context(), pod, client.GracePeriodSeconds(0)))
	c.entry(organization, job, v1alpha1.LedgerSettled, 3)
}

func (c *cluster) ledgerWithoutPlan() {
	organization := c.organize("patient", "missing")
	c.ready(organization, metav1.ConditionFalse, reasonPlanNotFound)
	counted, cancelled := c.submit("khocr-patient", "aaaaaaaaaaaa"), c.submit("khocr-patient", "bbbbbbbbbbbb")
	c.report(counted, "", 3, 0, 0)
	c.report(cancelled, v1alpha1.PhaseCancelled, 0, 0, 0)
	c.entry(organization, cancelled, v1alpha1.LedgerSettled, 0)
	if entries := c.current(organization).Status.Ledger; len(entries) != 1 {
		c.Errorf("without a plan the ledger has %+v", entries)
	}
	c.must(c.admin.Create(c.Context(), newPlan("missing", 3)))
	c.entry(organization, counted, v1alpha1.LedgerReserved, 3)
}

// drainsOrphans plays the garbage collector's part.
func (c *cluster) suspended() {
	organization := c.organize("pause", "free")
	c.ready(organization, metav1.ConditionTrue, reasonProvisioned)
	c.must(c.admin.Patch(c.Context(), organization.DeepCopy(), client.RawPatch("application/merge-patch+json", []byte(`{"spec":{"suspended":true}}`))))
	c.ready(organization, metav1.ConditionTrue, reasonSuspended)
}

func (c *cluster) limitsChange() {
	plan := newPlan("growing", 5)
	c.must(c.admin.Create(c.Context(), plan))
	organization := c.organize("grow", "growing")
	c.ready(organization, metav1.ConditionTrue, reasonProvisioned)
	pages := func(want string) {
		c.Helper()
		testenv.Await(c, "the pages are "+want, func() bool { return c.current(organization).Status.Pages == want })
	}
	change := func(object client.Object, body string) {
		c.Helper()
		c.must(c.admin.Patch(c.Context(), object, client.RawPatch("application/merge-patch+json", []byte(body))))
	}
	submit := func(name string, pages int32) *v1alpha1.OcrJob {
		job := c.submit("khocr-grow", name)
		c.report(job, "", pages, 0, 0)
		return job
	}
	c.entry(organization, submit("aaaaaaaaaaaa", 6), v1alpha1.LedgerRefused, 6)
	change(plan, `{"spec":{"limits":{"pagesPerMonth":6}}}`)
	pages("0/6")
	first := submit("bbbbbbbbbbbb", 6)
	c.entry(organization, first, v1alpha1.LedgerReserved, 6)
	change(organization, `{"spec":{"overrides":{"pagesPerMonth":8}}}`)
	pages("6/8")
	c.entry(organization, submit("cccccccccccc", 2), v1alpha1.LedgerReserved, 2)
	change(organization, `{"spec":{"overrides":{"pagesPerMonth":1}}}`)
	pages("8/1")
	c.entry(organization, submit("dddddddddddd", 1), v1alpha1.LedgerRefused, 1)

	// A plan that vanishes in use keeps nothing from being settled.
	c.must(c.admin.Delete(c.Context(), plan))
	c.ready(organization, metav1.ConditionFalse, reasonPlanNotFound)
	c.report(first, v1alpha1.PhaseCompleted, 6, 6, 0)
	c.entry(organization, first, v1alpha1.LedgerSettled, 6)
	if got := c.current(organization).Status.Running; got != 1 {
		c.Errorf("%d jobs are said to be running, want the one of 2 pages", got)
	}
}
