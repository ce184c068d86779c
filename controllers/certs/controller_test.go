package certs

import (
	"bytes"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"maps"
	"math/big"
	"strings"
	"sync"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
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
		Services: []types.NamespacedName{{Namespace: "khocr-system", Name: "khocr-gateway-internal"}},
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
	testenv.Await(t, "the manager is done", func() bool {
		last := types.NamespacedName{Namespace: "khocr-system", Name: KeySecretName}
		return environment.Client.Get(t.Context(), last, &corev1.Secret{}) == nil
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
	c := cluster{environment.Client, environment.Namespace(t, "certs-"), names[2]}
	t.Run("what is lost or has expired is made again", c.testRenewal)
	t.Run("managers at once make one authority", c.testManagersAtOnce)
	t.Run("a certificate of somebody else's", c.testForeignCertificate)
	t.Run("an authority of somebody else's", c.testForeignAuthority)
	t.Run("a certificate of the relay's of somebody else's", c.testForeignRelay)
}

// cluster has a namespace of its own, so that the manager of the test does not interfere.
type cluster struct {
	client.Client
	namespace, server string
}

// reconcile is one look of a manager at a moment.
func (c cluster) reconcile(t *testing.T, now time.Time) error {
	reconciler := &Reconciler{
		Client: c, Live: c, Namespace: c.namespace, Now: func() time.Time { return now },
		Services: []types.NamespacedName{{Namespace: "khocr-system", Name: "khocr-gateway-internal"}},
	}
	_, err := reconciler.Reconcile(t.Context(), ctrl.Request{})
	return err
}

func (c cluster) must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func (c cluster) get(t *testing.T, name string) *corev1.Secret {
	t.Helper()
	secret := &corev1.Secret{}
	c.must(t, c.Get(t.Context(), types.NamespacedName{Namespace: c.namespace, Name: name}, secret))
	return secret
}

// clear removes all Secrets.
func (c cluster) clear(t *testing.T) {
	t.Helper()
	c.must(t, c.DeleteAllOf(t.Context(), &corev1.Secret{}, client.InNamespace(c.namespace)))
}

// verify checks the certificate at a moment by what is trusted.
func (c cluster) verify(t *testing.T, now time.Time) {
	t.Helper()
	port, relay := c.get(t, SecretName), c.get(t, RelaySecretName)
	if err := checkServer(port, c.server, now); err != nil {
		t.Error(err)
	}
	// The gateway knows the relay by the authorities of its own Secret.
	relay.Data[keyBundle] = port.Data[keyBundle]
	if err := checkServer(relay, "khocr-relay.khocr-system.svc", now); err != nil {
		t.Error(err)
	}
	if bytes.Equal(relay.Data[corev1.TLSPrivateKeyKey], port.Data[corev1.TLSPrivateKeyKey]) {
		t.Error("the relay has the gateway's key")
	}
}

func (c cluster) testRenewal(t *testing.T) {
	c.must(t, c.reconcile(t, start))
	first := c.get(t, SecretName)

	now := start.Add(10 * day)
	c.must(t, c.Delete(t.Context(), c.get(t, AuthoritySecretName)))
	c.must(t, c.reconcile(t, now))
	second := c.get(t, SecretName)
	if !bytes.Equal(second.Data[corev1.TLSCertKey], first.Data[corev1.TLSCertKey]) || len(parseBundle(second.Data[keyBundle])) != 2 {
		t.Error("after the loss of the authority the certificate is not the old one with the new authority beside its own")
	}
	now = start.Add(80 * day)
	c.must(t, c.reconcile(t, now))
	third := c.get(t, SecretName)
	if bytes.Equal(third.Data[corev1.TLSCertKey], first.Data[corev1.TLSCertKey]) {
		t.Error("the new authority has signed nothing")
	}
	c.verify(t, now)

	// Nothing was looked after for so long that everything has expired.
	now = now.Add(2 * authorityLifetime)
	c.must(t, c.reconcile(t, now))
	c.verify(t, now)
	if got := len(parseBundle(c.get(t, SecretName).Data[keyBundle])); got != 1 {
		t.Errorf("%d authorities are trusted after all have expired, want the new one", got)
	}

	for _, name := range []string{SecretName, AuthoritySecretName, RelaySecretName} {
		broken := c.get(t, name)
		broken.Data[corev1.TLSPrivateKeyKey] = []byte("none")
		c.must(t, c.Update(t.Context(), broken))
	}
	c.must(t, c.reconcile(t, now))
	c.verify(t, now)
}

func (c cluster) testManagersAtOnce(t *testing.T) {
	for range 10 {
		c.clear(t)
		var managers sync.WaitGroup
		begin := make(chan struct{})
		for range 5 {
			managers.Go(func() {
				<-begin
				for c.reconcile(t, start) != nil && t.Context().Err() == nil {
				}
			})
		}
		close(begin)
		// Every authority that was ever shown.
		shown := map[string]bool{}
		done := make(chan struct{})
		go func() { managers.Wait(); close(done) }()
		for looking := true; looking; {
			select {
			case <-done:
				looking = false
			default:
			}
			for name, key := range map[string]string{SecretName: keyBundle, AuthoritySecretName: corev1.TLSCertKey} {
				secret := &corev1.Secret{}
				if c.Get(t.Context(), types.NamespacedName{Namespace: c.namespace, Name: name}, secret) == nil {
					shown[string(secret.Data[key])] = true
				}
			}
		}
		if len(shown) != 1 {
			t.Fatalf("%d authorities were shown, want one", len(shown))
		}
		c.verify(t, start)
	}
}

// issued makes a Secret as cert-manager does, with a key of the kind that it makes if nothing else is asked for.
func (c cluster) issued(t *testing.T, name string, template, parent *x509.Certificate, parentKey crypto.Signer) (*corev1.Secret, *pair) {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	c.must(t, err)
	if parent == nil {
		parent, parentKey = template, key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, key.Public(), parentKey)
	c.must(t, err)
	certificate, err := x509.ParseCertificate(der)
	c.must(t, err)
	if parent == template {
		parent = certificate
	}
	return &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Namespace: c.namespace, Name: name, Annotations: map[string]string{issuedAnnotation: name}},
		Type:       corev1.SecretTypeTLS,
		Data: map[string][]byte{
			corev1.TLSCertKey:       encodeCertificates(certificate),
			corev1.TLSPrivateKeyKey: pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)}),
			keyBundle:               encodeCertificates(parent),
		},
	}, &pair{certificate, key}
}

