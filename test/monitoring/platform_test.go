// Package monitoring tests what an operator sees of the platform: a real Prometheus scrapes the real programs over a real API
// server while documents are read by the real engine, and every query of the dashboard and of the alerts is put to it.
package monitoring

import (
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/openplp/khocr/controllers/certs"
	"github.com/openplp/khocr/internal/relayport"
	"github.com/openplp/khocr/internal/testenv"
	"github.com/openplp/khocr/internal/testlog"
	"github.com/openplp/khocr/worker/confine"
	"github.com/openplp/khocr/worker/engine"
)

const (
	root   = "../.."
	system = "khocr-system"
	reader = "prometheus"
)

// engineName is what the test's program is the engine under.
const engineName = "engine-of-a-worker"

func TestMain(m *testing.M) {
	if filepath.Base(os.Args[0]) != engineName {
		os.Exit(m.Run())
	}
	if err := engine.Main(confine.Enter); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

// program is one that runs until the test ends.
type program struct {
	process *exec.Cmd
	// metrics is the address of its metrics, public and internal those of a gateway's ports.
	metrics, public, internal string
	log                       *testlog.Buffer
}

// platform are two managers, two gateways and a relay, with the rights that their service accounts have.
type platform struct {
	*testing.T
	*testenv.Environment
	api                kubernetes.Interface
	managers, gateways []*program
	relay              *program
	// folder of the test, and store that of the gateways.
	folder, store string
	// authorities are the PEM certificates that the platform's are signed by.
	authorities string
	// workers is the log of all workers.
	workers testlog.Buffer
}

func (p *platform) must(err error) {
	p.Helper()
	if err != nil {
		p.Fatal(err)
	}
}

func start(t *testing.T) *platform {
	p := &platform{T: t, Environment: testenv.Start(t), folder: t.TempDir()}
	p.api = kubernetes.NewForConfigOrDie(p.Admin)
	p.Apply(t, "config/rbac/*_account*.yaml", "config/rbac/*role*.yaml", "config/rbac/manager_bindings.yaml", "config/priority/priority_classes.yaml",
		"config/plans/standard.yaml", "config/models/khocr.yaml", "config/gateway/services.yaml", "config/manager/metrics_service.yaml", "config/ai/rbac.yaml")
	p.mayReadMetrics()
	p.store = filepath.Join(p.folder, "store")
	p.must(os.Mkdir(p.store, 0o700))
	build := exec.CommandContext(t.Context(), "go", "build", "-o", p.folder+"/", "./cmd/manager", "./cmd/apigateway", "./cmd/relay")
	build.Dir, build.Env = root, append(os.Environ(), "CGO_ENABLED=0")
	if output, err := build.CombinedOutput(); err != nil {
		t.Fatalf("building the programs: %v\n%s", err, output)
	}
	for range 2 {
		manager := &program{metrics: freeAddress(t)}
		p.run(manager, "manager", "khocr-manager", "--leader-elect", "--worker-image=khocr/worker:test", "--health-probe-bind-address=0",
			"--metrics-bind-address="+manager.metrics)
		p.managers = append(p.managers, manager)
	}
	key, tls := p.secrets()
	relayArguments := p.startRelay()
	for range 2 {
		gateway := &program{metrics: freeAddress(t), public: freeAddress(t), internal: freeAddress(t)}
		p.run(gateway, "apigateway", "khocr-gateway", append(relayArguments, "--listen="+gateway.public, "--internal-listen="+gateway.internal,
			"--health-listen="+freeAddress(t), "--metrics-listen="+gateway.metrics, "--tls-dir="+tls, "--key-file="+key, "--store=file://"+p.store)...)
		p.gateways = append(p.gateways, gateway)
		testenv.Await(t, "a gateway is ready", func() bool {
			response, err := http.Get("http://" + gateway.public + "/api/v1/health/ready")
			if err != nil {
				return false
			}
			_ = response.Body.Close()
			return response.StatusCode == http.StatusOK
		})
	}
	return p
}

// startRelay runs a relay, and returns the arguments of gateways that ask it by its address: nobody here resolves the Service's name,
// which its certificate has all the same.
func (p *platform) startRelay() []string {
	folder := filepath.Join(p.folder, "relay-tls")
	p.must(os.Mkdir(folder, 0o700))
	authority, token := filepath.Join(folder, "ca.crt"), filepath.Join(folder, "token")
	testenv.WriteCertificate(p, authority, filepath.Join(folder, "tls.crt"), filepath.Join(folder, "tls.key"),
		relayport.ServerName(system), "khocr-relay-metrics.khocr-system.svc")
	certificates, err := os.ReadFile(authority)
	p.must(err)
	p.authorities += string(certificates)
	p.must(os.WriteFile(token, []byte(p.token(system, "khocr-gateway", authenticationv1.TokenRequestSpec{Audiences: []string{relayport.Audience}})), 0o600))
	p.relay = &program{metrics: freeAddress(p.T), internal: freeAddress(p.T)}
	p.run(p.relay, "relay", "khocr-relay", "--listen="+p.relay.internal, "--health-listen="+freeAddress(p.T), "--metrics-listen="+p.relay.metrics,
		"--tls-dir="+folder, "--keys-dir="+folder, "--allow=127.0.0.0/8")
	return []string{"--relay-url=https://" + p.relay.internal, "--relay-token-file=" + token, "--relay-ca-file=" + authority}
}

// mayReadMetrics makes a service account that may, as docs/monitoring.md says.
func (p *platform) mayReadMetrics() {
	p.must(p.Client.Create(p.Context(), &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Namespace: system, Name: reader}}))
	p.must(p.Client.Create(p.Context(), &rbacv1.ClusterRoleBinding{
		ObjectMeta: metav1.ObjectMeta{Name: reader},
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: "khocr-metrics-reader"},
		Subjects:   []rbacv1.Subject{{Kind: rbacv1.ServiceAccountKind, Namespace: system, Name: reader}},
	}))
}

