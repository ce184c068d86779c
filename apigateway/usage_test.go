package apigateway

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/openplp/khocr/api/v1alpha1"
	"github.com/openplp/khocr/apigateway/gatewaytest"
	"github.com/openplp/khocr/apigateway/keyuse"
	"github.com/openplp/khocr/apigateway/ratelimit"
	"github.com/openplp/khocr/apigateway/spending"
	"github.com/openplp/khocr/internal/apikey"
	"github.com/openplp/khocr/internal/money"
)

func TestKeysOf(t *testing.T) {
	at := time.Date(2026, 11, 1, 8, 0, 0, 0, time.UTC)
	named := func(names ...string) (keys []v1alpha1.APIKey) {
		for _, name := range names {
			keys = append(keys, v1alpha1.APIKey{Name: name})
		}
		return keys
	}
	for name, c := range map[string]struct {
		keys  []v1alpha1.APIKey
		pages []v1alpha1.KeyUsage
		used  keyuse.Times
		want  string
	}{
		"no keys":                         {nil, nil, nil, ""},
		"a key that was never used":       {named("main"), nil, nil, "main 0 never"},
		"by name":                         {named("web", "ci"), []v1alpha1.KeyUsage{{Name: "ci", Pages: 2}, {Name: "web", Pages: 3}}, keyuse.Times{"ci": at}, "ci 2 08:00, web 3 never"},
		"what came without a key is last": {named("main"), []v1alpha1.KeyUsage{{Pages: 7}, {Name: "main", Pages: 1}}, nil, "main 1 never, null 7 never"},
		"a key that is gone":              {named("main"), []v1alpha1.KeyUsage{{Name: "gone", Pages: 5}}, keyuse.Times{"gone": at}, "gone 5 08:00 without scopes, main 0 never"},
		"a use of a key that is gone":     {named("main"), nil, keyuse.Times{"gone": at}, "main 0 never"},
	} {
		t.Run(name, func(t *testing.T) {
			var got []string
			for _, view := range keysOf(c.keys, c.pages, c.used) {
				key, used := "null", "never"
				if view.Key != nil {
					key = *view.Key
				}
				if view.LastUsedAt != nil {
					used = view.LastUsedAt.Format("15:04")
				}
				text := fmt.Sprint(key, " ", view.Pages, " ", used)
				if view.Key != nil && view.Scopes == nil {
					text += " without scopes"
				}
				got = append(got, text)
			}
			if strings.Join(got, ", ") != c.want {
				t.Errorf("got %q, want %q", strings.Join(got, ", "), c.want)
			}
		})
	}
}

