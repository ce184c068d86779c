package organization

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	networkingv1 "k8s.io/api/networking/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/types"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	logf "sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/openplp/khocr/api/v1alpha1"
	"github.com/openplp/khocr/internal/ledger"
)

const (
	// indexClaim finds organizations by the namespace that they name.
	indexClaim = "organization.claim"
	// indexKey finds organizations by the digest of a key.
	indexKey = "organization.key"
	// apiServerService is the Service of the API server, in the namespace default.
	apiServerService = "kubernetes"
	// concurrency is the number of organizations that are reconciled at the same time.
	concurrency = 4
)

// SetupWithManager starts the reconciler with the manager.
func (r *Reconciler) SetupWithManager(ctx context.Context, mgr ctrl.Manager) error {
	indexer := mgr.GetFieldIndexer()
	if err := indexer.IndexField(ctx, &v1alpha1.Organization{}, indexClaim, claimOf); err != nil {
		return fmt.Errorf("indexing organizations by namespace: %w", err)
	}
	if err := indexer.IndexField(ctx, &v1alpha1.Organization{}, indexKey, keysOf); err != nil {
		return fmt.Errorf("indexing organizations by key: %w", err)
	}
	// Our own writes come back, too: each tells that the cache has caught up with it.
	err := ctrl.NewControllerManagedBy(mgr).
		Named("organization").
		For(&v1alpha1.Organization{}).
		Owns(&corev1.ServiceAccount{}).
		Owns(&rbacv1.Role{}).
		Owns(&rbacv1.RoleBinding{}).
		Owns(&networkingv1.NetworkPolicy{}).
		Watches(&v1alpha1.Organization{}, handler.EnqueueRequestsFromMapFunc(r.rivals), builder.WithPredicates(predicate.GenerationChangedPredicate{})).
		Watches(&v1alpha1.Plan{}, handler.EnqueueRequestsFromMapFunc(r.subscribers)).
		Watches(&corev1.Namespace{}, handler.EnqueueRequestsFromMapFunc(r.claimants)).
		Watches(&v1alpha1.OcrJob{}, handler.EnqueueRequestsFromMapFunc(r.claimants), builder.WithPredicates(jobMatters())).
		Watches(&corev1.Pod{}, handler.EnqueueRequestsFromMapFunc(r.claimants), builder.WithPredicates(podGone())).
		Watches(&discoveryv1.EndpointSlice{}, handler.EnqueueRequestsFromMapFunc(r.everyone)).
		WithOptions(controller.Options{MaxConcurrentReconciles: concurrency}).
		Complete(r)
	if err != nil {
		return fmt.Errorf("setting up the Organization controller: %w", err)
	}
	return nil
}

func claimOf(o client.Object) []string {
	return []string{o.(*v1alpha1.Organization).JobNamespace()}
}

func keysOf(o client.Object) []string {
	var digests []string
	for _, key := range o.(*v1alpha1.Organization).Spec.APIKeys {
		digests = append(digests, key.SHA256)
	}
	return digests
}

// rivals are the organizations that an organization may have come into conflict with, or out of it.
func (r *Reconciler) rivals(ctx context.Context, o client.Object) []reconcile.Request {
	organization := o.(*v1alpha1.Organization)
	requests := r.list(ctx, client.MatchingFields{indexClaim: organization.JobNamespace()})
	for _, digest := range keysOf(organization) {
		requests = append(requests, r.list(ctx, client.MatchingFields{indexKey: digest})...)
	}
	return requests
}

// claimants are the organizations that name the object's namespace, or the namespace that the object is.
func (r *Reconciler) claimants(ctx context.Context, o client.Object) []reconcile.Request {
	namespace := o.GetNamespace()
	if namespace == "" {
		namespace = o.GetName()
	}
	return r.list(ctx, client.MatchingFields{indexClaim: namespace})
}

// subscribers are the organizations of a plan.
func (r *Reconciler) subscribers(ctx context.Context, plan client.Object) []reconcile.Request {
	return r.find(ctx, func(o *v1alpha1.Organization) bool { return o.Spec.PlanRef == plan.GetName() })
}

func (r *Reconciler) everyone(ctx context.Context, _ client.Object) []reconcile.Request {
	return r.list(ctx)
}

func (r *Reconciler) list(ctx context.Context, options ...client.ListOption) []reconcile.Request {
	return r.find(ctx, func(*v1alpha1.Organization) bool { return true }, options...)
}

func (r *Reconciler) find(ctx context.Context, wanted func(*v1alpha1.Organization) bool, options ...client.ListOption) []reconcile.Request {
	organizations := &v1alpha1.OrganizationList{}
	if err := r.Client.List(ctx, organizations, append(options, client.UnsafeDisableDeepCopy)...); err != nil {
		logf.FromContext(ctx).Error(err, "Listing organizations to wake failed")
		return nil
	}
	var requests []reconcile.Request
	for i := range organizations.Items {
		if wanted(&organizations.Items[i]) {
			requests = append(requests, reconcile.Request{NamespacedName: types.NamespacedName{Name: organizations.Items[i].Name}})
		}
	}
	return requests
}

// jobMatters lets those changes of a job through that the ledger may have to act on. Progress is not among them.
func jobMatters() predicate.Predicate {
	return predicate.Funcs{UpdateFunc: func(e event.UpdateEvent) bool {
		before, after := ledger.Observe(e.ObjectOld.(*v1alpha1.OcrJob)), ledger.Observe(e.ObjectNew.(*v1alpha1.OcrJob))
		return before.Pages != after.Pages || before.Ended != after.Ended || before.Held != after.Held
	}}
}

// podGone lets the end of a worker pod through: the job's pages may be final now.
func podGone() predicate.Predicate {
	return predicate.Funcs{
		CreateFunc: func(event.CreateEvent) bool { return false },
		UpdateFunc: func(e event.UpdateEvent) bool {
			return !podEnded(e.ObjectOld.(*corev1.Pod)) && podEnded(e.ObjectNew.(*corev1.Pod))
		},
	}
}
