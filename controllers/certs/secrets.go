package certs

import (
	"bytes"
	"maps"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Names of the Secrets, and the keys in them beyond those of every TLS Secret.
const (
	// SecretName is the Secret with the certificate of the internal port and of the metrics (tls.crt), its key (tls.key), and
	// the authorities that clients trust (ca.crt).
	SecretName = "khocr-internal-tls"
	// AuthoritySecretName is the Secret with the authority that signs (tls.crt, tls.key), and the one that will
	// (next.crt, next.key).
	AuthoritySecretName = "khocr-internal-ca"

	keyBundle          = "ca.crt"
	keyNextCertificate = "next.crt"
	keyNextKey         = "next.key"

	managerLabel = "app.kubernetes.io/managed-by"
	managerValue = "khocr-manager"
)

// read takes what can be read from the two Secrets, either of which may be empty.
func read(authority, leaf *corev1.Secret) state {
	s := state{bundle: parseBundle(leaf.Data[keyBundle]), foreign: foreign(authority)}
	// What cannot be read is as good as missing: it is made anew.
	s.authority, _ = parsePair(authority.Data[corev1.TLSCertKey], authority.Data[corev1.TLSPrivateKeyKey])
	s.next, _ = parsePair(authority.Data[keyNextCertificate], authority.Data[keyNextKey])
	s.leaf, _ = parsePair(leaf.Data[corev1.TLSCertKey], leaf.Data[corev1.TLSPrivateKeyKey])
	return s
}

// write puts the state into the two Secrets, and tells which of them it changes. An authority that is foreign stays.
func (s state) write(authority, leaf *corev1.Secret) (authorityChanged, leafChanged bool, err error) {
	leafData := map[string][]byte{}
	if err := s.leaf.put(leafData, corev1.TLSCertKey, corev1.TLSPrivateKeyKey); err != nil {
		return false, false, err
	}
	leafData[keyBundle] = encodeCertificates(s.bundle...)

	leafChanged = !maps.EqualFunc(leaf.Data, leafData, bytes.Equal)
	leaf.Data = leafData
	if s.foreign {
		return false, leafChanged, nil
	}

	authorityData := map[string][]byte{}
	if err := s.authority.put(authorityData, corev1.TLSCertKey, corev1.TLSPrivateKeyKey); err != nil {
		return false, false, err
	}
	if s.next != nil {
		if err := s.next.put(authorityData, keyNextCertificate, keyNextKey); err != nil {
			return false, false, err
		}
	}
	authorityChanged = !maps.EqualFunc(authority.Data, authorityData, bytes.Equal)
	authority.Data = authorityData
	return authorityChanged, leafChanged, nil
}

func (p *pair) put(data map[string][]byte, certificate, key string) error {
	text, err := p.encodeKey()
	if err != nil {
		return err
	}
	data[certificate], data[key] = encodeCertificates(p.certificate), text
	return nil
}

func newSecret(namespace, name string) *corev1.Secret {
	return &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: namespace, Name: name,
			Labels: map[string]string{"app.kubernetes.io/name": "khocr", managerLabel: managerValue},
		},
		Type: corev1.SecretTypeTLS,
	}
}
