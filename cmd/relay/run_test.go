package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"flag"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/openplp/khocr/api/v1alpha1"
	"github.com/openplp/khocr/controllers/certs"
	"github.com/openplp/khocr/internal/relayport"
	"github.com/openplp/khocr/internal/testenv"
	"github.com/openplp/khocr/internal/testlog"
	"github.com/openplp/khocr/test/endpoint"
)

const system = "khocr-system"

// TestTheRelayServesOverTLS runs the whole relay with a token of its service account and nothing but the roles that config/ gives it,
// and with the certificate that the manager makes.
func TestTheRelayServesOverTLS(t *testing.T) {
	environment := testenv.Start(t)
	environment.Apply(t, "config/ai/rbac.yaml", "config/rbac/metrics_roles.yaml")
	_, address := endpoint.Start(t, endpoint.Settings{Model: "eyes", Key: "sk-test", Pages: map[int]string{1: "សួស្តី"}})
	if err := environment.Client.Create(t.Context(), &v1alpha1.OcrModel{
		ObjectMeta: metav1.ObjectMeta{Name: "eyes"},
		Spec: v1alpha1.OcrModelSpec{
			DisplayName: v1alpha1.LocalizedText{Km: "ភ្នែក", En: "Eyes"}, Engine: v1alpha1.EngineOpenAI, Languages: []string{"km"},
			OpenAI: &v1alpha1.OpenAIModel{BaseURL: address, Model: "eyes", Location: v1alpha1.LocationInCluster, APIKeyName: "eyes-key",
				Plans: []v1alpha1.ModelPlan{{Name: "free"}}},
		},
	}); err != nil {
		t.Fatal(err)
	}
	certificates := &certs.Reconciler{
		Client: environment.Client, Live: environment.Client, Namespace: system, Now: time.Now,
		Services: []types.NamespacedName{{Namespace: system, Name: "khocr-gateway-internal"}},
	}
	if _, err := certificates.Reconcile(t.Context(), ctrl.Request{}); err != nil {
		t.Fatal(err)
	}

	folder := t.TempDir()
	o := parseFlags(flag.NewFlagSet("relay", flag.ContinueOnError), []string{
		"--listen=" + freeAddress(t), "--health-listen=" + freeAddress(t), "--metrics-listen=" + freeAddress(t),
		"--tls-dir=" + filepath.Join(folder, "tls"), "--keys-dir=" + filepath.Join(folder, "keys"), "--allow=127.0.0.0/8",
	})
	t.Setenv("KUBECONFIG", kubeconfig(t, environment))
	log := &testlog.Buffer{}
	ctx, stop := context.WithCancel(context.Background())
	stopped := make(chan error, 1)
	go func() { stopped <- run(ctx, o, slog.New(slog.NewJSONHandler(log, nil))) }()
	t.Cleanup(func() {
		stop()
		if err := <-stopped; err != nil {
			t.Errorf("the relay ended with: %v", err)
		}
		if said := log.String(); strings.Contains(said, "sk-test") || strings.Contains(said, "forbidden") {
			t.Errorf("the log tells too much, or of too few rights: %s", said)
		}
	})

	reason := func() string {
		model := &v1alpha1.OcrModel{}
		if err := environment.Client.Get(t.Context(), client.ObjectKey{Name: "eyes"}, model); err != nil {
			return err.Error()
		}
		if condition := meta.FindStatusCondition(model.Status.Conditions, v1alpha1.ConditionReachable); condition != nil {
			return condition.Reason
		}
		return ""
	}
	testenv.Await(t, "the key is missing", func() bool { return reason() == v1alpha1.ReasonKeyMissing })
	write(t, filepath.Join(folder, "keys", "eyes-key"), []byte("sk-test\n"))
	testenv.Await(t, "the endpoint is reachable", func() bool { return reason() == v1alpha1.ReasonReachable })

	secret := &corev1.Secret{}
	if err := environment.Client.Get(t.Context(), client.ObjectKey{Namespace: system, Name: certs.RelaySecretName}, secret); err != nil {
		t.Fatal(err)
	}
	for name, content := range secret.Data {
		write(t, filepath.Join(o.tlsDir, name), content)
	}
	bundle, err := certificates.CABundle(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	authorities := x509.NewCertPool()
	authorities.AppendCertsFromPEM([]byte(bundle))
	gateway := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: authorities, ServerName: "khocr-relay.khocr-system.svc"}}}
	ask := func(token string) (int, string) {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodPost,
			"https://"+o.listen+relayport.ReadPath("eyes")+"?organization=acme&kind=page&location=InCluster&attempt=1", bytes.NewReader(endpoint.PageImage(1, 300, "image/jpeg")))
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("Content-Type", "image/jpeg")
		request.Header.Set("Authorization", "Bearer "+token)
		answer, err := gateway.Do(request)
		if err != nil {
			return 0, err.Error()
		}
		defer answer.Body.Close()
		content, _ := io.ReadAll(answer.Body)
		return answer.StatusCode, string(content)
	}
	ours := token(t, environment, "khocr-gateway", relayport.Audience)
	testenv.Await(t, "the gateway is answered", func() bool {
		status, body := ask(ours)
		return status == http.StatusOK && strings.Contains(body, "សួស្តី")
	})
	if status, body := ask(token(t, environment, "khocr-manager", relayport.Audience)); status != http.StatusForbidden {
		t.Errorf("the manager is answered %d %s", status, body)
	}
	answer, err := http.Get("http://" + o.healthListen + "/readyz")
	if err != nil || answer.StatusCode != http.StatusOK {
		t.Errorf("%v %v", answer, err)
	}
	if err == nil {
		_ = answer.Body.Close()
	}
	metrics := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: authorities, ServerName: "khocr-relay-metrics.khocr-system.svc"}}}
	testenv.Await(t, "whoever has no token gets no metrics", func() bool {
		answer, err := metrics.Get("https://" + o.metricsListen + "/metrics")
		if err != nil {
			return false
		}
		_ = answer.Body.Close()
		return answer.StatusCode == http.StatusUnauthorized
	})
}

func write(t *testing.T, file string, content []byte) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, content, 0o600); err != nil {
		t.Fatal(err)
	}
}

func token(t *testing.T, environment *testenv.Environment, account string, audiences ...string) string {
	t.Helper()
	owner := &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Namespace: system, Name: account}}
	_ = environment.Client.Create(t.Context(), owner.DeepCopy()) // it may be there
	request := &authenticationv1.TokenRequest{Spec: authenticationv1.TokenRequestSpec{Audiences: audiences}}
	if err := environment.Client.SubResource("token").Create(t.Context(), owner, request); err != nil {
		t.Fatal(err)
	}
	return request.Status.Token
}

// kubeconfig is a file by which a program acts as the relay.
func kubeconfig(t *testing.T, environment *testenv.Environment) string {
	t.Helper()
	config := clientcmdapi.NewConfig()
	config.Clusters["test"] = &clientcmdapi.Cluster{Server: environment.Admin.Host, CertificateAuthorityData: environment.Admin.CAData}
	config.AuthInfos["test"] = &clientcmdapi.AuthInfo{Token: token(t, environment, "khocr-relay")}
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
