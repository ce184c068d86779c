package client

import (
	"context"
	"errors"
	"math"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// answering is a server that answers each request by a function.
func answering(t *testing.T, answer http.HandlerFunc) *httptest.Server {
	t.Helper()
	server := httptest.NewServer(answer)
	t.Cleanup(server.Close)
	return server
}

// TestAnswersOfProxies: what stands between may answer in JSON of its own, and is tried again as any other that is away.
func TestAnswersOfProxies(t *testing.T) {
	for name, test := range map[string]struct {
		status    int
		body      string
		temporary bool
	}{
		"a page that says bad gateway": {502, "<html>", true},
		"JSON that says bad gateway":   {502, `{"message":"An invalid response was received from the upstream server"}`, true},
		"JSON that says unavailable":   {503, `{}`, true},
		"JSON that says forbidden":     {403, `{"message":"Forbidden"}`, false},
		"a problem of another":         {502, `{"type":"about:blank","status":502}`, true},
		"a problem of the platform":    {503, `{"code":"service_unavailable","status":503}`, true},
	} {
		t.Run(name, func(t *testing.T) {
			server := answering(t, func(w http.ResponseWriter, _ *http.Request) {
				w.WriteHeader(test.status)
				_, _ = w.Write([]byte(test.body))
			})
			c, err := New(server.URL, "khocr_key")
			if err != nil {
				t.Fatal(err)
			}
			_, err = c.Usage(t.Context(), "")
			if Temporary(err) != test.temporary {
				t.Errorf("temporary is %v of %v", !test.temporary, err)
			}
			problem := new(ProblemError)
			if ours := strings.Contains(test.body, "code"); errors.As(err, &problem) != ours {
				t.Errorf("a problem of the platform: %v, want %v: %v", !ours, ours, err)
			}
		})
	}
}

// TestKeyStays: the key goes to the host that it is for, however that redirects.
func TestKeyStays(t *testing.T) {
	shown := map[string]string{}
	var port string
	server := answering(t, func(w http.ResponseWriter, r *http.Request) {
		host, _, _ := strings.Cut(r.Host, ":")
		to := "http://" + host + ":" + port + "/usage"
		switch {
		case r.URL.Path == "/usage":
			shown[host] = r.Header.Get("X-API-Key")
			_, _ = w.Write([]byte("{}"))
			return
		case strings.HasPrefix(r.URL.Path, "/elsewhere/"):
			to = "http://localhost:" + port + "/usage"
		}
		http.Redirect(w, r, to, http.StatusPermanentRedirect)
	})
	_, port, _ = net.SplitHostPort(server.Listener.Addr().String())
	for _, options := range [][]ClientOption{nil, {WithHTTPClient(new(http.Client))}} {
		clear(shown)
		for _, path := range []string{"/here", "/elsewhere"} {
			c, err := New(server.URL+path, "khocr_key", options...)
			if err != nil {
				t.Fatal(err)
			}
			_, err = c.Usage(t.Context(), "")
			if unexpected := new(UnexpectedError); path == "/here" && err != nil || path != "/here" && !errors.As(err, &unexpected) {
				t.Errorf("%s: %v", path, err)
			}
		}
		if len(shown) != 1 || shown["127.0.0.1"] != "khocr_key" {
			t.Errorf("the keys that came by host are %q", shown)
		}
	}
}

// TestAbsurdPause: a time to wait that no clock has is none to go on at once.
func TestAbsurdPause(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	p := Patience{For: time.Minute, Tell: func(_ error, pause time.Duration) {
		if pause < time.Minute {
			t.Errorf("it waits %v", pause)
		}
		stop()
	}}
	problem := &ProblemError{RetryAfter: math.MaxInt}
	problem.Status = http.StatusTooManyRequests
	if err := p.Insist(ctx, func() error { return problem }); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}