func authorityTemplate(end time.Time) *x509.Certificate {
	return &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "operator"}, NotBefore: start.Add(-time.Hour), NotAfter: end,
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
}

func (c cluster) testForeignCertificate(t *testing.T) {
	c.clear(t)
	_, authority := c.issued(t, "root", authorityTemplate(start.Add(90*day)), nil, nil)
	serverOf := func(name string) *corev1.Secret {
		secret, _ := c.issued(t, SecretName, &x509.Certificate{
			SerialNumber: big.NewInt(2), DNSNames: []string{name}, NotBefore: start.Add(-time.Hour), NotAfter: start.Add(20 * day),
			ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		}, authority.certificate, authority.key)
		return secret
	}
	stays := func(what string, now time.Time, complaint string) {
		t.Helper()
		before := c.get(t, SecretName)
		err := c.reconcile(t, now)
		if complaint == "" && err != nil || complaint != "" && (err == nil || !strings.Contains(err.Error(), complaint)) {
			t.Errorf("%s is reported by %v, want %q", what, err, complaint)
		}
		if after := c.get(t, SecretName); after.ResourceVersion != before.ResourceVersion {
			t.Errorf("%s was written", what)
		}
	}
	c.must(t, c.Create(t.Context(), serverOf(c.server)))
	stays("a good certificate", start, "")
	stays("a certificate near its end", start.Add(19*day), "")
	stays("a certificate that has expired", start.Add(21*day), "expired")
	var none corev1.SecretList
	c.must(t, c.List(t.Context(), &none, client.InNamespace(c.namespace)))
	for _, secret := range none.Items {
		if secret.Name == AuthoritySecretName {
			t.Error("there is an authority although nobody needs one")
		}
	}
	bundle, err := (&Reconciler{Client: c, Namespace: c.namespace}).CABundle(t.Context())
	if err != nil || bundle != string(encodeCertificates(authority.certificate)) {
		t.Errorf("workers are given %q (%v)", bundle, err)
	}
	if _, err := Certificate(t.Context(), c, c.namespace); err != nil {
		t.Error(err)
	}

	c.clear(t)
	c.must(t, c.Create(t.Context(), serverOf("another.khocr-system.svc")))
	stays("a certificate for another name", start, c.server)
	c.clear(t)
	unknown := serverOf(c.server)
	delete(unknown.Data, keyBundle)
	c.must(t, c.Create(t.Context(), unknown))
	stays("a certificate without its authority", start, "authority")
	c.clear(t)
	empty := serverOf(c.server)
	empty.Annotations, empty.Data[corev1.TLSPrivateKeyKey] = nil, []byte("none")
	c.must(t, c.Create(t.Context(), empty))
	stays("a certificate without a key", start, "reading a certificate")

	// cert-manager takes over a Secret that khocr has made, and leaves its labels.
	c.clear(t)
	c.must(t, c.reconcile(t, start))
	taken, given := c.get(t, SecretName), serverOf(c.server)
	taken.Annotations, taken.Data = given.Annotations, given.Data
	c.must(t, c.Update(t.Context(), taken))
	stays("a certificate that was taken over", start, "")
	c.must(t, c.Delete(t.Context(), taken))
	c.must(t, c.reconcile(t, start))
	if foreign(c.get(t, SecretName)) {
		t.Error("the certificate is not khocr's own again")
	}
}

