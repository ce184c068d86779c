package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
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

	"github.com/openplp/khocr/controllers/certs"
	"github.com/openplp/khocr/internal/testenv"
	"github.com/openplp/khocr/internal/workerport"
)

const (
	internalName = "khocr-gateway-internal.khocr-system.svc"
	metricsName  = "khocr-gateway-metrics.khocr-system.svc"
	day          = 24 * time.Hour
)

// TestTheGatewayServesOverTLS runs the whole gateway with a token of its service account and nothing but the roles that
// config/ gives it, and with the certificates that the manager makes.
func TestTheGatewayServesOverTLS(t *testing.T) {
	p := startPlatform(t)
	t.Run("internal port", p.testInternalPort)
	t.Run("metrics", p.testMetrics)
	t.Run("public port", p.testPublicPort)
	t.Run("no worker loses the gateway while certificates change", p.testRotation)
}

// platform is a gateway, with the manager's certificates and the kubelet's part played by the test.
type platform struct {
	environment *testenv.Environment
	manager     *certs.Reconciler
	options     options
	// now is by the clock of the manager and of the workers, in nanoseconds.
	now atomic.Int64
}

func startPlatform(t *testing.T) *platform {
	environment := testenv.Start(t)
	environment.Apply(t, "config/rbac/service_accounts.yaml", "config/rbac/gateway_role.yaml", "config/rbac/metrics_roles.yaml")
	folder := t.TempDir()
	p := &platform{environment: environment, options: options{
		listen: freeAddress(t), internalListen: freeAddress(t), healthListen: freeAddress(t), metricsListen: freeAddress(t),
		tlsDir: filepath.Join(folder, "tls"), publicTLSDir: filepath.Join(folder, "public-tls"), keyFile: filepath.Join(folder, "key"),
		store: "file://" + filepath.Join(folder, "store"), namespace: "khocr-system",
	}}
	p.now.Store(time.Now().UnixNano())
	p.manager = &certs.Reconciler{
		Client: environment.Client, Live: environment.Client, Namespace: "khocr-system", Now: func() time.Time { return time.Unix(0, p.now.Load()) },
		Services: []types.NamespacedName{
			{Namespace: "khocr-system", Name: "khocr-gateway-internal"}, {Namespace: "khocr-system", Name: "khocr-gateway-metrics"}},
	}
	if err := os.MkdirAll(filepath.Join(folder, "store"), 0o700); err != nil {
		t.Fatal(err)
	}
	t.Setenv("KUBECONFIG", p.kubeconfig(t, "khocr-gateway"))
	ctx, stop := context.WithCancel(context.Background())
	stopped := make(chan error, 1)
	go func() { stopped <- run(ctx, p.options, slog.New(slog.DiscardHandler)) }()
	t.Cleanup(func() {
		stop()
		if err := <-stopped; err != nil {
			t.Errorf("the gateway ended with: %v", err)
		}
	})

	p.reconcile(t)
	key := p.secret(t, certs.KeySecretName)
	if err := os.WriteFile(p.options.keyFile, key.Data["key"], 0o600); err != nil {
		t.Fatal(err)
	}
	p.mount(t)
	return p
}

func (p *platform) reconcile(t *testing.T) {
	t.Helper()
	if _, err := p.manager.Reconcile(t.Context(), ctrl.Request{}); err != nil {
		t.Fatal(err)
	}
}

func (p *platform) secret(t *testing.T, name string) *corev1.Secret {
	t.Helper()
	secret := &corev1.Secret{}
	if err := p.environment.Client.Get(t.Context(), client.ObjectKey{Namespace: "khocr-system", Name: name}, secret); err != nil {
		t.Fatal(err)
	}
	return secret
}

// mount brings the certificate to the gateway.
func (p *platform) mount(t *testing.T) {
	t.Helper()
	project(t, p.options.tlsDir, p.secret(t, certs.SecretName).Data)
}

// project puts the content of a Secret into a volume as the kubelet does: all files change at once, by a link.
func project(t *testing.T, volume string, data map[string][]byte) {
	t.Helper()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(os.MkdirAll(volume, 0o700))
	version, err := os.MkdirTemp(volume, "..")
	must(err)
	for name, content := range data {
		must(os.WriteFile(filepath.Join(version, name), content, 0o600))
	}
	current, temporary := filepath.Join(volume, "..data"), filepath.Join(volume, "..data_tmp")
	old, _ := os.Readlink(current)
	must(os.Symlink(filepath.Base(version), temporary))
	must(os.Rename(temporary, current))
	if old != "" {
		must(os.RemoveAll(filepath.Join(volume, old)))
		return
	}
	for name := range data {
		must(os.Symlink(filepath.Join("..data", name), filepath.Join(volume, name)))
	}
}

