// Package organization reconciles Organizations: it provides the namespace in which an organization's workers run, shut
// off from everything that they do not need, binds the organization's people to their roles there, keeps the ledger of its
// pages, and lets it go in order.
//
// It is the only writer of an Organization's status, and writes nothing into a spec. It never reads a key or a document,
// and never touches a namespace that it did not make.
package organization

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/events"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"
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
	// Store is where workers may fetch documents from a store that signs URLs; empty where they get them by the gateway.
	Store []Peer
	// Now tells the time.
	Now func() time.Time
}

// +kubebuilder:rbac:groups=ocr.openplp.com,resources=plans,verbs=get;list;watch
// +kubebuilder:rbac:groups=ocr.openplp.com,resources=organizations,verbs=get;list;watch;patch
// +kubebuilder:rbac:groups=ocr.openplp.com,resources=organizations/status,verbs=update
// +kubebuilder:rbac:groups=ocr.openplp.com,resources=ocrjobs,verbs=get;list;watch;delete
// +kubebuilder:rbac:groups="",resources=pods;services,verbs=get;list;watch
// +kubebuilder:rbac:groups="",resources=namespaces;serviceaccounts,verbs=get;list;watch;create;patch
// +kubebuilder:rbac:groups=discovery.k8s.io,resources=endpointslices,verbs=get;list;watch
// +kubebuilder:rbac:groups=networking.k8s.io,resources=networkpolicies,verbs=get;list;watch;create;patch
// +kubebuilder:rbac:groups=rbac.authorization.k8s.io,resources=roles;rolebindings,verbs=get;list;watch;create;patch
// +kubebuilder:rbac:groups=rbac.authorization.k8s.io,resources=rolebindings,resourceNames=khocr-worker;khocr-admin;khocr-editor;khocr-viewer;khocr-gateway-webhooks,verbs=delete
// +kubebuilder:rbac:groups=rbac.authorization.k8s.io,resources=roles,resourceNames=khocr-gateway-webhooks,verbs=delete;bind;escalate
// +kubebuilder:rbac:groups=rbac.authorization.k8s.io,resources=clusterroles,resourceNames=khocr-admin;khocr-editor;khocr-viewer,verbs=bind
// +kubebuilder:rbac:groups=events.k8s.io,resources=events,verbs=create;patch

