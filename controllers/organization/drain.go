package organization

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"

	"github.com/openplp/khocr/api/v1alpha1"
)

// drain lets a deleted organization go once its jobs have ended and their pages are settled. The garbage collector takes
// its namespace after that, with everything in it.
func (r *Reconciler) drain(ctx context.Context, organization *v1alpha1.Organization) (ctrl.Result, error) {
	if !controllerutil.ContainsFinalizer(organization, v1alpha1.FinalizerDrain) {
		return ctrl.Result{}, nil
	}
	own, err := r.ownsNamespace(ctx, organization)
	if err != nil {
		return ctrl.Result{}, err
	}
	if !own {
		return ctrl.Result{}, r.changeFinalizer(ctx, organization, controllerutil.RemoveFinalizer)
	}
	if err := r.dropBindings(ctx, organization); err != nil {
		return ctrl.Result{}, err
	}
	held, err := r.endJobs(ctx, organization)
	if err != nil {
		return ctrl.Result{}, err
	}
	status, requeue, err := r.reconcile(ctx, organization, findings{claim: claimOwned})
	if err != nil {
		return ctrl.Result{}, err
	}
	if err := r.write(ctx, organization, status); err != nil {
		return ctrl.Result{}, err
	}
	if held || !allSettled(status.Ledger) {
		return ctrl.Result{RequeueAfter: requeue}, nil
	}
	return ctrl.Result{}, r.changeFinalizer(ctx, organization, controllerutil.RemoveFinalizer)
}

// ownsNamespace tells, of the API server's own word, whether the namespace is this organization's. Whoever deletes an
// organization with the policy Orphan wants to keep the namespace with its jobs.
func (r *Reconciler) ownsNamespace(ctx context.Context, organization *v1alpha1.Organization) (bool, error) {
	if controllerutil.ContainsFinalizer(organization, metav1.FinalizerOrphanDependents) {
		return false, nil
	}
	namespace := &corev1.Namespace{}
	err := r.Live.Get(ctx, client.ObjectKey{Name: organization.JobNamespace()}, namespace)
	if client.IgnoreNotFound(err) != nil {
		return false, fmt.Errorf("reading namespace %s: %w", organization.JobNamespace(), err)
	}
	return err == nil && metav1.IsControlledBy(namespace, organization), nil
}

// endJobs deletes the organization's jobs and tells whether the ledger still holds one. What others hold a job for is
// theirs. The API server itself is asked only when the cache shows no job that is held.
func (r *Reconciler) endJobs(ctx context.Context, organization *v1alpha1.Organization) (held bool, err error) {
	for _, reader := range []client.Reader{r.Client, r.Live} {
		jobs := &v1alpha1.OcrJobList{}
		if err := reader.List(ctx, jobs, client.InNamespace(organization.JobNamespace()), client.UnsafeDisableDeepCopy); err != nil {
			return false, fmt.Errorf("listing the jobs in %s: %w", organization.JobNamespace(), err)
		}
		for i := range jobs.Items {
			job := &jobs.Items[i]
			if job.DeletionTimestamp == nil {
				err := r.Client.Delete(ctx, job, client.Preconditions{UID: &job.UID}, client.PropagationPolicy(metav1.DeletePropagationBackground))
				if err != nil && !apierrors.IsNotFound(err) && !apierrors.IsConflict(err) {
					return false, fmt.Errorf("deleting job %s: %w", job.Name, err)
				}
			}
			held = held || controllerutil.ContainsFinalizer(job, v1alpha1.FinalizerLedger)
		}
		if held {
			return true, nil
		}
	}
	return false, nil
}

func allSettled(entries []v1alpha1.LedgerEntry) bool {
	for _, entry := range entries {
		if entry.State != v1alpha1.LedgerSettled {
			return false
		}
	}
	return true
}
