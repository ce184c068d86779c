package ocrjob

import (
	"context"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"
	logf "sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/openplp/khocr/api/v1alpha1"
	"github.com/openplp/khocr/internal/queue"
)

// catchUpAgain is the time after which a cache that was behind is compared once more.
const catchUpAgain = 100 * time.Millisecond

// dispatcher looks at all jobs together and gives them their turns. It is the only one that does, in one manager, one pass
// after the other.
type dispatcher struct {
	*Reconciler
	// wake tells the reconciler of jobs that have something to do.
	wake chan event.GenericEvent
	// caughtUp tells that the cache shows all that an earlier manager has admitted.
	caughtUp bool
}

// Reconcile makes one pass, whatever has asked for it.
func (d *dispatcher) Reconcile(ctx context.Context, _ ctrl.Request) (ctrl.Result, error) {
	jobs := &v1alpha1.OcrJobList{}
	if err := d.Client.List(ctx, jobs, client.UnsafeDisableDeepCopy); err != nil {
		return ctrl.Result{}, fmt.Errorf("listing the jobs: %w", err)
	}
	if !d.caughtUp {
		live := &v1alpha1.OcrJobList{}
		if err := d.Live.List(ctx, live); err != nil {
			return ctrl.Result{}, fmt.Errorf("listing the jobs past the cache: %w", err)
		}
		if !showsWork(jobs.Items, live.Items) {
			logf.FromContext(ctx).V(1).Info("The cache is behind an earlier manager's admissions")
			return ctrl.Result{RequeueAfter: catchUpAgain}, nil
		}
		d.caughtUp = true
	}
	seen, err := d.lookAround(ctx, jobs.Items)
	if err != nil {
		return ctrl.Result{}, err
	}
	for _, request := range d.turns.pass(seen) {
		job := &v1alpha1.OcrJob{}
		job.Namespace, job.Name = request.Namespace, request.Name
		select {
		case d.wake <- event.GenericEvent{Object: job}:
		case <-ctx.Done():
			return ctrl.Result{}, nil
		}
	}
	return ctrl.Result{}, nil
}

// showsWork tells whether every job that is at work is seen to be so, or to have ended.
func showsWork(seen, live []v1alpha1.OcrJob) bool {
	begun := make(map[types.UID]bool, len(seen))
	for i := range seen {
		status := &seen[i].Status
		begun[seen[i].UID] = status.Phase.Ended() || queue.AtWork(status)
	}
	for i := range live {
		if queue.AtWork(&live[i].Status) && !begun[live[i].UID] {
			return false
		}
	}
	return true
}

// lookAround gathers what decides about the turns of the jobs, from the cache and without copies.
func (d *dispatcher) lookAround(ctx context.Context, jobs []v1alpha1.OcrJob) (platform, error) {
	p := platform{Now: d.Now(), Jobs: jobs, Tenants: map[string]Tenant{}, Unschedulable: map[queue.ID]bool{}}
	models := &v1alpha1.OcrModelList{}
	if err := d.Client.List(ctx, models, client.UnsafeDisableDeepCopy); err != nil {
		return p, fmt.Errorf("listing models: %w", err)
	}
	p.Models = models.Items
	nobodys := map[string]bool{}
	for i := range jobs {
		job := &jobs[i]
		if job.Status.Phase.Ended() {
			continue
		}
		if _, known := p.Tenants[job.Namespace]; !known && !nobodys[job.Namespace] {
			tenant, err := d.tenantOf(ctx, job.Namespace)
			if err != nil {
				return p, err
			}
			if nobodys[job.Namespace] = !tenant.Known; tenant.Known {
				p.Tenants[job.Namespace] = tenant
			}
		}
		if err := d.noteUnschedulable(ctx, job, p.Unschedulable); err != nil {
			return p, err
		}
	}
	return p, nil
}

// tenantOf looks the organization of a namespace up, without the entries of its jobs.
func (d *dispatcher) tenantOf(ctx context.Context, namespace string) (Tenant, error) {
	organization, err := d.organizationOf(ctx, namespace)
	if err != nil || organization == nil {
		return Tenant{}, err
	}
	plan, err := d.planOf(ctx, organization)
	if err != nil {
		return Tenant{}, err
	}
	return tenantOf(organization, plan), nil
}

// noteUnschedulable notes the job, and its further parts, whose pod has no node because none has room for it.
func (d *dispatcher) noteUnschedulable(ctx context.Context, job *v1alpha1.OcrJob, unschedulable map[queue.ID]bool) error {
	for i := range job.Status.Workers {
		worker := &job.Status.Workers[i]
		if worker.PodName == "" || worker.PodUID != "" {
			continue
		}
		pod := &corev1.Pod{}
		err := d.Client.Get(ctx, client.ObjectKey{Namespace: job.Namespace, Name: worker.PodName}, pod, client.UnsafeDisableDeepCopy)
		if apierrors.IsNotFound(err) {
			continue
		}
		if err != nil {
			return fmt.Errorf("reading pod %s: %w", worker.PodName, err)
		}
		if lacksRoom(pod) {
			unschedulable[queueID(job, NewPod{attemptOf(worker), isFurther(&job.Status, worker)})] = true
		}
	}
	return nil
}

// lacksRoom tells whether the scheduler has found no node for the pod.
func lacksRoom(pod *corev1.Pod) bool {
	state, _, _ := podState(pod)
	return state == PodUnschedulable
}
