package organization

import (
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/intstr"
	corev1ac "k8s.io/client-go/applyconfigurations/core/v1"
	metav1ac "k8s.io/client-go/applyconfigurations/meta/v1"
	networkingv1ac "k8s.io/client-go/applyconfigurations/networking/v1"
	rbacv1ac "k8s.io/client-go/applyconfigurations/rbac/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/openplp/khocr/api/v1alpha1"
	"github.com/openplp/khocr/internal/workerport"
)

// workerName is the name of the objects that a worker's rights and connections hang on.
const workerName = workerport.ServiceAccount

// gatewayPort is the gateway's internal port, as the pod has it.
const gatewayPort = 8443

// gatewayLabels select the gateway's pods.
var gatewayLabels = map[string]string{"app.kubernetes.io/name": "khocr", "app.kubernetes.io/component": "gateway"}

// labelsOf are those of everything that the organization owns.
func labelsOf(organization *v1alpha1.Organization) map[string]string {
	return map[string]string{
		"app.kubernetes.io/name":       "khocr",
		"app.kubernetes.io/managed-by": "khocr-manager",
		v1alpha1.LabelOrganization:     organization.Name,
	}
}

func ownerOf(organization *v1alpha1.Organization) *metav1ac.OwnerReferenceApplyConfiguration {
	return metav1ac.OwnerReference().
		WithAPIVersion(v1alpha1.GroupVersion.String()).WithKind("Organization").
		WithName(organization.Name).WithUID(organization.UID).WithController(true)
}

func namespaceLabels(organization *v1alpha1.Organization) map[string]string {
	labels := labelsOf(organization)
	labels["pod-security.kubernetes.io/enforce"] = "restricted"
	return labels
}

// newNamespace is the namespace as it is made. It is created and not applied: an apply would take over a namespace that
// somebody else has made in the meantime.
func newNamespace(organization *v1alpha1.Organization) *corev1.Namespace {
	return &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{
		Name:   organization.JobNamespace(),
		Labels: namespaceLabels(organization),
		OwnerReferences: []metav1.OwnerReference{{
			APIVersion: v1alpha1.GroupVersion.String(), Kind: "Organization",
			Name: organization.Name, UID: organization.UID, Controller: new(true),
		}},
	}}
}

// object is one that shall exist.
type object struct {
	// current is an empty object of the type, to be read into.
	current client.Object
	desired runtime.ApplyConfiguration
}

// objectsOf are the objects that the organization owns, besides its namespace's existence. Its workers may reach the peers
// outside. What is in the namespace goes with it, and it goes with the organization: the garbage collector sees to that.
func objectsOf(organization *v1alpha1.Organization, gatewayNamespace string, outside []Peer) []object {
	namespace := organization.JobNamespace()
	owner := ownerOf(organization)
	labels := labelsOf(organization)
	objects := []object{
		{&corev1.Namespace{}, corev1ac.Namespace(namespace).
			WithLabels(namespaceLabels(organization)).WithOwnerReferences(owner)},
		{&corev1.ServiceAccount{}, corev1ac.ServiceAccount(workerName, namespace).
			WithLabels(labels).WithOwnerReferences(owner).
			WithAutomountServiceAccountToken(false)},
		{&rbacv1.RoleBinding{}, bindingOf(organization, workerName).
			WithSubjects(rbacv1ac.Subject().WithKind(rbacv1.ServiceAccountKind).WithName(workerName).WithNamespace(namespace))},
		{&networkingv1.NetworkPolicy{}, networkingv1ac.NetworkPolicy(workerName, namespace).
			WithLabels(labels).WithOwnerReferences(owner).
			WithSpec(workerPolicy(gatewayNamespace, outside))},
	}
	for _, role := range memberRoles {
		if subjects := subjectsOf(organization, role); len(subjects) > 0 {
			objects = append(objects, object{&rbacv1.RoleBinding{}, bindingOf(organization, roleName(role)).WithSubjects(subjects...)})
		}
	}
	return append(objects, webhookObjects(organization, gatewayNamespace)...)
}

// bindingOf binds nobody yet, in the organization's namespace, to the ClusterRole of the same name in config/rbac.
func bindingOf(organization *v1alpha1.Organization, role string) *rbacv1ac.RoleBindingApplyConfiguration {
	return rbacv1ac.RoleBinding(role, organization.JobNamespace()).
		WithLabels(labelsOf(organization)).WithOwnerReferences(ownerOf(organization)).
		WithRoleRef(rbacv1ac.RoleRef().WithAPIGroup(rbacv1.GroupName).WithKind("ClusterRole").WithName(role))
}

// workerPolicy shuts every pod of the namespace off but for the gateway's internal port and the peers outside.
func workerPolicy(gatewayNamespace string, outside []Peer) *networkingv1ac.NetworkPolicySpecApplyConfiguration {
	toGateway := networkingv1ac.NetworkPolicyEgressRule().
		WithTo(networkingv1ac.NetworkPolicyPeer().
			WithNamespaceSelector(metav1ac.LabelSelector().WithMatchLabels(map[string]string{corev1.LabelMetadataName: gatewayNamespace})).
			WithPodSelector(metav1ac.LabelSelector().WithMatchLabels(gatewayLabels))).
		WithPorts(tcp(gatewayPort))
	spec := networkingv1ac.NetworkPolicySpec().
		WithPodSelector(metav1ac.LabelSelector()).
		WithPolicyTypes(networkingv1.PolicyTypeIngress, networkingv1.PolicyTypeEgress).
		WithEgress(toGateway)
	for _, p := range outside {
		spec.WithEgress(networkingv1ac.NetworkPolicyEgressRule().
			WithTo(networkingv1ac.NetworkPolicyPeer().WithIPBlock(networkingv1ac.IPBlock().WithCIDR(p.CIDR))).
			WithPorts(tcp(p.Port)))
	}
	return spec
}

func tcp(port int32) *networkingv1ac.NetworkPolicyPortApplyConfiguration {
	return networkingv1ac.NetworkPolicyPort().WithProtocol(corev1.ProtocolTCP).WithPort(intstr.FromInt32(port))
}
