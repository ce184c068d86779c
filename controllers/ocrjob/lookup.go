package ocrjob

import (
	"context"
	"fmt"

	"k8s.io/apimachinery/pkg/api/meta"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/openplp/khocr/api/v1alpha1"
)

// organizationOf finds the organization that owns the namespace, or nil.
func (r *Reconciler) organizationOf(ctx context.Context, namespace string) (*v1alpha1.Organization, error) {
	organizations := &v1alpha1.OrganizationList{}
	if err := r.Client.List(ctx, organizations, client.MatchingFields{indexNamespace: namespace}); err != nil {
		return nil, fmt.Errorf("looking up the organization of namespace %s: %w", namespace, err)
	}
	if len(organizations.Items) == 0 {
		return nil, nil
	}
	return &organizations.Items[0], nil
}

func tenantOf(organization *v1alpha1.Organization, job *v1alpha1.OcrJob) Tenant {
	tenant := Tenant{Known: true, Suspended: organization.IsSuspended()}
	for i := range organization.Status.Ledger {
		if organization.Status.Ledger[i].UID == job.UID {
			tenant.Entry = &organization.Status.Ledger[i]
		}
	}
	return tenant
}

// modelOf finds the model that the job is to be read with: the one that it is being read with already, the one that it
// asks for, or the default one, the oldest where several claim to be it.
func (r *Reconciler) modelOf(ctx context.Context, job *v1alpha1.OcrJob) (Model, error) {
	name := job.Status.Model
	if name == "" {
		name = job.Spec.Model
	}
	models := &v1alpha1.OcrModelList{}
	if err := r.Client.List(ctx, models); err != nil {
		return Model{}, fmt.Errorf("listing models: %w", err)
	}
	var chosen *v1alpha1.OcrModel
	for i := range models.Items {
		model := &models.Items[i]
		switch {
		case name != "" && model.Name == name:
			chosen = model
		case name == "" && model.Spec.Default != nil && *model.Spec.Default && (chosen == nil || older(model, chosen)):
			chosen = model
		}
	}
	if chosen == nil {
		return Model{Name: name, Problem: fmt.Sprintf("The OcrModel %s does not exist", name)}, nil
	}
	ready := meta.FindStatusCondition(chosen.Status.Conditions, v1alpha1.ConditionReady)
	if ready == nil {
		return Model{Name: chosen.Name, Problem: fmt.Sprintf("The OcrModel %s was not checked yet", chosen.Name)}, nil
	}
	return Model{Name: chosen.Name, Ready: ready.Status == "True", Problem: ready.Message}, nil
}

func older(a, b *v1alpha1.OcrModel) bool {
	if a.CreationTimestamp.Equal(&b.CreationTimestamp) {
		return a.Name < b.Name
	}
	return a.CreationTimestamp.Before(&b.CreationTimestamp)
}
