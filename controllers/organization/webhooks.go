package organization

import (
	"context"
	"slices"

	rbacv1 "k8s.io/api/rbac/v1"
	rbacv1ac "k8s.io/client-go/applyconfigurations/rbac/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/openplp/khocr/api/v1alpha1"
)

// webhooksName is the name of the Role by which the gateway reads the Secrets that sign webhooks, and of its binding.
const webhooksName = "khocr-gateway-webhooks"

// gatewayAccount is the name of the gateway's service account.
const gatewayAccount = "khocr-gateway"

// webhookObjects let the gateway read exactly those Secrets that the organization names, if it names any.
func webhookObjects(organization *v1alpha1.Organization, gatewayNamespace string) []object {
	var secrets []string
	for _, secret := range organization.Spec.WebhookSecrets {
		secrets = append(secrets, secret.SecretName)
	}
	if len(secrets) == 0 {
		return nil
	}
	slices.Sort(secrets)
	role := rbacv1ac.Role(webhooksName, organization.JobNamespace()).
		WithLabels(labelsOf(organization)).WithOwnerReferences(ownerOf(organization)).
		WithRules(rbacv1ac.PolicyRule().WithAPIGroups("").WithResources("secrets").WithVerbs("get").
			WithResourceNames(slices.Compact(secrets)...))
	binding := rbacv1ac.RoleBinding(webhooksName, organization.JobNamespace()).
		WithLabels(labelsOf(organization)).WithOwnerReferences(ownerOf(organization)).
		WithRoleRef(rbacv1ac.RoleRef().WithAPIGroup(rbacv1.GroupName).WithKind("Role").WithName(webhooksName)).
		WithSubjects(rbacv1ac.Subject().WithKind(rbacv1.ServiceAccountKind).WithName(gatewayAccount).WithNamespace(gatewayNamespace))
	return []object{{&rbacv1.Role{}, role}, {&rbacv1.RoleBinding{}, binding}}
}

// dropWebhooks takes the gateway's right to read Secrets away from an organization that names none.
func (r *Reconciler) dropWebhooks(ctx context.Context, organization *v1alpha1.Organization) error {
	if len(organization.Spec.WebhookSecrets) > 0 {
		return nil
	}
	for _, object := range []client.Object{&rbacv1.RoleBinding{}, &rbacv1.Role{}} {
		if err := r.drop(ctx, organization, object, webhooksName); err != nil {
			return err
		}
	}
	return nil
}
