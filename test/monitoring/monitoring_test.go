package monitoring

import (
	"encoding/json"
	"maps"
	"math"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	authenticationv1 "k8s.io/api/authentication/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/openplp/khocr/api/v1alpha1"
)

// mayBeEmpty are queries of the dashboard that have no answer on a platform that is well.
var mayBeEmpty = []string{
	"Writes that were refused", // two writers have not met
}

func TestMonitoring(t *testing.T) {
	p := start(t)
	targets := map[string][]string{}
	for job, programs := range map[string][]*program{"khocr-manager-metrics": p.managers, "khocr-gateway-metrics": p.gateways, "khocr-relay-metrics": {p.relay}} {
		for _, program := range programs {
			targets[job] = append(targets[job], program.metrics)
		}
	}
	token := p.token(system, reader, authenticationv1.TokenRequestSpec{})
	prometheus := startPrometheus(t, configure(t, p.folder, p.authorities, token, targets))
	prometheus.await(`up{job=~"khocr-.*"}`, 5)
	// What is counted later is a rise from here.
	prometheus.await(`count(khocr_pages_total{source="ocr"})`, 2)
	prometheus.await(`count(khocr_worker_failures_total{reason="WorkerCrashed"})`, 2)
	done := p.work()

	t.Run("what was done is counted once", func(t *testing.T) { testCounts(t, p, prometheus, done) })
	t.Run("every query of the dashboard is answered", func(t *testing.T) { testDashboard(t, prometheus) })
	t.Run("every alert is answered", func(t *testing.T) { testAlerts(t, prometheus) })
	t.Run("no label names a job, a key or a document", func(t *testing.T) { testLabels(t, prometheus, done) })
	t.Run("every metric is explained", func(t *testing.T) { testExplained(t, prometheus) })
	t.Run("a job is found in every log", func(t *testing.T) { testLogs(t, p, done) })
	t.Run("another manager tells the same", func(t *testing.T) { testTakeOver(t, p, prometheus) })
}

// testCounts compares what two managers and two gateways tell together with what was done.
func testCounts(t *testing.T, p *platform, prometheus *prometheus, done done) {
	jobs := &v1alpha1.OcrJobList{}
	p.must(p.Client.List(t.Context(), jobs, client.InNamespace(done.namespace)))
	if len(jobs.Items) != len(done.jobs) {
		t.Fatalf("there are %d jobs, want %d", len(jobs.Items), len(done.jobs))
	}
	on := *prometheus
	on.T = t
	for expression, want := range map[string]float64{
		`khocr_jobs`:                    float64(len(done.jobs) + 1), // and that of the organization with an AI model
		`khocr_jobs{phase="Completed"}`: 3,
		`khocr_jobs{phase="Failed",reason="PasswordProtected"}`:             1,
		`khocr_jobs{phase="Pending",reason="WaitingForSlot"}`:               1,
		`khocr_jobs_ended_total{phase="Completed",reason="Completed"}`:      3,
		`khocr_jobs_ended_total{phase="Failed",reason="PasswordProtected"}`: 1,
		`khocr_pages_total`:                                  5, // three of crash.pdf, one image, which is read twice
		`khocr_pages_total{source="ocr"}`:                    2,
		`khocr_page_failures_total`:                          1,
		`khocr_page_failures_total{reason="page_crashed"}`:   1, // the engine really died
		`khocr_page_duration_seconds_count`:                  5,
		`khocr_job_wait_seconds_count{priority="normal"}`:    4,
		`khocr_uploads_total`:                                6,
		`khocr_uploads_total{media_type="image/png"}`:        2,
		`khocr_organization_pages{organization="moj"}`:       3, // a page that failed is not charged
		`khocr_organization_pages_limit{organization="moj"}`: 5,
		`khocr_organization_jobs_limit{organization="moj"}`:  1,
		`khocr_organization_ready`:                           3,
		`khocr_organization_ready{organization="planless"}`:  0,
		`khocr_model_ready{model="khocr"}`:                   1,
		`khocr_model_ready{model="eyes"}`:                    1,
		// The model says nothing, and nothing when it is asked once more.
		`khocr_ai_pages_total{model="eyes",outcome="fallback"}`:                                             1,
		`khocr_relay_requests_total{model="eyes",result="empty"}`:                                           2,
		`khocr_relay_request_duration_seconds_count{model="eyes"}`:                                          2,
		`khocr_relay_waiting{model="eyes"}`:                                                                 0,
		`khocr_http_errors_total{code="invalid_api_key"}`:                                                   1,
		`khocr_http_requests_total{route="none",status="404"}`:                                              1,
		`khocr_api_writes_total{job="khocr-gateway-metrics",resource="ocrjobs",verb="create",status="201"}`: 6,
		`leader_election_master_status{name="khocr-manager"}`:                                               1,
		`leader_election_master_status{name="khocr-gateway-sweeper"}`:                                       1,
		`khocr_rate_limit_redis_away`:                                                                       0,
	} {
		on.await(expression, want)
	}
	for _, expression := range []string{
		`khocr_store_errors_total`,
		`khocr_ai_tokens_total{organization="seeing",model="eyes",direction="input"}`,
		`khocr_ai_cost_total{organization="seeing",model="eyes"}`,
		`khocr_relay_tokens_total{model="eyes",direction="input"}`,
		`khocr_http_errors_total{code="rate_limited"}`,
		`khocr_upload_bytes_total{media_type="application/pdf"}`,
		`khocr_queue_oldest_seconds{priority="normal",reason="WaitingForSlot"}`,
		`khocr_api_writes_total{job="khocr-manager-metrics",resource="ocrjobs/status",verb="patch",status="200"}`,
		`khocr_http_requests_total{route=~"/internal/.*",method="PUT",status="201"}`,
	} {
		eventually(t, expression+" is more than nothing", func() bool { return on.sum(expression) > 0 })
	}
}

