package testenv

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// S3 is a server of S3 with one bucket, over TLS and with a certificate that only its own authority signs.
type S3 struct {
	// URL is the bucket's, as storage.Open takes it. The credentials are in the environment of the test.
	URL string
	// Address is the server's, and AuthorityFile is whom its clients trust, as AWS_CA_BUNDLE has it.
	Address, AuthorityFile string
	// Folder holds the objects.
	Folder string

	arguments []string
	process   *exec.Cmd
}

const s3Bucket = "khocr-test"

// StartS3 runs a server until the test ends. It skips the test where KUBEBUILDER_ASSETS does not name a folder with
// versitygw.
func StartS3(t testing.TB) *S3 {
	t.Helper()
	assets := os.Getenv("KUBEBUILDER_ASSETS")
	program := filepath.Join(assets, "versitygw")
	if _, err := os.Stat(program); assets == "" || err != nil {
		t.Skip("KUBEBUILDER_ASSETS names no folder with versitygw: make cluster-programs")
	}
	folder := t.TempDir()
	s := &S3{Address: freeAddress(t), AuthorityFile: filepath.Join(folder, "ca.crt"), Folder: filepath.Join(folder, "buckets", s3Bucket)}
	certificate, key := filepath.Join(folder, "tls.crt"), filepath.Join(folder, "tls.key")
	WriteCertificate(t, s.AuthorityFile, certificate, key)
	for _, made := range []string{s.Folder, filepath.Join(folder, "metadata")} {
		if err := os.MkdirAll(made, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	s.arguments = []string{program, "--port", s.Address, "--access", "khocr", "--secret", "not-a-secret", "--region", "us-east-1", "--quiet",
		"--cert", certificate, "--key", key, "posix", "--sidecar", filepath.Join(folder, "metadata"), filepath.Dir(s.Folder)}
	query := url.Values{"endpoint": {"https://" + s.Address}, "region": {"us-east-1"}, "use_path_style": {"true"}}
	s.URL = "s3://" + s3Bucket + "?" + query.Encode()
	for name, value := range map[string]string{
		"AWS_ACCESS_KEY_ID": "khocr", "AWS_SECRET_ACCESS_KEY": "not-a-secret", "AWS_CA_BUNDLE": s.AuthorityFile,
		"AWS_EC2_METADATA_DISABLED": "true", "AWS_CONFIG_FILE": os.DevNull, "AWS_SHARED_CREDENTIALS_FILE": os.DevNull,
	} {
		t.Setenv(name, value)
	}
	s.Start(t)
	t.Cleanup(s.Kill)
	return s
}

// Start runs the server again that was killed, with what it has stored.
func (s *S3) Start(t testing.TB) {
	t.Helper()
	s.process = exec.Command(s.arguments[0], s.arguments[1:]...)
	s.process.Stderr = os.Stderr
	if err := s.process.Start(); err != nil {
		t.Fatalf("starting the S3 server: %v", err)
	}
	Await(t, "the S3 server listens", func() bool {
		connection, err := net.Dial("tcp", s.Address)
		if err != nil {
			return false
		}
		return connection.Close() == nil
	})
}

// Kill ends the server without a word.
func (s *S3) Kill() {
	_ = s.process.Process.Kill()
	_ = s.process.Wait()
}

// WriteCertificate writes a certificate for this machine, and for names, with its key, and the authority that has signed it.
func WriteCertificate(t testing.TB, authorityFile, certificateFile, keyFile string, names ...string) {
	t.Helper()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	authorityKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(err)
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(err)
	authority := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "authority of a test"}, NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	leaf := &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: "a server of a test"}, NotAfter: authority.NotAfter,
		DNSNames: append([]string{"localhost"}, names...), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	signedAuthority, err := x509.CreateCertificate(rand.Reader, authority, authority, authorityKey.Public(), authorityKey)
	must(err)
	signed, err := x509.CreateCertificate(rand.Reader, leaf, authority, key.Public(), authorityKey)
	must(err)
	encoded, err := x509.MarshalPKCS8PrivateKey(key)
	must(err)
	for file, block := range map[string]*pem.Block{
		authorityFile:   {Type: "CERTIFICATE", Bytes: signedAuthority},
		certificateFile: {Type: "CERTIFICATE", Bytes: signed},
		keyFile:         {Type: "PRIVATE KEY", Bytes: encoded},
	} {
		must(os.WriteFile(file, pem.EncodeToMemory(block), 0o600))
	}
	_, err = tls.LoadX509KeyPair(certificateFile, keyFile)
	must(err)
}

func freeAddress(t testing.TB) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = listener.Close() }()
	return listener.Addr().String()
}