func (c cluster) testForeignAuthority(t *testing.T) {
	c.clear(t)
	given, authority := c.issued(t, AuthoritySecretName, authorityTemplate(start.Add(90*day)), nil, nil)
	c.must(t, c.Create(t.Context(), given))
	c.must(t, c.reconcile(t, start))
	first := c.get(t, SecretName)
	if leaf := parseBundle(first.Data[corev1.TLSCertKey])[0]; leaf.CheckSignatureFrom(authority.certificate) != nil {
		t.Error("the authority has not signed the certificate")
	}
	c.verify(t, start)

	// It is renewed with another key.
	next, renewed := c.issued(t, AuthoritySecretName, authorityTemplate(start.Add(150*day)), nil, nil)
	given.Data = next.Data
	c.must(t, c.Update(t.Context(), given))
	version := given.ResourceVersion
	c.must(t, c.reconcile(t, start.Add(60*day)))
	second := c.get(t, SecretName)
	if !bytes.Equal(second.Data[corev1.TLSCertKey], first.Data[corev1.TLSCertKey]) || len(parseBundle(second.Data[keyBundle])) != 2 {
		t.Error("the new authority has signed before workers knew it")
	}
	c.must(t, c.reconcile(t, start.Add(76*day)))
	if leaf := parseBundle(c.get(t, SecretName).Data[corev1.TLSCertKey])[0]; leaf.CheckSignatureFrom(renewed.certificate) != nil {
		t.Error("the new authority has not signed")
	}
	c.verify(t, start.Add(76*day))

	if err := c.reconcile(t, start.Add(151*day)); err == nil || !strings.Contains(err.Error(), "valid from") {
		t.Errorf("an authority that has expired is reported by %v", err)
	}
	if c.get(t, AuthoritySecretName).ResourceVersion != version {
		t.Error("the authority was written")
	}
	template := authorityTemplate(start.Add(90 * day))
	template.IsCA, template.KeyUsage = false, x509.KeyUsageDigitalSignature
	none, _ := c.issued(t, AuthoritySecretName, template, nil, nil)
	given.Data = none.Data
	c.must(t, c.Update(t.Context(), given))
	if err := c.reconcile(t, start); err == nil || !strings.Contains(err.Error(), "no authority's") {
		t.Errorf("a certificate that is no authority's is reported by %v", err)
	}
}

func (c cluster) testForeignRelay(t *testing.T) {
	c.clear(t)
	_, authority := c.issued(t, "root", authorityTemplate(start.Add(90*day)), nil, nil)
	server := func(secret, name string) *corev1.Secret {
		issued, _ := c.issued(t, secret, &x509.Certificate{
			SerialNumber: big.NewInt(2), DNSNames: []string{name}, NotBefore: start.Add(-time.Hour), NotAfter: start.Add(20 * day),
			ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		}, authority.certificate, authority.key)
		return issued
	}
	c.must(t, c.Create(t.Context(), server(SecretName, c.server)))
	c.must(t, c.reconcile(t, start))
	if err := c.Get(t.Context(), types.NamespacedName{Namespace: c.namespace, Name: RelaySecretName}, &corev1.Secret{}); err == nil {
		t.Error("the relay's certificate was made though khocr has no authority that the gateway trusts")
	}
	relay := server(RelaySecretName, "khocr-relay.khocr-system.svc")
	c.must(t, c.Create(t.Context(), relay))
	c.must(t, c.reconcile(t, start))
	if err := c.reconcile(t, start.Add(21*day)); err == nil || !strings.Contains(err.Error(), "using Secret "+RelaySecretName) {
		t.Errorf("a certificate that has expired is reported by %v", err)
	}
	if c.get(t, RelaySecretName).ResourceVersion != relay.ResourceVersion {
		t.Error("the relay's certificate was written")
	}
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
