package certs

import (
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/openplp/khocr/internal/testenv"
)

func TestReconciler(t *testing.T) {
	environment := testenv.Start(t)
	mgr := testenv.NewManager(t, environment.Manager)
	reconciler := &Reconciler{
		Client: mgr.GetClient(), Live: mgr.GetAPIReader(), Namespace: "khocr-system", Now: time.Now,
		Service: types.NamespacedName{Namespace: "khocr-system", Name: "khocr-gateway-internal"},
	}
	if err := reconciler.SetupWithManager(mgr); err != nil {
		t.Fatal(err)
	}
	testenv.Run(t, mgr)
	key := types.NamespacedName{Namespace: "khocr-system", Name: SecretName}
	secret := &corev1.Secret{}
	exists := func() bool { return environment.Client.Get(t.Context(), key, secret) == nil }

	testenv.Await(t, "the Secret is made", exists)
	if secret.Type != corev1.SecretTypeTLS {
		t.Errorf("the Secret is of type %s", secret.Type)
	}
	bundle := string(secret.Data[keyBundle])
	testenv.Await(t, "the bundle is known", func() bool {
		known, err := reconciler.CABundle(t.Context())
		return err == nil && known == bundle
	})
	version := secret.ResourceVersion
	if _, err := reconciler.Reconcile(t.Context(), ctrl.Request{}); err != nil {
		t.Fatal(err)
	}
	if exists(); secret.ResourceVersion != version {
		t.Error("looking at it once more has written the Secret")
	}

	if err := environment.Client.Delete(t.Context(), secret.DeepCopy()); err != nil {
		t.Fatal(err)
	}
	uid := secret.UID
	testenv.Await(t, "a Secret that was deleted is made again", func() bool { return exists() && secret.UID != uid })
	if string(secret.Data[keyBundle]) != bundle {
		t.Error("the new certificate is by an authority that workers do not know")
	}

	authority := &corev1.Secret{}
	if err := environment.Client.Get(t.Context(), client.ObjectKey{Namespace: "khocr-system", Name: AuthoritySecretName}, authority); err != nil {
		t.Fatal(err)
	}
	if string(authority.Data[corev1.TLSPrivateKeyKey]) == string(secret.Data[corev1.TLSPrivateKeyKey]) {
		t.Error("the server has the authority's key")
	}
}
