package apigateway

import (
	"context"
	"encoding/json"
	"net/http"
	"os"
	"strings"
	"testing"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/openplp/khocr/apigateway/gatewaytest"
)

func testSurface(t *testing.T, g *gatewaytest.Gateway) {
	key := g.Organization(t, "surface", nil)
	a := serve(t, g, nil)

	t.Run("health needs no key", func(t *testing.T) {
		got := a.get(t, "/api/v1/health", "")
		if want := `{"status":"ok","version":"test","components":{"api":"ok","cluster":"ok","rate_limit":"ok","store":"ok"}}`; got.StatusCode != 200 || strings.TrimSpace(string(got.body)) != want {
			t.Errorf("%d %s, want %s", got.StatusCode, got.body, want)
		}
	})

	t.Run("health tells of a store that went away", func(t *testing.T) {
		folder := t.TempDir() + "/store"
		if err := os.Mkdir(folder, 0o750); err != nil {
			t.Fatal(err)
		}
		broken := serve(t, g, func(s *Server) { s.Store = gatewaytest.OpenStore(t, folder) })
		if err := os.Remove(folder); err != nil {
			t.Fatal(err)
		}
		got := broken.get(t, "/api/v1/health", "")
		var body health
		if err := json.Unmarshal(got.body, &body); err != nil || got.StatusCode != 503 || body.Status == "ok" || body.Components["store"] == "ok" {
			t.Errorf("%d %v %s", got.StatusCode, err, got.body)
		}
	})

	t.Run("unknown paths", func(t *testing.T) {
		for _, path := range []string{"/api/v1", "/api/v1/convert/", "/api/v1//convert", "/api/v2/convert", "/api/v1/jobs/a/pages"} {
			a.get(t, path, key).wantProblem(t, 404, "not_found")
		}
	})

	t.Run("wrong methods say which are right", func(t *testing.T) {
		for path, allow := range map[string]string{
			"/api/v1/convert": "OPTIONS, POST", "/api/v1/jobs/a1b2c3d4e5f6": "DELETE, GET, HEAD, OPTIONS", "/api/v1/jobs/a1b2c3d4e5f6/result": "GET, HEAD, OPTIONS",
			"/api/v1/usage": "GET, HEAD, OPTIONS", "/api/v1/health": "GET, HEAD, OPTIONS",
		} {
			got := a.do(t, a.request(t, http.MethodPatch, path, key, nil))
			got.wantProblem(t, 405, "method_not_allowed")
			if got.Header.Get("Allow") != allow {
				t.Errorf("%s: Allow %q, want %q", path, got.Header.Get("Allow"), allow)
			}
		}
		a.get(t, "/api/v1/convert", key).wantProblem(t, 405, "method_not_allowed")
	})

	t.Run("a panic tells nothing", func(t *testing.T) {
		panicking := serve(t, g, func(s *Server) { s.Client = panicky{s.Client} })
		got := panicking.get(t, "/api/v1/jobs/a1b2c3d4e5f6", key)
		got.wantProblem(t, 500, "internal_error")
		if strings.Contains(string(got.body), "secret") {
			t.Errorf("the answer tells of the panic: %s", got.body)
		}
		if !strings.Contains(panicking.log.String(), "secret") {
			t.Error("the log does not tell of the panic")
		}
	})
}

// panicky is a client whose every look-up is a bug.
type panicky struct{ client.Client }

func (panicky) List(context.Context, client.ObjectList, ...client.ListOption) error { panic("secret") }
