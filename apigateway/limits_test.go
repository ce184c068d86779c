package apigateway

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/openplp/khocr/api/v1alpha1"
	"github.com/openplp/khocr/apigateway/gatewaytest"
	"github.com/openplp/khocr/apigateway/ratelimit"
	"github.com/openplp/khocr/internal/apikey"
)

// clock is a clock that a test turns.
type clock struct{ nanoseconds atomic.Int64 }

func newClock(at time.Time) *clock {
	c := new(clock)
	c.nanoseconds.Store(at.UnixNano())
	return c
}

func (c *clock) now() time.Time           { return time.Unix(0, c.nanoseconds.Load()) }
func (c *clock) advance(by time.Duration) { c.nanoseconds.Add(int64(by)) }

func TestTermsOf(t *testing.T) {
	plan := func(zone string) *v1alpha1.Plan {
		return &v1alpha1.Plan{Spec: v1alpha1.PlanSpec{TimeZone: zone, Limits: v1alpha1.PlanLimits{RequestsPerMinute: 10, PagesPerMonth: new(int64(100))}}}
	}
	organization := &v1alpha1.Organization{}
	organization.Status.Usage = []v1alpha1.MonthUsage{{Month: "2026-11", Settled: 30, Reserved: 7}}
	now := time.Date(2026, 10, 31, 17, 0, 0, 0, time.UTC) // midnight in Phnom Penh

	t.Run("a month begins in the zone of the plan", func(t *testing.T) {
		got, err := termsOf(organization, plan(""), now)
		if err != nil {
			t.Fatal(err)
		}
		m := got.month
		if m.name != "2026-11" || m.limit != 100 || m.left != 63 || !m.start.Equal(now) || m.end.Sub(m.start) != 30*24*time.Hour {
			t.Errorf("%+v", m)
		}
	})
	t.Run("a month may have an hour more", func(t *testing.T) {
		got, err := termsOf(organization, plan("Europe/Berlin"), now)
		if err != nil || got.month.name != "2026-10" || got.month.left != 100 || got.month.end.Sub(got.month.start) != 31*24*time.Hour+time.Hour {
			t.Errorf("%+v, %v", got.month, err)
		}
	})
	t.Run("overrides come first", func(t *testing.T) {
		large := organization.DeepCopy()
		large.Spec.Overrides = &v1alpha1.LimitOverrides{RequestsPerMinute: new(int32(500)), PagesPerMonth: new(int64(1000))}
		got, err := termsOf(large, plan(""), now)
		if err != nil || got.limits.RequestsPerMinute != 500 || got.month.limit != 1000 || got.month.left != 963 {
			t.Errorf("%+v, %v", got, err)
		}
	})
	t.Run("a zone that there is not", func(t *testing.T) {
		if _, err := termsOf(organization, plan("Asia/Nowhere"), now); err == nil {
			t.Error("no error")
		}
	})
}

func TestTellLimits(t *testing.T) {
	now := time.Date(2026, 11, 29, 17, 0, 0, 500_000_000, time.UTC)
	november := month{limit: 100, left: 63, start: time.Date(2026, 10, 31, 17, 0, 0, 0, time.UTC), end: time.Date(2026, 11, 30, 17, 0, 0, 0, time.UTC)}
	held := &terms{plan: &v1alpha1.Plan{}, month: november}
	for name, c := range map[string]struct {
		policy           string
		result           ratelimit.Result
		terms            *terms
		policies, limits string
	}{
		"a submission": {policyMinute, ratelimit.Result{Allowed: true, Limit: 10, Remaining: 9, RetryAfter: 5900 * time.Millisecond}, held,
			`"minute";q=10;w=60, "month";q=100;w=2592000;khocr-unit="pages"`, `"minute";r=9;t=6, "month";r=63;t=86400`},
		"a read": {policyReads, ratelimit.Result{Allowed: true, Limit: 600, Remaining: 599, RetryAfter: 100 * time.Millisecond}, held,
			`"reads";q=600;w=60, "month";q=100;w=2592000;khocr-unit="pages"`, `"reads";r=599;t=1, "month";r=63;t=86400`},
		"a read without a plan": {policyReads, ratelimit.Result{Limit: 600, RetryAfter: time.Second}, &terms{},
			`"reads";q=600;w=60`, `"reads";r=0;t=1`},
	} {
		t.Run(name, func(t *testing.T) {
			header := http.Header{}
			tellLimits(header, c.policy, c.result, c.terms, now)
			if got := header.Get("RateLimit-Policy"); got != c.policies {
				t.Errorf("RateLimit-Policy: %s\nwant %s", got, c.policies)
			}
			if got := header.Get("RateLimit"); got != c.limits {
				t.Errorf("RateLimit: %s\nwant %s", got, c.limits)
			}
		})
	}
}

