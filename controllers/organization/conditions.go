package organization

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/openplp/khocr/api/v1alpha1"
)

// Reasons of an organization's conditions and events.
const (
	reasonProvisioned       = "Provisioned"
	reasonSuspended         = "Suspended"
	reasonPlanNotFound      = "PlanNotFound"
	reasonPlanInvalid       = "PlanInvalid"
	reasonNamespaceConflict = "NamespaceConflict"
	reasonNamespaceLeaving  = "NamespaceTerminating"
	reasonNotProvisioned    = "ProvisioningFailed"
	reasonDraining          = "Draining"
	reasonKeyShared         = "KeyShared"
)

// findings are what the organization's conditions are made of.
type findings struct {
	claim claim
	// claimProblem says why the organization has no namespace to work in; empty if it has it.
	claimProblem string
	// incomplete tells that something in the namespace could not be made.
	incomplete bool
	// plan is nil if there is none of the name.
	plan *v1alpha1.Plan
	// planProblem says what is wrong with the plan; empty if nothing is.
	planProblem string
	sharedKeys  []sharedKey
}

// sharedKey is a key of the organization whose digest another organization has too.
type sharedKey struct {
	name, organization string
}

// sharedKeys finds those of the organization's keys that others have too. The others are by name.
func sharedKeys(organization *v1alpha1.Organization, others map[string]v1alpha1.Organization) []sharedKey {
	var shared []sharedKey
	for _, key := range organization.Spec.APIKeys {
		for _, name := range slices.Sorted(maps.Keys(others)) {
			sameDigest := func(theirs v1alpha1.APIKey) bool { return theirs.SHA256 == key.SHA256 }
			if name != organization.Name && slices.ContainsFunc(others[name].Spec.APIKeys, sameDigest) {
				shared = append(shared, sharedKey{key.Name, name})
			}
		}
	}
	return shared
}

// verdict is what is to be said of an organization: its condition Ready, and the one beside it, if any, that tells whether
// more is about to happen.
type verdict struct {
	ready           metav1.ConditionStatus
	reason, message string
	// beside is ConditionReconciling, or ConditionStalled where nothing will happen before somebody changes something.
	beside string
}

func judge(organization *v1alpha1.Organization, f findings) verdict {
	switch {
	case organization.DeletionTimestamp != nil:
		return verdict{metav1.ConditionFalse, reasonDraining, "The organization goes once its jobs have ended and their pages are settled", v1alpha1.ConditionReconciling}
	case f.claim == claimRefused:
		return verdict{metav1.ConditionFalse, reasonNamespaceConflict, f.claimProblem, v1alpha1.ConditionStalled}
	case f.claim == claimAwaited, f.claim == claimLeaving:
		return verdict{metav1.ConditionFalse, reasonNamespaceLeaving, f.claimProblem, v1alpha1.ConditionReconciling}
	case f.incomplete:
		return verdict{metav1.ConditionFalse, reasonNotProvisioned, "What workers need could not be made; the manager's log says why", v1alpha1.ConditionReconciling}
	case f.plan == nil:
		return verdict{metav1.ConditionFalse, reasonPlanNotFound, fmt.Sprintf("The Plan %s does not exist", organization.Spec.PlanRef), v1alpha1.ConditionStalled}
	case f.planProblem != "":
		return verdict{metav1.ConditionFalse, reasonPlanInvalid, f.planProblem, v1alpha1.ConditionStalled}
	case organization.IsSuspended():
		return verdict{metav1.ConditionTrue, reasonSuspended, "The organization is suspended: it can submit nothing, and its waiting jobs wait", ""}
	}
	return verdict{metav1.ConditionTrue, reasonProvisioned, fmt.Sprintf("Documents are recognised in the namespace %s", organization.JobNamespace()), ""}
}

// setConditions brings the conditions of the status in line with the findings. A key that is refused leaves the
// organization ready, as it works with its others.
func setConditions(status *v1alpha1.OrganizationStatus, organization *v1alpha1.Organization, f findings, now metav1.Time) {
	set := func(kind string, value metav1.ConditionStatus, reason, message string) {
		meta.SetStatusCondition(&status.Conditions, metav1.Condition{
			Type: kind, Status: value, Reason: reason, Message: message,
			ObservedGeneration: organization.Generation, LastTransitionTime: now,
		})
	}
	v := judge(organization, f)
	refused := refusedKeys(f.sharedKeys)
	message := v.message
	if v.ready == metav1.ConditionTrue && refused != "" {
		message += ", but " + refused
	}
	set(v1alpha1.ConditionReady, v.ready, v.reason, message)
	for _, kind := range []string{v1alpha1.ConditionReconciling, v1alpha1.ConditionStalled} {
		if kind == v.beside {
			set(kind, metav1.ConditionTrue, v.reason, v.message)
		} else {
			meta.RemoveStatusCondition(&status.Conditions, kind)
		}
	}
	if refused != "" {
		set(v1alpha1.ConditionKeyConflict, metav1.ConditionTrue, reasonKeyShared, strings.ToUpper(refused[:1])+refused[1:])
	} else {
		meta.RemoveStatusCondition(&status.Conditions, v1alpha1.ConditionKeyConflict)
	}
}

// refusedKeys tells of the keys that the gateway refuses; empty if there are none.
func refusedKeys(shared []sharedKey) string {
	if len(shared) == 0 {
		return ""
	}
	var whose []string
	for _, key := range shared {
		whose = append(whose, fmt.Sprintf("%s (%s)", key.name, key.organization))
	}
	return "these keys are refused because other organizations have them too: " + strings.Join(whose, ", ")
}

// notice is an event: what people are told with `kubectl describe`.
type notice struct {
	kind, reason, message string
}

// noticesOf tells what is new in a status that was written.
func noticesOf(before, after *v1alpha1.OrganizationStatus) []notice {
	var notices []notice
	for _, kind := range []string{v1alpha1.ConditionReady, v1alpha1.ConditionKeyConflict} {
		was, is := meta.FindStatusCondition(before.Conditions, kind), meta.FindStatusCondition(after.Conditions, kind)
		if is == nil || was != nil && was.Status == is.Status && was.Reason == is.Reason {
			continue
		}
		good := is.Reason == reasonDraining || kind == v1alpha1.ConditionReady && is.Status == metav1.ConditionTrue
		notices = append(notices, notice{kindOf(good), is.Reason, is.Message})
	}
	refusedBefore := map[string]bool{}
	for _, entry := range before.Ledger {
		refusedBefore[string(entry.UID)] = entry.State == v1alpha1.LedgerRefused
	}
	for _, entry := range after.Ledger {
		if entry.State == v1alpha1.LedgerRefused && !refusedBefore[string(entry.UID)] {
			notices = append(notices, notice{kindOf(false), v1alpha1.ReasonPageQuotaExceeded,
				fmt.Sprintf("OcrJob %s has more pages than the month %s has left: %d", entry.Job, entry.Month, entry.Pages)})
		}
	}
	return notices
}

func kindOf(good bool) string {
	if good {
		return corev1.EventTypeNormal
	}
	return corev1.EventTypeWarning
}
