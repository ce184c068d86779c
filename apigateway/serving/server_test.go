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
			config = TLSConfig(watcher, InternalTLS)
		}
		found <- err
	}()
	log.await(t, "waiting for a certificate")
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

func TestACertificateIsChangedWhileConnectionsStay(t *testing.T) {
	folder := t.TempDir()
	first := writeCertificate(t, folder)
	watcher, err := AwaitCertificate(t.Context(), folder, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	go func() { _ = watcher.Start(ctx) }()
	server := NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, r.Proto) }), slog.New(slog.DiscardHandler))
	server.TLSConfig = TLSConfig(watcher, PublicTLS)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	stopped := make(chan error, 1)
	go func() { stopped <- Run(ctx, server, listener) }()

	client := func(config *tls.Config) *http.Client {
		config.ServerName = "gateway.test"
		return &http.Client{Transport: &http.Transport{TLSClientConfig: config, ForceAttemptHTTP2: true}}
	}
	get := func(client *http.Client, scheme string) (status int, body string, err error) {
		response, err := client.Get(scheme + "://" + listener.Addr().String())
		if err != nil {
			return 0, "", err
		}
		defer response.Body.Close()
		text, err := io.ReadAll(response.Body)
		return response.StatusCode, string(text), err
	}
	old := client(&tls.Config{RootCAs: first, MaxVersion: tls.VersionTLS12})
	if status, body, err := get(old, "https"); status != http.StatusOK || body != "HTTP/1.1" {
		t.Fatalf("a customer with TLS 1.2 is answered %d %q (%v)", status, body, err)
	}
	second := writeCertificate(t, folder)
	for deadline := time.Now().Add(time.Minute); ; {
		fresh := client(&tls.Config{RootCAs: second})
		_, _, err := get(fresh, "https")
		fresh.CloseIdleConnections()
		if err == nil {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("the new certificate is not shown within a minute: %v", err)
		}
	}
	if status, _, err := get(old, "https"); status != http.StatusOK {
		t.Errorf("on a connection from before the answer is %d (%v)", status, err)
	}

	if _, _, err := get(client(&tls.Config{RootCAs: first}), "https"); err == nil {
		t.Error("the first certificate is still shown")
	}
	if _, _, err := get(client(&tls.Config{RootCAs: second, MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11}), "https"); err == nil {
		t.Error("TLS 1.1 is spoken")
	}
	if status, body, err := get(http.DefaultClient, "http"); status != http.StatusBadRequest || body != "Client sent an HTTP request to an HTTPS server.\n" {
		t.Errorf("a request without TLS is answered %d %q (%v)", status, body, err)
	}
	old.CloseIdleConnections()
	stop()
	if err := <-stopped; err != nil {
		t.Error(err)
	}
}

func TestARenewalIsFollowedThoughTheFilesWereAway(t *testing.T) {
	if testing.Short() {
		t.Skip("the watcher gives up after ten seconds")
	}
	folder := t.TempDir()
	writeCertificate(t, folder)
	watcher, err := AwaitCertificate(t.Context(), folder, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	watcher.WithWatchInterval(10 * time.Millisecond)
	for _, name := range []string{"tls.crt", "tls.key"} {
		if err := os.Remove(filepath.Join(folder, name)); err != nil {
			t.Fatal(err)
		}
	}
	log := &syncedWriter{lines: make(chan string, 10)}
	ctx, stop := context.WithCancel(t.Context())
	followed := make(chan struct{})
	go func() {
		defer close(followed)
		Follow(ctx, watcher, slog.New(slog.NewTextHandler(log, nil)))
	}()
	log.await(t, "cannot be watched")
	authority := writeCertificate(t, folder)
	look := time.NewTicker(10 * time.Millisecond)
	defer look.Stop()
	for deadline := time.Now().Add(time.Minute); ; <-look.C {
		certificate, err := watcher.GetCertificate(nil)
		if err == nil {
			_, err = certificate.Leaf.Verify(x509.VerifyOptions{DNSName: "gateway.test", Roots: authority})
		}
		if err == nil {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("the new certificate is not shown within a minute: %v", err)
		}
	}
	stop()
	<-followed
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
