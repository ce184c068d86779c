package serving

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"io"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestRequestsUnderWayAreFinishedBeforeTheServerStops(t *testing.T) {
	begun := make(chan struct{})
	server := NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		close(begun)
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Errorf("the upload broke off: %v", err)
		}
		_, _ = w.Write(body)
	}), slog.New(slog.DiscardHandler))
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	stopped := make(chan error, 1)
	go func() { stopped <- Run(ctx, server, listener) }()

	upload, sender := io.Pipe()
	answered := make(chan string, 1)
	go func() {
		response, err := http.Post("http://"+listener.Addr().String(), "text/plain", upload)
		if err != nil {
			answered <- err.Error()
			return
		}
		defer response.Body.Close()
		body, _ := io.ReadAll(response.Body)
		answered <- string(body)
	}()
	<-begun
	stop()
	// No new connection is taken from here on; the old one goes on.
	for {
		connection, err := net.Dial("tcp", listener.Addr().String())
		if err != nil {
			break
		}
		_ = connection.Close()
	}
	if _, err := sender.Write([]byte("late")); err != nil {
		t.Fatal(err)
	}
	_ = sender.Close()
	if got := <-answered; got != "late" {
		t.Errorf("the answer is %q", got)
	}
	if err := <-stopped; err != nil {
		t.Errorf("Run = %v", err)
	}
}

func TestProbes(t *testing.T) {
	var failing error
	probes := Probes(slog.New(slog.DiscardHandler), map[string]Check{"store": func(context.Context) error { return failing }})
	status := func(path string) int {
		recorder := httptest.NewRecorder()
		probes.ServeHTTP(recorder, httptest.NewRequest(http.MethodGet, path, nil))
		return recorder.Code
	}
	if live, ready := status("/livez"), status("/readyz"); live != 200 || ready != 200 {
		t.Errorf("/livez %d, /readyz %d", live, ready)
	}
	failing = errors.New("full")
	if live, ready := status("/livez"), status("/readyz"); live != 200 || ready != 503 {
		t.Errorf("with a failing check /livez %d, /readyz %d", live, ready)
	}
}

func TestTheCertificateIsWaitedForAndServed(t *testing.T) {
	folder := t.TempDir()
	log := &syncedWriter{lines: make(chan string, 10)}
	found := make(chan error, 1)
	var config *tls.Config
	go func() {
		watcher, err := AwaitCertificate(t.Context(), folder, slog.New(slog.NewTextHandler(log, nil)))
		if err == nil {
			config = TLSConfig(watcher)
		}
		found <- err
	}()
	log.await(t, "waiting for the certificate")
	authority := writeCertificate(t, folder)
	if err := <-found; err != nil {
		t.Fatal(err)
	}

	server := NewServer(http.NotFoundHandler(), slog.New(slog.DiscardHandler))
	server.TLSConfig = config
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	stopped := make(chan error, 1)
	go func() { stopped <- Run(ctx, server, listener) }()
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: authority, ServerName: "gateway.test"}}}
	response, err := client.Get("https://" + listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	_ = response.Body.Close()
	client.CloseIdleConnections()
	stop()
	if err := <-stopped; err != nil {
		t.Error(err)
	}
}

// syncedWriter takes a log and lets a test wait for a line of it.
type syncedWriter struct{ lines chan string }

func (s *syncedWriter) Write(p []byte) (int, error) {
	s.lines <- string(p)
	return len(p), nil
}

func (s *syncedWriter) await(t *testing.T, word string) {
	t.Helper()
	select {
	case line := <-s.lines:
		if !strings.Contains(line, word) {
			t.Fatalf("the log says %q", line)
		}
	case <-time.After(time.Minute):
		t.Fatalf("the log never said %q", word)
	}
}

func writeCertificate(t *testing.T, folder string) *x509.CertPool {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), DNSNames: []string{"gateway.test"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
	certificate, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	for name, block := range map[string]*pem.Block{
		"tls.crt": {Type: "CERTIFICATE", Bytes: certificate}, "tls.key": {Type: "PRIVATE KEY", Bytes: private},
	} {
		if err := os.WriteFile(filepath.Join(folder, name), pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	parsed, err := x509.ParseCertificate(certificate)
	if err != nil {
		t.Fatal(err)
	}
	authority := x509.NewCertPool()
	authority.AddCert(parsed)
	return authority
}
