package organization

import (
	"fmt"

	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/openplp/khocr/api/v1alpha1"
	"github.com/openplp/khocr/internal/testenv"
)

func (c *cluster) members() {
	organization := c.organize("people", "free")
	member := func(kind, name string, role v1alpha1.MemberRole) v1alpha1.Member {
		return v1alpha1.Member{Kind: kind, Name: name, Role: role}
	}
	bound := func(role string) string {
		binding := &rbacv1.RoleBinding{}
		err := c.admin.Get(c.Context(), client.ObjectKey{Namespace: "khocr-people", Name: role}, binding)
		c.must(client.IgnoreNotFound(err))
		text := ""
		for _, subject := range binding.Subjects {
			text += binding.RoleRef.Kind + " " + binding.RoleRef.Name + " to " + subject.Kind + " " + subject.Name + "\n"
		}
		return text
	}
	for _, step := range []struct {
		members                []v1alpha1.Member
		admin, editor, viewers string
	}{
		{
			[]v1alpha1.Member{member("User", "sokha", v1alpha1.RoleAdmin), member("Group", "clerks", v1alpha1.RoleViewer), member("User", "dara", v1alpha1.RoleViewer)},
			"ClusterRole khocr-admin to User sokha\n", "", "ClusterRole khocr-viewer to Group clerks\nClusterRole khocr-viewer to User dara\n",
		},
		{
			[]v1alpha1.Member{member("User", "sokha", v1alpha1.RoleEditor), member("User", "dara", v1alpha1.RoleViewer)},
			"", "ClusterRole khocr-editor to User sokha\n", "ClusterRole khocr-viewer to User dara\n",
		},
		{},
	} {
		c.get(organization, "", organization.Name)
		patch := client.MergeFrom(organization.DeepCopy())
		organization.Spec.Members = step.members
		c.must(c.admin.Patch(c.Context(), organization, patch))
		testenv.Await(c, fmt.Sprintf("the bindings are those of %v", step.members), func() bool {
			return bound("khocr-admin") == step.admin && bound("khocr-editor") == step.editor && bound("khocr-viewer") == step.viewers
		})
	}
}

func (c *cluster) wrongBinding() {
	c.ready(c.organize("bound", "free"), metav1.ConditionTrue, reasonProvisioned)
	binding := &rbacv1.RoleBinding{}
	c.get(binding, "khocr-bound", workerName)
	c.must(c.admin.Delete(c.Context(), binding))
	wrong := &rbacv1.RoleBinding{
		ObjectMeta: metav1.ObjectMeta{Namespace: "khocr-bound", Name: workerName, Labels: binding.Labels},
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: workerName},
	}
	// The manager may be faster.
	testenv.Await(c, "somebody makes it otherwise", func() bool {
		_ = c.admin.Delete(c.Context(), binding.DeepCopy())
		return c.admin.Create(c.Context(), wrong.DeepCopy()) == nil
	})
	testenv.Await(c, "it is right again", func() bool {
		err := c.admin.Get(c.Context(), client.ObjectKeyFromObject(wrong), binding)
		return err == nil && binding.RoleRef.Kind == "ClusterRole" && len(binding.Subjects) == 1 && len(binding.OwnerReferences) == 1
	})
}
