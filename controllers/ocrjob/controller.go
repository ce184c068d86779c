package ocrjob

import (
	"context"
	"errors"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/events"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"
	logf "sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/openplp/khocr/api/v1alpha1"
	"github.com/openplp/khocr/internal/queue"
	"github.com/openplp/khocr/internal/workerport"
)

// fieldOwner is the manager's name in server-side apply.
const fieldOwner = client.FieldOwner("khocr-manager")

// GatewayLocator finds the gateway's internal port.
type GatewayLocator interface {
	// Endpoint fails while the port has no address or no certificate yet.
	Endpoint(ctx context.Context) (Endpoint, error)
}

// Reconciler gathers what a decision depends on, and carries the decision out.
type Reconciler struct {
	Client client.Client
	// Live reads past the cache.
	Live     client.Reader
	Recorder events.EventRecorder
	Gateway  GatewayLocator
	Worker   WorkerTemplate
	// Partition is how large documents are shared out among workers; nil for one worker each.
	Partition *v1alpha1.Partition
	// Now tells the time.
	Now func() time.Time

	turns *turns
}

// +kubebuilder:rbac:groups=ocr.openplp.com,resources=ocrjobs,verbs=get;list;watch;patch
// +kubebuilder:rbac:groups=ocr.openplp.com,resources=ocrjobs/status,verbs=get;patch
// +kubebuilder:rbac:groups=ocr.openplp.com,resources=ocrjobs/finalizers,verbs=update
// +kubebuilder:rbac:groups=ocr.openplp.com,resources=organizations;plans;ocrmodels,verbs=get;list;watch
// +kubebuilder:rbac:groups="",resources=pods,verbs=get;list;watch;create;delete
// +kubebuilder:rbac:groups=events.k8s.io,resources=events,verbs=create;patch

// Reconcile brings one job a step further.
func (r *Reconciler) Reconcile(ctx context.Context, request ctrl.Request) (ctrl.Result, error) {
	job := &v1alpha1.OcrJob{}
	if err := r.Client.Get(ctx, request.NamespacedName, job); err != nil {
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	snapshot, organization, err := r.gather(ctx, job)
	if err != nil {
		return ctrl.Result{}, err
	}
	decision := Decide(snapshot)
	err = r.carryOut(ctx, job, organization, decision)
	if err == nil && decision.forgoesTurn(snapshot) {
		// Not before the record says so: it may be an old one, of a job that is at work by now.
		r.turns.giveBack(job.UID)
	}
	if apierrors.IsConflict(err) {
		// Somebody, most likely a worker, wrote in between. That write is on its way to the cache and brings us back.
		logf.FromContext(ctx).V(1).Info("The decision was made on a job that has changed since")
		return ctrl.Result{}, nil
	}
	if err != nil {
		return ctrl.Result{}, err
	}
	return ctrl.Result{RequeueAfter: decision.RequeueAfter}, nil
}

// gather reads what the decision depends on from the cache, and names the job's organization.
func (r *Reconciler) gather(ctx context.Context, job *v1alpha1.OcrJob) (Snapshot, string, error) {
	snapshot := Snapshot{Now: r.Now(), Job: job, Partition: r.Partition}
	snapshot.Turn, snapshot.PartTurns = r.turns.of(job.UID)
	organization, err := r.organizationOf(ctx, job.Namespace)
	if err != nil {
		return snapshot, "", err
	}
	name := ""
	if organization != nil {
		plan, err := r.planOf(ctx, organization)
		if err != nil {
			return snapshot, "", err
		}
		name = organization.Name
		snapshot.Tenant = tenantOf(organization, plan)
		snapshot.Tenant.Entry = entryOf(organization, job)
	}
	models := &v1alpha1.OcrModelList{}
	if err := r.Client.List(ctx, models, client.UnsafeDisableDeepCopy); err != nil {
		return snapshot, "", fmt.Errorf("listing models: %w", err)
	}
	snapshot.Models = modelsAmong(models.Items, job, organization)
	pods := &corev1.PodList{}
	if err := r.Client.List(ctx, pods, client.InNamespace(job.Namespace), client.MatchingLabels{v1alpha1.LabelJob: job.Name}); err != nil {
		return snapshot, "", fmt.Errorf("listing the pods of the job: %w", err)
	}
	for i := range pods.Items {
		if !metav1.IsControlledBy(&pods.Items[i], job) {
			continue
		}
		pod, err := observePod(&pods.Items[i])
		if err != nil {
			return snapshot, "", err
		}
		snapshot.Pods = append(snapshot.Pods, pod)
	}
	return snapshot, name, nil
}

func (r *Reconciler) carryOut(ctx context.Context, job *v1alpha1.OcrJob, organization string, decision Decision) error {
	if decision.AddFinalizer {
		return r.changeFinalizer(ctx, job, controllerutil.AddFinalizer)
	}
	if !equality.Semantic.DeepEqual(job.Status, decision.Status) {
		// The version that the decision was made on is part of the write, so a stale cache or an old leader can only fail.
		if err := r.Client.Status().Apply(ctx, statusToApply(job, decision.Status), fieldOwner, client.ForceOwnership); err != nil {
			return fmt.Errorf("writing the job's status: %w", err)
		}
		decision.count(job)
		if !job.Status.Phase.Ended() && decision.Status.Phase.Ended() {
			logf.FromContext(ctx).Info("The job has ended", "organization", organization, "phase", decision.Status.Phase,
				"reason", endReason(&decision.Status), "elapsed", decision.Status.Elapsed)
		}
	}
	for _, event := range decision.Events {
		r.Recorder.Eventf(job, nil, event.Type, event.Reason, "Reconcile", "%s", event.Message)
	}
	for _, pod := range decision.DeletePods {
		target := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: job.Namespace, Name: pod.Name}}
		if err := r.Client.Delete(ctx, target, client.Preconditions{UID: &pod.UID}); err != nil && !apierrors.IsNotFound(err) {
			return fmt.Errorf("deleting pod %s: %w", pod.Name, err)
		}
	}
	for _, attempt := range decision.CreatePods {
		if err := r.createPod(ctx, job, organization, attempt); err != nil {
			return err
		}
	}
	if decision.RemoveFinalizer {
		return r.changeFinalizer(ctx, job, controllerutil.RemoveFinalizer)
	}
	return nil
}