// limited makes an organization that may send ten documents a minute.
func limited(o *v1alpha1.Organization) {
	o.Spec.Overrides = &v1alpha1.LimitOverrides{RequestsPerMinute: new(int32(10))}
}

// minute reads what the headers tell of a policy of requests.
func minute(t *testing.T, got answer, policy string) (limit, remaining int) {
	t.Helper()
	var window, until int
	policies, limits := got.Header.Get("RateLimit-Policy"), got.Header.Get("RateLimit")
	if _, err := fmt.Sscanf(policies, `"`+policy+`";q=%d;w=%d, "month";q=100;`, &limit, &window); err != nil || window != 60 {
		t.Fatalf("RateLimit-Policy %q: %v", policies, err)
	}
	if _, err := fmt.Sscanf(limits, `"`+policy+`";r=%d;t=%d, "month";r=`, &remaining, &until); err != nil {
		t.Fatalf("RateLimit %q: %v", limits, err)
	}
	return limit, remaining
}

func testLimits(t *testing.T, g *gatewaytest.Gateway) {
	t.Run("the eleventh submission at once is refused until its time", func(t *testing.T) {
		second := apikey.Generate()
		first := g.Organization(t, "bursting", func(o *v1alpha1.Organization) {
			limited(o)
			o.Spec.APIKeys = append(o.Spec.APIKeys, v1alpha1.APIKey{Name: "second", SHA256: apikey.Hash(second)})
		})
		clock := newClock(time.Now())
		a := serve(t, g, func(s *Server) { s.Limiter = ratelimit.NewMemory(clock.now) })
		for i := range 10 {
			got := a.convert(t, []string{first, second}[i%2], pdf("a.pdf", 99))
			jobOf(t, a, "khocr-bursting", got)
			if limit, remaining := minute(t, got, "minute"); limit != 10 || remaining != 9-i {
				t.Errorf("submission %d: %d of %d left", i+1, remaining, limit)
			}
		}
		for range 2 {
			got := a.convert(t, first, pdf("a.pdf", 99))
			problem := got.wantProblem(t, 429, "rate_limited")
			if problem.Message != "Rate limit exceeded" || problem.MessageKm != "ការស្នើសុំច្រើនពេក" {
				t.Errorf("messages %q and %q are not the contract's", problem.Message, problem.MessageKm)
			}
			if !strings.Contains(problem.Detail, "10") {
				t.Errorf("detail %q does not tell the limit", problem.Detail)
			}
			if after := got.Header.Get("Retry-After"); after != "6" {
				t.Errorf("Retry-After %q, want a tenth of the minute, however often one asks", after)
			}
			if limits := got.Header.Get("RateLimit"); !strings.HasPrefix(limits, `"minute";r=0;t=6, "month";r=100;`) {
				t.Errorf("RateLimit %q", limits)
			}
		}
		for range 30 {
			if got := a.get(t, "/api/v1/jobs/000000000000", first); got.StatusCode != http.StatusNotFound {
				t.Fatalf("a read: status %d", got.StatusCode)
			}
		}
		clock.advance(6 * time.Second)
		jobOf(t, a, "khocr-bursting", a.convert(t, second, pdf("a.pdf", 99)))
		a.convert(t, second, pdf("a.pdf", 99)).wantProblem(t, 429, "rate_limited")
		if jobs := g.Jobs(t, "khocr-bursting"); len(jobs) != 11 {
			t.Errorf("%d jobs were made, want 11", len(jobs))
		}
	})

	t.Run("reads have a limit of their own", func(t *testing.T) {
		key := g.Organization(t, "polling", limited)
		clock := newClock(time.Now())
		a := serve(t, g, func(s *Server) { s.Limiter = ratelimit.NewMemory(clock.now) })
		for i := range 600 {
			got := a.get(t, "/api/v1/models", key)
			if limit, remaining := minute(t, got, "reads"); got.StatusCode != 200 || limit != 600 || remaining != 599-i {
				t.Fatalf("read %d: status %d, %d of %d left", i+1, got.StatusCode, remaining, limit)
			}
		}
		got := a.get(t, "/api/v1/models", key)
		got.wantProblem(t, 429, "rate_limited")
		if after := got.Header.Get("Retry-After"); after != "1" {
			t.Errorf("Retry-After %q", after)
		}
		jobOf(t, a, "khocr-polling", a.convert(t, key, pdf("a.pdf", 99)))
	})

	t.Run("what counts", func(t *testing.T) {
		key := g.Organization(t, "counting", func(o *v1alpha1.Organization) {
			limited(o)
			past := metav1.NewTime(time.Now().Add(-time.Hour))
			for _, each := range []v1alpha1.APIKey{{Name: "reader", Scopes: []v1alpha1.Scope{v1alpha1.ScopeRead}}, {Name: "old", ExpiresAt: &past}} {
				each.SHA256 = apikey.Hash("khocr_" + each.Name)
				o.Spec.APIKeys = append(o.Spec.APIKeys, each)
			}
		})
		still := newClock(time.Now())
		a := serve(t, g, func(s *Server) { s.Limiter = ratelimit.NewMemory(still.now) })
		for _, uncounted := range []struct {
			key    string
			status int
		}{{"", 401}, {"khocr_wrong", 401}, {"khocr_old", 401}, {"khocr_reader", 403}} {
			got := a.convert(t, uncounted.key, pdf("a.pdf", 99))
			if got.StatusCode != uncounted.status || got.Header.Get("RateLimit") != "" || got.Header.Get("RateLimit-Policy") != "" {
				t.Errorf("key %q: status %d, RateLimit %q", uncounted.key, got.StatusCode, got.Header.Get("RateLimit"))
			}
		}
		for i, counted := range []struct {
			parts  []part
			status int
		}{
			{[]part{pdf("a.pdf", 99)}, 202}, {nil, 400}, {[]part{{"file", "a.txt", "no document"}}, 400},
			{[]part{pdf("a.pdf", 99), {name: "priority", content: "high"}}, 403},
		} {
			got := a.convert(t, key, counted.parts...)
			if _, remaining := minute(t, got, "minute"); got.StatusCode != counted.status || remaining != 9-i {
				t.Errorf("status %d, %d left; want %d and %d", got.StatusCode, remaining, counted.status, 9-i)
			}
		}
		if got := a.get(t, "/api/v1/health", key); got.Header.Get("RateLimit") != "" {
			t.Error("health is counted")
		}
	})

	t.Run("a refusal touches neither the store nor the body", func(t *testing.T) {
		key := g.Organization(t, "refused", limited)
		still := newClock(time.Now())
		folder := t.TempDir() + "/store"
		if err := os.Mkdir(folder, 0o750); err != nil {
			t.Fatal(err)
		}
		a := serve(t, g, func(s *Server) {
			s.Limiter = ratelimit.NewMemory(still.now)
			s.Store = gatewaytest.OpenStore(t, folder)
		})
		if err := os.WriteFile(folder+"/khocr-refused", nil, 0o600); err != nil {
			t.Fatal(err)
		}
		for range 10 {
			a.convert(t, key, pdf("a.pdf", 200_000)).wantProblem(t, 503, "store_unavailable")
		}
		connection, err := net.Dial("tcp", strings.TrimPrefix(a.url, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		defer connection.Close()
		fmt.Fprintf(connection, "POST /api/v1/convert HTTP/1.1\r\nHost: x\r\nX-API-Key: %s\r\nContent-Type: multipart/form-data; boundary=b\r\n"+
			"Content-Length: 99999999\r\nExpect: 100-continue\r\n\r\n", key)
		answer, err := io.ReadAll(connection)
		if err != nil || !strings.HasPrefix(string(answer), "HTTP/1.1 429 ") || !strings.Contains(string(answer), "rate_limited") {
			t.Errorf("%v: %s", err, answer)
		}
		if jobs := g.Jobs(t, "khocr-refused"); len(jobs) != 0 {
			t.Errorf("%d jobs were made", len(jobs))
		}
	})

	t.Run("the minute comes before the month", func(t *testing.T) {
		now := time.Date(2026, 9, 30, 16, 59, 0, 0, time.UTC)
		key := g.Organization(t, "exhausted", func(o *v1alpha1.Organization) {
			limited(o)
			o.Status.Usage = []v1alpha1.MonthUsage{{Month: "2026-09", Settled: 120}}
		})
		a := serve(t, g, func(s *Server) {
			s.Now = func() time.Time { return now }
			s.Limiter = ratelimit.NewMemory(s.Now)
		})
		for i := range 10 {
			got := a.convert(t, key, pdf("a.pdf", 99))
			got.wantProblem(t, 429, "page_quota_exceeded")
			want := `"minute";r=` + strconv.Itoa(9-i) + `;t=6, "month";r=0;t=60`
			if limits := got.Header.Get("RateLimit"); limits != want || got.Header.Get("Retry-After") != "60" {
				t.Errorf("RateLimit %q, Retry-After %q; want %q and 60", limits, got.Header.Get("Retry-After"), want)
			}
		}
		a.convert(t, key, pdf("a.pdf", 99)).wantProblem(t, 429, "rate_limited")
	})
}
