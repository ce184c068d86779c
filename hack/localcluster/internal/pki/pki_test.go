package pki

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"os"
	"testing"
)

func TestCertificatesFitTogether(t *testing.T) {
	folder := Folder(t.TempDir())
	clients := []Identity{{File: "admin", User: "someone", Groups: []string{"system:masters"}}}
	if err := folder.Ensure([]string{"127.0.0.1", "kubernetes"}, clients); err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	ca, err := os.ReadFile(folder.Certificate(CA))
	if err != nil || !roots.AppendCertsFromPEM(ca) {
		t.Fatalf("reading the authority: %v", err)
	}

	serving := load(t, folder, Serving)
	for _, host := range []string{"127.0.0.1", "kubernetes"} {
		if _, err := serving.Verify(x509.VerifyOptions{Roots: roots, DNSName: host}); err != nil {
			t.Errorf("serving %s: %v", host, err)
		}
	}
	client := load(t, folder, "admin")
	usage := []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
	if _, err := client.Verify(x509.VerifyOptions{Roots: roots, KeyUsages: usage}); err != nil {
		t.Errorf("client: %v", err)
	}
	if client.Subject.CommonName != "someone" || client.Subject.Organization[0] != "system:masters" {
		t.Errorf("client is %v", client.Subject)
	}
}

func TestEnsureKeepsWhatIsThere(t *testing.T) {
	folder := Folder(t.TempDir())
	client := []Identity{{File: "admin", User: "someone"}}
	if err := folder.Ensure([]string{"127.0.0.1"}, client); err != nil {
		t.Fatal(err)
	}
	before := make(map[string][]byte)
	for _, name := range []string{CA, Serving, ServiceAccounts, "admin"} {
		before[name] = read(t, folder.Certificate(name))
	}
	if err := os.Remove(folder.Certificate("admin")); err != nil {
		t.Fatal(err)
	}
	if err := folder.Ensure([]string{"127.0.0.1"}, client); err != nil {
		t.Fatal(err)
	}
	for name, content := range before {
		kept := bytes.Equal(content, read(t, folder.Certificate(name)))
		if kept != (name != "admin") {
			t.Errorf("%s: kept is %v", name, kept)
		}
	}
}

func load(t *testing.T, folder Folder, name string) *x509.Certificate {
	t.Helper()
	pair, err := tls.LoadX509KeyPair(folder.Certificate(name), folder.Key(name))
	if err != nil {
		t.Fatal(err)
	}
	return pair.Leaf
}

func read(t *testing.T, path string) []byte {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return content
}
