package organization

import (
	"context"
	"errors"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/events"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	logf "sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/openplp/khocr/api/v1alpha1"
	"github.com/openplp/khocr/internal/ledger"
)

// Reconciler provides for organizations and keeps their ledgers.
type Reconciler struct {
	// Client reads from the manager's cache.
	Client client.Client
	// Live reads from the API server itself: what the ledger counts must not be old.
	Live     client.Reader
	Recorder events.EventRecorder
	// GatewayNamespace is where the pods of the gateway are.
	GatewayNamespace string
	// Now tells the time.
	Now func() time.Time
}

// +kubebuilder:rbac:groups=ocr.openplp.com,resources=organizations;plans;ocrjobs,verbs=get;list;watch
// +kubebuilder:rbac:groups=ocr.openplp.com,resources=organizations/status,verbs=update
// +kubebuilder:rbac:groups="",resources=pods;services,verbs=get;list;watch
// +kubebuilder:rbac:groups="",resources=namespaces;serviceaccounts,verbs=get;list;watch;create;patch
// +kubebuilder:rbac:groups=discovery.k8s.io,resources=endpointslices,verbs=get;list;watch
// +kubebuilder:rbac:groups=networking.k8s.io,resources=networkpolicies,verbs=get;list;watch;create;patch
// +kubebuilder:rbac:groups=rbac.authorization.k8s.io,resources=roles;rolebindings,verbs=get;list;watch;create;patch
// +kubebuilder:rbac:groups=events.k8s.io,resources=events,verbs=create;patch

