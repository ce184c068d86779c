// Package pki makes the keys and certificates of a cluster that lives on one
// machine. They are made once and kept: a cluster that comes back must accept
// the kubeconfigs and tokens it gave out. Nothing here is fit for a cluster
// that strangers can reach.
package pki

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"time"
)

// The cluster is thrown away long before; renewal would be code without a use.
const validity = 10 * 365 * 24 * time.Hour

// An Identity is a client of the API server: its user name and groups.
type Identity struct {
	File   string
	User   string
	Groups []string
}

// Folder is where keys and certificates lie, as NAME.key and NAME.crt.
type Folder string

// Key is the path of a private key.
func (f Folder) Key(name string) string { return filepath.Join(string(f), name+".key") }

// Certificate is the path of a certificate, or of a bare public key.
func (f Folder) Certificate(name string) string { return filepath.Join(string(f), name+".crt") }

// Names of the files that are not a client's.
const (
	CA              = "ca"
	Serving         = "serving"
	ServiceAccounts = "service-accounts"
)

// Ensure makes what is missing: the authority, one serving certificate for the
// given host names and addresses, which all components share as they are one
// machine, the key that signs service account tokens, and a certificate for
// each client.
func (f Folder) Ensure(hosts []string, clients []Identity) error {
	if err := os.MkdirAll(string(f), 0o700); err != nil {
		return fmt.Errorf("making the folder for certificates: %w", err)
	}
	authority, err := f.ensureAuthority()
	if err != nil {
		return fmt.Errorf("making the certificate authority: %w", err)
	}
	if err := f.ensureServiceAccountKey(); err != nil {
		return fmt.Errorf("making the key for service accounts: %w", err)
	}
	serving := &x509.Certificate{
		Subject:     pkix.Name{CommonName: "localcluster"},
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	for _, host := range hosts {
		if ip := net.ParseIP(host); ip != nil {
			serving.IPAddresses = append(serving.IPAddresses, ip)
		} else {
			serving.DNSNames = append(serving.DNSNames, host)
		}
	}
	if err := f.ensureCertificate(Serving, serving, authority); err != nil {
		return err
	}
	for _, client := range clients {
		certificate := &x509.Certificate{
			Subject:     pkix.Name{CommonName: client.User, Organization: client.Groups},
			ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
		}
		if err := f.ensureCertificate(client.File, certificate, authority); err != nil {
			return err
		}
	}
	return nil
}

type authority struct {
	certificate *x509.Certificate
	key         crypto.Signer
}

func (f Folder) ensureAuthority() (authority, error) {
	template := &x509.Certificate{
		Subject:               pkix.Name{CommonName: "localcluster"},
		IsCA:                  true,
		BasicConstraintsValid: true,
	}
	if err := f.ensureCertificate(CA, template, authority{}); err != nil {
		return authority{}, err
	}
	key, err := readKey(f.Key(CA))
	if err != nil {
		return authority{}, err
	}
	block, err := readPEM(f.Certificate(CA))
	if err != nil {
		return authority{}, err
	}
	certificate, err := x509.ParseCertificate(block)
	return authority{certificate, key}, err
}

func (f Folder) ensureServiceAccountKey() error {
	if exist(f.Certificate(ServiceAccounts)) {
		return nil
	}
	key, err := makeKey(f.Key(ServiceAccounts))
	if err != nil {
		return err
	}
	public, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		return err
	}
	return writePEM(f.Certificate(ServiceAccounts), "PUBLIC KEY", public)
}

// ensureCertificate makes a key and a certificate by the authority, or by its
// own key where there is none. The certificate is written last: where it lies,
// both are complete.
func (f Folder) ensureCertificate(name string, template *x509.Certificate, by authority) error {
	if exist(f.Certificate(name)) {
		return nil
	}
	key, err := makeKey(f.Key(name))
	if err != nil {
		return fmt.Errorf("making the key of %s: %w", name, err)
	}
	template.SerialNumber, err = rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		return fmt.Errorf("making a serial number: %w", err)
	}
	template.NotBefore = time.Now().Add(-time.Hour) // clocks step back at times
	template.NotAfter = time.Now().Add(validity)
	template.KeyUsage = x509.KeyUsageDigitalSignature
	if by.key == nil {
		template.KeyUsage |= x509.KeyUsageCertSign
		by = authority{template, key}
	}
	der, err := x509.CreateCertificate(rand.Reader, template, by.certificate, key.Public(), by.key)
	if err != nil {
		return fmt.Errorf("signing the certificate of %s: %w", name, err)
	}
	return writePEM(f.Certificate(name), "CERTIFICATE", der)
}

func makeKey(path string) (crypto.Signer, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, err
	}
	return key, writePEM(path, "PRIVATE KEY", der)
}

func readKey(path string) (crypto.Signer, error) {
	der, err := readPEM(path)
	if err != nil {
		return nil, err
	}
	key, err := x509.ParsePKCS8PrivateKey(der)
	if err != nil {
		return nil, fmt.Errorf("reading key %s: %w", path, err)
	}
	signer, ok := key.(crypto.Signer)
	if !ok {
		return nil, fmt.Errorf("reading key %s: it cannot sign", path)
	}
	return signer, nil
}

func readPEM(path string) ([]byte, error) {
	content, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	block, _ := pem.Decode(content)
	if block == nil {
		return nil, fmt.Errorf("reading %s: no PEM block", path)
	}
	return block.Bytes, nil
}

// writePEM writes at once or not at all, so that a crash leaves no half file
// that would pass for a whole one.
func writePEM(path, kind string, der []byte) error {
	partial := path + ".partial"
	content := pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
	if err := os.WriteFile(partial, content, 0o600); err != nil {
		return err
	}
	return os.Rename(partial, path)
}

func exist(path string) bool {
	_, err := os.Stat(path)
	return !errors.Is(err, fs.ErrNotExist)
}
