package testenv

import (
	"testing"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/openplp/khocr/api/v1alpha1"
)

func TestOnlyTheManagerWritesStatus(t *testing.T) {
	e := Start(t)
	organization := &v1alpha1.Organization{Spec: v1alpha1.OrganizationSpec{PlanRef: "free", DisplayName: v1alpha1.LocalizedText{En: "A"}}}
	organization.Name = "a"
	if err := e.Client.Create(t.Context(), organization); err != nil {
		t.Fatal(err)
	}
	organization.Status.Pages = "1/2"
	if err := e.Client.Status().Update(t.Context(), organization); !refusedByPolicy(err) {
		t.Errorf("an administrator's write of the status: %v, want a policy's refusal", err)
	}
	manager, err := client.New(e.Manager, client.Options{Scheme: Scheme()})
	if err != nil {
		t.Fatal(err)
	}
	if err := manager.Status().Update(t.Context(), organization); err != nil {
		t.Errorf("the manager's write of the status: %v", err)
	}
}