// trust is what a client that has read the Secret now goes by.
func (p *platform) trust(t *testing.T, name string) *tls.Config {
	t.Helper()
	bundle, err := p.manager.CABundle(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	authorities := x509.NewCertPool()
	if !authorities.AppendCertsFromPEM([]byte(bundle)) {
		t.Fatalf("the bundle is %q", bundle)
	}
	return &tls.Config{RootCAs: authorities, ServerName: name, MinVersion: tls.VersionTLS13, Time: func() time.Time { return time.Unix(0, p.now.Load()) }}
}

// get asks on a connection of its own.
func get(ctx context.Context, url, token string, trust *tls.Config) (status int, body string, err error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return 0, "", err
	}
	if token != "" {
		request.Header.Set("Authorization", "Bearer "+token)
	}
	c := &http.Client{Transport: &http.Transport{TLSClientConfig: trust, DisableKeepAlives: true}}
	response, err := c.Do(request)
	if err != nil {
		return 0, "", err
	}
	defer response.Body.Close()
	content, err := io.ReadAll(response.Body)
	return response.StatusCode, string(content), err
}

// testRefusals makes connections that a port has to refuse.
func (p *platform) testRefusals(t *testing.T, address, path string, trusted *tls.Config) {
	t.Helper()
	if status, body, err := get(t.Context(), "http://"+address+path, "", nil); status != http.StatusBadRequest || !strings.Contains(body, "HTTP request to an HTTPS server") {
		t.Errorf("a request without TLS is answered %d %q (%v)", status, body, err)
	}
	for what, change := range map[string]func(*tls.Config){
		"another service":     func(c *tls.Config) { c.ServerName = "khocr-store.khocr-system.svc" },
		"another authority":   func(c *tls.Config) { c.RootCAs = x509.NewCertPool() },
		"an older protocol":   func(c *tls.Config) { c.MinVersion, c.MaxVersion = tls.VersionTLS12, tls.VersionTLS12 },
		"a later certificate": func(c *tls.Config) { c.Time = func() time.Time { return time.Now().Add(91 * day) } },
	} {
		config := trusted.Clone()
		change(config)
		if status, _, err := get(t.Context(), "https://"+address+path, "", config); err == nil {
			t.Errorf("a client that wants %s is answered %d", what, status)
		}
	}
}

func (p *platform) testInternalPort(t *testing.T) {
	trust := p.trust(t, internalName)
	url := "https://" + p.options.internalListen + workerport.PathTicket
	testenv.Await(t, "the internal port is served", func() bool {
		status, _, _ := get(t.Context(), url, "none", trust)
		return status == http.StatusUnauthorized
	})
	p.testRefusals(t, p.options.internalListen, workerport.PathTicket, trust)
}

func (p *platform) testMetrics(t *testing.T) {
	for _, object := range []client.Object{
		&corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Namespace: "khocr-system", Name: "prometheus"}},
		&rbacv1.ClusterRoleBinding{
			ObjectMeta: metav1.ObjectMeta{Name: "prometheus"},
			RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: "khocr-metrics-reader"},
			Subjects:   []rbacv1.Subject{{Kind: rbacv1.ServiceAccountKind, Namespace: "khocr-system", Name: "prometheus"}},
		},
	} {
		if err := p.environment.Client.Create(t.Context(), object); err != nil {
			t.Fatal(err)
		}
	}
	trust := p.trust(t, metricsName)
	url := "https://" + p.options.metricsListen + "/metrics"
	reader := p.token(t, "prometheus")
	testenv.Await(t, "whoever has the role reads metrics", func() bool {
		status, body, _ := get(t.Context(), url, reader, trust)
		return status == http.StatusOK && strings.Contains(body, "\nprocess_resident_memory_bytes ")
	})
	for token, want := range map[string]int{
		"":                          http.StatusUnauthorized,
		"none":                      http.StatusUnauthorized,
		p.token(t, "khocr-manager"): http.StatusForbidden,
	} {
		if got, _, err := get(t.Context(), url, token, trust); got != want {
			t.Errorf("a request for metrics is answered %d (%v), want %d", got, err, want)
		}
	}
	p.testRefusals(t, p.options.metricsListen, "/metrics", trust)
}

