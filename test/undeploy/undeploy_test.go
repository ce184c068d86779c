// Package undeploy tests that hack/undeploy.sh removes all of khocr from a cluster, in whatever state it finds it.
package undeploy

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/openplp/khocr/api/v1alpha1"
	"github.com/openplp/khocr/internal/testenv"
)

const (
	root           = "../.."
	withoutManager = "taking the finalizers off without it"
)

// cluster is an API server with those controllers of Kubernetes that finish deletions. No pod starts.
type cluster struct {
	*testing.T
	environment *testenv.Environment
	// manager writes as the manager.
	manager client.Client
}

func TestEverythingIsRemoved(t *testing.T) {
	c := start(t)
	for _, test := range []struct {
		name    string
		prepare func(*cluster)
		// patience is what the script has with the manager, in seconds.
		patience string
		forced   bool
	}{
		{"after the manager has drained it", (*cluster).managerWorks, "300", false},
		{"without the manager", func(*cluster) {}, "300", true},
		{"when the manager runs and does nothing", (*cluster).managerSeemsAvailable, "1", true},
		{"after the namespace of the platform", func(c *cluster) { c.do("delete", "namespace", "khocr-system", "--timeout=60s") }, "300", true},
		{"after the kinds were deleted", func(c *cluster) { c.do("delete", "--wait=false", "--kustomize", "config/crd") }, "300", true},
	} {
		t.Run(test.name, func(t *testing.T) {
			at := *c
			at.T = t
			at.install()
			at.populate()
			test.prepare(&at)

			output := at.undeploy(test.patience)
			if forced := strings.Contains(output, withoutManager); forced != test.forced {
				at.Errorf("finalizers were taken off by force: %v, want %v\n%s", forced, test.forced, output)
			}
			at.checkGone(output)
			if again := at.undeploy(test.patience); strings.Contains(again, withoutManager) {
				at.Errorf("a second time found something to force:\n%s", again)
			}
		})
	}
}

func start(t *testing.T) *cluster {
	t.Helper()
	environment := testenv.Start(t)
	manager, err := client.New(environment.Manager, client.Options{Scheme: testenv.Scheme()})
	if err != nil {
		t.Fatal(err)
	}
	c := &cluster{T: t, environment: environment, manager: manager}
	program := filepath.Join(os.Getenv("KUBEBUILDER_ASSETS"), "kube-controller-manager")
	if _, err := os.Stat(program); err != nil {
		t.Skipf("KUBEBUILDER_ASSETS has no kube-controller-manager, which finishes deletions: %v", err)
	}
	c.background(environment.Kubeconfig, program, "--kubeconfig="+environment.Kubeconfig, "--leader-elect=false", "--secure-port=0",
		"--controllers=namespace-controller,garbage-collector-controller,persistentvolumeclaim-protection-controller")
	return c
}

// background runs a program until the test ends.
func (c *cluster) background(kubeconfig, program string, arguments ...string) {
	c.Helper()
	log, err := os.Create(filepath.Join(c.TempDir(), "log"))
	c.must(err)
	command := exec.Command(program, arguments...)
	command.Env = append(os.Environ(), "KUBECONFIG="+kubeconfig)
	command.Stdout, command.Stderr = log, log
	c.must(command.Start())
	c.Cleanup(func() {
		_ = command.Process.Kill()
		_ = command.Wait()
		if text, err := os.ReadFile(log.Name()); err == nil && c.Failed() {
			c.Logf("%s says at last\n%s", filepath.Base(program), text[max(0, len(text)-4096):])
		}
	})
}

// install brings khocr to the cluster as hack/deploy.sh does.
func (c *cluster) install() {
	c.Helper()
	c.do("apply", "--server-side", "--force-conflicts", "--kustomize", "config/crd")
	c.do("wait", "--for=condition=Established", "crd", "--all", "--timeout=60s")
	c.do("apply", "--server-side", "--force-conflicts", "--kustomize", "config/default")
	c.do("apply", "--server-side", "--filename", "config/ai/rbac.yaml") // what the component has outside of the namespace
}