// run starts a program that acts as a service account.
func (p *platform) run(made *program, name, account string, arguments ...string) {
	made.log = new(testlog.Buffer)
	made.process = exec.Command(filepath.Join(p.folder, name), arguments...)
	made.process.Env = append(os.Environ(), "KUBECONFIG="+p.kubeconfig(account))
	made.process.Stderr = made.log
	p.must(made.process.Start())
	p.Cleanup(func() {
		_ = made.process.Process.Signal(syscall.SIGTERM)
		_ = made.process.Wait()
		if p.Failed() {
			p.Logf("%s at %s:\n%s", name, made.metrics, tail(made.log.String()))
		}
	})
}

func tail(text string) string { return text[max(0, len(text)-4000):] }

// kubeconfig is a file by which a program acts as a service account.
func (p *platform) kubeconfig(account string) string {
	config := clientcmdapi.NewConfig()
	config.Clusters["test"] = &clientcmdapi.Cluster{Server: p.Admin.Host, CertificateAuthorityData: p.Admin.CAData}
	config.AuthInfos["test"] = &clientcmdapi.AuthInfo{Token: p.token(system, account, authenticationv1.TokenRequestSpec{})}
	config.Contexts["test"] = &clientcmdapi.Context{Cluster: "test", AuthInfo: "test"}
	config.CurrentContext = "test"
	file := filepath.Join(p.TempDir(), "kubeconfig")
	p.must(clientcmd.WriteToFile(*config, file))
	return file
}

func (p *platform) token(namespace, account string, wanted authenticationv1.TokenRequestSpec) string {
	p.Helper()
	made, err := p.api.CoreV1().ServiceAccounts(namespace).
		CreateToken(p.Context(), account, &authenticationv1.TokenRequest{Spec: wanted}, metav1.CreateOptions{})
	p.must(err)
	return made.Status.Token
}

// as authenticates by a token.
func (p *platform) as(token string) *rest.Config {
	config := rest.AnonymousClientConfig(p.Admin)
	config.BearerToken = token
	return config
}

// secrets puts what the manager has made into files, as the kubelet does.
func (p *platform) secrets() (key, tlsFolder string) {
	read := func(name string) map[string][]byte {
		secret := new(corev1.Secret)
		testenv.Await(p, "the manager has made "+name, func() bool {
			return p.Client.Get(p.Context(), client.ObjectKey{Namespace: system, Name: name}, secret) == nil
		})
		return secret.Data
	}
	key, tlsFolder = filepath.Join(p.folder, "key"), filepath.Join(p.folder, "tls")
	p.must(os.Mkdir(tlsFolder, 0o700))
	p.must(os.WriteFile(key, read(certs.KeySecretName)["key"], 0o600))
	for name, content := range read(certs.SecretName) {
		p.must(os.WriteFile(filepath.Join(tlsFolder, name), content, 0o600))
	}
	p.authorities = string(read(certs.SecretName)["ca.crt"])
	return key, tlsFolder
}

// leader is the manager that leads.
func (p *platform) leader(prometheus *prometheus) *program {
	for _, sample := range prometheus.query(`leader_election_master_status{name="khocr-manager"} == 1`) {
		for _, manager := range p.managers {
			if manager.metrics == sample.Metric["instance"] {
				return manager
			}
		}
	}
	return nil
}

func freeAddress(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	return listener.Addr().String()
}

// eventually waits for what Prometheus has seen to be so: two scrapes and an evaluation, but for a machine that is busy.
func eventually(t *testing.T, what string, condition func() bool) {
	t.Helper()
	deadline := time.Now().Add(2 * time.Minute)
	for !condition() {
		if time.Now().After(deadline) {
			t.Fatalf("waiting until %s", strings.TrimSpace(what))
		}
		time.Sleep(200 * time.Millisecond)
	}
}
