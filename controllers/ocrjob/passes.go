package ocrjob

import (
	"context"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/util/workqueue"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/openplp/khocr/api/v1alpha1"
	"github.com/openplp/khocr/internal/queue"
)

// gathering is the time that events have to come together before a pass: a pass looks at every job, and events come in
// bursts.
const gathering = 20 * time.Millisecond

// onePass asks for a pass of the queue, one for any number of events that come before it.
func onePass() handler.EventHandler {
	type requests = workqueue.TypedRateLimitingInterface[reconcile.Request]
	ask := func(q requests) {
		q.AddAfter(reconcile.Request{NamespacedName: types.NamespacedName{Name: "queue"}}, gathering)
	}
	return handler.Funcs{
		CreateFunc:  func(_ context.Context, _ event.CreateEvent, q requests) { ask(q) },
		UpdateFunc:  func(_ context.Context, _ event.UpdateEvent, q requests) { ask(q) },
		DeleteFunc:  func(_ context.Context, _ event.DeleteEvent, q requests) { ask(q) },
		GenericFunc: func(_ context.Context, _ event.GenericEvent, q requests) { ask(q) },
	}
}

// queueMoves lets those changes of a job through that the queue may have to act on. Progress is not among them.
func (r *Reconciler) queueMoves() predicate.Predicate {
	return predicate.Funcs{UpdateFunc: func(e event.UpdateEvent) bool {
		now := r.Now()
		return queueMoved(e.ObjectOld.(*v1alpha1.OcrJob), e.ObjectNew.(*v1alpha1.OcrJob), now)
	}}
}

// queueMoved tells whether the queue sees another job, or other further parts of it.
func queueMoved(before, after *v1alpha1.OcrJob, now time.Time) bool {
	old, waited := queue.Observe(before, now)
	current, waits := queue.Observe(after, now)
	return old != current || waited != waits || !slices.Equal(queue.Further(before, now), queue.Further(after, now))
}

// roomIsOut lets a pod through that the scheduler finds no room for.
func roomIsOut() predicate.Predicate {
	none := func(object client.Object) bool { return lacksRoom(object.(*corev1.Pod)) }
	return predicate.Funcs{
		CreateFunc: func(e event.CreateEvent) bool { return none(e.Object) },
		UpdateFunc: func(e event.UpdateEvent) bool { return !none(e.ObjectOld) && none(e.ObjectNew) },
		DeleteFunc: func(event.DeleteEvent) bool { return false },
	}
}

// tenantChanges lets through what people change of an organization, and where its jobs live. Its ledger is not among them.
func tenantChanges() predicate.Predicate {
	return predicate.Funcs{UpdateFunc: func(e event.UpdateEvent) bool { return changedByPeople(e.ObjectOld, e.ObjectNew) }}
}

func changedByPeople(before, after client.Object) bool {
	return before.GetGeneration() != after.GetGeneration() ||
		before.(*v1alpha1.Organization).Status.Namespace != after.(*v1alpha1.Organization).Status.Namespace
}
