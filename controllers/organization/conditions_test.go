package organization

import (
	"reflect"
	"strings"
	"testing"
	"time"

	kstatus "github.com/fluxcd/cli-utils/pkg/kstatus/status"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/openplp/khocr/api/v1alpha1"
	"github.com/openplp/khocr/internal/testenv"
)

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
		{corev1.EventTypeWarning, v1alpha1.ReasonPageQuotaExceeded, "OcrJob three has more pages than the month 2026-08 has left: 7"},
	}
	if got := noticesOf(before, after); !reflect.DeepEqual(got, want) {
		t.Errorf("the notices are %+v, want %+v", got, want)
	}
	if got := noticesOf(after, after); len(got) != 0 {
		t.Errorf("the notices of no change are %+v", got)
	}
}