// Reconcile provides for one organization, and writes its status at most once.
func (r *Reconciler) Reconcile(ctx context.Context, request ctrl.Request) (ctrl.Result, error) {
	organization := &v1alpha1.Organization{}
	if err := r.Client.Get(ctx, request.NamespacedName, organization); err != nil {
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	// What cannot be provided for is tried again, but keeps no job from being settled.
	claim, problem, failure := r.provideNamespace(ctx, organization)
	if claim == claimUnknown {
		return result(0, failure)
	}
	status, requeue, err := r.reconcile(ctx, organization, findings{claim: claim, claimProblem: problem, incomplete: failure != nil})
	if err != nil || equality.Semantic.DeepEqual(&organization.Status, status) {
		return result(requeue, errors.Join(failure, err))
	}
	before := organization.Status.DeepCopy()
	organization.Status = *status
	// An update fails if the organization has changed since it was read: the ledger must never be written from an old copy.
	if err := r.Client.Status().Update(ctx, organization); err != nil {
		if apierrors.IsConflict(err) {
			logf.FromContext(ctx).V(1).Info("The ledger was computed from an organization that has changed since")
			return result(0, failure) // the change is on its way to the cache and brings us back
		}
		return result(0, errors.Join(failure, fmt.Errorf("writing the organization's status: %w", err)))
	}
	for _, n := range noticesOf(before, status) {
		r.Recorder.Eventf(organization, nil, n.kind, n.reason, "Reconcile", "%s", n.message)
	}
	return result(requeue, failure)
}

// result leaves it to the queue when to try again after a failure.
func result(requeue time.Duration, err error) (ctrl.Result, error) {
	if err != nil {
		return ctrl.Result{}, err
	}
	return ctrl.Result{RequeueAfter: requeue}, nil
}

// reconcile computes the status that the organization shall have, and the time after which that is to be computed again; 0
// for never.
func (r *Reconciler) reconcile(ctx context.Context, organization *v1alpha1.Organization, found findings) (*v1alpha1.OrganizationStatus, time.Duration, error) {
	now := r.Now()
	if err := r.lookAround(ctx, organization, &found); err != nil {
		return nil, 0, err
	}
	status, requeue := organization.Status.DeepCopy(), time.Duration(0)
	status.Namespace = ""
	if found.claim != claimRefused {
		var err error
		if status, requeue, err = r.keepLedger(ctx, organization, &found, now); err != nil {
			return nil, 0, err
		}
		status.Namespace = organization.JobNamespace()
	}
	status.ObservedGeneration = organization.Generation
	setConditions(status, organization, found, metav1.NewTime(now))
	return status, requeue, nil
}

// lookAround finds the organization's plan, and the organizations that have a key of its.
func (r *Reconciler) lookAround(ctx context.Context, organization *v1alpha1.Organization, found *findings) error {
	plan := &v1alpha1.Plan{}
	err := r.Client.Get(ctx, client.ObjectKey{Name: organization.Spec.PlanRef}, plan)
	switch {
	case err == nil:
		found.plan = plan
	case !apierrors.IsNotFound(err):
		return fmt.Errorf("reading plan %s: %w", organization.Spec.PlanRef, err)
	}
	others := map[string]v1alpha1.Organization{}
	for _, key := range organization.Spec.APIKeys {
		holders := &v1alpha1.OrganizationList{}
		if err := r.Client.List(ctx, holders, client.MatchingFields{indexKey: key.SHA256}); err != nil {
			return fmt.Errorf("looking up the holders of key %s: %w", key.Name, err)
		}
		for _, holder := range holders.Items {
			others[holder.Name] = holder
		}
	}
	found.sharedKeys = sharedKeys(organization, others)
	return nil
}

// provideNamespace makes and mends what the organization owns. If the namespace is somebody else's, or on its way out, it
// says so and touches nothing. Nothing is made for an organization that is going, but its jobs are still settled: with
// foreground deletion it goes last.
func (r *Reconciler) provideNamespace(ctx context.Context, organization *v1alpha1.Organization) (verdict claim, problem string, err error) {
	name := organization.JobNamespace()
	claimants := &v1alpha1.OrganizationList{}
	if err := r.Client.List(ctx, claimants, client.MatchingFields{indexClaim: name}); err != nil {
		return claimUnknown, "", fmt.Errorf("looking up the organizations that claim namespace %s: %w", name, err)
	}
	namespace := &corev1.Namespace{}
	err = r.Client.Get(ctx, client.ObjectKey{Name: name}, namespace)
	switch {
	case apierrors.IsNotFound(err):
		namespace = nil
	case err != nil:
		return claimUnknown, "", fmt.Errorf("reading namespace %s: %w", name, err)
	}
	verdict, problem = decideClaim(organization, claimants.Items, namespace)
	if verdict == claimRefused || verdict == claimLeaving || organization.DeletionTimestamp != nil {
		return verdict, problem, nil
	}
	apiServer, err := r.apiServer(ctx)
	if err != nil {
		return verdict, "", err
	}
	objects := objectsOf(organization, r.GatewayNamespace, apiServer)
	if verdict == claimFree {
		// If one exists without the cache knowing, whose it is will be decided when the cache does.
		if err := r.Client.Create(ctx, newNamespace(organization), fieldOwner); err != nil {
			return claimUnknown, "", fmt.Errorf("making namespace %s: %w", name, err)
		}
		objects = objects[1:] // the namespace has just been made as it shall be
	}
	return verdict, "", r.ensure(ctx, objects)
}

// apiServer finds the addresses of the API server.
func (r *Reconciler) apiServer(ctx context.Context) ([]peer, error) {
	service := &corev1.Service{}
	if err := r.Client.Get(ctx, client.ObjectKey{Namespace: metav1.NamespaceDefault, Name: apiServerService}, service); err != nil {
		return nil, fmt.Errorf("reading the API server's Service: %w", err)
	}
	endpoints := &discoveryv1.EndpointSliceList{}
	err := r.Client.List(ctx, endpoints, client.InNamespace(metav1.NamespaceDefault),
		client.MatchingLabels{discoveryv1.LabelServiceName: apiServerService})
	if err != nil {
		return nil, fmt.Errorf("listing the API server's endpoints: %w", err)
	}
	return apiServerPeers(service, endpoints.Items), nil
}

// keepLedger takes the ledger a step further. Without a plan nothing new is reserved, but what has ended is settled.
func (r *Reconciler) keepLedger(ctx context.Context, organization *v1alpha1.Organization, found *findings, now time.Time) (*v1alpha1.OrganizationStatus, time.Duration, error) {
	var (
		limit    *int64
		calendar = &v1alpha1.Plan{} // that of the default time zone
	)
	if found.plan != nil {
		if _, err := ledger.Today(now, found.plan); err != nil {
			found.planProblem = err.Error()
		} else {
			calendar = found.plan
			limit = organization.EffectiveLimits(found.plan).PagesPerMonth
		}
	}
	today, err := ledger.Today(now, calendar)
	if err != nil {
		return nil, 0, err
	}
	monthEnd, err := ledger.MonthEnd(now, calendar)
	if err != nil {
		return nil, 0, err
	}
	jobs, wait, err := r.dueJobs(ctx, organization, now)
	if err != nil {
		return nil, 0, err
	}
	status := ledger.Step(organization, today, limit, jobs)
	if limit != nil {
		status.Pages = ledger.Pages(status.Usage, today.Month, *limit)
	}
	requeue := monthEnd.Sub(now)
	if wait > 0 {
		requeue = min(requeue, wait)
	}
	return status, requeue, nil
}
