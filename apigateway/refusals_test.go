package apigateway

import (
	"encoding/json"
	"net/http"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"

	"github.com/openplp/khocr/api/v1alpha1"
	"github.com/openplp/khocr/apigateway/gatewaytest"
)

// testRefusals changes what an organization may do, and looks at how two gateways take it.
func testRefusals(t *testing.T, g *gatewaytest.Gateway) {
	clock := newClock(time.Now())
	turning := func(s *Server) { s.Now = clock.now }
	replicas := []*api{serve(t, g, turning), serve(t, g.Replica(t), turning)}
	plan := &v1alpha1.Plan{}
	if err := g.Client.Get(t.Context(), keyOf("tested"), plan); err != nil {
		t.Fatal(err)
	}
	plan.ObjectMeta = metav1.ObjectMeta{Name: "changing"}
	if err := g.Client.Create(t.Context(), plan); err != nil {
		t.Fatal(err)
	}

	organization := func(t *testing.T, name string) string {
		t.Helper()
		key := g.Organization(t, name, func(o *v1alpha1.Organization) { o.Spec.PlanRef = plan.Name })
		everywhere(t, "the organization is known", replicas, func(a *api) bool {
			return a.get(t, "/api/v1/jobs/000000000000", key).StatusCode == http.StatusNotFound &&
				a.convert(t, key, pdf("a.pdf", 99)).StatusCode == http.StatusAccepted
		})
		return key
	}
	change := func(t *testing.T, name string, how func(*v1alpha1.Organization)) {
		t.Helper()
		o := &v1alpha1.Organization{}
		if err := g.Client.Get(t.Context(), keyOf(name), o); err != nil {
			t.Fatal(err)
		}
		how(o)
		if err := g.Client.Update(t.Context(), o); err != nil {
			t.Fatal(err)
		}
	}
	// refused waits until both refuse a submission in the same way, and tells what then becomes of a read.
	refused := func(t *testing.T, key string, status int, code string, read int) {
		t.Helper()
		everywhere(t, code, replicas, func(a *api) bool {
			return a.convert(t, key, pdf("a.pdf", 99)).StatusCode == status
		})
		for _, a := range replicas {
			problem := a.convert(t, key, pdf("a.pdf", 99)).wantProblem(t, status, code)
			if !isKhmer(problem.DetailKm) {
				t.Errorf("no words in Khmer: %+v", problem)
			}
			if got := a.get(t, "/api/v1/jobs/000000000000", key); got.StatusCode != read {
				t.Errorf("a read: status %d, want %d", got.StatusCode, read)
			}
		}
	}

	t.Run("an organization is suspended, and let go on", func(t *testing.T) {
		key := organization(t, "pausing")
		change(t, "pausing", func(o *v1alpha1.Organization) { o.Spec.Suspended = new(true) })
		refused(t, key, 403, "organization_suspended", 404)
		change(t, "pausing", func(o *v1alpha1.Organization) { o.Spec.Suspended = nil })
		everywhere(t, "it may go on", replicas, func(a *api) bool {
			return a.convert(t, key, pdf("a.pdf", 99)).StatusCode == http.StatusAccepted
		})
	})

	t.Run("an organization is being removed", func(t *testing.T) {
		key := organization(t, "leaving")
		change(t, "leaving", func(o *v1alpha1.Organization) { controllerutil.AddFinalizer(o, "example.test/held") })
		o := &v1alpha1.Organization{ObjectMeta: metav1.ObjectMeta{Name: "leaving"}}
		if err := g.Client.Delete(t.Context(), o); err != nil {
			t.Fatal(err)
		}
		refused(t, key, 403, "organization_closed", 404)
		change(t, "leaving", func(o *v1alpha1.Organization) { controllerutil.RemoveFinalizer(o, "example.test/held") })
		refused(t, key, 401, "invalid_api_key", 401)
	})

	t.Run("a key is removed", func(t *testing.T) {
		key := organization(t, "keyless")
		change(t, "keyless", func(o *v1alpha1.Organization) { o.Spec.APIKeys = nil })
		refused(t, key, 401, "invalid_api_key", 401)
	})

	t.Run("a key loses a scope", func(t *testing.T) {
		key := organization(t, "narrowed")
		change(t, "narrowed", func(o *v1alpha1.Organization) { o.Spec.APIKeys[0].Scopes = []v1alpha1.Scope{v1alpha1.ScopeRead} })
		refused(t, key, 403, "insufficient_scope", 404)
	})

	t.Run("a key expires", func(t *testing.T) {
		key := organization(t, "expiring")
		moment := metav1.NewTime(clock.now().Add(time.Hour))
		change(t, "expiring", func(o *v1alpha1.Organization) { o.Spec.APIKeys[0].ExpiresAt = &moment })
		everywhere(t, "the gateway knows when", replicas, func(a *api) bool { return expiryOf(t, a, key) != "" })
		clock.advance(time.Hour)
		for _, a := range replicas {
			a.convert(t, key, pdf("a.pdf", 99)).wantProblem(t, 401, "key_expired")
			a.get(t, "/api/v1/usage", key).wantProblem(t, 401, "key_expired")
		}
	})

	t.Run("a priority is taken off the plan", func(t *testing.T) {
		key := organization(t, "hurried")
		low := part{name: "priority", content: "low"}
		for _, a := range replicas {
			jobOf(t, a, "khocr-hurried", a.convert(t, key, pdf("a.pdf", 99), low))
		}
		changePlan(t, g, plan, func(l *v1alpha1.PlanLimits) { l.Priorities = []v1alpha1.Priority{v1alpha1.PriorityNormal} })
		everywhere(t, "the priority is refused", replicas, func(a *api) bool {
			return a.convert(t, key, pdf("a.pdf", 99), low).StatusCode == http.StatusForbidden
		})
		for _, a := range replicas {
			a.convert(t, key, pdf("a.pdf", 99), low).wantProblem(t, 403, "priority_not_allowed")
		}
	})

	t.Run("the plan's numbers change, and are overridden", func(t *testing.T) {
		key := organization(t, "numbered")
		told := func(t *testing.T, policies string) {
			t.Helper()
			everywhere(t, "the headers tell "+policies, replicas, func(a *api) bool {
				got := a.convert(t, key, pdf("a.pdf", 99)).Header.Get("RateLimit-Policy")
				return len(got) >= len(policies) && got[:len(policies)] == policies
			})
		}
		changePlan(t, g, plan, func(l *v1alpha1.PlanLimits) { l.RequestsPerMinute, l.PagesPerMonth = 2000, new(int64(70)) })
		told(t, `"minute";q=2000;w=60, "month";q=70;`)
		change(t, "numbered", func(o *v1alpha1.Organization) {
			o.Spec.Overrides = &v1alpha1.LimitOverrides{RequestsPerMinute: new(int32(3000)), PagesPerMonth: new(int64(0))}
		})
		told(t, `"minute";q=3000;w=60, "month";q=0;`)
		refused(t, key, 429, "page_quota_exceeded", 404)
	})

	t.Run("the plan is one that there is not", func(t *testing.T) {
		key := organization(t, "misled")
		change(t, "misled", func(o *v1alpha1.Organization) { o.Spec.PlanRef = "nowhere" })
		refused(t, key, 503, "plan_not_found", 404)
		for _, a := range replicas {
			a.get(t, "/api/v1/usage", key).wantProblem(t, 503, "plan_not_found")
		}
	})
}

