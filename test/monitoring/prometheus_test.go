package monitoring

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"

	"github.com/openplp/khocr/internal/testlog"
)

// configuration is config/monitoring/scrape.yaml as this package changes it: nothing but where targets and files are.
type configuration struct {
	Global        map[string]any   `json:"global"`
	RuleFiles     []string         `json:"rule_files"`
	ScrapeConfigs []map[string]any `json:"scrape_configs"`
}

// configure writes the shipped configuration for targets by job. Debian's Prometheus knows nothing of Kubernetes, and of the
// relabelling only what is found there is left out.
func configure(t *testing.T, folder, authorities, token string, targets map[string][]string) string {
	t.Helper()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	text, err := os.ReadFile(filepath.Join(root, "config/monitoring/scrape.yaml"))
	must(err)
	var c configuration
	must(yaml.UnmarshalStrict(text, &c))
	ca, tokenFile := filepath.Join(folder, "ca.crt"), filepath.Join(folder, "token")
	must(os.WriteFile(ca, []byte(authorities), 0o600))
	must(os.WriteFile(tokenFile, []byte(token), 0o600))
	rules, err := filepath.Abs(filepath.Join(root, "config/monitoring"))
	must(err)
	for i, file := range c.RuleFiles {
		c.RuleFiles[i] = filepath.Join(rules, file)
	}
	c.Global = map[string]any{"scrape_interval": "1s", "evaluation_interval": "1s"}
	for _, scrape := range c.ScrapeConfigs {
		job := scrape["job_name"].(string)
		if scrape["kubernetes_sd_configs"] == nil {
			t.Fatalf("%s finds its targets without Kubernetes", job)
		}
		delete(scrape, "kubernetes_sd_configs")
		delete(scrape, "relabel_configs")
		scrape["static_configs"] = []map[string]any{{"targets": targets[job]}}
		scrape["authorization"].(map[string]any)["credentials_file"] = tokenFile
		scrape["tls_config"].(map[string]any)["ca_file"] = ca
	}
	written, err := yaml.Marshal(c)
	must(err)
	file := filepath.Join(folder, "prometheus.yaml")
	must(os.WriteFile(file, written, 0o600))
	return file
}

// prometheus is one that runs until the test ends.
type prometheus struct {
	*testing.T
	url string
}

func startPrometheus(t *testing.T, configuration string) *prometheus {
	t.Helper()
	path, err := exec.LookPath("prometheus")
	if err != nil {
		t.Skip("Prometheus is not installed")
	}
	address := freeAddress(t)
	said := new(testlog.Buffer)
	process := exec.Command(path, "--config.file="+configuration, "--web.listen-address="+address, "--storage.tsdb.path="+t.TempDir())
	process.Stderr = said
	if err := process.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = process.Process.Kill()
		_ = process.Wait()
		if t.Failed() {
			t.Logf("Prometheus:\n%s", tail(said.String()))
		}
	})
	return &prometheus{t, "http://" + address}
}

// get asks the HTTP API, and decodes the data of the answer.
func (p *prometheus) get(path string, parameters url.Values, into any) error {
	response, err := http.Get(p.url + "/api/v1/" + path + "?" + parameters.Encode())
	if err != nil {
		return err
	}
	defer response.Body.Close()
	var answer struct {
		Status, Error string
		Data          json.RawMessage
	}
	if err := json.NewDecoder(response.Body).Decode(&answer); err != nil {
		return fmt.Errorf("decode the answer to %s: %w", path, err)
	}
	if answer.Status != "success" {
		return errors.New(answer.Error)
	}
	return json.Unmarshal(answer.Data, into)
}

// sample is a series with its value now.
type sample struct {
	Metric map[string]string
	Value  [2]any
}

func (s sample) value() float64 {
	text, _ := s.Value[1].(string)
	value, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return math.NaN()
	}
	return value
}

// ask evaluates an expression now.
func (p *prometheus) ask(expression string) ([]sample, error) {
	var data struct {
		Result []sample
	}
	err := p.get("query", url.Values{"query": {expression}}, &data)
	return data.Result, err
}

// query is ask for an expression that is right; there is no answer while Prometheus starts.
func (p *prometheus) query(expression string) []sample {
	p.Helper()
	samples, err := p.ask(expression)
	if err != nil && !isConnection(err) {
		p.Fatalf("%s: %v", expression, err)
	}
	return samples
}

func isConnection(err error) bool {
	var transport *url.Error
	return errors.As(err, &transport) || strings.Contains(err.Error(), "decode the answer")
}

// sum is the sum over what an expression answers.
func (p *prometheus) sum(expression string) float64 {
	p.Helper()
	sum := 0.0
	for _, sample := range p.query(expression) {
		sum += sample.value()
	}
	return sum
}

// await waits until the sum over an expression is as wanted.
func (p *prometheus) await(expression string, want float64) {
	p.Helper()
	eventually(p.T, fmt.Sprintf("%s is %v; it is %v", expression, want, p.sum(expression)), func() bool { return p.sum(expression) == want })
}

// rule is an alert as Prometheus has loaded it.
type rule struct {
	Name, Query, State, Health, LastError string
}

func (p *prometheus) rules() []rule {
	p.Helper()
	var data struct {
		Groups []struct{ Rules []rule }
	}
	if err := p.get("rules", nil, &data); err != nil {
		p.Fatal(err)
	}
	var all []rule
	for _, group := range data.Groups {
		all = append(all, group.Rules...)
	}
	return all
}
