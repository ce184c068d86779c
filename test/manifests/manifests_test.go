// Package manifests tests what kustomize makes of config/ against a real API server: whatever an operator applies is
// valid there, draws no warning, and grants no more than it should.
package manifests

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"sigs.k8s.io/controller-runtime/pkg/envtest"
)

const root = "../.."

// cluster is an API server with nothing on it, not even the custom resources.
type cluster struct {
	kubectl, kubeconfig string
}

func start(t *testing.T) cluster {
	t.Helper()
	assets := os.Getenv("KUBEBUILDER_ASSETS")
	if assets == "" {
		t.Skip("KUBEBUILDER_ASSETS names no folder with kube-apiserver, etcd and kubectl")
	}
	server := &envtest.Environment{}
	// The range of local clusters, in which the server of samples has its address.
	server.ControlPlane.GetAPIServer().Configure().Set("service-cluster-ip-range", "10.96.0.0/16")
	if _, err := server.Start(); err != nil {
		t.Fatalf("starting the API server: %v", err)
	}
	t.Cleanup(func() {
		if err := server.Stop(); err != nil {
			t.Errorf("stopping the API server: %v", err)
		}
	})
	c := cluster{kubectl: filepath.Join(assets, "kubectl"), kubeconfig: filepath.Join(t.TempDir(), "kubeconfig")}
	if err := os.WriteFile(c.kubeconfig, server.KubeConfig, 0o600); err != nil {
		t.Fatal(err)
	}
	return c
}

func (c cluster) try(arguments ...string) (string, error) {
	command := exec.Command(c.kubectl, append([]string{"--kubeconfig", c.kubeconfig}, arguments...)...)
	command.Dir = root
	output, err := command.CombinedOutput()
	return string(output), err
}

func (c cluster) do(t *testing.T, arguments ...string) string {
	t.Helper()
	output, err := c.try(arguments...)
	if err != nil {
		t.Fatalf("kubectl %s: %v\n%s", strings.Join(arguments, " "), err, output)
	}
	return output
}

func (c cluster) install(t *testing.T) {
	t.Helper()
	c.do(t, "apply", "--server-side", "--kustomize", "config/crd")
	c.do(t, "wait", "--for=condition=Established", "crd", "--all", "--timeout=60s")
	c.do(t, "apply", "--server-side", "--warnings-as-errors", "--kustomize", "config/local")
}

