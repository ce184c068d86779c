package ocrjob

import (
	"context"
	"fmt"

	"github.com/go-logr/logr"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/util/workqueue"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	logf "sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
	"sigs.k8s.io/controller-runtime/pkg/source"

	"github.com/openplp/khocr/api/v1alpha1"
)

// indexNamespace finds the organization that owns a namespace.
const indexNamespace = "status.namespace"

// concurrency is the number of jobs that are reconciled at the same time. A reconcile waits for the API server most of
// its time.
const concurrency = 8

// SetupWithManager starts the reconciler with the manager.
func (r *Reconciler) SetupWithManager(ctx context.Context, mgr ctrl.Manager) error {
	byNamespace := func(object client.Object) []string {
		if namespace := object.(*v1alpha1.Organization).Status.Namespace; namespace != "" {
			return []string{namespace}
		}
		return nil
	}
	if err := mgr.GetFieldIndexer().IndexField(ctx, &v1alpha1.Organization{}, indexNamespace, byNamespace); err != nil {
		return fmt.Errorf("indexing organizations by namespace: %w", err)
	}
	r.turns = newTurns()
	dispatch := &dispatcher{Reconciler: r, wake: make(chan event.GenericEvent)}
	err := ctrl.NewControllerManagedBy(mgr).
		Named("ocrjob").
		For(&v1alpha1.OcrJob{}).
		Owns(&corev1.Pod{}).
		Watches(&v1alpha1.Organization{}, r.onOrganization()).
		Watches(&v1alpha1.Plan{}, handler.EnqueueRequestsFromMapFunc(r.unreservedJobs)).
		WatchesRawSource(source.Channel(dispatch.wake, &handler.EnqueueRequestForObject{})).
		WithOptions(controller.Options{MaxConcurrentReconciles: concurrency}).
		WithLogConstructor(logsOf(mgr.GetLogger())).
		Complete(r)
	if err != nil {
		return fmt.Errorf("setting up the OcrJob controller: %w", err)
	}
	err = ctrl.NewControllerManagedBy(mgr).
		Named("ocrjob-queue").
		Watches(&v1alpha1.OcrJob{}, onePass(), builder.WithPredicates(r.queueMoves())).
		Watches(&corev1.Pod{}, onePass(), builder.WithPredicates(roomIsOut())).
		Watches(&v1alpha1.Organization{}, onePass(), builder.WithPredicates(tenantChanges())).
		Watches(&v1alpha1.Plan{}, onePass()).
		Watches(&v1alpha1.OcrModel{}, onePass()).
		WatchesRawSource(source.Channel(r.turns.freed, onePass())).
		WithOptions(controller.Options{MaxConcurrentReconciles: 1}).
		Complete(dispatch)
	if err != nil {
		return fmt.Errorf("setting up the queue: %w", err)
	}
	return nil
}

// logsOf makes lines about a job name it as those of the gateway and the workers do: one search finds them all.
func logsOf(log logr.Logger) func(*reconcile.Request) logr.Logger {
	return func(request *reconcile.Request) logr.Logger {
		log := log.WithValues("controller", "ocrjob")
		if request == nil {
			return log
		}
		return log.WithValues("job", request.String())
	}
}

// onOrganization wakes the jobs whose ledger entry has changed; and those of the whole namespace when the organization
// came into its possession or lost it. The queue wakes those that wait.
func (r *Reconciler) onOrganization() handler.EventHandler {
	type queue = workqueue.TypedRateLimitingInterface[reconcile.Request]
	all := func(ctx context.Context, organization *v1alpha1.Organization, q queue) {
		for _, request := range r.jobsIn(ctx, organization.JobNamespace()) {
			q.Add(request)
		}
	}
	return handler.Funcs{
		CreateFunc: func(ctx context.Context, e event.CreateEvent, q queue) {
			all(ctx, e.Object.(*v1alpha1.Organization), q)
		},
		DeleteFunc: func(ctx context.Context, e event.DeleteEvent, q queue) {
			all(ctx, e.Object.(*v1alpha1.Organization), q)
		},
		UpdateFunc: func(ctx context.Context, e event.UpdateEvent, q queue) {
			before, after := e.ObjectOld.(*v1alpha1.Organization), e.ObjectNew.(*v1alpha1.Organization)
			if before.Status.Namespace != after.Status.Namespace {
				all(ctx, after, q)
				return
			}
			for _, name := range changedEntries(before.Status.Ledger, after.Status.Ledger) {
				q.Add(reconcile.Request{NamespacedName: types.NamespacedName{Namespace: after.Status.Namespace, Name: name}})
			}
		},
	}
}

// changedEntries names the jobs whose entries are new or in another state.
func changedEntries(before, after []v1alpha1.LedgerEntry) []string {
	states := make(map[types.UID]v1alpha1.LedgerState, len(before))
	for _, entry := range before {
		states[entry.UID] = entry.State
	}
	var names []string
	for _, entry := range after {
		if states[entry.UID] != entry.State {
			names = append(names, entry.Job)
		}
	}
	return names
}

func (r *Reconciler) jobsIn(ctx context.Context, namespace string) []reconcile.Request {
	return r.requests(ctx, func(*v1alpha1.OcrJob) bool { return true }, client.InNamespace(namespace))
}

// unreservedJobs are those at work whose pages are done, as far as may be, and not reserved: maybe for want of a plan.
func (r *Reconciler) unreservedJobs(ctx context.Context, _ client.Object) []reconcile.Request {
	return r.requests(ctx, func(job *v1alpha1.OcrJob) bool {
		return !job.Status.Phase.Ended() && len(job.Status.Workers) > 0 && job.Status.Leading() == nil
	})
}

func (r *Reconciler) requests(ctx context.Context, wanted func(*v1alpha1.OcrJob) bool, options ...client.ListOption) []reconcile.Request {
	jobs := &v1alpha1.OcrJobList{}
	if err := r.Client.List(ctx, jobs, append(options, client.UnsafeDisableDeepCopy)...); err != nil {
		logf.FromContext(ctx).Error(err, "Listing jobs to wake failed")
		return nil
	}
	var requests []reconcile.Request
	for i := range jobs.Items {
		if wanted(&jobs.Items[i]) {
			requests = append(requests, reconcile.Request{NamespacedName: client.ObjectKeyFromObject(&jobs.Items[i])})
		}
	}
	return requests
}
