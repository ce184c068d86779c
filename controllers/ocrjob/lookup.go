package ocrjob

import (
	"context"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/openplp/khocr/api/v1alpha1"
)

// organizationOf finds the organization that owns the namespace, or nil. It is the cache's own and must not be changed.
func (r *Reconciler) organizationOf(ctx context.Context, namespace string) (*v1alpha1.Organization, error) {
	organizations := &v1alpha1.OrganizationList{}
	err := r.Client.List(ctx, organizations, client.MatchingFields{indexNamespace: namespace}, client.UnsafeDisableDeepCopy)
	if err != nil {
		return nil, fmt.Errorf("looking up the organization of namespace %s: %w", namespace, err)
	}
	if len(organizations.Items) == 0 {
		return nil, nil
	}
	return &organizations.Items[0], nil
}

// planOf finds the plan of the organization, or nil. It is the cache's own and must not be changed.
func (r *Reconciler) planOf(ctx context.Context, organization *v1alpha1.Organization) (*v1alpha1.Plan, error) {
	plan := &v1alpha1.Plan{}
	err := r.Client.Get(ctx, client.ObjectKey{Name: organization.Spec.PlanRef}, plan, client.UnsafeDisableDeepCopy)
	if apierrors.IsNotFound(err) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading plan %s: %w", organization.Spec.PlanRef, err)
	}
	return plan, nil
}

// tenantOf sums up what an organization, with its plan or without one, lets its jobs do.
func tenantOf(organization *v1alpha1.Organization, plan *v1alpha1.Plan) Tenant {
	tenant := Tenant{
		Known:        true,
		Organization: organization,
		Leaving:      organization.DeletionTimestamp != nil,
		Suspended:    organization.IsSuspended(),
		Plan:         organization.Spec.PlanRef,
	}
	if plan != nil {
		tenant.Limits = new(organization.EffectiveLimits(plan))
	}
	return tenant
}

// entryOf finds the job in the organization's ledger.
func entryOf(organization *v1alpha1.Organization, job *v1alpha1.OcrJob) *v1alpha1.LedgerEntry {
	for i := range organization.Status.Ledger {
		if organization.Status.Ledger[i].UID == job.UID {
			return &organization.Status.Ledger[i]
		}
	}
	return nil
}
