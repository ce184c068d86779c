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

// +kubebuilder:rbac:groups=ocr.openplp.com,resources=ocrmodels,verbs=get;list;watch
// +kubebuilder:rbac:groups=ocr.openplp.com,resources=ocrmodels/status,verbs=update

// Reconcile writes the status of one model where it is not as it shall be.
func (r *Reconciler) Reconcile(ctx context.Context, request ctrl.Request) (ctrl.Result, error) {
	models := &v1alpha1.OcrModelList{}
	if err := r.Client.List(ctx, models); err != nil {
		return ctrl.Result{}, fmt.Errorf("listing models: %w", err)
	}
	for i := range models.Items {
		model := models.Items[i].DeepCopy()
		if model.Name != request.Name {
			continue
		}
		status := decide(model, models.Items, metav1.NewTime(r.Now()))
		if equality.Semantic.DeepEqual(&model.Status, status) {
			return ctrl.Result{}, nil
		}
		model.Status = *status
		err := r.Client.Status().Update(ctx, model)
		if apierrors.IsConflict(err) || apierrors.IsNotFound(err) {
			return ctrl.Result{}, nil // the change is on its way to the cache and brings us back
		}
		if err != nil {
			return ctrl.Result{}, fmt.Errorf("writing the model's status: %w", err)
		}
	}
	return ctrl.Result{}, nil
}

// SetupWithManager starts the reconciler with the manager.
func (r *Reconciler) SetupWithManager(mgr ctrl.Manager) error {
	err := ctrl.NewControllerManagedBy(mgr).
		Named("ocrmodel").
		For(&v1alpha1.OcrModel{}).
		Watches(&v1alpha1.OcrModel{}, handler.EnqueueRequestsFromMapFunc(r.defaults), builder.WithPredicates(predicate.GenerationChangedPredicate{})).
		Complete(r)
	if err != nil {
		return fmt.Errorf("setting up the OcrModel controller: %w", err)
	}
	return nil
}

// defaults are the models that a changed one may make the default, or put second.
func (r *Reconciler) defaults(ctx context.Context, _ client.Object) []reconcile.Request {
	models := &v1alpha1.OcrModelList{}
	if err := r.Client.List(ctx, models); err != nil {
		logf.FromContext(ctx).Error(err, "Listing models to wake failed")
		return nil
	}
	var requests []reconcile.Request
	for i := range models.Items {
		if models.Items[i].IsDefault() {
			requests = append(requests, reconcile.Request{NamespacedName: client.ObjectKeyFromObject(&models.Items[i])})
		}
	}
	return requests
}