// populate makes an organization and jobs that are held by their finalizers, which only the manager may take off.
func (c *cluster) populate() {
	c.Helper()
	organization := &v1alpha1.Organization{
		ObjectMeta: metav1.ObjectMeta{Name: "moj", Finalizers: []string{v1alpha1.FinalizerDrain}},
		Spec:       v1alpha1.OrganizationSpec{PlanRef: "free", DisplayName: v1alpha1.LocalizedText{En: "Ministry"}},
	}
	c.must(c.manager.Create(c.Context(), organization))
	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{
		Name:   organization.JobNamespace(),
		Labels: map[string]string{"app.kubernetes.io/managed-by": "khocr-manager", v1alpha1.LabelOrganization: organization.Name},
		OwnerReferences: []metav1.OwnerReference{
			*metav1.NewControllerRef(organization, v1alpha1.GroupVersion.WithKind("Organization"))},
	}}
	c.must(c.manager.Create(c.Context(), namespace))
	job := &v1alpha1.OcrJob{}
	for i := range 3 {
		job = &v1alpha1.OcrJob{
			ObjectMeta: metav1.ObjectMeta{Namespace: namespace.Name, Name: fmt.Sprintf("job-%d", i), Finalizers: []string{v1alpha1.FinalizerLedger}},
			Spec:       v1alpha1.OcrJobSpec{Source: v1alpha1.DocumentSource{URL: "http://documents.test/a.pdf"}},
		}
		c.must(c.manager.Create(c.Context(), job))
	}
	freed := job.DeepCopy()
	freed.Finalizers = nil
	testenv.Await(c, "the policies are enforced", func() bool {
		return apierrors.IsForbidden(c.environment.Client.Patch(c.Context(), freed.DeepCopy(), client.MergeFrom(job), client.DryRunAll))
	})
}

// managerWorks runs the manager with the rights of its account, until it has given every job of the organization a worker.
func (c *cluster) managerWorks() {
	c.Helper()
	program := filepath.Join(c.TempDir(), "manager")
	build := exec.CommandContext(c.Context(), "go", "build", "-o", program, "./cmd/manager")
	build.Dir = root
	if output, err := build.CombinedOutput(); err != nil {
		c.Fatalf("building the manager: %v\n%s", err, output)
	}
	settings, err := clientcmd.LoadFromFile(c.environment.Kubeconfig)
	c.must(err)
	token := strings.TrimSpace(c.do("create", "token", "khocr-manager", "--namespace=khocr-system"))
	for name := range settings.AuthInfos {
		settings.AuthInfos[name] = &clientcmdapi.AuthInfo{Token: token}
	}
	kubeconfig := filepath.Join(c.TempDir(), "manager.kubeconfig")
	c.must(clientcmd.WriteToFile(*settings, kubeconfig))
	c.background(kubeconfig, program, "--worker-image=khocr/worker:test", "--health-probe-bind-address=0", "--metrics-bind-address=0")
	c.managerSeemsAvailable()
	testenv.Await(c, "a job has a worker", func() bool {
		pods := &corev1.PodList{}
		c.must(c.environment.Client.List(c.Context(), pods, client.InNamespace("khocr-moj")))
		return len(pods.Items) > 0
	})
}

func (c *cluster) managerSeemsAvailable() {
	c.do("patch", "deployment", "khocr-manager", "--namespace=khocr-system", "--subresource=status", "--type=merge",
		`--patch={"status":{"replicas":1,"readyReplicas":1,"availableReplicas":1}}`)
}

func (c *cluster) undeploy(patience string) string {
	c.Helper()
	command := exec.CommandContext(c.Context(), "hack/undeploy.sh", patience)
	command.Dir = root
	command.Env = append(os.Environ(), "KUBECONFIG="+c.environment.Kubeconfig)
	output, err := command.CombinedOutput()
	if err != nil {
		c.Fatalf("undeploying: %v\n%s", err, output)
	}
	return string(output)
}

// checkGone looks for whatever bears khocr's name.
func (c *cluster) checkGone(output string) {
	c.Helper()
	const kinds = "crd,namespaces,clusterroles,clusterrolebindings,priorityclasses,validatingadmissionpolicies,validatingadmissionpolicybindings"
	testenv.Await(c, "nothing of khocr is left", func() bool {
		return !strings.Contains(c.do("get", kinds, "--output=name"), "khocr") &&
			!strings.Contains(c.do("get", "crd", "--output=name"), "ocr.openplp.com") &&
			!strings.Contains(c.do("get", "roles,rolebindings", "--namespace=default", "--output=name"), "khocr")
	})
	if c.Failed() {
		c.Logf("the script said\n%s", output)
	}
}

func (c *cluster) do(arguments ...string) string {
	c.Helper()
	program := filepath.Join(os.Getenv("KUBEBUILDER_ASSETS"), "kubectl")
	command := exec.CommandContext(c.Context(), program, append([]string{"--kubeconfig", c.environment.Kubeconfig}, arguments...)...)
	command.Dir = root
	output, err := command.CombinedOutput()
	if err != nil {
		c.Fatalf("kubectl %s: %v\n%s", strings.Join(arguments, " "), err, output)
	}
	return string(output)
}

func (c *cluster) must(err error) {
	c.Helper()
	if err != nil {
		c.Fatal(err)
	}
}
