package monitoring

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"
)

// alerts are the shipped rules, by name.
func alerts(t *testing.T) map[string]map[string]any {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, "config/monitoring/rules.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Groups []struct {
			Name  string
			Rules []map[string]any
		}
	}
	if err := yaml.UnmarshalStrict(text, &file); err != nil {
		t.Fatal(err)
	}
	found := map[string]map[string]any{}
	for _, group := range file.Groups {
		for _, rule := range group.Rules {
			found[rule["alert"].(string)] = rule
		}
	}
	return found
}

func promtool(t *testing.T, arguments ...string) {
	t.Helper()
	if _, err := exec.LookPath("promtool"); err != nil {
		t.Skip("promtool is not installed")
	}
	output, err := exec.Command("promtool", arguments...).CombinedOutput()
	if err != nil {
		t.Errorf("promtool %s: %v\n%s", strings.Join(arguments, " "), err, output)
	}
	t.Logf("%s", output)
}

func TestRulesAreRules(t *testing.T) {
	promtool(t, "check", "rules", filepath.Join(root, "config/monitoring/rules.yaml"))
}

func TestScrapeConfigurationIsOne(t *testing.T) {
	folder := t.TempDir()
	targets := map[string][]string{"khocr-manager-metrics": {"127.0.0.1:1"}, "khocr-gateway-metrics": {"127.0.0.1:2"}}
	promtool(t, "check", "config", configure(t, folder, "certificates", "token", targets))
}

// TestAlertsFireWhenTheyShall has promtool play series to each alert, some of which it is about.
func TestAlertsFireWhenTheyShall(t *testing.T) {
	promtool(t, "test", "rules", "testdata/rules_test.yaml")
	text, err := os.ReadFile("testdata/rules_test.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Tests []struct {
			Alerts []struct {
				Name     string           `json:"alertname"`
				Expected []map[string]any `json:"exp_alerts"`
			} `json:"alert_rule_test"`
		}
	}
	if err := yaml.Unmarshal(text, &file); err != nil {
		t.Fatal(err)
	}
	fires, rests := map[string]bool{}, map[string]bool{}
	for _, test := range file.Tests {
		for _, alert := range test.Alerts {
			if len(alert.Expected) > 0 {
				fires[alert.Name] = true
			} else {
				rests[alert.Name] = true
			}
		}
	}
	for name := range alerts(t) {
		if !fires[name] || !rests[name] {
			t.Errorf("%s: its test has it fire: %v, and rest: %v", name, fires[name], rests[name])
		}
	}
}

func TestEveryAlertSaysWhatToDo(t *testing.T) {
	manual := readManual(t)
	for name, rule := range alerts(t) {
		annotations := rule["annotations"].(map[string]any)
		if want := "https://github.com/openplp/khocr/blob/main/docs/monitoring.md#" + strings.ToLower(name); annotations["runbook_url"] != want {
			t.Errorf("%s refers to %v, want %s", name, annotations["runbook_url"], want)
		}
		_, section, found := strings.Cut(manual, "\n### "+name+"\n")
		section, _, _ = strings.Cut(section, "\n#")
		if !found || len(strings.TrimSpace(section)) < 80 {
			t.Errorf("docs/monitoring.md does not say what to do about %s", name)
		}
	}
}

// TestTheOperatorsRulesAreTheSame holds the made file against its source.
func TestTheOperatorsRulesAreTheSame(t *testing.T) {
	want, err := exec.Command(filepath.Join(root, "hack/prometheus_rule.sh")).Output()
	if err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(filepath.Join(root, "config/monitoring/prometheus_rule.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != string(want) {
		t.Error("config/monitoring/prometheus_rule.yaml is not what `make generate` makes")
	}
}
