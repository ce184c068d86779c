// Package load tests the gateway as it is shipped, a process of its own over a real API server and a real file store, by clients
// that offer four times what they may, and by slow ones. All that is measured is measured from outside.
package load

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/openplp/khocr/apigateway/gatewaytest"
	"github.com/openplp/khocr/controllers/certs"
	"github.com/openplp/khocr/internal/testenv"
	"github.com/openplp/khocr/internal/workerport"
)

const (
	system       = "khocr-system"
	internalName = "khocr-gateway-internal"
	metricsName  = "khocr-gateway-metrics"
)

// gateway is the program, running.
type gateway struct {
	*gatewaytest.Gateway
	*testing.T
	process *exec.Cmd
	api     kubernetes.Interface
	// public, internal, health and metrics are addresses.
	public, internal, health, metrics string
	// trust is the certificate of the platform's authority.
	trust  *x509.CertPool
	reader string
	log    string
	// scrapes are the times that the metrics were read; each costs the gateway two requests of the API server.
	scrapes int
}

func (g *gateway) must(err error) {
	g.Helper()
	if err != nil {
		g.Fatal(err)
	}
}

// start builds the program and runs it as the Deployment does, until the test ends.
func start(t *testing.T) *gateway {
	g := &gateway{Gateway: gatewaytest.Start(t), T: t}
	g.api = kubernetes.NewForConfigOrDie(g.Admin)
	g.Apply(t, "config/rbac/service_accounts.yaml", "config/rbac/gateway_role.yaml", "config/rbac/metrics_roles.yaml",
		"config/plans/free.yaml", "config/plans/enterprise.yaml", "config/models/khocr.yaml")
	g.must(g.Gateway.Client.Create(t.Context(), &rbacv1.ClusterRoleBinding{
		ObjectMeta: metav1.ObjectMeta{Name: "metrics"},
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: "khocr-metrics-reader"},
		Subjects:   []rbacv1.Subject{{Kind: rbacv1.ServiceAccountKind, Namespace: system, Name: "default"}},
	}))
	g.must(g.Gateway.Client.Create(t.Context(), &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Namespace: system, Name: "default"}}))
	g.reader = g.token("default")
	folder := t.TempDir()
	key, tls := g.secrets(folder)

	program := filepath.Join(folder, "apigateway")
	build := exec.CommandContext(t.Context(), "go", "build", "-o", program, "github.com/openplp/khocr/cmd/apigateway")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if output, err := build.CombinedOutput(); err != nil {
		t.Fatalf("building the gateway: %v\n%s", err, output)
	}
	for _, address := range []*string{&g.public, &g.internal, &g.health, &g.metrics} {
		*address = freeAddress(t)
	}
	g.log = filepath.Join(folder, "log")
	log, err := os.Create(g.log)
	g.must(err)
	g.process = exec.Command(program, "--listen="+g.public, "--internal-listen="+g.internal, "--health-listen="+g.health,
		"--metrics-listen="+g.metrics, "--tls-dir="+tls, "--key-file="+key, "--store=file://"+g.Folder)
	g.process.Env = append(os.Environ(), "KUBECONFIG="+g.kubeconfig(), "GOMEMLIMIT=800MiB")
	g.process.Stderr = log
	g.must(g.process.Start())
	t.Cleanup(g.stop)
	testenv.Await(t, "the gateway is ready", func() bool {
		status, _, _ := get("http://"+g.public+"/api/v1/health/ready", "", nil)
		return status == http.StatusOK
	})
	testenv.Await(t, "the internal port is served", func() bool {
		status, _, _ := get("https://"+g.internal+workerport.PathTicket, "none", g.clientTLS(internalName))
		return status == http.StatusUnauthorized
	})
	return g
}

// stop has the program end by itself, and looks at what it left in its log.
func (g *gateway) stop() {
	if err := g.process.Process.Signal(syscall.SIGTERM); err != nil {
		g.Errorf("stopping the gateway: %v", err)
	}
	err := g.process.Wait()
	log, _ := os.ReadFile(g.log)
	if err != nil || bytes.Contains(log, []byte("panic")) {
		g.Errorf("the gateway ended with %v, and %d lines of panics in its log:\n%s", err, bytes.Count(log, []byte("panic")), log[max(0, len(log)-4000):])
	}
}

// secrets has the manager's controller make the key and the certificates, and puts them into files.
func (g *gateway) secrets(folder string) (key, tlsFolder string) {
	manager := &certs.Reconciler{
		Client: g.Gateway.Client, Live: g.Gateway.Client, Namespace: system, Now: time.Now,
		Services: []types.NamespacedName{{Namespace: system, Name: internalName}, {Namespace: system, Name: metricsName}},
	}
	_, err := manager.Reconcile(g.Context(), ctrl.Request{})
	g.must(err)
	read := func(name string) map[string][]byte {
		secret := new(corev1.Secret)
		g.must(g.Gateway.Client.Get(g.Context(), client.ObjectKey{Namespace: system, Name: name}, secret))
		return secret.Data
	}
	key, tlsFolder = filepath.Join(folder, "key"), filepath.Join(folder, "tls")
	g.must(os.Mkdir(tlsFolder, 0o700))
	g.must(os.WriteFile(key, read(certs.KeySecretName)["key"], 0o600))
	for name, content := range read(certs.SecretName) {
		g.must(os.WriteFile(filepath.Join(tlsFolder, name), content, 0o600))
	}
	bundle, err := manager.CABundle(g.Context())
	g.must(err)
	g.trust = x509.NewCertPool()
	g.trust.AppendCertsFromPEM([]byte(bundle))
	return key, tlsFolder
}

