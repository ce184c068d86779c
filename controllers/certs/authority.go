package certs

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"time"
)

// pair is a certificate with its private key.
type pair struct {
	certificate *x509.Certificate
	key         crypto.Signer
}

// newAuthority makes a certificate authority of its own root.
func newAuthority(now time.Time) (*pair, error) {
	return issue(&x509.Certificate{
		Subject:               pkix.Name{CommonName: "khocr internal authority"},
		NotBefore:             now.Add(-clockSkew),
		NotAfter:              now.Add(authorityLifetime),
		IsCA:                  true,
		BasicConstraintsValid: true,
		MaxPathLenZero:        true,
		KeyUsage:              x509.KeyUsageCertSign,
	}, nil)
}

// newLeaf makes a server certificate for the names, signed by the authority, which it does not outlive.
func newLeaf(now time.Time, names []string, authority *pair) (*pair, error) {
	end := now.Add(leafLifetime)
	if end.After(authority.certificate.NotAfter) {
		end = authority.certificate.NotAfter
	}
	return issue(&x509.Certificate{
		Subject:               pkix.Name{CommonName: names[0]},
		DNSNames:              names,
		NotBefore:             now.Add(-clockSkew),
		NotAfter:              end,
		BasicConstraintsValid: true,
		KeyUsage:              x509.KeyUsageDigitalSignature,
		ExtKeyUsage:           []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}, authority)
}

// issue signs a new key's certificate by the authority, or by the key itself without one. The serial number is random.
func issue(template *x509.Certificate, authority *pair) (*pair, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("making a key: %w", err)
	}
	if authority == nil {
		authority = &pair{template, key}
	}
	der, err := x509.CreateCertificate(rand.Reader, template, authority.certificate, key.Public(), authority.key)
	if err != nil {
		return nil, fmt.Errorf("signing a certificate: %w", err)
	}
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, fmt.Errorf("reading back a certificate: %w", err)
	}
	return &pair{certificate, key}, nil
}

// parsePair reads a certificate and its key as PEM, of any kind that TLS takes. It fails when they do not belong together.
func parsePair(certificate, key []byte) (*pair, error) {
	parsed, err := tls.X509KeyPair(certificate, key)
	if err != nil {
		return nil, fmt.Errorf("reading a certificate and its key: %w", err)
	}
	signer, ok := parsed.PrivateKey.(crypto.Signer)
	if !ok {
		return nil, fmt.Errorf("a key of type %T cannot sign", parsed.PrivateKey)
	}
	return &pair{parsed.Leaf, signer}, nil
}

// parseBundle reads the certificates of a PEM text, and leaves out what is none.
func parseBundle(text []byte) []*x509.Certificate {
	var certificates []*x509.Certificate
	for block, rest := pem.Decode(text); block != nil; block, rest = pem.Decode(rest) {
		if certificate, err := x509.ParseCertificate(block.Bytes); err == nil {
			certificates = append(certificates, certificate)
		}
	}
	return certificates
}

func encodeCertificates(certificates ...*x509.Certificate) []byte {
	var text bytes.Buffer
	for _, certificate := range certificates {
		text.Write(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: certificate.Raw}))
	}
	return text.Bytes()
}

func (p *pair) encodeKey() ([]byte, error) {
	der, err := x509.MarshalPKCS8PrivateKey(p.key)
	if err != nil {
		return nil, fmt.Errorf("encoding a key: %w", err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), nil
}
