package apigateway

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/openplp/khocr/apigateway/gatewaytest"
)

// lost is an API server that does not answer.
type lost struct{}

func (lost) Get(context.Context, client.ObjectKey, client.Object, ...client.GetOption) error {
	return errors.New("connection refused by 10.0.0.1")
}

func (lost) List(context.Context, client.ObjectList, ...client.ListOption) error {
	return errors.New("connection refused by 10.0.0.1")
}

// testBrowser is about what programs in a browser need: other origins, and people's languages.
func testBrowser(t *testing.T, g *gatewaytest.Gateway) {
	key := g.Organization(t, "browsing", nil)
	resources := map[string]string{
		"/api/v1/convert": "OPTIONS, POST", "/api/v1/jobs": "GET, HEAD, OPTIONS", "/api/v1/jobs/a": "DELETE, GET, HEAD, OPTIONS",
		"/api/v1/jobs/a/result": "GET, HEAD, OPTIONS", "/api/v1/jobs/a/pages/1": "GET, HEAD, OPTIONS",
		"/api/v1/jobs/a/pages/1/corrections": "GET, HEAD, OPTIONS, PUT",
		"/api/v1/jobs/a/pages/1/preview":     "GET, HEAD, OPTIONS",
		"/api/v1/jobs/a/events":              "GET, HEAD, OPTIONS, POST", "/api/v1/models": "GET, HEAD, OPTIONS", "/api/v1/usage": "GET, HEAD, OPTIONS",
		"/api/v1/health": "GET, HEAD, OPTIONS", "/api/v1/health/live": "GET, HEAD, OPTIONS", "/api/v1/health/ready": "GET, HEAD, OPTIONS",
	}
	options := func(t *testing.T, a *api, path, origin string) answer {
		request := a.request(t, http.MethodOptions, path, "", nil)
		if origin != "" {
			request.Header.Set("Origin", origin)
			request.Header.Set("Access-Control-Request-Method", "POST")
			request.Header.Set("Access-Control-Request-Headers", "content-type,x-api-key")
		}
		return a.do(t, request)
	}

	t.Run("every resource tells its methods", func(t *testing.T) {
		a := serve(t, g, nil)
		for path, allow := range resources {
			got := options(t, a, path, "")
			if got.StatusCode != http.StatusNoContent || got.Header.Get("Allow") != allow {
				t.Errorf("%s: status %d, Allow %q, want %q", path, got.StatusCode, got.Header.Get("Allow"), allow)
			}
		}
		options(t, a, "/api/v1/nothing", "").wantProblem(t, 404, "not_found")
	})

	t.Run("no other origin, unless it is named", func(t *testing.T) {
		const ours, theirs = "https://app.example.org", "https://evil.example.org"
		for name, c := range map[string]struct {
			origins []string
			origin  string
			want    string
		}{
			"none by default": {nil, ours, ""},
			"the one":         {[]string{ours}, ours, ours},
			"another one":     {[]string{ours}, theirs, ""},
			"one of two":      {[]string{"http://localhost:5173", ours}, ours, ours},
			"any":             {[]string{"*"}, theirs, "*"},
		} {
			t.Run(name, func(t *testing.T) {
				a := serve(t, g, func(s *Server) { s.CORSOrigins = c.origins })
				for path, allow := range resources {
					got := options(t, a, path, c.origin)
					if got.StatusCode != http.StatusNoContent || got.Header.Get("Access-Control-Allow-Origin") != c.want || got.Header.Get("Allow") != allow {
						t.Errorf("%s: status %d, allowed %q, want %q", path, got.StatusCode, got.Header.Get("Access-Control-Allow-Origin"), c.want)
					}
				}
				request := a.request(t, http.MethodGet, "/api/v1/jobs/000000000000", key, nil)
				request.Header.Set("Origin", c.origin)
				got := a.do(t, request)
				got.wantProblem(t, 404, "job_not_found")
				if got.Header.Get("Access-Control-Allow-Origin") != c.want {
					t.Errorf("a problem: allowed %q, want %q", got.Header.Get("Access-Control-Allow-Origin"), c.want)
				}
				exposed := strings.Split(strings.ToLower(got.Header.Get("Access-Control-Expose-Headers")), ", ")
				for _, header := range []string{"location", "retry-after", "ratelimit", "ratelimit-policy", "etag", "x-request-id", "content-disposition", "idempotency-replayed"} {
					if slices.Contains(exposed, header) != (c.want != "") {
						t.Errorf("%s in %v", header, exposed)
					}
				}
				if !strings.Contains(a.log.String(), `"route":"/api/v1/jobs/{id}"`) {
					t.Errorf("the log lacks the request: %s", a.log.String())
				}
			})
		}
	})

	t.Run("problems are told in the language that is asked for", func(t *testing.T) {
		a := serve(t, g, nil)
		for accepted, want := range map[string]string{
			"": "en", "en": "en", "km": "km", "km-KH": "km", "fr": "en", "fr, km;q=0.5": "km", "en, km;q=0.5": "en", "km;q=0.5, en;q=0.8": "en",
			"km, en;q=0.9": "km", "*": "en", "not a language": "en", "km;q=0": "en",
		} {
			request := a.request(t, http.MethodGet, "/api/v1/jobs/000000000000", key, nil)
			request.Header.Set("Accept-Language", accepted)
			got := a.do(t, request)
			problem := got.wantProblem(t, 404, "job_not_found")
			if got.Header.Get("Content-Language") != want || isKhmer(problem.Detail) != (want == "km") || !isKhmer(problem.DetailKm) {
				t.Errorf("%q: Content-Language %q, want %s: %s", accepted, got.Header.Get("Content-Language"), want, got.body)
			}
		}
	})

	t.Run("health tells of an API server that went away", func(t *testing.T) {
		a := serve(t, g, func(s *Server) {
			s.Live = lost{}
			s.LimiterAway = func() bool { return true }
		})
		for path, want := range map[string]string{
			"/api/v1/health":       `{"status":"unavailable","version":"test","components":{"api":"ok","cluster":"unavailable","rate_limit":"degraded","store":"ok"}}`,
			"/api/v1/health/ready": `{"status":"unavailable"}`,
			"/api/v1/health/live":  `{"status":"ok"}`,
		} {
			got := a.get(t, path, "")
			if strings.TrimSpace(string(got.body)) != want || (got.StatusCode == 200) != (path == "/api/v1/health/live") {
				t.Errorf("%s: status %d, %s", path, got.StatusCode, got.body)
			}
		}
		degraded := serve(t, g, func(s *Server) { s.LimiterAway = func() bool { return true } })
		for _, path := range []string{"/api/v1/health", "/api/v1/health/ready"} {
			if got := degraded.get(t, path, ""); got.StatusCode != 200 {
				t.Errorf("%s: status %d, %s", path, got.StatusCode, got.body)
			}
		}
	})
}
