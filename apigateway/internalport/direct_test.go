package internalport

import (
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/openplp/khocr/apigateway/gatewaytest"
	"github.com/openplp/khocr/internal/storage"
	"github.com/openplp/khocr/internal/workerport"
)

// TestWorkersAreSentToAStoreOverTLSOnly signs without a store: nobody has to be asked for that.
func TestWorkersAreSentToAStoreOverTLSOnly(t *testing.T) {
	t.Setenv("AWS_ACCESS_KEY_ID", "khocr")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "not-a-secret")
	s3 := func(endpoint string) *storage.Store {
		store, err := storage.Open(t.Context(), "s3://bucket?region=r&use_path_style=true&endpoint="+url.QueryEscape(endpoint))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = store.Close() })
		return store
	}
	for name, c := range map[string]struct {
		store *storage.Store
		want  []string // addresses; none where the document is streamed
	}{
		"over TLS":            {s3("https://192.0.2.7"), []string{"192.0.2.7:443"}},
		"at a port":           {s3("https://[2001:db8::7]:9000"), []string{"[2001:db8::7]:9000"}},
		"in the clear":        {s3("http://192.0.2.7"), nil},
		"nobody knows where":  {s3("https://store.invalid"), nil},
		"a folder signs none": {gatewaytest.OpenStore(t, t.TempDir()), nil},
	} {
		t.Run(name, func(t *testing.T) {
			var log strings.Builder
			s := &Server{Store: c.store, Log: slog.New(slog.NewTextHandler(&log, nil)), StoreAuthorities: "certificates"}
			answer := httptest.NewRecorder()
			sent := s.redirect(answer, httptest.NewRequestWithContext(t.Context(), http.MethodGet, workerport.PathDocumentDirect, nil), "khocr-a/uploads/a")
			if strings.Contains(log.String(), "X-Amz") {
				t.Errorf("the log holds the URL: %s", &log)
			}
			if sent != (c.want != nil) {
				t.Fatalf("the worker is sent to the store: %v", sent)
			}
			if !sent {
				if location := answer.Header().Get("Location"); location != "" || answer.Body.Len() > 0 {
					t.Errorf("it is answered %q %s", location, answer.Body)
				}
				return
			}
			var direct workerport.Direct
			if err := json.Unmarshal(answer.Body.Bytes(), &direct); err != nil || !slices.Equal(direct.Addresses, c.want) || direct.Authorities != "certificates" {
				t.Errorf("it is answered %s (%v), want %v", answer.Body, err, c.want)
			}
			location, err := url.Parse(answer.Header().Get("Location"))
			if err != nil || location.Path != "/bucket/khocr-a/uploads/a" || location.Query().Get("X-Amz-Expires") != "300" {
				t.Errorf("it is sent to %v, %v", location, err)
			}
			if answer.Code != http.StatusTemporaryRedirect || answer.Header().Get("Cache-Control") != "no-store" {
				t.Errorf("it is answered %d %v", answer.Code, answer.Header())
			}
		})
	}
}

func TestSomeAddressesOfAStoreWillDo(t *testing.T) {
	var found []netip.Addr
	for i := range byte(9) {
		found = append(found, netip.AddrFrom4([4]byte{192, 0, 2, i}))
	}
	want := []string{"192.0.2.0:443", "192.0.2.1:443", "192.0.2.2:443", "192.0.2.3:443"}
	if got := joined(found, "443"); !slices.Equal(got, want) {
		t.Errorf("got %v", got)
	}
}