func testUsage(t *testing.T, g *gatewaytest.Gateway) {
	now := time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC)
	expiry := metav1.NewTime(time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC))
	key := g.Organization(t, "reckoned", func(o *v1alpha1.Organization) {
		limited(o)
		o.Spec.DisplayName = v1alpha1.LocalizedText{En: "Reckoned", Km: "គណនា"}
		o.Spec.APIKeys = append(o.Spec.APIKeys, v1alpha1.APIKey{
			Name: "ci", SHA256: apikey.Hash("khocr_ci"), Scopes: []v1alpha1.Scope{v1alpha1.ScopeConvert}, ExpiresAt: &expiry,
		})
		o.Status.Usage = []v1alpha1.MonthUsage{
			{Month: "2026-11", Settled: 30, Reserved: 7, Days: []v1alpha1.DayUsage{{Day: 3, Pages: 10}, {Day: 21, Pages: 20}},
				Keys: []v1alpha1.KeyUsage{{Pages: 4}, {Name: "main", Pages: 26}}},
			{Month: "2026-10", Settled: 55, Days: []v1alpha1.DayUsage{{Day: 31, Pages: 55}}, Keys: []v1alpha1.KeyUsage{{Name: "main", Pages: 55}}},
		}
	})
	still := func(s *Server) {
		s.Now = func() time.Time { return now }
		s.Limiter = ratelimit.NewMemory(s.Now)
	}
	a := serve(t, g, still)
	running := jobOf(t, a, "khocr-reckoned", a.convert(t, key, pdf("a.pdf", 99)))
	running.Status = v1alpha1.OcrJobStatus{Phase: v1alpha1.PhaseRunning}
	g.UpdateStatus(t, running)
	waiting := jobOf(t, a, "khocr-reckoned", a.convert(t, key, pdf("a.pdf", 99)))
	gatewaytest.Eventually(t, "the informers know the second job", func() bool {
		return g.Cached.Get(t.Context(), keyIn("khocr-reckoned", waiting.Name), waiting) == nil
	})

	usage := func(t *testing.T, path string) map[string]any {
		t.Helper()
		got := a.get(t, path, key)
		var view map[string]any
		if err := json.Unmarshal(got.body, &view); err != nil || got.StatusCode != http.StatusOK {
			t.Fatalf("status %d, %v: %s", got.StatusCode, err, got.body)
		}
		return view
	}
	wantFields := func(t *testing.T, view map[string]any, want string) {
		t.Helper()
		var fields map[string]any
		if err := json.Unmarshal([]byte(want), &fields); err != nil {
			t.Fatal(err)
		}
		for field, value := range fields {
			if !reflect.DeepEqual(view[field], value) {
				t.Errorf("%s is %v, want %v", field, view[field], value)
			}
		}
	}

	t.Run("the month so far", func(t *testing.T) {
		for range 2 { // asking costs nothing
			view := usage(t, "/api/v1/usage")
			wantFields(t, view, `{
				"organization": {"name": "reckoned", "display_name": "Reckoned", "display_name_km": "គណនា"},
				"plan": {"name": "tested", "display_name": "Tested", "display_name_km": "Tested"},
				"month": "2026-11", "time_zone": "Asia/Phnom_Penh", "resets_at": "2026-11-30T17:00:00Z",
				"pages": {"used": 30, "reserved": 7, "left": 63, "limit": 100},
				"requests": {"limit": 10, "remaining": 8, "reset_seconds": 12.0},
				"by_day": [{"date": "2026-11-03", "pages": 10}, {"date": "2026-11-21", "pages": 20}],
				"by_key": [
					{"key": "ci", "pages": 0, "last_used_at": null, "expires_at": "2027-01-01T00:00:00Z", "scopes": ["convert"]},
					{"key": "main", "pages": 26, "last_used_at": "2026-11-22T09:00:00Z", "expires_at": null, "scopes": ["convert", "read"]},
					{"key": null, "pages": 4, "last_used_at": null, "expires_at": null}],
				"jobs": {"QUEUED": 1, "PROCESSING": 1, "COMPLETED": 0, "FAILED": 0, "CANCELLED": 0}}`)
		}
	})

	t.Run("what AI models cost", func(t *testing.T) {
		wantFields(t, usage(t, "/api/v1/usage"), `{"ai": null}`)
		thrifty := g.Organization(t, "thrifty", func(o *v1alpha1.Organization) {
			o.Spec.AI = &v1alpha1.AISettings{MonthlyCostLimit: "2.5"}
			o.Status.Usage = []v1alpha1.MonthUsage{{Month: "2026-10"}}
		})
		get := func(path string) map[string]any {
			t.Helper()
			var view map[string]any
			got := a.get(t, path, thrifty)
			if err := json.Unmarshal(got.body, &view); err != nil || got.StatusCode != http.StatusOK {
				t.Fatalf("status %d, %v: %s", got.StatusCode, err, got.body)
			}
			return view
		}
		wantFields(t, get("/api/v1/usage"), `{"ai": {"currency": "USD", "cost": 0, "limit": 2.5, "left": 2.5, "pages": 0, "fallbacks": 0,
			"input_tokens": 0, "output_tokens": 0, "seconds": 0, "models": []}}`)
		wantFields(t, get("/api/v1/usage?month=2026-10"), `{"ai": null}`)
		// Another gateway notes it.
		book := spending.New(g.Store, "another", time.Now, slog.New(slog.DiscardHandler))
		for _, noted := range []struct {
			month, model string
			sum          spending.Sum
		}{
			{"2026-11", "qwen", spending.Sum{Pages: 2, Answers: 3, InputTokens: 3000, OutputTokens: 700, Cost: 2 * money.Unit, Milliseconds: 1234}},
			{"2026-11", "gemma", spending.Sum{Pages: 1, Fallbacks: 1, Answers: 3, InputTokens: 10, OutputTokens: 20, Cost: 600_001, Milliseconds: 8766}},
			{"2026-10", "qwen", spending.Sum{Pages: 7, Answers: 7, Cost: 5}},
		} {
			if err := book.Note(t.Context(), "khocr-thrifty", noted.month, noted.model, noted.sum); err != nil {
				t.Fatal(err)
			}
		}
		wantFields(t, get("/api/v1/usage"), `{"ai": {"currency": "USD", "cost": 2.600001, "limit": 2.5, "left": 0, "pages": 3, "fallbacks": 1,
			"input_tokens": 3010, "output_tokens": 720, "seconds": 10.0, "models": [
				{"model": "gemma", "pages": 1, "fallbacks": 1, "input_tokens": 10, "output_tokens": 20, "seconds": 8.8, "cost": 0.600001},
				{"model": "qwen", "pages": 2, "fallbacks": 0, "input_tokens": 3000, "output_tokens": 700, "seconds": 1.2, "cost": 2}]}}`)
		wantFields(t, get("/api/v1/usage?month=2026-10"), `{"ai": {"currency": "USD", "cost": 0.000005, "limit": null, "left": null, "pages": 7, "fallbacks": 0,
			"input_tokens": 0, "output_tokens": 0, "seconds": 0, "models": [
				{"model": "qwen", "pages": 7, "fallbacks": 0, "input_tokens": 0, "output_tokens": 0, "seconds": 0, "cost": 0.000005}]}}`)
	})

	t.Run("the month before", func(t *testing.T) {
		view := usage(t, "/api/v1/usage?month=2026-10")
		wantFields(t, view, `{"month": "2026-10", "pages": {"used": 55, "reserved": 0}, "resets_at": null,
			"by_day": [{"date": "2026-10-31", "pages": 55}]}`)
	})

	t.Run("a month of which nothing is kept", func(t *testing.T) {
		for _, month := range []string{"2026-09", "2026-12"} {
			a.get(t, "/api/v1/usage?month="+month, key).wantProblem(t, 404, "usage_not_found")
		}
	})

	t.Run("what is no month", func(t *testing.T) {
		for _, month := range []string{"", "2026", "2026-13", "2026-1", "november"} {
			if problem := a.get(t, "/api/v1/usage?month="+month, key).wantProblem(t, 400, "invalid_parameter"); !strings.Contains(problem.Detail, "2026-11") {
				t.Errorf("detail %q", problem.Detail)
			}
		}
		a.get(t, "/api/v1/usage?day=1", key).wantProblem(t, 400, "unknown_parameter")
	})

	t.Run("an organization that has done nothing yet", func(t *testing.T) {
		fresh := g.Organization(t, "fresh", nil)
		got := a.get(t, "/api/v1/usage", fresh)
		if !strings.Contains(string(got.body), `"pages":{"used":0,"reserved":0,"left":100,"limit":100}`) ||
			!strings.Contains(string(got.body), `"by_day":[]`) {
			t.Errorf("status %d: %s", got.StatusCode, got.body)
		}
	})

	t.Run("it takes the scope to read", func(t *testing.T) {
		a.get(t, "/api/v1/usage", "khocr_ci").wantProblem(t, 403, "insufficient_scope")
	})

	t.Run("a store that is away is not taken for keys that were never used", func(t *testing.T) {
		folder := t.TempDir()
		if err := os.WriteFile(filepath.Join(folder, "khocr-reckoned"), nil, 0o600); err != nil {
			t.Fatal(err)
		}
		broken := serve(t, g, func(s *Server) {
			still(s)
			s.KeyUse = keyuse.New(gatewaytest.OpenStore(t, folder), s.Log)
		})
		broken.get(t, "/api/v1/usage", key).wantProblem(t, 503, "store_unavailable")
	})
}