// everywhere waits until a condition holds on every gateway.
func everywhere(t *testing.T, what string, replicas []*api, holds func(*api) bool) {
	t.Helper()
	for _, a := range replicas {
		gatewaytest.Eventually(t, what, func() bool { return holds(a) })
	}
}

func changePlan(t *testing.T, g *gatewaytest.Gateway, plan *v1alpha1.Plan, how func(*v1alpha1.PlanLimits)) {
	t.Helper()
	if err := g.Client.Get(t.Context(), client.ObjectKeyFromObject(plan), plan); err != nil {
		t.Fatal(err)
	}
	how(&plan.Spec.Limits)
	if err := g.Client.Update(t.Context(), plan); err != nil {
		t.Fatal(err)
	}
}

// expiryOf is when the first key expires, as the usage tells.
func expiryOf(t *testing.T, a *api, key string) string {
	t.Helper()
	var usage struct {
		ByKey []struct {
			ExpiresAt string `json:"expires_at"`
		} `json:"by_key"`
	}
	if got := a.get(t, "/api/v1/usage", key); json.Unmarshal(got.body, &usage) != nil || len(usage.ByKey) == 0 {
		t.Fatalf("status %d: %s", got.StatusCode, got.body)
	}
	return usage.ByKey[0].ExpiresAt
}
