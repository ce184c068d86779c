package certs

import (
	"bytes"
	"maps"
	"strings"
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

	t.Run("the platform's key", func(t *testing.T) { testKey(t, environment.Client, reconciler) })
}

func testKey(t *testing.T, c client.Client, reconciler *Reconciler) {
	name := types.NamespacedName{Namespace: "khocr-system", Name: KeySecretName}
	secret := &corev1.Secret{}
	exists := func() bool { return c.Get(t.Context(), name, secret) == nil }
	testenv.Await(t, "it is made", exists)
	made := secret.Data["key"]
	if len(made) != 32 || bytes.Count(made, made[:1]) == len(made) {
		t.Errorf("the key is %x", made)
	}
	replace := func(data map[string][]byte) {
		t.Helper()
		if err := c.Delete(t.Context(), secret.DeepCopy()); err != nil {
			t.Fatal(err)
		}
		if data == nil {
			return
		}
		other := newSecret("khocr-system", KeySecretName)
		other.Type, other.Data = corev1.SecretTypeOpaque, data
		if err := c.Create(t.Context(), other); err != nil {
			t.Fatal(err)
		}
	}
	reconcile := func() error {
		_, err := reconciler.Reconcile(t.Context(), ctrl.Request{})
		return err
	}
	if err := reconcile(); err != nil || !exists() || !bytes.Equal(secret.Data["key"], made) {
		t.Errorf("looking at it once more has changed it (%v)", err)
	}
	own := bytes.Repeat([]byte("own."), 10)
	replace(map[string][]byte{"key": own})
	if err := reconcile(); err != nil || !exists() || !bytes.Equal(secret.Data["key"], own) {
		t.Errorf("a key of the operator's own was not kept (%v)", err)
	}
	for _, malformed := range []map[string][]byte{{"key": []byte("short")}, {"other": own}} {
		replace(malformed)
		err := reconcile()
		if err == nil || strings.Contains(err.Error(), "short") {
			t.Errorf("a malformed key is reported by %v", err)
		}
		if !exists() || !maps.EqualFunc(secret.Data, malformed, bytes.Equal) {
			t.Error("a malformed key was replaced")
		}
	}
	replace(nil)
	if err := reconcile(); err != nil || !exists() || len(secret.Data["key"]) != 32 || bytes.Equal(secret.Data["key"], made) {
		t.Errorf("a key that was lost is not made anew (%v)", err)
	}
}
