package organization

import (
	"fmt"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/openplp/khocr/api/v1alpha1"
)

// claim is what an organization may do about its namespace.
type claim int

const (
	// claimUnknown: whose the namespace is could not be found out.
	claimUnknown claim = iota
	// claimRefused: the namespace is somebody else's and must not be touched.
	claimRefused
	// claimAwaited: the namespace is somebody else's and is being deleted. It must not be touched, but is about to be free.
	claimAwaited
	// claimFree: there is no such namespace, and it is this organization's to make.
	claimFree
	// claimOwned: the namespace is this organization's.
	claimOwned
	// claimLeaving: the namespace is this organization's and is being deleted. Nothing can be made in it any more, but the
	// jobs in it must be settled, or it never goes.
	claimLeaving
)

// isOwn tells whether the jobs in the namespace are the organization's.
func (c claim) isOwn() bool {
	return c == claimFree || c == claimOwned || c == claimLeaving
}

// decideClaim says whose the namespace of the organization is, with a text for people where nothing can be made in it. An
// owner stays one; among organizations that name the same namespace before it exists, the oldest makes it.
func decideClaim(organization *v1alpha1.Organization, others []v1alpha1.Organization, namespace *corev1.Namespace) (claim, string) {
	name := organization.JobNamespace()
	if namespace != nil {
		own, leaving := metav1.IsControlledBy(namespace, organization), namespace.DeletionTimestamp != nil
		switch {
		case own && leaving:
			return claimLeaving, fmt.Sprintf("The namespace %s is being deleted, and is made again after that", name)
		case own:
			return claimOwned, ""
		case leaving:
			return claimAwaited, fmt.Sprintf("A namespace %s that was not made for this organization is being deleted", name)
		}
		return claimRefused, fmt.Sprintf("The namespace %s exists and is %s. Delete it, or make this organization anew with another spec.namespace", name, holderOf(namespace))
	}
	for i := range others {
		if other := &others[i]; other.UID != organization.UID && other.JobNamespace() == name && v1alpha1.Older(other, organization) {
			return claimRefused, fmt.Sprintf("The namespace %s belongs to the organization %s, which is older", name, other.Name)
		}
	}
	return claimFree, ""
}

// holderOf tells people whose a namespace is that is not the organization's.
func holderOf(namespace *corev1.Namespace) string {
	if owner := metav1.GetControllerOf(namespace); owner != nil && owner.Kind == "Organization" {
		return "that of the organization " + owner.Name
	}
	return "not the platform's"
}
