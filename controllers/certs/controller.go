package certs

import (
	"context"
	"errors"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/util/workqueue"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	logf "sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
	"sigs.k8s.io/controller-runtime/pkg/source"
)

// Reconciler keeps the Secrets. One runs at a time: the manager's leader.
type Reconciler struct {
	// Client writes, and reads the Secret SecretName from the cache, which need hold no other.
	Client client.Client
	// Live reads from the API server itself. The authority is in no cache.
	Live client.Reader
	// Namespace of the Secrets.
	Namespace string
	// Service is the Service of the internal port, which the certificate is for.
	Service types.NamespacedName
	// Now tells the time.
	Now func() time.Time
}

// +kubebuilder:rbac:groups="",namespace=khocr-system,resources=secrets,verbs=create
// +kubebuilder:rbac:groups="",namespace=khocr-system,resources=secrets,resourceNames=khocr-internal-tls;khocr-internal-ca,verbs=get;list;watch;update

// Reconcile makes and renews what is due.
func (r *Reconciler) Reconcile(ctx context.Context, _ ctrl.Request) (ctrl.Result, error) {
	lookAgain, err := r.keepCertificates(ctx)
	if err = errors.Join(err, r.keepKey(ctx)); err != nil {
		return ctrl.Result{}, err
	}
	return ctrl.Result{RequeueAfter: min(lookAgain, keyInterval)}, nil
}

// keepCertificates tells after how long there is something to do about them.
func (r *Reconciler) keepCertificates(ctx context.Context) (lookAgain time.Duration, err error) {
	authority, err := r.read(ctx, AuthoritySecretName)
	if err != nil {
		return 0, err
	}
	leaf, err := r.read(ctx, SecretName)
	if err != nil {
		return 0, err
	}
	now, names := r.Now(), namesOf(r.Service)
	current := read(authority, leaf)
	next := decide(current, names, now)
	renewed, err := next.carryOut(current, names, now)
	if err != nil {
		return 0, err
	}
	authorityChanged, leafChanged, err := renewed.write(authority, leaf)
	if err != nil {
		return 0, err
	}
	// The authority is kept before anything that it signed is shown.
	if authorityChanged {
		if err := r.write(ctx, authority); err != nil {
			return 0, err
		}
	}
	if leafChanged {
		if err := r.write(ctx, leaf); err != nil {
			return 0, err
		}
		logf.FromContext(ctx).Info("Renewed the certificates of the internal port",
			"newAuthority", authorityChanged, "expires", renewed.leaf.certificate.NotAfter)
	}
	return next.lookAgain, nil
}

// read gives the Secret as it is now, or an empty one to be made.
func (r *Reconciler) read(ctx context.Context, name string) (*corev1.Secret, error) {
	secret := &corev1.Secret{}
	err := r.Live.Get(ctx, types.NamespacedName{Namespace: r.Namespace, Name: name}, secret)
	if apierrors.IsNotFound(err) {
		return newSecret(r.Namespace, name), nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading Secret %s: %w", name, err)
	}
	return secret, nil
}

// write fails if the Secret has been made or changed since it was read.
func (r *Reconciler) write(ctx context.Context, secret *corev1.Secret) error {
	write := func() error { return r.Client.Update(ctx, secret) }
	if secret.ResourceVersion == "" {
		write = func() error { return r.Client.Create(ctx, secret) }
	}
	if err := write(); err != nil {
		return fmt.Errorf("writing Secret %s: %w", secret.Name, err)
	}
	return nil
}

// CABundle gives the certificates as PEM that clients of the internal port shall trust; empty while there are none yet.
func (r *Reconciler) CABundle(ctx context.Context) (string, error) {
	secret := &corev1.Secret{}
	err := r.Client.Get(ctx, types.NamespacedName{Namespace: r.Namespace, Name: SecretName}, secret)
	if client.IgnoreNotFound(err) != nil {
		return "", fmt.Errorf("reading Secret %s: %w", SecretName, err)
	}
	return string(secret.Data[keyBundle]), nil
}

// SetupWithManager starts the reconciler with the manager.
func (r *Reconciler) SetupWithManager(mgr ctrl.Manager) error {
	request := reconcile.Request{NamespacedName: types.NamespacedName{Namespace: r.Namespace, Name: SecretName}}
	atStart := source.Func(func(_ context.Context, queue workqueue.TypedRateLimitingInterface[reconcile.Request]) error {
		queue.Add(request) // there may be no Secret yet whose event could begin it all
		return nil
	})
	onSecret := handler.EnqueueRequestsFromMapFunc(func(_ context.Context, secret client.Object) []reconcile.Request {
		if client.ObjectKeyFromObject(secret) != request.NamespacedName {
			return nil
		}
		return []reconcile.Request{request}
	})
	err := ctrl.NewControllerManagedBy(mgr).
		Named("certs").
		Watches(&corev1.Secret{}, onSecret).
		WatchesRawSource(atStart).
		Complete(r)
	if err != nil {
		return fmt.Errorf("setting up the controller of certificates: %w", err)
	}
	return nil
}

// namesOf are the names by which a Service is known inside the cluster.
func namesOf(service types.NamespacedName) []string {
	short := service.Name + "." + service.Namespace
	return []string{service.Name, short, short + ".svc", short + ".svc.cluster.local"}
}
