package worker

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"io"
	"log"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/openplp/khocr/internal/workerport"
)

func TestADocumentIsStreamed(t *testing.T) {
	const size = 50 << 20
	p := newPod(t, script{})
	p.gateway.serveDocument = func(w http.ResponseWriter, _ int) {
		chunk := make([]byte, 64<<10)
		for range size / len(chunk) {
			_, _ = w.Write(chunk)
		}
	}
	internal, err := newPort(p.config, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(p.config.WorkDir, "document")

	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	if err := internal.document(t.Context(), path); err != nil {
		t.Fatal(err)
	}
	runtime.ReadMemStats(&after)
	if info, err := os.Stat(path); err != nil || info.Size() != size || info.Mode().Perm() != 0o600 {
		t.Errorf("file = %v, %v, want %d bytes for the worker alone", info, err, size)
	}
	// Both ends of the connection are in this process.
	if allocated := after.TotalAlloc - before.TotalAlloc; allocated > size/5 {
		t.Errorf("%d bytes were allocated for a document of %d", allocated, size)
	}
}

func TestADocumentThatIsCutShortIsFetchedAgain(t *testing.T) {
	p := newPod(t, script{Pages: 1})
	whole := p.gateway.serveDocument
	p.gateway.serveDocument = func(w http.ResponseWriter, try int) {
		if try == 1 {
			w.Header().Set("Content-Length", "1000")
			_, _ = w.Write([]byte("{"))
			return
		}
		whole(w, try)
	}
	p.expect(t, workerport.ExitDone)
	if got := p.gateway.tries["GET "+workerport.PathDocument]; got != 2 {
		t.Errorf("the document was fetched %d times, want twice", got)
	}
}

func TestAWorkerComesAgainWhenItIsAskedTo(t *testing.T) {
	p := newPod(t, script{Pages: 1})
	whole := p.gateway.serveDocument
	var asked, again time.Time
	p.gateway.serveDocument = func(w http.ResponseWriter, try int) {
		if try == 1 {
			asked = time.Now()
			w.Header().Set("Retry-After", "1")
			w.WriteHeader(http.StatusTooManyRequests)
			return
		}
		again = time.Now()
		whole(w, try)
	}
	p.expect(t, workerport.ExitDone)
	if waited := again.Sub(asked); waited < time.Second {
		t.Errorf("it came again after %v, want a second at least", waited)
	}
}

func TestRetryAfterIsRead(t *testing.T) {
	for value, want := range map[string]time.Duration{
		"": 0, "0": 0, "3": 3 * time.Second, "-3": 0, "1.5": 0, "99999999": 0, "Wed, 21 Oct 2026 07:28:00 GMT": 0,
	} {
		if got := retryAfter(http.Header{"Retry-After": {value}}); got != want {
			t.Errorf("%q: %v, want %v", value, got, want)
		}
	}
}

func TestATokenThatWasRenewedIsUsed(t *testing.T) {
	p := newPod(t, script{Pages: 1})
	p.gateway.refuse = func(r *http.Request, try int) (int, string) {
		if r.Header.Get("Authorization") != "Bearer renewed" {
			if err := os.WriteFile(p.config.GatewayTokenFile, []byte("renewed"), 0o600); err != nil {
				t.Error(err)
			}
			return http.StatusUnauthorized, "Expired"
		}
		return 0, ""
	}
	p.expect(t, workerport.ExitDone)
}

func TestARedirectionIsNotFollowed(t *testing.T) {
	p := newPod(t, script{Pages: 1})
	p.gateway.serveDocument = func(w http.ResponseWriter, _ int) {
		w.Header().Set("Location", p.gateway.server.URL+"/elsewhere")
		w.WriteHeader(http.StatusTemporaryRedirect)
	}
	p.expect(t, workerport.ExitTemporary)
	if p.gateway.tries["GET /elsewhere"] != 0 {
		t.Error("the worker went where it was sent")
	}
}

func TestAGatewayThatCannotBeTrustedGetsNoToken(t *testing.T) {
	now := time.Now()
	authority, stranger := newAuthority(t), newAuthority(t)
	const name = "khocr-gateway-internal.khocr-system.svc"
	tests := map[string]struct {
		server *tls.Config
		plain  bool
		want   string // part of the error; none where the gateway is trusted
	}{
		"the platform's certificate": {server: authority.serve(t, name, now.Add(time.Hour))},
		"one of another authority":   {server: stranger.serve(t, name, now.Add(time.Hour)), want: "unknown authority"},
		"one of another service":     {server: authority.serve(t, "khocr-manager-metrics.khocr-system.svc", now.Add(time.Hour)), want: "not " + name},
		"one that has expired":       {server: authority.serve(t, name, now.Add(-time.Minute)), want: "expired"},
		"an old protocol": {
			server: func() *tls.Config {
				c := authority.serve(t, name, now.Add(time.Hour))
				c.MaxVersion = tls.VersionTLS12
				return c
			}(),
			want: "protocol version"},
		"no TLS": {plain: true, want: "server gave HTTP response to HTTPS client"},
	}
	for what, test := range tests {
		t.Run(what, func(t *testing.T) {
			p := newPod(t, script{})
			asked := false
			server := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked = true }))
			server.Config.ErrorLog = log.New(io.Discard, "", 0)
			if test.plain {
				server.Start()
			} else {
				server.TLS = test.server
				server.StartTLS()
			}
			defer server.Close()
			p.config.GatewayURL = "https://" + server.Listener.Addr().String()
			p.config.GatewayName, p.config.GatewayCA = name, authority.text
			internal, err := newPort(p.config, slog.New(slog.DiscardHandler))
			if err != nil {
				t.Fatal(err)
			}
			response, err := internal.send(t.Context(), http.MethodGet, workerport.PathTicket, nothing)
			if err == nil {
				_ = response.Body.Close()
			}
			if trusted := test.want == ""; trusted != (err == nil) || err != nil && !strings.Contains(err.Error(), test.want) {
				t.Errorf("the request ended with %v, want %q", err, test.want)
			}
			if asked != (test.want == "") {
				t.Errorf("the request has arrived: %v", asked)
			}
		})
	}
}

// authority signs certificates of servers.
type authority struct {
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
	text        string
}

func newAuthority(t *testing.T) authority {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		Subject: pkix.Name{CommonName: "khocr internal authority"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return authority{certificate, key, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))}
}

func (a authority) serve(t *testing.T, name string, end time.Time) *tls.Config {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{DNSNames: []string{name}, NotBefore: end.Add(-2 * time.Hour), NotAfter: end}
	der, err := x509.CreateCertificate(rand.Reader, template, a.certificate, key.Public(), a.key)
	if err != nil {
		t.Fatal(err)
	}
	return &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}
}
