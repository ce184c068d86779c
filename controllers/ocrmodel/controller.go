package ocrmodel

import (
	"context"
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	logf "sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/openplp/khocr/api/v1alpha1"
)

// Reconciler keeps the status of models.
type Reconciler struct {
	Client client.Client
	// Now tells the time.
	Now func() time.Time
}

// +kubebuilder:rbac:groups=ocr.openplp.com,resources=ocrmodels;plans,verbs=get;list;watch
// +kubebuilder:rbac:groups=ocr.openplp.com,resources=ocrmodels/status,verbs=update

// Reconcile writes the status of one model where it is not as it shall be. What the relay has written there goes back as it was
// read, and a write that the relay came before fails on the version.
func (r *Reconciler) Reconcile(ctx context.Context, request ctrl.Request) (ctrl.Result, error) {
	models := &v1alpha1.OcrModelList{}
	if err := r.Client.List(ctx, models); err != nil {
		return ctrl.Result{}, fmt.Errorf("listing models: %w", err)
	}
	plans := &v1alpha1.PlanList{}
	if err := r.Client.List(ctx, plans, client.UnsafeDisableDeepCopy); err != nil {
		return ctrl.Result{}, fmt.Errorf("listing plans: %w", err)
	}
	for i := range models.Items {
		model := models.Items[i].DeepCopy()
		if model.Name != request.Name {
			continue
		}
		status, wait := decide(model, models.Items, plans.Items, metav1.NewTime(r.Now()))
		if equality.Semantic.DeepEqual(&model.Status, status) {
			return ctrl.Result{RequeueAfter: wait}, nil
		}
		model.Status = *status
		err := r.Client.Status().Update(ctx, model)
		if apierrors.IsConflict(err) || apierrors.IsNotFound(err) {
			return ctrl.Result{}, nil // the change is on its way to the cache and brings us back
		}
		if err != nil {
			return ctrl.Result{}, fmt.Errorf("writing the model's status: %w", err)
		}
		return ctrl.Result{RequeueAfter: wait}, nil
	}
	return ctrl.Result{}, nil
}

// SetupWithManager starts the reconciler with the manager.
func (r *Reconciler) SetupWithManager(mgr ctrl.Manager) error {
	err := ctrl.NewControllerManagedBy(mgr).
		Named("ocrmodel").
		For(&v1alpha1.OcrModel{}).
		Watches(&v1alpha1.OcrModel{}, handler.EnqueueRequestsFromMapFunc(r.defaults), builder.WithPredicates(predicate.GenerationChangedPredicate{})).
		Watches(&v1alpha1.Plan{}, handler.EnqueueRequestsFromMapFunc(r.endpoints), builder.WithPredicates(predicate.GenerationChangedPredicate{})).
		Complete(r)
	if err != nil {
		return fmt.Errorf("setting up the OcrModel controller: %w", err)
	}
	return nil
}

// defaults are the models that a changed one may make the default, or put second.
func (r *Reconciler) defaults(ctx context.Context, _ client.Object) []reconcile.Request {
	return r.those(ctx, (*v1alpha1.OcrModel).IsDefault)
}

// endpoints are the models that name plans.
func (r *Reconciler) endpoints(ctx context.Context, _ client.Object) []reconcile.Request {
	return r.those(ctx, (*v1alpha1.OcrModel).IsAI)
}

func (r *Reconciler) those(ctx context.Context, wanted func(*v1alpha1.OcrModel) bool) []reconcile.Request {
	models := &v1alpha1.OcrModelList{}
	if err := r.Client.List(ctx, models, client.UnsafeDisableDeepCopy); err != nil {
		logf.FromContext(ctx).Error(err, "Listing models to wake failed")
		return nil
	}
	var requests []reconcile.Request
	for i := range models.Items {
		if wanted(&models.Items[i]) {
			requests = append(requests, reconcile.Request{NamespacedName: client.ObjectKeyFromObject(&models.Items[i])})
		}
	}
	return requests
}
