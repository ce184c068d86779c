package fetch

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"

	"github.com/openplp/khocr/api/v1alpha1"
)

var loopback = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}

// source serves answers that documents come with, by path.
func source(t *testing.T) string {
	t.Helper()
	routes := http.NewServeMux()
	routes.HandleFunc("/document", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, "%PDF-1.7\n"+strings.Repeat("x", 91))
	})
	routes.HandleFunc("/endless", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, "%PDF-1.7\n")
		for {
			if _, err := w.Write(make([]byte, 4096)); err != nil {
				return
			}
		}
	})
	routes.HandleFunc("/cut", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "99")
		_, _ = io.WriteString(w, "%PDF-1.7\n")
	})
	routes.HandleFunc("/page", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "<!DOCTYPE html>") })
	routes.HandleFunc("/empty", func(http.ResponseWriter, *http.Request) {})
	routes.HandleFunc("/status/{code}", func(w http.ResponseWriter, r *http.Request) {
		var code int
		for _, digit := range r.PathValue("code") {
			code = code*10 + int(digit-'0')
		}
		w.WriteHeader(code)
	})
	routes.HandleFunc("/once", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/document", http.StatusFound) })
	routes.HandleFunc("/round", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/round", http.StatusFound) })
	routes.HandleFunc("/inside", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "http://169.254.169.254/latest/meta-data", http.StatusFound)
	})
	routes.HandleFunc("/file", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "file:///etc/passwd", http.StatusFound)
	})
	server := httptest.NewServer(routes)
	t.Cleanup(server.Close)
	return server.URL
}

func TestFetch(t *testing.T) {
	url := source(t)
	closed := httptest.NewServer(nil)
	closed.Close()
	for name, c := range map[string]struct {
		address string
		allowed []netip.Prefix
		reason  string
		final   bool
	}{
		"a document":                       {url + "/document", loopback, "", false},
		"a document behind a redirect":     {url + "/once", loopback, "", false},
		"an address that is not allowed":   {url + "/document", nil, v1alpha1.ReasonSourceRefused, true},
		"a redirect to the metadata":       {url + "/inside", loopback, v1alpha1.ReasonSourceRefused, true},
		"a redirect to a file":             {url + "/file", loopback, v1alpha1.ReasonSourceRefused, true},
		"redirects without end":            {url + "/round", loopback, v1alpha1.ReasonSourceRefused, true},
		"a file":                           {"file:///etc/passwd", loopback, v1alpha1.ReasonSourceRefused, true},
		"a document without end":           {url + "/endless", loopback, v1alpha1.ReasonSourceTooLarge, true},
		"a document that breaks off":       {url + "/cut", loopback, v1alpha1.ReasonSourceUnavailable, false},
		"a web page":                       {url + "/page", loopback, v1alpha1.ReasonUnsupportedDocument, true},
		"nothing":                          {url + "/empty", loopback, v1alpha1.ReasonUnsupportedDocument, true},
		"a source that does not have it":   {url + "/status/404", loopback, v1alpha1.ReasonSourceUnavailable, true},
		"a source that forbids it":         {url + "/status/403", loopback, v1alpha1.ReasonSourceUnavailable, true},
		"a source that is asked too often": {url + "/status/429", loopback, v1alpha1.ReasonSourceUnavailable, false},
		"a source that fails":              {url + "/status/503", loopback, v1alpha1.ReasonSourceUnavailable, false},
		"a source that is not there":       {closed.URL, loopback, v1alpha1.ReasonSourceUnavailable, false},
	} {
		t.Run(name, func(t *testing.T) {
			var got []byte
			err := New(c.allowed).Fetch(t.Context(), c.address+"?signature=secret", 1000, func(content io.Reader) error {
				var err error
				got, err = io.ReadAll(content)
				return err
			})
			if c.reason == "" {
				if err != nil || len(got) != 100 {
					t.Fatalf("%d bytes, %v", len(got), err)
				}
				return
			}
			var failure *Error
			if !errors.As(err, &failure) {
				t.Fatalf("err = %v, want an Error", err)
			}
			if failure.Reason != c.reason || failure.Final != c.final {
				t.Errorf("%+v, want reason %s, final %v", failure, c.reason, c.final)
			}
			if strings.Contains(err.Error(), "secret") || strings.Contains(err.Error(), "127.0.0.1") {
				t.Errorf("the error holds the address: %v", err)
			}
		})
	}
}

func TestALengthBeyondTheLimitIsRefusedBeforeAnythingIsRead(t *testing.T) {
	err := New(loopback).Fetch(t.Context(), source(t)+"/document", 99, func(io.Reader) error {
		t.Error("the document was read")
		return nil
	})
	var failure *Error
	if !errors.As(err, &failure) || failure.Reason != v1alpha1.ReasonSourceTooLarge {
		t.Errorf("err = %v", err)
	}
}

func TestFailuresOfTheReceiverComeBackAsTheyAre(t *testing.T) {
	full := errors.New("full")
	err := New(loopback).Fetch(t.Context(), source(t)+"/document", 1000, func(io.Reader) error { return full })
	if !errors.Is(err, full) {
		t.Errorf("err = %v", err)
	}
}
