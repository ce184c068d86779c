package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/openplp/khocr/api/v1alpha1"
	"github.com/openplp/khocr/controllers/certs"
	"github.com/openplp/khocr/internal/testenv"
)

// TestTheManagerWorksWithItsOwnRole runs the whole manager with a token of its service account and nothing but the roles
// that config/ gives it.
func TestTheManagerWorksWithItsOwnRole(t *testing.T) {
	environment := testenv.Start(t)
	environment.Apply(t, "config/rbac/*_account*.yaml", "config/rbac/*role*.yaml", "config/rbac/manager_bindings.yaml", "config/priority/priority_classes.yaml",
		"config/plans/free.yaml", "config/models/khocr.yaml")
	c := &cluster{T: t, Client: environment.Client, admin: environment.Admin}
	c.must(c.Create(t.Context(), &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Namespace: "khocr-system", Name: "khocr-gateway-internal"},
		Spec:       corev1.ServiceSpec{Ports: []corev1.ServicePort{{Port: 8443}}},
	}))

	o := options{
		workerImage: "khocr/worker:test", namespace: "khocr-system", leaderElect: true, healthAddress: "0", metricsAddress: freeAddress(t),
		partition: v1alpha1.Partition{PagesPerWorker: 200, MaxWorkers: 8},
		gateway:   types.NamespacedName{Namespace: "khocr-system", Name: "khocr-gateway-internal"},
		workerResources: corev1.ResourceRequirements{Limits: corev1.ResourceList{
			corev1.ResourceCPU: resource.MustParse("1"), corev1.ResourceMemory: resource.MustParse("1Gi")}},
	}
	ctx, stop := context.WithCancel(context.Background())
	stopped := make(chan error, 1)
	go func() { stopped <- run(ctx, c.as("khocr-manager"), o) }()

	organization := &v1alpha1.Organization{ObjectMeta: metav1.ObjectMeta{Name: "moj"},
		Spec: v1alpha1.OrganizationSpec{PlanRef: "free", DisplayName: v1alpha1.LocalizedText{En: "Ministry"}, Members: []v1alpha1.Member{
			{Kind: "User", Name: "sokha", Role: v1alpha1.RoleAdmin}, {Kind: "Group", Name: "clerks", Role: v1alpha1.RoleEditor},
			{Kind: "User", Name: "dara", Role: v1alpha1.RoleViewer}}}}
	c.must(c.Create(t.Context(), organization))
	testenv.Await(c, "the organization is ready", func() bool {
		c.must(c.Get(t.Context(), client.ObjectKeyFromObject(organization), organization))
		return meta.IsStatusConditionTrue(organization.Status.Conditions, v1alpha1.ConditionReady)
	})
	job := &v1alpha1.OcrJob{
		ObjectMeta: metav1.ObjectMeta{Namespace: "khocr-moj", Name: "aaaaaaaaaaaa"},
		Spec:       v1alpha1.OcrJobSpec{Source: v1alpha1.DocumentSource{URL: "http://documents.test/a.pdf"}},
	}
	c.must(c.Create(t.Context(), job))
	pod := &corev1.Pod{}
	testenv.Await(c, "the job has a worker", func() bool {
		return c.Get(t.Context(), client.ObjectKey{Namespace: "khocr-moj", Name: "aaaaaaaaaaaa-0-1"}, pod) == nil
	})
	c.must(c.Get(t.Context(), client.ObjectKeyFromObject(job), job))
	c.must(c.Delete(t.Context(), job))
	testenv.Await(c, "a deleted job goes once its ledger is settled", func() bool {
		return client.IgnoreNotFound(c.Get(t.Context(), client.ObjectKeyFromObject(job), job)) == nil &&
			c.Get(t.Context(), client.ObjectKeyFromObject(job), job) != nil
	})
	testenv.Await(c, "the ledger is empty again", func() bool {
		c.must(c.Get(t.Context(), client.ObjectKeyFromObject(organization), organization))
		return len(organization.Status.Ledger) == 0
	})
	c.must(c.Patch(t.Context(), organization, client.RawPatch("application/merge-patch+json", []byte(`{"spec":{"members":null}}`))))
	testenv.Await(c, "a binding without members goes", func() bool {
		return apierrors.IsNotFound(c.Get(t.Context(), client.ObjectKey{Namespace: "khocr-moj", Name: "khocr-admin"}, &rbacv1.RoleBinding{}))
	})
	c.metrics(o.metricsAddress)

	last := job.DeepCopy()
	last.ObjectMeta = metav1.ObjectMeta{Namespace: "khocr-moj", Name: "bbbbbbbbbbbb"}
	c.must(c.Create(t.Context(), last))
	testenv.Await(c, "another job has a worker", func() bool {
		return c.Get(t.Context(), client.ObjectKey{Namespace: "khocr-moj", Name: "bbbbbbbbbbbb-0-1"}, pod) == nil
	})
	c.must(c.Delete(t.Context(), organization))
	testenv.Await(c, "an organization goes in order", func() bool {
		return apierrors.IsNotFound(c.Get(t.Context(), client.ObjectKeyFromObject(organization), organization))
	})
	if err := c.Get(t.Context(), client.ObjectKeyFromObject(last), last); !apierrors.IsNotFound(err) {
		t.Errorf("the organization is gone and its job is there: %v", err)
	}

	stop()
	if err := <-stopped; err != nil {
		t.Errorf("the manager ended with: %v", err)
	}
}

