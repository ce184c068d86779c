package organization

import (
	"reflect"
	"strings"
	"testing"
	"time"

	kstatus "github.com/fluxcd/cli-utils/pkg/kstatus/status"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/openplp/khocr/api/v1alpha1"
	"github.com/openplp/khocr/internal/testenv"
)

var noon = time.Date(2026, 8, 1, 12, 0, 0, 0, time.UTC)

func organization(name string, age time.Duration, keys ...v1alpha1.APIKey) v1alpha1.Organization {
	return v1alpha1.Organization{
		ObjectMeta: metav1.ObjectMeta{Name: name, UID: types.UID(name), Generation: 2, CreationTimestamp: metav1.NewTime(noon.Add(-age))},
		Spec:       v1alpha1.OrganizationSpec{PlanRef: "free", Namespace: "shared", APIKeys: keys},
	}
}

func TestDecideClaim(t *testing.T) {
	old, young, twin := organization("old", time.Hour), organization("young", time.Minute), organization("twin", time.Hour)
	elsewhere := organization("elsewhere", 2*time.Hour)
	elsewhere.Spec.Namespace = "another"
	all := []v1alpha1.Organization{old, young, twin}
	ownedBy := func(o v1alpha1.Organization) *corev1.Namespace { return newNamespace(&o) }
	mentioned := ownedBy(old)
	mentioned.OwnerReferences[0].Controller = nil
	leaving := ownedBy(old)
	leaving.DeletionTimestamp = new(metav1.NewTime(noon))
	foreignLeaving := ownedBy(young)
	foreignLeaving.DeletionTimestamp = new(metav1.NewTime(noon))
	recreated := old
	recreated.UID = "old-2"

	tests := map[string]struct {
		organization v1alpha1.Organization
		others       []v1alpha1.Organization
		namespace    *corev1.Namespace
		want         claim
	}{
		"a namespace that nobody else names is free":                       {young, []v1alpha1.Organization{young, elsewhere}, nil, claimFree},
		"the oldest that names a namespace makes it":                       {old, all, nil, claimFree},
		"a younger one does not":                                           {young, all, nil, claimRefused},
		"of two of the same second the first name makes it":                {twin, all, nil, claimRefused},
		"an owner's namespace is its own":                                  {old, all, ownedBy(old), claimOwned},
		"an owner stays one although an older one names it":                {young, all, ownedBy(young), claimOwned},
		"an older one does not take what is owned":                         {old, all, ownedBy(young), claimRefused},
		"an owner's namespace that is being deleted is no place to work":   {old, all, leaving, claimLeaving},
		"another's namespace that is being deleted is waited for":          {old, all, foreignLeaving, claimAwaited},
		"a namespace without an owner is left alone":                       {old, all, &corev1.Namespace{}, claimRefused},
		"a namespace that only mentions it is left alone":                  {old, all, mentioned, claimRefused},
		"the namespace of an organization of the same name is not its own": {recreated, all, ownedBy(old), claimRefused},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got, problem := decideClaim(&test.organization, test.others, test.namespace)
			if got != test.want {
				t.Errorf("the claim is %d, want %d", got, test.want)
			}
			if (problem != "") != (got == claimRefused || got == claimAwaited || got == claimLeaving) {
				t.Errorf("the problem is %q", problem)
			}
		})
	}
}

func TestSharedKeys(t *testing.T) {
	key := func(name, digest string) v1alpha1.APIKey { return v1alpha1.APIKey{Name: name, SHA256: digest} }
	a := organization("a", 0, key("one", "1"), key("two", "2"), key("three", "3"))
	others := map[string]v1alpha1.Organization{
		"a": a,
		"b": organization("b", 0, key("x", "3"), key("y", "1")),
		"c": organization("c", 0, key("one", "1"), key("two", "4")),
	}
	if got, want := sharedKeys(&a, others), []sharedKey{{"one", "b"}, {"one", "c"}, {"three", "b"}}; !reflect.DeepEqual(got, want) {
		t.Errorf("shared are %v, want %v", got, want)
	}
}