func TestManifests(t *testing.T) {
	c := start(t)
	c.install(t)
	t.Run("plans have the numbers of the contract", c.testPlans)
	t.Run("roles", c.testRoles)
	t.Run("applying them once more changes nothing", func(t *testing.T) {
		generations := func() string {
			return c.do(t, "get", "deployments,services,organizations,plans,ocrmodels,clusterroles", "--all-namespaces",
				"--output=jsonpath={range .items[*]}{.kind} {.metadata.name} {.metadata.resourceVersion}{'\\n'}{end}")
		}
		// The API server stores a status that is there by default with the first change that comes after the creation.
		c.do(t, "apply", "--server-side", "--kustomize", "config/local")
		before := generations()
		c.do(t, "apply", "--server-side", "--kustomize", "config/local")
		if after := generations(); after != before {
			t.Errorf("before:\n%s\nafter:\n%s", before, after)
		}
	})
	t.Run("the samples are valid", func(t *testing.T) {
		for _, namespace := range []string{"khocr-acme", "khocr-demo-standard"} {
			c.do(t, "create", "namespace", namespace)
		}
		c.do(t, "apply", "--server-side", "--dry-run=server", "--warnings-as-errors", "--filename", "config/samples")
		c.do(t, "create", "namespace", "models")
		c.do(t, "label", "namespace", "models", "pod-security.kubernetes.io/warn=restricted")
		c.do(t, "apply", "--server-side", "--dry-run=server", "--force-conflicts", "--warnings-as-errors", "--filename", "examples/ai")
	})
	t.Run("a table of organizations tells what they have used", c.testOrganizationsTable)
	t.Run("gateways that share their rate limits", func(t *testing.T) { c.testComponent(t, "rate-limit-redis", "KHOCR_RATE_LIMIT_REDIS") })
	t.Run("a gateway that serves the public API over TLS", func(t *testing.T) {
		c.testComponent(t, "public-tls", "--public-tls-dir=", "secretName: khocr-public-tls", "port: 443")
	})
	t.Run("gateways over a bucket", func(t *testing.T) {
		c.testComponent(t, "store-s3", "--store=$(KHOCR_STORE)", "replicas: 2", "emptyDir:")
	})
	t.Run("a relay for AI models", func(t *testing.T) {
		c.testComponent(t, "ai", "image: khocr/relay", "--relay-url=https://khocr-relay.khocr-system.svc:8443", "audience: khocr-relay",
			"secretName: khocr-relay-tls", "secretName: khocr-model-keys")
	})
	t.Run("a store with an authority of its own", func(t *testing.T) { c.testComponent(t, "store-ca", "AWS_CA_BUNDLE", "key: ca.crt") })
	t.Run("the local cluster with several of everything", func(t *testing.T) {
		c.do(t, "apply", "--server-side", "--force-conflicts", "--dry-run=server", "--warnings-as-errors", "--kustomize", "config/local-several")
		if rendered := c.do(t, "kustomize", "config/local-several"); strings.Contains(rendered, "PersistentVolumeClaim") {
			t.Error("there is a volume beside the bucket")
		}
	})
	t.Run("the public API behind an Ingress", func(t *testing.T) {
		c.do(t, "apply", "--server-side", "--dry-run=server", "--warnings-as-errors", "--filename", "config/exposure/ingress.yaml")
	})
	t.Run("what an operator of Prometheus applies", func(t *testing.T) {
		rendered := c.do(t, "kustomize", "config/monitoring")
		for _, want := range []string{"kind: ServiceMonitor", "kind: PrometheusRule", "name: khocr-dashboard", `grafana_dashboard: "1"`} {
			if !strings.Contains(rendered, want) {
				t.Errorf("the rendered manifests lack %q", want)
			}
		}
	})
	t.Run("a backup can be restored", c.testRestore)
	t.Run("exactly one model is the default", func(t *testing.T) {
		defaults := c.do(t, "get", "ocrmodels", "--output=jsonpath={.items[?(@.spec.default==true)].metadata.name}")
		if defaults != "khocr" {
			t.Errorf("got %q, want khocr", defaults)
		}
	})
}

// testOrganizationsTable plays the manager's part.
func (c cluster) testOrganizationsTable(t *testing.T) {
	c.do(t, "apply", "--server-side", "--filename", "config/samples/organization.yaml")
	c.do(t, "patch", "organization", "acme", "--subresource=status", "--type=merge", "--as-group=system:masters",
		"--as=system:serviceaccount:khocr-system:khocr-manager", "--patch", `{"status":{"pages":"37/5000","running":2,"namespace":"khocr-acme",
		"conditions":[{"type":"Ready","status":"True","reason":"Provisioned","message":"","lastTransitionTime":"2026-08-01T00:00:00Z"}]}}`)
	for _, test := range []struct {
		options      []string
		header, line string
	}{
		{nil, "NAME PLAN PAGES RUNNING READY REASON AGE", "acme standard 37/5000 2 True Provisioned "},
		{[]string{"--output=wide"}, "NAME PLAN PAGES RUNNING READY REASON NAMESPACE AGE", "acme standard 37/5000 2 True Provisioned khocr-acme "},
	} {
		lines := strings.Split(c.do(t, append([]string{"get", "organizations", "acme"}, test.options...)...), "\n")
		words := func(line string) string { return strings.Join(strings.Fields(line), " ") }
		if words(lines[0]) != test.header || !strings.HasPrefix(words(lines[1])+" ", test.line) {
			t.Errorf("the table is\n%s", strings.Join(lines, "\n"))
		}
	}
}

func (c cluster) testPlans(t *testing.T) {
	for plan, want := range map[string]string{
		"free": "10 100 52428800", "standard": "50 5000 52428800", "enterprise": "200 50000 52428800",
	} {
		got := c.do(t, "get", "plan", plan,
			"--output=jsonpath={.spec.limits.requestsPerMinute} {.spec.limits.pagesPerMonth} {.spec.limits.maxFileBytes}")
		if got != want {
			t.Errorf("plan %s: got %s, want %s", plan, got, want)
		}
	}
}