// metrics are for those who have a token and the role to read them, over TLS with the platform's certificate.
func (c *cluster) metrics(address string) {
	c.Helper()
	reader := &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Namespace: "khocr-system", Name: "prometheus"}}
	c.must(c.Create(c.Context(), reader))
	c.must(c.Create(c.Context(), &rbacv1.ClusterRoleBinding{
		ObjectMeta: metav1.ObjectMeta{Name: "prometheus"},
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: "khocr-metrics-reader"},
		Subjects:   []rbacv1.Subject{{Kind: rbacv1.ServiceAccountKind, Namespace: "khocr-system", Name: "prometheus"}},
	}))
	secret := &corev1.Secret{}
	c.must(c.Get(c.Context(), types.NamespacedName{Namespace: "khocr-system", Name: certs.SecretName}, secret))
	authorities := x509.NewCertPool()
	authorities.AppendCertsFromPEM(secret.Data["ca.crt"])
	trust := &tls.Config{RootCAs: authorities, ServerName: "khocr-manager-metrics.khocr-system.svc"}
	get := func(url, token string, trust *tls.Config) (int, string, error) {
		request, err := http.NewRequestWithContext(c.Context(), http.MethodGet, url, nil)
		c.must(err)
		if token != "" {
			request.Header.Set("Authorization", "Bearer "+token)
		}
		scraper := &http.Client{Transport: &http.Transport{TLSClientConfig: trust, DisableKeepAlives: true}}
		response, err := scraper.Do(request)
		if err != nil {
			return 0, "", err
		}
		defer response.Body.Close()
		body, err := io.ReadAll(response.Body)
		return response.StatusCode, string(body), err
	}
	url := "https://" + address + "/metrics"
	testenv.Await(c, "whoever has the role reads metrics", func() bool {
		status, _, _ := get(url, c.as("prometheus").BearerToken, trust)
		return status == http.StatusOK
	})
	for token, want := range map[string]int{
		"":                                http.StatusUnauthorized,
		"none":                            http.StatusUnauthorized,
		c.as("khocr-gateway").BearerToken: http.StatusForbidden,
	} {
		if got, _, err := get(url, token, trust); got != want {
			c.Errorf("a request for metrics is answered %d (%v), want %d", got, err, want)
		}
	}
	if status, body, err := get("http://"+address+"/metrics", "", nil); status != http.StatusBadRequest || !strings.Contains(body, "HTTPS") {
		c.Errorf("a request without TLS is answered %d %q (%v)", status, body, err)
	}
	for what, other := range map[string]*tls.Config{
		"another service":      {RootCAs: authorities, ServerName: "khocr-store.khocr-system.svc"},
		"no authority of ours": {RootCAs: x509.NewCertPool(), ServerName: trust.ServerName},
		"an old protocol":      {RootCAs: authorities, ServerName: trust.ServerName, MaxVersion: tls.VersionTLS12},
	} {
		if status, _, err := get(url, "", other); err == nil {
			c.Errorf("a client that wants %s is answered %d", what, status)
		}
	}
}

type cluster struct {
	*testing.T
	client.Client
	admin *rest.Config
}

// as authenticates with a token of a service account in khocr-system.
func (c *cluster) as(account string) *rest.Config {
	c.Helper()
	token, err := kubernetes.NewForConfigOrDie(c.admin).CoreV1().ServiceAccounts("khocr-system").
		CreateToken(c.Context(), account, &authenticationv1.TokenRequest{}, metav1.CreateOptions{})
	c.must(err)
	config := rest.AnonymousClientConfig(c.admin)
	config.BearerToken = token.Status.Token
	return config
}

func (c *cluster) must(err error) {
	c.Helper()
	if err != nil {
		c.Fatal(err)
	}
}

func freeAddress(t *testing.T) string {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = listener.Close() }()
	return listener.Addr().String()
}
