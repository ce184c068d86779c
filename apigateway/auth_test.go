package apigateway

import (
	"net/http"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/openplp/khocr/api/v1alpha1"
	"github.com/openplp/khocr/apigateway/gatewaytest"
	"github.com/openplp/khocr/internal/apikey"
)

func testAuthentication(t *testing.T, g *gatewaytest.Gateway) {
	a := serve(t, g, nil)
	past, future := metav1.NewTime(time.Now().Add(-time.Second)), metav1.NewTime(time.Now().Add(time.Hour))
	edited := func(name string, edit func(*v1alpha1.APIKey)) string {
		return g.Organization(t, name, func(o *v1alpha1.Organization) { edit(&o.Spec.APIKeys[0]) })
	}
	keys := map[string]string{
		"good":    g.Organization(t, "good", nil),
		"expired": edited("expired", func(k *v1alpha1.APIKey) { k.ExpiresAt = &past }),
		"lasting": edited("lasting", func(k *v1alpha1.APIKey) { k.ExpiresAt = &future }),
		"reader":  edited("reader", func(k *v1alpha1.APIKey) { k.Scopes = []v1alpha1.Scope{v1alpha1.ScopeRead} }),
		"writer":  edited("writer", func(k *v1alpha1.APIKey) { k.Scopes = []v1alpha1.Scope{v1alpha1.ScopeConvert} }),
		"admin":   edited("admin", func(k *v1alpha1.APIKey) { k.Scopes = []v1alpha1.Scope{v1alpha1.ScopeAdmin} }),
		"suspended": g.Organization(t, "suspended", func(o *v1alpha1.Organization) {
			o.Spec.Suspended = new(true)
		}),
		"wrong": apikey.Generate(),
	}
	shared := g.Organization(t, "shared-one", nil)
	g.Organization(t, "shared-two", func(o *v1alpha1.Organization) { o.Spec.APIKeys[0].SHA256 = apikey.Hash(shared) })
	keys["shared"] = shared
	claiming := g.Organization(t, "claiming", nil)
	claimant := new(v1alpha1.Organization)
	if err := g.Cached.Get(t.Context(), keyOf("claiming"), claimant); err != nil {
		t.Fatal(err)
	}
	// The manager has not given it the namespace that it asks for.
	claimant.Status.Namespace = ""
	g.UpdateStatus(t, claimant)
	keys["claiming"] = claiming

	for name, c := range map[string]struct {
		key     string
		convert int
		read    int
		code    string
	}{
		"no key":                                    {"", 401, 401, "missing_api_key"},
		"a key that nobody has":                     {"wrong", 401, 401, "invalid_api_key"},
		"a key that two organizations have":         {"shared", 401, 401, "invalid_api_key"},
		"an expired key":                            {"expired", 401, 401, "key_expired"},
		"a key that expires later":                  {"lasting", 202, 404, ""},
		"a key without scopes may do both":          {"good", 202, 404, ""},
		"a key for reading":                         {"reader", 403, 404, "insufficient_scope"},
		"a key for converting":                      {"writer", 202, 403, "insufficient_scope"},
		"an admin's key":                            {"admin", 202, 404, ""},
		"a suspended organization may read":         {"suspended", 403, 404, "organization_suspended"},
		"an organization without its own namespace": {"claiming", 503, 503, "organization_not_ready"},
	} {
		t.Run(name, func(t *testing.T) {
			converted := a.convert(t, keys[c.key], pdf("a.pdf", 99))
			read := a.get(t, "/api/v1/jobs/000000000000", keys[c.key])
			if converted.StatusCode != c.convert || read.StatusCode != c.read {
				t.Errorf("convert %d and read %d, want %d and %d", converted.StatusCode, read.StatusCode, c.convert, c.read)
			}
			for _, got := range []answer{converted, read} {
				if code := got.StatusCode; code != 202 && code != 404 {
					got.wantProblem(t, code, c.code)
				}
			}
		})
	}

	t.Run("the body is not looked at before the key", func(t *testing.T) {
		request := a.request(t, http.MethodPost, "/api/v1/convert", "khocr_wrong", strings.NewReader("no form at all"))
		problem := a.do(t, request).wantProblem(t, 401, "invalid_api_key")
		if problem.Message != "Invalid or missing API key" || problem.MessageKm != "កូដ API មិនត្រឹមត្រូវ" {
			t.Errorf("messages %q and %q are not the contract's", problem.Message, problem.MessageKm)
		}
	})

	t.Run("the log tells whose request it was and never a key", func(t *testing.T) {
		logged := serve(t, g, nil)
		request := logged.request(t, http.MethodGet, "/api/v1/jobs/000000000000?api_key="+keys["good"], "", nil)
		request.Header.Set("X-Request-Id", "mine-1")
		if got := logged.do(t, request); got.Header.Get("X-Request-Id") != "mine-1" {
			t.Errorf("X-Request-Id %q", got.Header.Get("X-Request-Id"))
		}
		logged.get(t, "/api/v1/jobs/000000000000", keys["wrong"])
		gatewaytest.Eventually(t, "both requests are logged", func() bool {
			return strings.Count(logged.log.String(), `"msg":"request"`) == 2
		})
		log := logged.log.String()
		for _, want := range []string{`"organization":"good"`, `"key":"main"`, `"request_id":"mine-1"`, `"route":"/api/v1/jobs/{id}"`, `"status":404`} {
			if !strings.Contains(log, want) {
				t.Errorf("the log lacks %s: %s", want, log)
			}
		}
		if strings.Contains(log, keys["good"]) || strings.Contains(log, keys["wrong"]) {
			t.Errorf("the log holds a key: %s", log)
		}
	})
}