// panel of the dashboard.
type panel struct {
	Title   string
	Targets []struct{ Expr string }
}

func dashboard(t *testing.T) []panel {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, "config/monitoring/dashboard.json"))
	if err != nil {
		t.Fatal(err)
	}
	var board struct{ Panels []panel }
	if err := json.Unmarshal(text, &board); err != nil {
		t.Fatal(err)
	}
	return board.Panels
}

// filledIn is a query with the values that Grafana puts into it.
var filledIn = strings.NewReplacer("$__rate_interval", "30m", "$organization", ".*")

func testDashboard(t *testing.T, prometheus *prometheus) {
	queries := 0
	for _, panel := range dashboard(t) {
		for _, target := range panel.Targets {
			queries++
			expression := filledIn.Replace(target.Expr)
			var samples []sample
			var err error
			answered := func() bool {
				samples, err = prometheus.ask(expression)
				return err == nil && slices.ContainsFunc(samples, func(s sample) bool { return !math.IsNaN(s.value()) })
			}
			if slices.Contains(mayBeEmpty, panel.Title) {
				answered()
			} else {
				eventually(t, panel.Title+" is answered: "+expression, answered)
			}
			if err != nil {
				t.Errorf("%s: %s: %v", panel.Title, expression, err)
			}
			t.Logf("%s: %d series: %s", panel.Title, len(samples), expression)
		}
	}
	if queries < 30 {
		t.Errorf("the dashboard has %d queries: it was not understood", queries)
	}
}

func testAlerts(t *testing.T, prometheus *prometheus) {
	on := *prometheus
	on.T = t
	state := func(name string) string {
		for _, rule := range on.rules() {
			if rule.Name == name {
				return rule.State
			}
		}
		return "missing"
	}
	for name, want := range map[string]string{
		"KhocrOrganizationNotReady": "pending", "KhocrKeyExpires": "firing", "KhocrStoreErrors": "pending",
		"KhocrNoManagerLeads": "inactive", "KhocrNoGateway": "inactive", "KhocrPagesNearlyUsed": "inactive", "KhocrEngineCrashes": "inactive",
	} {
		eventually(t, name+" is "+want, func() bool { return state(name) == want })
	}
	for _, rule := range on.rules() {
		if rule.Health != "ok" {
			t.Errorf("%s is %s: %s", rule.Name, rule.Health, rule.LastError)
		}
		t.Logf("%s is %s", rule.Name, rule.State)
	}
	// A name that nothing exports makes an alert that never fires, and looks well.
	for _, name := range metricsOf(t, on.rules()) {
		if len(on.query(name)) == 0 {
			t.Errorf("an alert asks for %s, which there is not", name)
		}
	}
}