func (c cluster) testRoles(t *testing.T) {
	const (
		gateway = "system:serviceaccount:khocr-system:khocr-gateway"
		manager = "system:serviceaccount:khocr-system:khocr-manager"
		relay   = "system:serviceaccount:khocr-system:khocr-relay"
	)
	for _, test := range []struct {
		name, who string
		request   []string
		want      bool
	}{
		{"the gateway makes jobs", gateway, []string{"create", "ocrjobs", "-n", "khocr-acme"}, true},
		{"the gateway cancels jobs", gateway, []string{"patch", "ocrjobs", "-n", "khocr-acme"}, true},
		{"the gateway deletes jobs", gateway, []string{"delete", "ocrjobs", "-n", "khocr-acme"}, true},
		{"the gateway keeps the sweeper's lease", gateway, []string{"update", "leases/khocr-gateway-sweeper", "-n", "khocr-system"}, true},
		{"the gateway takes no other lease", gateway, []string{"update", "leases/khocr-manager", "-n", "khocr-system"}, false},
		{"the gateway reads no secrets of organizations by itself", gateway, []string{"get", "secrets", "-n", "khocr-acme"}, false},
		{"the gateway asks whose a token is", gateway, []string{"create", "tokenreviews"}, true},
		{"the gateway asks who may read its metrics", gateway, []string{"create", "subjectaccessreviews.authorization.k8s.io"}, true},
		{"the gateway does not touch a job's status", gateway, []string{"patch", "ocrjobs", "--subresource=status", "-n", "khocr-acme"}, false},
		{"the gateway makes no pods", gateway, []string{"create", "pods", "-n", "khocr-acme"}, false},
		{"the gateway counts the gateways", gateway, []string{"list", "endpointslices", "-n", "khocr-system"}, true},
		{"the gateway sees no other endpoints", gateway, []string{"list", "endpointslices", "-n", "kube-system"}, false},
		{"the gateway reads no secrets", gateway, []string{"get", "secrets", "-n", "khocr-system"}, false},
		{"the manager makes pods", manager, []string{"create", "pods", "-n", "khocr-acme"}, true},
		{"the manager keeps its lease", manager, []string{"update", "leases", "-n", "khocr-system"}, true},
		{"the manager takes no lease elsewhere", manager, []string{"update", "leases", "-n", "kube-system"}, false},
		{"the manager lets members be viewers", manager, []string{"bind", "clusterroles/khocr-viewer"}, true},
		{"the manager lets nobody be an operator", manager, []string{"bind", "clusterroles/khocr-operator"}, false},
		{"the manager lets nobody be cluster-admin", manager, []string{"bind", "clusterroles/cluster-admin"}, false},
		{"the manager takes members' bindings away", manager, []string{"delete", "rolebindings/khocr-editor", "-n", "khocr-acme"}, true},
		{"the manager takes no other bindings away", manager, []string{"delete", "rolebindings/owners", "-n", "khocr-acme"}, false},
		{"the manager lets Secrets be read", manager, []string{"escalate", "roles/khocr-gateway-webhooks", "-n", "khocr-acme"}, true},
		{"the manager gives no other rights away", manager, []string{"escalate", "roles/other", "-n", "khocr-acme"}, false},
		{"the manager does not delete organizations", manager, []string{"delete", "organizations"}, false},
		{"the manager finds the platform's key", manager, []string{"get", "secrets/khocr-gateway-key", "-n", "khocr-system"}, true},
		{"the manager does not change the platform's key", manager, []string{"update", "secrets/khocr-gateway-key", "-n", "khocr-system"}, false},
		{"the manager renews the relay's certificate", manager, []string{"update", "secrets/khocr-relay-tls", "-n", "khocr-system"}, true},
		{"the manager reads no keys of models", manager, []string{"get", "secrets/khocr-model-keys", "-n", "khocr-system"}, false},
		{"the gateway reads no keys of models", gateway, []string{"get", "secrets/khocr-model-keys", "-n", "khocr-system"}, false},
		{"the relay watches models", relay, []string{"watch", "ocrmodels"}, true},
		{"the relay says whether endpoints answer", relay, []string{"patch", "ocrmodels", "--subresource=status"}, true},
		{"the relay asks whose a token is", relay, []string{"create", "tokenreviews"}, true},
		{"the relay finds the API server's addresses", relay, []string{"list", "endpointslices", "-n", "default"}, true},
		{"the relay finds no others", relay, []string{"list", "endpointslices", "-n", "khocr-system"}, false},
		{"the relay keeps its lease", relay, []string{"update", "leases/khocr-relay", "-n", "khocr-system"}, true},
		{"the relay takes no other lease", relay, []string{"update", "leases/khocr-manager", "-n", "khocr-system"}, false},
		{"the relay changes no model", relay, []string{"patch", "ocrmodels"}, false},
		{"the relay reads no secrets", relay, []string{"get", "secrets", "-n", "khocr-system"}, false},
		{"the relay sees no jobs", relay, []string{"get", "ocrjobs", "-n", "khocr-acme"}, false},
		{"the relay sees no organizations", relay, []string{"get", "organizations"}, false},
		{"the relay makes no pods", relay, []string{"create", "pods", "-n", "khocr-system"}, false},
		{"the manager reads no secrets of organizations", manager, []string{"get", "secrets", "-n", "khocr-acme"}, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			output, err := c.try(append([]string{"auth", "can-i", "--quiet", "--as", test.who}, test.request...)...)
			if got := err == nil; got != test.want {
				t.Errorf("got %v, want %v\n%s", got, test.want, output)
			}
		})
	}
}