func TestSetConditions(t *testing.T) {
	o := organization("a", 0)
	plan := &v1alpha1.Plan{}
	shared := []sharedKey{{"one", "b"}}
	suspended := func(o *v1alpha1.Organization) { o.Spec.Suspended = new(true) }
	deleted := func(o *v1alpha1.Organization) { o.DeletionTimestamp = new(metav1.NewTime(noon)) }
	tests := map[string]struct {
		change   func(*v1alpha1.Organization)
		findings findings
		status   metav1.ConditionStatus
		reason   string
		kstatus  kstatus.Status
	}{
		"all is well":                           {nil, findings{claim: claimOwned, plan: plan}, metav1.ConditionTrue, reasonProvisioned, kstatus.CurrentStatus},
		"shared keys leave it ready":            {nil, findings{claim: claimFree, plan: plan, sharedKeys: shared}, metav1.ConditionTrue, reasonProvisioned, kstatus.CurrentStatus},
		"a suspended one is as it shall be":     {suspended, findings{claim: claimOwned, plan: plan}, metav1.ConditionTrue, reasonSuspended, kstatus.CurrentStatus},
		"a plan is missing":                     {nil, findings{claim: claimOwned}, metav1.ConditionFalse, reasonPlanNotFound, kstatus.FailedStatus},
		"a plan is wrong":                       {nil, findings{claim: claimOwned, plan: plan, planProblem: "x"}, metav1.ConditionFalse, reasonPlanInvalid, kstatus.FailedStatus},
		"the namespace is told before the plan": {nil, findings{claim: claimRefused, claimProblem: "x"}, metav1.ConditionFalse, reasonNamespaceConflict, kstatus.FailedStatus},
		"another's namespace is being deleted":  {nil, findings{claim: claimAwaited, plan: plan, claimProblem: "x"}, metav1.ConditionFalse, reasonNamespaceLeaving, kstatus.InProgressStatus},
		"its namespace is being deleted":        {nil, findings{claim: claimLeaving, plan: plan, claimProblem: "x"}, metav1.ConditionFalse, reasonNamespaceLeaving, kstatus.InProgressStatus},
		"something could not be made":           {nil, findings{claim: claimOwned, plan: plan, incomplete: true}, metav1.ConditionFalse, reasonNotProvisioned, kstatus.InProgressStatus},
		"it goes":                               {deleted, findings{claim: claimOwned, plan: plan}, metav1.ConditionFalse, reasonDraining, kstatus.TerminatingStatus},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			o := o.DeepCopy()
			if test.change != nil {
				test.change(o)
			}
			// What stood there before leaves no trace.
			setConditions(&o.Status, o, findings{claim: claimRefused, claimProblem: "x", sharedKeys: shared}, metav1.NewTime(noon.Add(-time.Hour)))
			setConditions(&o.Status, o, test.findings, metav1.NewTime(noon))
			o.Status.ObservedGeneration = o.Generation
			ready := meta.FindStatusCondition(o.Status.Conditions, v1alpha1.ConditionReady)
			if ready.Status != test.status || ready.Reason != test.reason {
				t.Errorf("the condition is %+v, want %s for %s", ready, test.status, test.reason)
			}
			if got := meta.IsStatusConditionTrue(o.Status.Conditions, v1alpha1.ConditionKeyConflict); got != (test.findings.sharedKeys != nil) {
				t.Errorf("a conflict of keys is told: %v", got)
			}
			if told := strings.Contains(ready.Message, "one (b)"); told != (test.findings.sharedKeys != nil) {
				t.Errorf("the message is %q", ready.Message)
			}
			for _, condition := range o.Status.Conditions {
				if condition.ObservedGeneration != 2 {
					t.Errorf("%s was observed at generation %d, want 2", condition.Type, condition.ObservedGeneration)
				}
			}
			if got := testenv.Kstatus(t, o); got != test.kstatus {
				t.Errorf("kstatus says %s, want %s", got, test.kstatus)
			}
			before := o.Status.DeepCopy()
			setConditions(&o.Status, o, test.findings, metav1.NewTime(noon.Add(time.Hour)))
			if !reflect.DeepEqual(&o.Status, before) {
				t.Errorf("setting them again changes %+v", o.Status.Conditions)
			}
		})
	}
}

