// Package organization reconciles Organizations: it provides the namespace in which an organization's workers run, shut
// off from everything that they do not need, and keeps the ledger of its pages.
//
// It is the only writer of an Organization's status. It never reads a key or a document, and never touches a namespace
// that it did not make.
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
	reasonPlanNotFound      = "PlanNotFound"
	reasonPlanInvalid       = "PlanInvalid"
	reasonNamespaceConflict = "NamespaceConflict"
	reasonNamespaceLeaving  = "NamespaceTerminating"
	reasonNotProvisioned    = "ProvisioningFailed"
	reasonKeyShared         = "KeyShared"
)

// claim is what an organization may do about its namespace.
type claim int

const (
	// claimUnknown: whose the namespace is could not be found out.
	claimUnknown claim = iota
	// claimRefused: the namespace is somebody else's and must not be touched.
	claimRefused
	// claimFree: there is no such namespace, and it is this organization's to make.
	claimFree
	// claimOwned: the namespace is this organization's.
	claimOwned
	// claimLeaving: the namespace is this organization's and is being deleted. Nothing can be made in it any more, but the
	// jobs in it must be settled, or it never goes.
	claimLeaving
)

// decideClaim says whose the namespace of the organization is, with a text for people where nothing can be made in it. An
// owner stays one; among organizations that name the same namespace before it exists, the oldest makes it.
func decideClaim(organization *v1alpha1.Organization, others []v1alpha1.Organization, namespace *corev1.Namespace) (claim, string) {
	name := organization.JobNamespace()
	if namespace != nil {
		switch {
		case metav1.IsControlledBy(namespace, organization) && namespace.DeletionTimestamp != nil:
			return claimLeaving, fmt.Sprintf("The namespace %s is being deleted, and is made again after that", name)
		case metav1.IsControlledBy(namespace, organization):
			return claimOwned, ""
		}
		return claimRefused, fmt.Sprintf("The namespace %s exists and was not made for this organization", name)
	}
	for i := range others {
		if other := &others[i]; other.UID != organization.UID && other.JobNamespace() == name && v1alpha1.Older(other, organization) {
			return claimRefused, fmt.Sprintf("The namespace %s belongs to the organization %s, which is older", name, other.Name)
		}
	}
	return claimFree, ""
}

// sharedKeys names the organization's keys whose digest another organization has too, as key: organization. The others
// are by name.
func sharedKeys(organization *v1alpha1.Organization, others map[string]v1alpha1.Organization) []string {
	var shared []string
	for _, key := range organization.Spec.APIKeys {
		for _, name := range slices.Sorted(maps.Keys(others)) {
			sameDigest := func(theirs v1alpha1.APIKey) bool { return theirs.SHA256 == key.SHA256 }
			if name != organization.Name && slices.ContainsFunc(others[name].Spec.APIKeys, sameDigest) {
				shared = append(shared, key.Name+": "+name)
			}
		}
	}
	return shared
}

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
	sharedKeys  []string
}

// setConditions brings the conditions of the status in line with the findings.
func setConditions(status *v1alpha1.OrganizationStatus, organization *v1alpha1.Organization, f findings, now metav1.Time) {
	ready := metav1.Condition{
		Type:               v1alpha1.ConditionReady,
		Status:             metav1.ConditionFalse,
		ObservedGeneration: organization.Generation,
		LastTransitionTime: now,
	}
	switch {
	case f.claim == claimRefused:
		ready.Reason, ready.Message = reasonNamespaceConflict, f.claimProblem
	case f.claim == claimLeaving:
		ready.Reason, ready.Message = reasonNamespaceLeaving, f.claimProblem
	case f.incomplete:
		ready.Reason, ready.Message = reasonNotProvisioned, "What workers need could not be made; the manager's log says why"
	case f.plan == nil:
		ready.Reason, ready.Message = reasonPlanNotFound, fmt.Sprintf("The Plan %s does not exist", organization.Spec.PlanRef)
	case f.planProblem != "":
		ready.Reason, ready.Message = reasonPlanInvalid, f.planProblem
	default:
		ready.Status, ready.Reason = metav1.ConditionTrue, reasonProvisioned
		ready.Message = fmt.Sprintf("Documents are recognised in the namespace %s", organization.JobNamespace())
	}
	meta.SetStatusCondition(&status.Conditions, ready)

	if len(f.sharedKeys) == 0 {
		meta.RemoveStatusCondition(&status.Conditions, v1alpha1.ConditionKeyConflict)
		return
	}
	meta.SetStatusCondition(&status.Conditions, metav1.Condition{
		Type:               v1alpha1.ConditionKeyConflict,
		Status:             metav1.ConditionTrue,
		Reason:             reasonKeyShared,
		Message:            "These keys are refused because other organizations have them too: " + strings.Join(f.sharedKeys, ", "),
		ObservedGeneration: organization.Generation,
		LastTransitionTime: now,
	})
}

// notice is an event: what people are told with `kubectl describe`.
type notice struct {
	kind, reason, message string
}

// noticesOf tells what is new in a status that was written.
func noticesOf(before, after *v1alpha1.OrganizationStatus) []notice {
	var notices []notice
	for _, condition := range after.Conditions {
		was := meta.FindStatusCondition(before.Conditions, condition.Type)
		if was != nil && was.Status == condition.Status && was.Reason == condition.Reason {
			continue
		}
		good := condition.Type == v1alpha1.ConditionReady && condition.Status == metav1.ConditionTrue
		notices = append(notices, notice{kindOf(good), condition.Reason, condition.Message})
	}
	refusedBefore := map[string]bool{}
	for _, entry := range before.Ledger {
		refusedBefore[string(entry.UID)] = entry.State == v1alpha1.LedgerRefused
	}
	for _, entry := range after.Ledger {
		if entry.State == v1alpha1.LedgerRefused && !refusedBefore[string(entry.UID)] {
			notices = append(notices, notice{kindOf(false), v1alpha1.ReasonPageQuotaExceeded,
				fmt.Sprintf("The %d pages of OcrJob %s are more than the month %s has left", entry.Pages, entry.Job, entry.Month)})
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