// testRestore is about the pod that restores, and what it may do.
func (c cluster) testRestore(t *testing.T) {
	c.do(t, "apply", "--server-side", "--warnings-as-errors", "--kustomize", "config/restore")
	const account = "system:serviceaccount:khocr-system:khocr-restore"
	for _, test := range []struct {
		request []string
		want    bool
	}{
		{[]string{"create", "plans"}, true},
		{[]string{"create", "ocrmodels"}, true},
		{[]string{"create", "organizations"}, true},
		{[]string{"update", "organizations", "--subresource=status"}, true},
		{[]string{"create", "namespaces"}, true},
		{[]string{"create", "ocrjobs", "-n", "khocr-acme"}, true},
		{[]string{"patch", "ocrjobs", "--subresource=status", "-n", "khocr-acme"}, true},
		{[]string{"get", "secrets", "-n", "khocr-system"}, false},
		{[]string{"create", "pods", "-n", "khocr-acme"}, false},
		{[]string{"delete", "namespaces"}, false},
	} {
		output, err := c.try(append([]string{"auth", "can-i", "--quiet", "--as", account}, test.request...)...)
		if got := err == nil; got != test.want {
			t.Errorf("%v: got %v, want %v\n%s", test.request, got, test.want, output)
		}
	}
	// khocr is installed here, so its policies keep everybody but the manager from writing a status.
	c.do(t, "apply", "--server-side", "--filename", "config/samples/organization.yaml")
	output, err := c.try("patch", "organization", "acme", "--subresource=status", "--type=merge", "--as", account, "--as-group=system:masters",
		"--patch", `{"status":{"running":7}}`)
	if err == nil || !strings.Contains(output, "only the manager writes the status") {
		t.Errorf("writing a ledger on a platform at work: %v\n%s", err, output)
	}
}

// testComponent renders a kustomization like an operator's, with a component of ours.
func (c cluster) testComponent(t *testing.T, name string, wants ...string) {
	folder, err := os.MkdirTemp(root, ".kustomization-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(folder) })
	own := "resources: [../config/default]\ncomponents: [../config/" + name + "]\n"
	if err := os.WriteFile(filepath.Join(folder, "kustomization.yaml"), []byte(own), 0o600); err != nil {
		t.Fatal(err)
	}
	c.do(t, "apply", "--server-side", "--force-conflicts", "--dry-run=server", "--warnings-as-errors", "--kustomize", filepath.Base(folder))
	rendered := c.do(t, "kustomize", filepath.Base(folder))
	for _, want := range wants {
		if !strings.Contains(rendered, want) {
			t.Errorf("the rendered manifests lack %q", want)
		}
	}
}