// testPublicPort gives the gateway its public certificate while it runs, and then another one.
func (p *platform) testPublicPort(t *testing.T) {
	url := "https://" + p.options.listen + "/api/v1/models"
	served := func(trust *tls.Config) bool {
		status, _, _ := get(t.Context(), url, "", trust)
		return status == http.StatusUnauthorized
	}
	if _, err := net.Dial("tcp", p.options.listen); err == nil {
		t.Error("the public API is served without a certificate")
	}
	// Any certificate will do. The manager makes one for each namespace that it is asked for.
	certificate := func() (map[string][]byte, *tls.Config) {
		namespace := p.environment.Namespace(t, "public-")
		maker := *p.manager
		maker.Namespace, maker.Services = namespace, []types.NamespacedName{{Namespace: namespace, Name: "api"}}
		other := &platform{environment: p.environment, manager: &maker}
		other.now.Store(p.now.Load())
		other.reconcile(t)
		secret := &corev1.Secret{}
		if err := p.environment.Client.Get(t.Context(), client.ObjectKey{Namespace: namespace, Name: certs.SecretName}, secret); err != nil {
			t.Fatal(err)
		}
		trust := other.trust(t, "api."+namespace+".svc")
		trust.MinVersion, trust.MaxVersion = tls.VersionTLS12, tls.VersionTLS12
		return secret.Data, trust
	}
	first, trustFirst := certificate()
	project(t, p.options.publicTLSDir, first)
	testenv.Await(t, "the public API is served", func() bool { return served(trustFirst) })
	second, trustSecond := certificate()
	project(t, p.options.publicTLSDir, second)
	testenv.Await(t, "the new certificate is shown", func() bool { return served(trustSecond) })
	if served(trustFirst) {
		t.Error("the old certificate is still shown")
	}
}

// worker comes back to the internal port again and again, as long as it lives.
type worker struct {
	made  time.Time
	trust *tls.Config
	// kept has a connection that stays, each request of fresh has one of its own.
	kept, fresh *http.Client
}

// crowd are workers at work.
type crowd struct {
	url      string
	mutex    sync.RWMutex
	workers  []*worker
	answered atomic.Int64
	failures chan error
}

// work has a worker talk to the gateway until ctx ends or the worker has gone.
func (c *crowd) work(ctx context.Context, w *worker) {
	pause := time.NewTicker(10 * time.Millisecond) // the gateway has other work, too
	defer pause.Stop()
	for ctx.Err() == nil && c.visit(w) {
		<-pause.C
	}
	w.kept.CloseIdleConnections()
}

// visit makes a request on each of a worker's connections, while nobody may change the clock.
func (c *crowd) visit(w *worker) bool {
	c.mutex.RLock()
	defer c.mutex.RUnlock()
	alive := false
	for _, other := range c.workers {
		alive = alive || other == w
	}
	if !alive {
		return false
	}
	for _, client := range []*http.Client{w.kept, w.fresh} {
		response, err := client.Get(c.url)
		if err != nil {
			select {
			case c.failures <- err:
			default:
			}
			continue
		}
		_, _ = io.Copy(io.Discard, response.Body)
		_ = response.Body.Close()
		c.answered.Add(1)
	}
	return true
}

