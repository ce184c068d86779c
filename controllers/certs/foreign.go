package certs

import (
	"crypto/x509"
	"errors"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
)

// issuedAnnotation is on what cert-manager has issued, even into a Secret that was khocr's before and keeps its labels.
const issuedAnnotation = "cert-manager.io/certificate-name"

// foreign tells whether a Secret that exists is somebody else's: it is used as it is, and never written.
func foreign(secret *corev1.Secret) bool {
	_, issued := secret.Annotations[issuedAnnotation]
	return secret.ResourceVersion != "" && (issued || secret.Labels[managerLabel] != managerValue)
}

// checkServer says why workers would refuse the certificate in a Secret, by what the Secret tells them to trust.
func checkServer(secret *corev1.Secret, name string, now time.Time) error {
	leaf, err := parsePair(secret.Data[corev1.TLSCertKey], secret.Data[corev1.TLSPrivateKeyKey])
	if err != nil {
		return err
	}
	options := x509.VerifyOptions{DNSName: name, Roots: x509.NewCertPool(), Intermediates: x509.NewCertPool(), CurrentTime: now}
	authorities := parseBundle(secret.Data[keyBundle])
	if len(authorities) == 0 {
		return errors.New("there is no authority in " + keyBundle)
	}
	for _, authority := range authorities {
		options.Roots.AddCert(authority)
	}
	for _, certificate := range parseBundle(secret.Data[corev1.TLSCertKey])[1:] {
		options.Intermediates.AddCert(certificate)
	}
	if _, err := leaf.certificate.Verify(options); err != nil {
		return fmt.Errorf("verifying the certificate for %s: %w", name, err)
	}
	return nil
}

// checkAuthority says why the certificate in a Secret can sign none.
func checkAuthority(secret *corev1.Secret, now time.Time) error {
	authority, err := parsePair(secret.Data[corev1.TLSCertKey], secret.Data[corev1.TLSPrivateKeyKey])
	if err != nil {
		return err
	}
	certificate := authority.certificate
	switch {
	case !certificate.BasicConstraintsValid || !certificate.IsCA || certificate.KeyUsage&x509.KeyUsageCertSign == 0:
		return errors.New("the certificate is no authority's")
	case !usable(certificate, now, 0):
		return fmt.Errorf("the certificate is valid from %v to %v", certificate.NotBefore, certificate.NotAfter)
	}
	return nil
}