// createPod makes the pod of an attempt, which may exist already: its name is the attempt's.
func (r *Reconciler) createPod(ctx context.Context, job *v1alpha1.OcrJob, organization string, attempt NewPod) error {
	gateway, err := r.Gateway.Endpoint(ctx)
	if err != nil {
		r.Recorder.Eventf(job, nil, corev1.EventTypeWarning, v1alpha1.ReasonPodNotCreated, "Create", "The workers' port is not ready yet")
		return fmt.Errorf("finding the gateway for a worker: %w", err)
	}
	pod := workerPod(job, organization, attempt, r.Worker, gateway)
	err = r.Client.Create(ctx, pod)
	created := err == nil
	if apierrors.IsAlreadyExists(err) {
		err = r.settleNameClash(ctx, job, pod.Name)
	}
	r.turns.podRefused(queueID(job, attempt), err != nil)
	switch {
	case created:
		r.Recorder.Eventf(job, pod, corev1.EventTypeNormal, v1alpha1.ReasonWorkerCreated, "Create", "Created worker pod %s", pod.Name)
		return nil
	case err == nil:
		return nil
	case apierrors.HasStatusCause(err, corev1.NamespaceTerminatingCause):
		return nil // the job is about to be deleted with its namespace, which brings us back
	default:
		r.Recorder.Eventf(job, nil, corev1.EventTypeWarning, v1alpha1.ReasonPodNotCreated, "Create", "%s", err)
		// What the API server says is not passed on as its own: a conflict about a pod is none about the job.
		return fmt.Errorf("creating pod %s: %v", pod.Name, err)
	}
}

// queueID is what the queue knows a pod by: a leading part stands for its job.
func queueID(job *v1alpha1.OcrJob, attempt NewPod) queue.ID {
	if attempt.GivesWay {
		return queue.ID{Job: job.UID, Part: attempt.Part}
	}
	return queue.ID{Job: job.UID}
}

// settleNameClash deals with a pod that exists under the name of an attempt. It is the attempt's own pod, made before the
// cache could show it; or that of a deleted job of the same name, which has to go first.
func (r *Reconciler) settleNameClash(ctx context.Context, job *v1alpha1.OcrJob, name string) error {
	pod := &corev1.Pod{}
	if err := r.Live.Get(ctx, client.ObjectKey{Namespace: job.Namespace, Name: name}, pod); err != nil {
		return fmt.Errorf("reading the pod that has the name: %w", err)
	}
	if metav1.IsControlledBy(pod, job) {
		return nil
	}
	if !isWorkerOfAJob(pod) {
		return errors.New("its name is taken by a pod that no job owns")
	}
	if err := r.Client.Delete(ctx, pod, client.Preconditions{UID: &pod.UID}); client.IgnoreNotFound(err) != nil {
		return fmt.Errorf("deleting the pod of an earlier job: %w", err)
	}
	return errors.New("the pod of an earlier job is still going away")
}

// isWorkerOfAJob tells whether a pod is one that a manager has made, though its job may have been deleted without it.
func isWorkerOfAJob(pod *corev1.Pod) bool {
	if owner := metav1.GetControllerOf(pod); owner != nil {
		return owner.Kind == "OcrJob"
	}
	return pod.Labels[v1alpha1.LabelJob] != "" && pod.Spec.ServiceAccountName == workerport.ServiceAccount
}

// changeFinalizer adds or removes the ledger's finalizer, on the version of the job that was decided on.
func (r *Reconciler) changeFinalizer(ctx context.Context, job *v1alpha1.OcrJob, change func(client.Object, string) bool) error {
	changed := job.DeepCopy()
	if !change(changed, v1alpha1.FinalizerLedger) {
		return nil
	}
	patch := client.MergeFromWithOptions(job, client.MergeFromWithOptimisticLock{})
	if err := r.Client.Patch(ctx, changed, patch); client.IgnoreNotFound(err) != nil {
		return fmt.Errorf("changing the job's finalizer: %w", err)
	}
	return nil
}
