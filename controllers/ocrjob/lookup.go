package ocrjob

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
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
		Known:     true,
		Leaving:   organization.DeletionTimestamp != nil,
		Suspended: organization.IsSuspended(),
		Plan:      organization.Spec.PlanRef,
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

// modelOf finds the model that the job is to be read with: the one that it is being read with already, or the one that it
// asks for, or the best of those that read its languages.
func (r *Reconciler) modelOf(ctx context.Context, job *v1alpha1.OcrJob) (Model, error) {
	models := &v1alpha1.OcrModelList{}
	if err := r.Client.List(ctx, models, client.UnsafeDisableDeepCopy); err != nil {
		return Model{}, fmt.Errorf("listing models: %w", err)
	}
	return modelAmong(models.Items, job), nil
}

func modelAmong(models []v1alpha1.OcrModel, job *v1alpha1.OcrJob) Model {
	return chooseModel(models, cmp.Or(job.Status.Model, job.Spec.Model), job.Spec.Languages)
}

// chooseModel takes the model of the name; without a name the default one, the oldest where several claim to be it; and
// with languages that the default one does not read, the first by name that reads them all.
func chooseModel(models []v1alpha1.OcrModel, name string, languages []string) Model {
	var chosen *v1alpha1.OcrModel
	for i := range models {
		model := &models[i]
		wanted := model.Name == name
		if name == "" {
			wanted = reads(model, languages) && (len(languages) > 0 || model.IsDefault()) && (chosen == nil || better(model, chosen))
		}
		if wanted {
			chosen = model
		}
	}
	switch {
	case chosen != nil:
	case name != "":
		return Model{Name: name, Reason: v1alpha1.ReasonModelNotFound, Problem: fmt.Sprintf("The OcrModel %s does not exist", name)}
	case len(languages) > 0:
		return Model{Reason: v1alpha1.ReasonModelNotFound, Problem: "No OcrModel reads " + strings.Join(languages, " and ")}
	default:
		return Model{Reason: v1alpha1.ReasonModelNotFound, Problem: "No model is asked for and no OcrModel is the default one"}
	}
	ready := meta.FindStatusCondition(chosen.Status.Conditions, v1alpha1.ConditionReady)
	switch {
	case ready == nil:
		return Model{Name: chosen.Name, Reason: v1alpha1.ReasonModelNotReady, Problem: fmt.Sprintf("The OcrModel %s was not checked yet", chosen.Name)}
	case ready.Status != metav1.ConditionTrue:
		return Model{Name: chosen.Name, Reason: v1alpha1.ReasonModelNotReady, Problem: ready.Message}
	}
	return Model{Name: chosen.Name}
}

func reads(model *v1alpha1.OcrModel, languages []string) bool {
	for _, language := range languages {
		if !slices.ContainsFunc(model.Spec.Languages, func(known string) bool { return strings.EqualFold(known, language) }) {
			return false
		}
	}
	return true
}

// better prefers the default model, the older of several.
func better(a, b *v1alpha1.OcrModel) bool {
	switch {
	case a.IsDefault() != b.IsDefault():
		return a.IsDefault()
	case a.IsDefault():
		return v1alpha1.Older(a, b)
	}
	return a.Name < b.Name
}