var metricName = regexp.MustCompile(`\b(khocr_[a-z_]+|leader_election_[a-z_]+|up)\b`)

// metricsOf names the metrics that alerts ask for.
func metricsOf(t *testing.T, rules []rule) []string {
	t.Helper()
	names := map[string]bool{}
	for _, rule := range rules {
		found := metricName.FindAllString(rule.Query, -1)
		if len(found) == 0 {
			t.Errorf("%s asks for no metric of the platform: %s", rule.Name, rule.Query)
		}
		for _, name := range found {
			names[name] = true
		}
	}
	return slices.Sorted(maps.Keys(names))
}

func testLabels(t *testing.T, prometheus *prometheus, done done) {
	var series []map[string]string
	if err := prometheus.get("series", url.Values{"match[]": {`{__name__=~".+",job=~"khocr-.*"}`}}, &series); err != nil || len(series) == 0 {
		t.Fatalf("there are %d series, %v", len(series), err)
	}
	secret := append(slices.Clone(done.jobs), done.key, "crash.pdf", "sample.pdf", "image.png", "wp-login")
	for _, labels := range series {
		for name, value := range labels {
			for _, word := range secret {
				if strings.Contains(value, word) {
					t.Errorf("%s has the label %s=%q", labels["__name__"], name, value)
				}
			}
		}
	}
	t.Logf("%d series of four programs and three organizations", len(series))
}

// row of the table of metrics in the manual.
var row = regexp.MustCompile("(?m)^\\| `(khocr_[a-z_]+)` \\| (\\w+) \\| (.*) \\|$")

// testExplained holds the manual's table against what is exported.
func testExplained(t *testing.T, prometheus *prometheus) {
	manual := readManual(t)
	explained := map[string][2]string{}
	for _, match := range row.FindAllStringSubmatch(manual, -1) {
		explained[match[1]] = [2]string{match[2], match[3]}
	}
	var exported map[string][]struct{ Type, Help string }
	if err := prometheus.get("metadata", url.Values{"limit": {"100000"}}, &exported); err != nil {
		t.Fatal(err)
	}
	for name, metadata := range exported {
		if !strings.HasPrefix(name, "khocr_") {
			continue
		}
		want := [2]string{metadata[0].Type, metadata[0].Help}
		if explained[name] != want {
			t.Errorf("docs/monitoring.md says of %s %q, want the row\n| `%s` | %s | %s |", name, explained[name], name, want[0], want[1])
		}
		delete(explained, name)
	}
	for name := range explained {
		t.Errorf("docs/monitoring.md explains %s, which nobody exports", name)
	}
}

// testTakeOver kills the manager that leads. The next one tells how things stand from its own cache.
func testTakeOver(t *testing.T, p *platform, prometheus *prometheus) {
	on := *prometheus
	on.T = t
	before := on.sum("khocr_jobs")
	leader := p.leader(&on)
	if leader == nil || before == 0 {
		t.Fatalf("there are %v jobs, and %v leads", before, leader)
	}
	if err := leader.process.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "another manager leads", func() bool { next := p.leader(&on); return next != nil && next != leader })
	on.await("khocr_jobs", before)
	on.await(`count(count by (instance) (khocr_jobs))`, 1)
}

func readManual(t *testing.T) string {
	t.Helper()
	manual, err := os.ReadFile(filepath.Join(root, "docs/monitoring.md"))
	if err != nil {
		t.Fatal(err)
	}
	return string(manual)
}
