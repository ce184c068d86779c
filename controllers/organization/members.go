package organization

import (
	"context"
	"fmt"

	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	rbacv1ac "k8s.io/client-go/applyconfigurations/rbac/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/openplp/khocr/api/v1alpha1"
)

// memberRoles are the roles that members can have.
var memberRoles = []v1alpha1.MemberRole{v1alpha1.RoleAdmin, v1alpha1.RoleEditor, v1alpha1.RoleViewer}

// roleName is the name of the ClusterRole of a member's role, and of its binding.
func roleName(role v1alpha1.MemberRole) string {
	return "khocr-" + string(role)
}

// subjectsOf are the members who have the role, in the order of the spec. An organization that goes has none: whoever could
// make jobs would keep it.
func subjectsOf(organization *v1alpha1.Organization, role v1alpha1.MemberRole) []*rbacv1ac.SubjectApplyConfiguration {
	if organization.DeletionTimestamp != nil {
		return nil
	}
	var subjects []*rbacv1ac.SubjectApplyConfiguration
	for _, member := range organization.Spec.Members {
		if member.Role == role {
			subjects = append(subjects, rbacv1ac.Subject().WithAPIGroup(rbacv1.GroupName).WithKind(member.Kind).WithName(member.Name))
		}
	}
	return subjects
}

// dropBindings takes away the organization's bindings of roles that no member has.
func (r *Reconciler) dropBindings(ctx context.Context, organization *v1alpha1.Organization) error {
	for _, role := range memberRoles {
		if len(subjectsOf(organization, role)) > 0 {
			continue
		}
		if err := r.drop(ctx, organization, &rbacv1.RoleBinding{}, roleName(role)); err != nil {
			return err
		}
	}
	return nil
}

// drop deletes an object of that name in the organization's namespace if the organization owns one.
func (r *Reconciler) drop(ctx context.Context, organization *v1alpha1.Organization, object client.Object, name string) error {
	err := r.Client.Get(ctx, client.ObjectKey{Namespace: organization.JobNamespace(), Name: name}, object)
	if client.IgnoreNotFound(err) != nil {
		return fmt.Errorf("reading the %T %s: %w", object, name, err)
	}
	if err != nil || !metav1.IsControlledBy(object, organization) {
		return nil
	}
	if err := r.delete(ctx, object); err != nil {
		return fmt.Errorf("deleting the %T %s: %w", object, name, err)
	}
	return nil
}