func TestNoticesTellOnlyWhatIsNew(t *testing.T) {
	o := organization("a", 0)
	before := &v1alpha1.OrganizationStatus{Ledger: []v1alpha1.LedgerEntry{
		{UID: "1", Job: "one", State: v1alpha1.LedgerRefused}, {UID: "2", Job: "two", State: v1alpha1.LedgerReserved}}}
	setConditions(before, &o, findings{claim: claimOwned}, metav1.NewTime(noon))
	after := before.DeepCopy()
	after.Ledger = append(after.Ledger, v1alpha1.LedgerEntry{UID: "3", Job: "three", Pages: 7, Month: "2026-08", State: v1alpha1.LedgerRefused})
	setConditions(after, &o, findings{claim: claimOwned, plan: &v1alpha1.Plan{}}, metav1.NewTime(noon))
	want := []notice{
		{corev1.EventTypeNormal, reasonProvisioned, "Documents are recognised in the namespace shared"},
		{corev1.EventTypeWarning, v1alpha1.ReasonPageQuotaExceeded, "The 7 pages of OcrJob three are more than the month 2026-08 has left"},
	}
	if got := noticesOf(before, after); !reflect.DeepEqual(got, want) {
		t.Errorf("the notices are %+v, want %+v", got, want)
	}
	if got := noticesOf(after, after); len(got) != 0 {
		t.Errorf("the notices of no change are %+v", got)
	}
}

func TestObserve(t *testing.T) {
	job := func(phase v1alpha1.JobPhase, ended time.Duration) *v1alpha1.OcrJob {
		j := &v1alpha1.OcrJob{ObjectMeta: metav1.ObjectMeta{UID: "1"}, Status: v1alpha1.OcrJobStatus{Phase: phase}}
		if ended > 0 {
			j.Status.CompletionTime = new(metav1.NewTime(noon.Add(-ended)))
		}
		return j
	}
	working := map[types.UID]bool{"1": true}
	tests := map[string]struct {
		job     *v1alpha1.OcrJob
		working map[types.UID]bool
		ended   bool
		wait    time.Duration
	}{
		"a running job has not ended":                           {job(v1alpha1.PhaseRunning, 0), working, false, 0},
		"a completed job has, although its worker lingers":      {job(v1alpha1.PhaseCompleted, time.Second), working, true, 0},
		"a cancelled job without a worker has":                  {job(v1alpha1.PhaseCancelled, time.Second), nil, true, 0},
		"a cancelled job with a worker has not yet":             {job(v1alpha1.PhaseCancelled, time.Second), working, false, 59 * time.Second},
		"a failed job with a worker has not yet":                {job(v1alpha1.PhaseFailed, time.Second), working, false, 59 * time.Second},
		"a worker that does not go is waited for so long":       {job(v1alpha1.PhaseCancelled, time.Minute), working, true, 0},
		"the worker of another job is not waited for":           {job(v1alpha1.PhaseCancelled, time.Second), map[types.UID]bool{"2": true}, true, 0},
		"an ended job whose end nobody knows is not waited for": {job(v1alpha1.PhaseCancelled, 0), working, true, 0},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			observed, wait := observe(test.job, test.working, noon)
			if observed.Ended != test.ended || wait != test.wait {
				t.Errorf("ended is %v and %v are left, want %v and %v", observed.Ended, wait, test.ended, test.wait)
			}
		})
	}
}

func TestWorkingJobs(t *testing.T) {
	pod := func(owner string, phase corev1.PodPhase) corev1.Pod {
		return corev1.Pod{
			ObjectMeta: metav1.ObjectMeta{OwnerReferences: []metav1.OwnerReference{{UID: types.UID(owner), Controller: new(true)}}},
			Status:     corev1.PodStatus{Phase: phase},
		}
	}
	got := workingJobs([]corev1.Pod{pod("a", corev1.PodRunning), pod("b", corev1.PodPending), pod("c", corev1.PodFailed), pod("d", corev1.PodSucceeded), {}})
	if want := map[types.UID]bool{"a": true, "b": true}; !reflect.DeepEqual(got, want) {
		t.Errorf("working are %v, want %v", got, want)
	}
}

