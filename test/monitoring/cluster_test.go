package monitoring

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"io"
	"math"
	"mime/multipart"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"testing"
	"time"

	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/openplp/khocr/controllers/certs"
)

// Variables by which TestCluster finds a platform that runs, such as that of `make demo`; the last two are in .local/demo.env.
const (
	envKubeconfig = "KHOCR_MONITORING_KUBECONFIG"
	envURL        = "KHOCR_URL"
	envKey        = "KHOCR_KEY_STANDARD"
)

// TestCluster has a Prometheus scrape a platform that runs on a cluster, through port-forwards to each of its pods, while it reads a
// document that ends the engine on one of its pages.
func TestCluster(t *testing.T) {
	kubeconfig := os.Getenv(envKubeconfig)
	if kubeconfig == "" {
		t.Skip(envKubeconfig + " names no cluster")
	}
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	must(err)
	api := kubernetes.NewForConfigOrDie(config)
	token := metricsReader(t, api)
	secret, err := api.CoreV1().Secrets(system).Get(t.Context(), certs.SecretName, metav1.GetOptions{})
	must(err)

	targets := map[string][]string{}
	for component, port := range map[string]string{"manager": "8443", "gateway": "8444", "relay": "8444"} {
		pods, err := api.CoreV1().Pods(system).List(t.Context(), metav1.ListOptions{
			LabelSelector: "app.kubernetes.io/name=khocr,app.kubernetes.io/component=" + component, FieldSelector: "status.phase=Running"})
		must(err)
		for i := range pods.Items {
			job := "khocr-" + component + "-metrics"
			targets[job] = append(targets[job], forward(t, kubeconfig, pods.Items[i].Name, port))
		}
	}
	scraped := len(targets["khocr-manager-metrics"]) + len(targets["khocr-gateway-metrics"]) + len(targets["khocr-relay-metrics"])
	prometheus := startPrometheus(t, configure(t, t.TempDir(), string(secret.Data["ca.crt"]), token, targets))
	prometheus.await(`up{job=~"khocr-.*"}`, float64(scraped))
	prometheus.await(`leader_election_master_status{name="khocr-manager"}`, 1)
	before := prometheus.sum(`khocr_page_failures_total{reason="page_crashed"}`)
	pages := prometheus.sum(`khocr_pages_total`)

	if url, key := os.Getenv(envURL), os.Getenv(envKey); url != "" && key != "" {
		convert(t, url, key, "crash.pdf")
		prometheus.await(`khocr_page_failures_total{reason="page_crashed"}`, before+1)
		prometheus.await(`khocr_pages_total`, pages+3)
	} else {
		t.Logf("without %s and %s no document is read", envURL, envKey)
	}
	var empty []string
	for _, panel := range dashboard(t) {
		for _, target := range panel.Targets {
			expression := filledIn.Replace(target.Expr)
			samples, err := prometheus.ask(expression)
			if err != nil {
				t.Errorf("%s: %s: %v", panel.Title, expression, err)
			}
			if !slices.ContainsFunc(samples, func(s sample) bool { return !math.IsNaN(s.value()) }) {
				empty = append(empty, panel.Title+": "+expression)
			}
			for _, sample := range samples {
				t.Logf("%s %v %v", panel.Title, sample.Metric, sample.value())
			}
		}
	}
	t.Logf("%d queries have no number, for want of what they ask for: %q", len(empty), empty)
	for _, rule := range prometheus.rules() {
		if rule.Health != "ok" && rule.Health != "unknown" {
			t.Errorf("%s is %s: %s", rule.Name, rule.Health, rule.LastError)
		}
		t.Logf("%s is %s", rule.Name, rule.State)
	}
}

// metricsReader makes a service account that may read metrics until the test ends, and returns a token of it.
func metricsReader(t *testing.T, api kubernetes.Interface) string {
	t.Helper()
	account, err := api.CoreV1().ServiceAccounts(system).Create(t.Context(),
		&corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{GenerateName: "monitoring-test-"}}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	_, err = api.RbacV1().ClusterRoleBindings().Create(t.Context(), &rbacv1.ClusterRoleBinding{
		ObjectMeta: metav1.ObjectMeta{Name: account.Name},
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: "khocr-metrics-reader"},
		Subjects:   []rbacv1.Subject{{Kind: rbacv1.ServiceAccountKind, Namespace: system, Name: account.Name}},
	}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx := context.WithoutCancel(t.Context())
		_ = api.RbacV1().ClusterRoleBindings().Delete(ctx, account.Name, metav1.DeleteOptions{})
		_ = api.CoreV1().ServiceAccounts(system).Delete(ctx, account.Name, metav1.DeleteOptions{})
	})
	made, err := api.CoreV1().ServiceAccounts(system).CreateToken(t.Context(), account.Name, &authenticationv1.TokenRequest{}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return made.Status.Token
}

var forwarding = regexp.MustCompile(`^Forwarding from (127\.0\.0\.1:\d+) `)

// forward makes a port of a pod one of this machine, until the test ends.
func forward(t *testing.T, kubeconfig, pod, port string) (address string) {
	t.Helper()
	kubectl := filepath.Join(os.Getenv("KUBEBUILDER_ASSETS"), "kubectl")
	if found, err := exec.LookPath("kubectl"); err == nil {
		kubectl = found
	}
	command := exec.Command(kubectl, "--kubeconfig", kubeconfig, "--namespace", system, "port-forward", "pod/"+pod, ":"+port)
	output, err := command.StdoutPipe()
	if err == nil {
		err = command.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = command.Process.Kill()
		_ = command.Wait()
	})
	lines := bufio.NewScanner(output)
	for lines.Scan() {
		if match := forwarding.FindStringSubmatch(lines.Text()); match != nil {
			go func() { _, _ = io.Copy(io.Discard, output) }()
			return match[1]
		}
	}
	t.Fatalf("port %s of %s is not forwarded", port, pod)
	return ""
}

// convert has a document of test/testdata read.
func convert(t *testing.T, url, key, file string) {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(root, "test/testdata", file))
	if err != nil {
		t.Fatal(err)
	}
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	part, err := form.CreateFormFile("file", file)
	if err != nil {
		t.Fatal(err)
	}
	_, _ = part.Write(content)
	_ = form.Close()
	var job struct {
		ID     string `json:"job_id"`
		Status string `json:"status"`
	}
	ask := func(method, path, contentType string, body io.Reader) {
		t.Helper()
		request, err := http.NewRequestWithContext(t.Context(), method, url+path, body)
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("X-API-Key", key)
		request.Header.Set("Content-Type", contentType)
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		if err := json.NewDecoder(response.Body).Decode(&job); err != nil || response.StatusCode >= 300 {
			t.Fatalf("%s %s is answered %d, %v", method, path, response.StatusCode, err)
		}
	}
	ask(http.MethodPost, "/api/v1/convert", form.FormDataContentType(), &body)
	deadline := time.Now().Add(5 * time.Minute)
	for job.Status != "COMPLETED" {
		if time.Now().After(deadline) || job.Status == "FAILED" {
			t.Fatalf("the job %s is %s", job.ID, job.Status)
		}
		ask(http.MethodGet, "/api/v1/jobs/"+job.ID+"?wait=30s", "", nil)
	}
}