func (g *gateway) clientTLS(service string) *tls.Config {
	return &tls.Config{RootCAs: g.trust, ServerName: service + "." + system + ".svc", MinVersion: tls.VersionTLS13}
}

func (g *gateway) token(account string) string {
	request := &authenticationv1.TokenRequest{}
	owner := &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Namespace: system, Name: account}}
	g.must(g.Gateway.Client.SubResource("token").Create(g.Context(), owner, request))
	return request.Status.Token
}

// kubeconfig is a file by which the gateway acts as its service account.
func (g *gateway) kubeconfig() string {
	config := clientcmdapi.NewConfig()
	config.Clusters["test"] = &clientcmdapi.Cluster{Server: g.Admin.Host, CertificateAuthorityData: g.Admin.CAData}
	config.AuthInfos["test"] = &clientcmdapi.AuthInfo{Token: g.token("khocr-gateway")}
	config.Contexts["test"] = &clientcmdapi.Context{Cluster: "test", AuthInfo: "test"}
	config.CurrentContext = "test"
	file := filepath.Join(g.TempDir(), "kubeconfig")
	g.must(clientcmd.WriteToFile(*config, file))
	return file
}

// sample is what the process takes at a moment.
type sample struct {
	resident, goroutines, descriptors int
	// asked are the gateway's requests to the API server so far, without the two for each look at its metrics.
	asked int
	// served is what the API server has been asked for so far that only the gateway asks for: verb and resource.
	served map[string]int
}

var (
	goroutines  = regexp.MustCompile(`(?m)^go_goroutines (\S+)$`)
	descriptors = regexp.MustCompile(`(?m)^process_open_fds (\S+)$`)
	served      = regexp.MustCompile(`(?m)^apiserver_request_total\{(.*)\} (\S+)$`)
	asked       = regexp.MustCompile(`(?m)^rest_client_requests_total\{.*\} (\S+)$`)
)

// sample looks at the process through its metrics port and the kernel.
func (g *gateway) sample() (sample, error) {
	status, text, err := get("https://"+g.metrics+"/metrics", g.reader, g.clientTLS(metricsName))
	if err != nil || status != http.StatusOK {
		return sample{}, fmt.Errorf("read the metrics: status %d, %v", status, err)
	}
	g.scrapes++
	resident, err := g.memory("VmRSS")
	if err != nil {
		return sample{}, err
	}
	served, err := g.served()
	return sample{
		resident: resident, goroutines: sum(goroutines, text), descriptors: sum(descriptors, text), asked: sum(asked, text) - 2*g.scrapes,
		served: served,
	}, err
}

// served reads the API server's own metrics.
func (g *gateway) served() (map[string]int, error) {
	text, err := g.api.Discovery().RESTClient().Get().AbsPath("/metrics").DoRaw(g.Context())
	if err != nil {
		return nil, fmt.Errorf("read the API server's metrics: %w", err)
	}
	numbers := map[string]int{"tokenreviews POST": -g.scrapes}
	for _, match := range served.FindAllStringSubmatch(string(text), -1) {
		resource, verb := label("resource", match[1]), label("verb", match[1])
		value, _ := strconv.ParseFloat(match[2], 64)
		if what := resource + " " + verb; what == "ocrjobs POST" || what == "ocrjobs GET" || what == "tokenreviews POST" {
			numbers[what] += int(value)
		}
	}
	return numbers, nil
}

// label is the value of a metric's label.
func label(name, labels string) string {
	_, rest, _ := strings.Cut(","+labels, ","+name+`="`)
	value, _, _ := strings.Cut(rest, `"`)
	return value
}

func sum(pattern *regexp.Regexp, text string) int {
	total := 0.0
	for _, match := range pattern.FindAllStringSubmatch(text, -1) {
		value, _ := strconv.ParseFloat(match[1], 64)
		total += value
	}
	return int(total)
}

// memory is a field of the process's status in bytes: VmRSS now, VmHWM the most since it was forgotten.
func (g *gateway) memory(field string) (int, error) {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", g.process.Process.Pid))
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(status)) {
		if value, found := strings.CutPrefix(line, field+":"); found {
			kilobytes, err := strconv.Atoi(strings.TrimSuffix(strings.TrimSpace(value), " kB"))
			return kilobytes << 10, err
		}
	}
	return 0, fmt.Errorf("the kernel does not tell %s", field)
}

// forgetPeak makes VmHWM begin anew.
func (g *gateway) forgetPeak() error {
	return os.WriteFile(fmt.Sprintf("/proc/%d/clear_refs", g.process.Process.Pid), []byte("5"), 0)
}

// get asks on a connection of its own.
func get(url, token string, trust *tls.Config) (status int, body string, err error) {
	request, err := http.NewRequest(http.MethodGet, url, nil)
	if err != nil {
		return 0, "", err
	}
	if token != "" {
		request.Header.Set("Authorization", "Bearer "+token)
	}
	c := &http.Client{Transport: &http.Transport{TLSClientConfig: trust, DisableKeepAlives: true}, Timeout: time.Minute}
	response, err := c.Do(request)
	if err != nil {
		return 0, "", err
	}
	defer response.Body.Close()
	content, err := io.ReadAll(response.Body)
	return response.StatusCode, string(content), err
}

func freeAddress(t *testing.T) string {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	return listener.Addr().String()
}