func TestAPIServerPeers(t *testing.T) {
	service := &corev1.Service{Spec: corev1.ServiceSpec{ClusterIPs: []string{"10.96.0.1", "fd00::1"}, Ports: []corev1.ServicePort{{Port: 443}}}}
	endpoint := func(addresses ...string) discoveryv1.EndpointSlice {
		return discoveryv1.EndpointSlice{
			Ports:     []discoveryv1.EndpointPort{{Port: new(int32(6443))}, {}},
			Endpoints: []discoveryv1.Endpoint{{Addresses: addresses}},
		}
	}
	want := []peer{{"10.96.0.1/32", 443}, {"192.0.2.1/32", 6443}, {"192.0.2.2/32", 6443}, {"fd00::1/128", 443}}
	for _, order := range [][]discoveryv1.EndpointSlice{
		{endpoint("192.0.2.1"), endpoint("192.0.2.2", "192.0.2.1")},
		{endpoint("192.0.2.2", "192.0.2.1", "not an address")},
	} {
		if got := apiServerPeers(service, order); !reflect.DeepEqual(got, want) {
			t.Errorf("the peers are %v, want %v", got, want)
		}
	}
}

func TestUpToDate(t *testing.T) {
	o := organization("a", 0)
	made := func() map[string]any {
		fields, err := asMap(newNamespace(&o))
		if err != nil {
			t.Fatal(err)
		}
		return fields
	}
	wanted, err := asMap(objectsOf(&o, "khocr-system", nil)[0].desired)
	if err != nil {
		t.Fatal(err)
	}
	metadata := func(fields map[string]any) map[string]any { return fields["metadata"].(map[string]any) }
	tests := map[string]struct {
		change func(map[string]any)
		want   bool
	}{
		"an object is as it was made":         {func(map[string]any) {}, true},
		"fields of others are no difference":  {func(f map[string]any) { metadata(f)["annotations"] = map[string]any{"a": "b"} }, true},
		"a label that is missing is one":      {func(f map[string]any) { delete(metadata(f)["labels"].(map[string]any), v1alpha1.LabelOrganization) }, false},
		"a label of another value is one":     {func(f map[string]any) { metadata(f)["labels"].(map[string]any)[v1alpha1.LabelOrganization] = "b" }, false},
		"labels that are all missing are one": {func(f map[string]any) { delete(metadata(f), "labels") }, false},
		"an owner beside ours is no difference": {func(f map[string]any) {
			metadata(f)["ownerReferences"] = append(metadata(f)["ownerReferences"].([]any), map[string]any{"uid": "x"})
		}, true},
		"our ownership that is missing is one": {func(f map[string]any) { delete(metadata(f), "ownerReferences") }, false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			current := made()
			test.change(current)
			if got := upToDate(current, wanted); got != test.want {
				t.Errorf("it is up to date: %v, want %v", got, test.want)
			}
		})
	}
}

func TestListsMustHaveTheSameElements(t *testing.T) {
	wanted := map[string]any{"rules": []any{map[string]any{"verbs": []any{"patch"}}}}
	for what, test := range map[string]struct {
		verbs []any
		want  bool
	}{"the same": {[]any{"patch"}, true}, "more": {[]any{"patch", "get"}, false}, "none": {nil, false}} {
		if got := upToDate(map[string]any{"rules": []any{map[string]any{"verbs": test.verbs}}}, wanted); got != test.want {
			t.Errorf("with %s it is up to date: %v, want %v", what, got, test.want)
		}
	}
}

func TestWorkersReachTheGatewayAndTheAPIServerOnly(t *testing.T) {
	o := organization("a", 0)
	objects := objectsOf(&o, "khocr-system", []peer{{"10.96.0.1/32", 443}})
	policy, err := asMap(objects[len(objects)-1].desired)
	if err != nil {
		t.Fatal(err)
	}
	spec := policy["spec"].(map[string]any)
	if len(spec["policyTypes"].([]any)) != 2 || spec["ingress"] != nil {
		t.Errorf("something may come in: %v", spec)
	}
	egress := spec["egress"].([]any)
	if len(egress) != 2 {
		t.Fatalf("the ways out are %v, want two", egress)
	}
	for _, way := range egress {
		rule := way.(map[string]any)
		if len(rule["to"].([]any)) != 1 || len(rule["ports"].([]any)) != 1 {
			t.Errorf("a way out is not of one peer and port: %v", rule)
		}
	}
	if spec["podSelector"] == nil {
		t.Errorf("the policy is not for every pod: %v", spec["podSelector"])
	}
}
