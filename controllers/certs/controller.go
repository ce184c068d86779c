package certs

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/util/workqueue"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
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
	// Services are those that the certificate is for. The first is that of the internal port, and the relay's are beside it.
	Services []types.NamespacedName
	// Now tells the time.
	Now func() time.Time
}

// +kubebuilder:rbac:groups="",namespace=khocr-system,resources=secrets,verbs=create
// +kubebuilder:rbac:groups="",namespace=khocr-system,resources=secrets,resourceNames=khocr-internal-tls,verbs=get;list;watch;update
// +kubebuilder:rbac:groups="",namespace=khocr-system,resources=secrets,resourceNames=khocr-internal-ca,verbs=get;update

// interval is how often the Secrets are looked at. Only SecretName is in a cache that could tell of its change.
const interval = time.Minute

// Reconcile makes and renews what is due.
func (r *Reconciler) Reconcile(ctx context.Context, _ ctrl.Request) (ctrl.Result, error) {
	if err := errors.Join(r.keepCertificates(ctx), r.keepKey(ctx)); err != nil {
		return ctrl.Result{}, err
	}
	return ctrl.Result{RequeueAfter: interval}, nil
}

func (r *Reconciler) keepCertificates(ctx context.Context) error {
	now, names := r.Now(), namesOf(r.Services)
	leaf, err := r.read(ctx, SecretName)
	if err != nil {
		return err
	}
	if foreign(leaf) {
		return errors.Join(leftAsItIs(SecretName, checkServer(leaf, serverName(r.Services[0]), now)), r.keepRelay(ctx, state{}))
	}
	authority, err := r.read(ctx, AuthoritySecretName)
	if err != nil {
		return err
	}
	if foreign(authority) {
		if err := checkAuthority(authority, now); err != nil {
			return leftAsItIs(AuthoritySecretName, err)
		}
	}
	current := read(authority, leaf)
	renewed, err := decide(current, names, now).carryOut(current, names, now)
	if err != nil {
		return err
	}
	authorityChanged, leafChanged, err := renewed.write(authority, leaf)
	if err != nil {
		return err
	}
	// The authority is kept before anything that it signed is shown.
	if authorityChanged {
		if err := r.write(ctx, authority); err != nil {
			return err
		}
	}
	if leafChanged {
		if err := r.write(ctx, leaf); err != nil {
			return err
		}
		logf.FromContext(ctx).Info("Renewed the certificates of the internal port",
			"newAuthority", authorityChanged, "expires", renewed.leaf.certificate.NotAfter)
	}
	return r.keepRelay(ctx, renewed)
}

// leftAsItIs reports what is wrong with a Secret that is not khocr's to mend.
func leftAsItIs(name string, err error) error {
	if err != nil {
		return fmt.Errorf("using Secret %s, which is left as it is: %w", name, err)
	}
	return nil
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

// Certificate gives the certificate as a cache has it, to a server of the manager's own (tls.Config.GetCertificate): none has
// to be told of a renewal. Reading it from its text costs less than the signature that follows.
func Certificate(ctx context.Context, cache client.Reader, namespace string) (*tls.Certificate, error) {
	// A cache that cannot be filled would keep the caller for ever.
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	secret := &corev1.Secret{}
	if err := cache.Get(ctx, types.NamespacedName{Namespace: namespace, Name: SecretName}, secret); err != nil {
		return nil, fmt.Errorf("reading Secret %s: %w", SecretName, err)
	}
	certificate, err := tls.X509KeyPair(secret.Data[corev1.TLSCertKey], secret.Data[corev1.TLSPrivateKeyKey])
	if err != nil {
		return nil, fmt.Errorf("reading the certificate in Secret %s: %w", SecretName, err)
	}
	return &certificate, nil
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
		// What failed is tried again as often as what did not is looked at.
		WithOptions(controller.Options{RateLimiter: workqueue.NewTypedItemExponentialFailureRateLimiter[reconcile.Request](5*time.Millisecond, interval)}).
		Complete(r)
	if err != nil {
		return fmt.Errorf("setting up the controller of certificates: %w", err)
	}
	return nil
}

// namesOf are the names by which Services are known inside the cluster.
func namesOf(services []types.NamespacedName) []string {
	var names []string
	for _, service := range services {
		names = append(names, service.Name, service.Name+"."+service.Namespace, serverName(service), serverName(service)+".cluster.local")
	}
	return names
}

// serverName is the name by which workers know a Service.
func serverName(service types.NamespacedName) string {
	return service.Name + "." + service.Namespace + ".svc"
}
