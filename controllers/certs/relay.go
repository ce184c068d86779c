package certs

import (
	"bytes"
	"context"
	"maps"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	logf "sigs.k8s.io/controller-runtime/pkg/log"
)

// RelaySecretName is the Secret with the certificate of the relay, whose key the gateway has not. The same authority signs it, so that the
// gateway knows it by the authorities that it has.
const RelaySecretName = "khocr-relay-tls"

// +kubebuilder:rbac:groups="",namespace=khocr-system,resources=secrets,resourceNames=khocr-relay-tls,verbs=get;update

// keepRelay makes and renews the relay's certificate by what signs that of the internal port. Whoever else issues that one issues
// this one too: without an authority nothing is made.
func (r *Reconciler) keepRelay(ctx context.Context, s state) error {
	services := relayServices(r.Services[0].Namespace)
	now, names := r.Now(), namesOf(services)
	secret, err := r.read(ctx, RelaySecretName)
	if err != nil {
		return err
	}
	if foreign(secret) {
		return leftAsItIs(RelaySecretName, checkServer(secret, serverName(services[0]), now))
	}
	if s.authority == nil {
		return nil
	}
	leaf, _ := parsePair(secret.Data[corev1.TLSCertKey], secret.Data[corev1.TLSPrivateKeyKey])
	if s.outdates(leaf, names, now) {
		if leaf, err = newLeaf(now, names, s.authority); err != nil {
			return err
		}
		logf.FromContext(ctx).Info("Renewed the certificate of the relay", "expires", leaf.certificate.NotAfter)
	}
	data := map[string][]byte{keyBundle: encodeCertificates(s.bundle...)}
	if err := leaf.put(data, corev1.TLSCertKey, corev1.TLSPrivateKeyKey); err != nil {
		return err
	}
	if maps.EqualFunc(secret.Data, data, bytes.Equal) {
		return nil
	}
	secret.Data = data
	return r.write(ctx, secret)
}

// outdates tells whether a further server certificate has to be made anew. It goes over to a new authority with that of the internal
// port: by then everybody knows the new one, and the old one is still trusted for some days.
func (s state) outdates(leaf *pair, names []string, now time.Time) bool {
	return leaf == nil || !covers(leaf.certificate, names, now) ||
		s.signs(s.leaf) && !s.signs(leaf) ||
		!now.Before(renewalOf(leaf.certificate, s.authority, s.bundle))
}

// signs tells whether the authority that signs now has signed a certificate.
func (s state) signs(leaf *pair) bool {
	return leaf.certificate.CheckSignatureFrom(s.authority.certificate) == nil
}

// relayServices are that which the gateway asks, and that of the metrics.
func relayServices(namespace string) []types.NamespacedName {
	return []types.NamespacedName{{Namespace: namespace, Name: "khocr-relay"}, {Namespace: namespace, Name: "khocr-relay-metrics"}}
}
