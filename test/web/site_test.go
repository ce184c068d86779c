package web

import (
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/openplp/khocr/api/v1alpha1"
	"github.com/openplp/khocr/internal/apikey"
	"github.com/openplp/khocr/internal/testenv"
	"github.com/openplp/khocr/test/platform"
)

// site is a gateway with all that is behind it.
type site struct {
	// url of the gateway, and a key of an organization with much room.
	url, key string
	// platform is nil where the gateway was there before the tests.
	platform *platform.Platform
}

// open finds the gateway that the environment names, or starts one over a real API server, with the manager's controllers and with
// workers that read by the real engine.
func open(t *testing.T) *site {
	if url := os.Getenv("KHOCR_WEB_URL"); url != "" {
		return &site{url: url, key: os.Getenv("KHOCR_WEB_KEY")}
	}
	bin, err := filepath.Abs("../../bin")
	if err != nil {
		t.Fatal(err)
	}
	p := platform.Start(t)
	p.RunWorkers(filepath.Join(bin, "engine"), filepath.Join(bin, "tessdata"))
	s := &site{url: p.Serve(), platform: p}
	s.key = s.organization(t, "office", "enterprise")
	return s
}

// organization makes one with a key that may do everything, and one that has expired, and returns the first.
func (s *site) organization(t *testing.T, name, plan string) string {
	t.Helper()
	if s.platform == nil {
		t.Skip("a gateway that was there before has no organization for this")
	}
	key, expired := apikey.Generate(), metav1.NewTime(time.Now().Add(-time.Hour))
	made := &v1alpha1.Organization{ObjectMeta: metav1.ObjectMeta{Name: name}, Spec: v1alpha1.OrganizationSpec{
		PlanRef: plan, DisplayName: v1alpha1.LocalizedText{En: "Office of Records", Km: "ការិយាល័យបណ្ណសារ"},
		APIKeys: []v1alpha1.APIKey{
			{Name: "front-desk", SHA256: apikey.Hash(key)},
			{Name: "scanner-2025", SHA256: apikey.Hash(apikey.Generate()), ExpiresAt: &expired, Scopes: []v1alpha1.Scope{v1alpha1.ScopeRead}},
		},
	}}
	s.platform.Must(s.platform.Gateway.Client.Create(t.Context(), made))
	testenv.Await(t, name+" is ready", func() bool {
		// The gateway's informers come to know of it when they do.
		s.platform.Must(client.IgnoreNotFound(s.platform.Cached.Get(t.Context(), client.ObjectKeyFromObject(made), made)))
		return meta.IsStatusConditionTrue(made.Status.Conditions, v1alpha1.ConditionReady) && made.Status.Namespace != ""
	})
	return key
}

// plan makes a plan with so many pages a month.
func (s *site) plan(t *testing.T, name string, pages int64) *v1alpha1.Plan {
	t.Helper()
	if s.platform == nil {
		t.Skip("a gateway that was there before has no plan for this")
	}
	made := &v1alpha1.Plan{ObjectMeta: metav1.ObjectMeta{Name: name}, Spec: v1alpha1.PlanSpec{
		DisplayName: v1alpha1.LocalizedText{En: "Small", Km: "តូច"},
		Limits: v1alpha1.PlanLimits{
			RequestsPerMinute: 1000, PagesPerMonth: &pages, MaxFileBytes: 50 << 20, MaxConcurrentJobs: 2, JobTTLSeconds: 3600, ResultRetentionSeconds: 3600,
			Priorities: []v1alpha1.Priority{v1alpha1.PriorityNormal, v1alpha1.PriorityLow},
		},
	}}
	s.platform.Must(s.platform.Gateway.Client.Create(t.Context(), made))
	return made
}

// get asks the API as a program would.
func (s *site) get(t *testing.T, key, path string) (status int, content []byte) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.url+"/api/v1"+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("X-API-Key", key)
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if content, err = io.ReadAll(response.Body); err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, content
}

// ask reads what the API answers into a value.
func (s *site) ask(t *testing.T, key, path string, answer any) {
	t.Helper()
	status, content := s.get(t, key, path)
	if err := json.Unmarshal(content, answer); err != nil || status != http.StatusOK {
		t.Fatalf("asking for %s: status %d, %v: %s", path, status, err, content)
	}
}

// jobs lists an organization's jobs by their status.
func (s *site) jobs(t *testing.T, key string) map[string][]string {
	t.Helper()
	var list struct {
		Jobs []struct {
			ID, Status string
		}
	}
	s.ask(t, key, "/jobs?limit=100", &list)
	byStatus := map[string][]string{}
	for _, job := range list.Jobs {
		byStatus[job.Status] = append(byStatus[job.Status], job.ID)
	}
	return byStatus
}