// Reconcile provides for one organization, or lets it go, and writes its status at most once.
func (r *Reconciler) Reconcile(ctx context.Context, request ctrl.Request) (ctrl.Result, error) {
	organization := &v1alpha1.Organization{}
	if err := r.Client.Get(ctx, request.NamespacedName, organization); err != nil {
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	step := r.provide
	if organization.DeletionTimestamp != nil {
		step = r.drain
	}
	result, err := step(ctx, organization)
	if errors.Is(err, errStale) {
		logf.FromContext(ctx).V(1).Info("The organization has changed since it was read")
		return ctrl.Result{}, nil // the change is on its way to the cache and brings us back
	}
	return result, err
}

// errStale: what was decided was decided on a copy that is out of date.
var errStale = errors.New("the organization has changed")

// stale tells an update that came too late from one that failed.
func stale(err error) error {
	if apierrors.IsConflict(err) {
		return fmt.Errorf("%w: %w", errStale, err)
	}
	return err
}

// provide gives the organization what its jobs need and keeps its ledger.
func (r *Reconciler) provide(ctx context.Context, organization *v1alpha1.Organization) (ctrl.Result, error) {
	claim, problem, err := r.claimNamespace(ctx, organization)
	if err != nil {
		return ctrl.Result{}, err
	}
	if claim.isOwn() && !controllerutil.ContainsFinalizer(organization, v1alpha1.FinalizerDrain) {
		return ctrl.Result{}, r.changeFinalizer(ctx, organization, controllerutil.AddFinalizer)
	}
	if claim == claimFree {
		// If one exists without the cache knowing, whose it is will be decided when the cache does.
		if err := r.Client.Create(ctx, newNamespace(organization), fieldOwner); err != nil {
			return ctrl.Result{}, fmt.Errorf("making namespace %s: %w", organization.JobNamespace(), err)
		}
	}
	// What cannot be made is tried again, but keeps no job from being settled.
	failure := r.makeObjects(ctx, organization, claim)
	status, requeue, err := r.reconcile(ctx, organization, findings{claim: claim, claimProblem: problem, incomplete: failure != nil})
	if err == nil {
		err = r.write(ctx, organization, status)
	}
	if err := errors.Join(failure, err); err != nil {
		return ctrl.Result{}, err // the queue knows when to try again
	}
	return ctrl.Result{RequeueAfter: requeue}, nil
}

// write writes the organization's status if it is another one. That fails if the organization has changed since it was
// read: the ledger must never be written from an old copy.
func (r *Reconciler) write(ctx context.Context, organization *v1alpha1.Organization, status *v1alpha1.OrganizationStatus) error {
	if equality.Semantic.DeepEqual(&organization.Status, status) {
		return nil
	}
	before := organization.Status.DeepCopy()
	organization.Status = *status
	if err := r.Client.Status().Update(ctx, organization); err != nil {
		return fmt.Errorf("writing the organization's status: %w", stale(err))
	}
	for _, n := range noticesOf(before, status) {
		r.Recorder.Eventf(organization, nil, n.kind, n.reason, "Reconcile", "%s", n.message)
	}
	return nil
}

// changeFinalizer puts the finalizer of the organization on or takes it off, on the version that was decided on.
func (r *Reconciler) changeFinalizer(ctx context.Context, organization *v1alpha1.Organization, change func(client.Object, string) bool) error {
	changed := organization.DeepCopy()
	if !change(changed, v1alpha1.FinalizerDrain) {
		return nil
	}
	patch := client.MergeFromWithOptions(organization, client.MergeFromWithOptimisticLock{})
	if err := r.Client.Patch(ctx, changed, patch, fieldOwner); client.IgnoreNotFound(err) != nil {
		return fmt.Errorf("changing the organization's finalizer: %w", stale(err))
	}
	return nil
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
	if found.claim.isOwn() {
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
		if err := r.Client.List(ctx, holders, client.MatchingFields{indexKey: key.SHA256}, client.UnsafeDisableDeepCopy); err != nil {
			return fmt.Errorf("looking up the holders of key %s: %w", key.Name, err)
		}
		for _, holder := range holders.Items {
			others[holder.Name] = holder
		}
	}
	found.sharedKeys = sharedKeys(organization, others)
	return nil
}

// claimNamespace finds out whose the organization's namespace is, with a text for people where nothing can be made in it.
func (r *Reconciler) claimNamespace(ctx context.Context, organization *v1alpha1.Organization) (claim, string, error) {
	name := organization.JobNamespace()
	claimants := &v1alpha1.OrganizationList{}
	if err := r.Client.List(ctx, claimants, client.MatchingFields{indexClaim: name}, client.UnsafeDisableDeepCopy); err != nil {
		return claimUnknown, "", fmt.Errorf("looking up the organizations that claim namespace %s: %w", name, err)
	}
	namespace := &corev1.Namespace{}
	err := r.Client.Get(ctx, client.ObjectKey{Name: name}, namespace)
	switch {
	case apierrors.IsNotFound(err):
		namespace = nil
	case err != nil:
		return claimUnknown, "", fmt.Errorf("reading namespace %s: %w", name, err)
	}
	verdict, problem := decideClaim(organization, claimants.Items, namespace)
	return verdict, problem, nil
}

// makeObjects makes and mends what the organization owns. Where its namespace is somebody else's, or on its way out, it
// touches nothing.
func (r *Reconciler) makeObjects(ctx context.Context, organization *v1alpha1.Organization, claim claim) error {
	if claim != claimFree && claim != claimOwned {
		return nil
	}
	apiServer, err := r.apiServer(ctx)
	if err != nil {
		return err
	}
	objects := objectsOf(organization, r.GatewayNamespace, slices.Concat(apiServer, r.Store))
	if claim == claimFree {
		objects = objects[1:] // the namespace has just been made as it shall be
	}
	if err := r.ensure(ctx, objects); err != nil {
		return err
	}
	if err := r.dropWebhooks(ctx, organization); err != nil {
		return err
	}
	return r.dropBindings(ctx, organization)
}

// apiServer finds the addresses of the API server.
func (r *Reconciler) apiServer(ctx context.Context) ([]Peer, error) {
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

// keepLedger takes the ledger a step further. Without a plan, and for an organization that is going, nothing new is
// reserved, but what has ended is settled.
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
			if organization.DeletionTimestamp == nil {
				limit = organization.EffectiveLimits(found.plan).PagesPerMonth
			}
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