func (p *platform) testRotation(t *testing.T) {
	const age = 14 * day
	start := time.Unix(0, p.now.Load())
	c := &crowd{url: "https://" + p.options.internalListen + workerport.PathTicket, failures: make(chan error, 1)}
	ctx, stop := context.WithCancel(t.Context())
	var working sync.WaitGroup
	defer working.Wait()
	defer stop()

	join := func() {
		w := &worker{made: time.Unix(0, p.now.Load()), trust: p.trust(t, internalName)}
		w.kept = &http.Client{Transport: &http.Transport{TLSClientConfig: w.trust}}
		w.fresh = &http.Client{Transport: &http.Transport{TLSClientConfig: w.trust, DisableKeepAlives: true}}
		c.mutex.Lock()
		c.workers = append(c.workers, w)
		c.mutex.Unlock()
		working.Go(func() { c.work(ctx, w) })
	}
	// step goes on to a day. Workers that would be too old then have ended before.
	step := func(days int) {
		c.mutex.Lock()
		defer c.mutex.Unlock()
		now := start.Add(time.Duration(days) * day)
		for len(c.workers) > 0 && now.Sub(c.workers[0].made) > age {
			c.workers = c.workers[1:]
		}
		p.now.Store(now.UnixNano())
	}
	// settle waits until everybody who is there has been answered some times more.
	settle := func() {
		c.mutex.RLock()
		want := c.answered.Load() + int64(4*len(c.workers))
		c.mutex.RUnlock()
		testenv.Await(t, "workers are answered", func() bool { return c.answered.Load() >= want || len(c.failures) > 0 })
	}
	leaves, authorities := map[string]bool{}, map[string]bool{}
	shown := func() bool {
		connection, err := tls.Dial("tcp", p.options.internalListen, &tls.Config{InsecureSkipVerify: true})
		if err != nil {
			return false
		}
		defer connection.Close()
		leaf := connection.ConnectionState().PeerCertificates[0]
		block, err := tls.X509KeyPair(p.secret(t, certs.SecretName).Data[corev1.TLSCertKey], p.secret(t, certs.SecretName).Data[corev1.TLSPrivateKeyKey])
		if err != nil || !leaf.Equal(block.Leaf) {
			return false
		}
		leaves[string(leaf.Raw)], authorities[string(leaf.AuthorityKeyId)] = true, true
		return true
	}
	look := func(days int) {
		t.Helper()
		step(days)
		p.reconcile(t)
		join() // it knows the new bundle, and the gateway has the old certificate
		settle()
		p.mount(t)
		testenv.Await(t, "the gateway shows the certificate", shown)
		join()
		settle()
		select {
		case err := <-c.failures:
			t.Fatalf("on day %d a worker has lost the gateway: %v", days, err)
		default:
		}
	}
	for _, days := range []int{0, 12, 24, 36, 48, 58, 61, 70} {
		look(days)
	}
	// The authority is lost: the next one signs when workers know it.
	if err := p.environment.Client.Delete(t.Context(), p.secret(t, certs.AuthoritySecretName)); err != nil {
		t.Fatal(err)
	}
	for _, days := range []int{71, 84, 97, 110, 123, 136, 137, 150, 152} {
		look(days)
	}
	if got := strings.Count(string(p.secret(t, certs.SecretName).Data["ca.crt"]), "BEGIN CERTIFICATE"); got != 1 {
		t.Errorf("%d authorities are trusted when all certificates are new, want one", got)
	}
	// Nobody comes for years, and then the authority is near its end. What had expired in between nobody has seen.
	step(71 + 8*365 + 1)
	p.reconcile(t)
	p.mount(t)
	testenv.Await(t, "the gateway shows the certificate", shown)
	look(71 + 8*365 + 2)
	step(71 + 9*365 - 40)
	p.reconcile(t)
	p.mount(t)
	testenv.Await(t, "the gateway shows the certificate", shown)
	for _, days := range []int{-39, -26, -13, -1, 1, 13, 26, 37, 50, 53} {
		look(71 + 9*365 + days)
	}
	if len(leaves) < 6 || len(authorities) != 3 {
		t.Errorf("%d certificates by %d authorities were shown, want at least 6 by 3", len(leaves), len(authorities))
	}
	t.Logf("%d answers, %d certificates by %d authorities, no failure", c.answered.Load(), len(leaves), len(authorities))
}

func (p *platform) token(t *testing.T, account string) string {
	t.Helper()
	token, err := kubernetes.NewForConfigOrDie(p.environment.Admin).CoreV1().ServiceAccounts("khocr-system").
		CreateToken(t.Context(), account, &authenticationv1.TokenRequest{}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return token.Status.Token
}

// kubeconfig writes a file by which a program acts as a service account in khocr-system.
func (p *platform) kubeconfig(t *testing.T, account string) string {
	t.Helper()
	admin := p.environment.Admin
	config := clientcmdapi.NewConfig()
	config.Clusters["test"] = &clientcmdapi.Cluster{Server: admin.Host, CertificateAuthorityData: admin.CAData}
	config.AuthInfos["test"] = &clientcmdapi.AuthInfo{Token: p.token(t, account)}
	config.Contexts["test"] = &clientcmdapi.Context{Cluster: "test", AuthInfo: "test"}
	config.CurrentContext = "test"
	file := filepath.Join(t.TempDir(), "kubeconfig")
	if err := clientcmd.WriteToFile(*config, file); err != nil {
		t.Fatal(err)
	}
	return file
}

func freeAddress(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = listener.Close() }()
	return listener.Addr().String()
}
