package gitops

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/fluxcd/cli-utils/pkg/kstatus/status"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/openplp/khocr/controllers/ocrjob"
	"github.com/openplp/khocr/internal/testenv"
	"github.com/openplp/khocr/test/platform"
)

const root = "../.."

// cluster is an API server to which a repository is brought, as Git tools do it.
type cluster struct {
	*testing.T
	environment *testenv.Environment
	// manager writes as the manager.
	manager client.Client
}

func start(t *testing.T) *cluster {
	t.Helper()
	environment := testenv.Start(t)
	manager, err := client.New(environment.Manager, client.Options{Scheme: testenv.Scheme()})
	if err != nil {
		t.Fatal(err)
	}
	return &cluster{T: t, environment: environment, manager: manager}
}

func (c *cluster) at(t *testing.T) *cluster {
	at := *c
	at.T = t
	return &at
}

// runControllers runs the manager's reconcilers until the test ends.
func (c *cluster) runControllers() {
	c.Helper()
	mgr := testenv.NewManager(c, c.environment.Manager)
	c.must(platform.SetUpControllers(c.Context(), mgr, platform.Nowhere{}, ocrjob.WorkerTemplate{Image: "khocr/worker:test"}))
	testenv.Run(c, mgr)
}

// kubectl runs kubectl in the root of the checkout.
func (c *cluster) kubectl(arguments ...string) (string, error) {
	program := filepath.Join(os.Getenv("KUBEBUILDER_ASSETS"), "kubectl")
	command := exec.CommandContext(c.Context(), program, append([]string{"--kubeconfig", c.environment.Kubeconfig}, arguments...)...)
	command.Dir = root
	output, err := command.CombinedOutput()
	return string(output), err
}

func (c *cluster) do(arguments ...string) string {
	c.Helper()
	output, err := c.kubectl(arguments...)
	if err != nil {
		c.Fatalf("kubectl %s: %v\n%s", strings.Join(arguments, " "), err, output)
	}
	return output
}

// apply brings a kustomization to the cluster as Git tools do.
func (c *cluster) apply(kustomization string) {
	c.Helper()
	c.do("apply", "--server-side", "--warnings-as-errors", "--kustomize", kustomization)
}

// objects are those of a kustomization as they are in the cluster.
func (c *cluster) objects(kustomizations ...string) []*unstructured.Unstructured {
	c.Helper()
	var objects []*unstructured.Unstructured
	for _, kustomization := range kustomizations {
		found := &unstructured.Unstructured{}
		c.must(found.UnmarshalJSON([]byte(c.do("get", "--kustomize", kustomization, "--output=json", "--show-managed-fields"))))
		if !found.IsList() {
			objects = append(objects, found)
			continue
		}
		c.must(found.EachListItem(func(item runtime.Object) error {
			objects = append(objects, item.(*unstructured.Unstructured))
			return nil
		}))
	}
	return objects
}

// find reads an object of khocr's.
func (c *cluster) find(resource, namespace, name string) *unstructured.Unstructured {
	c.Helper()
	found := &unstructured.Unstructured{}
	c.must(found.UnmarshalJSON([]byte(c.do("get", resource, name, "--namespace", namespace, "--output=json"))))
	return found
}

// status is what Git tools take an object for.
func (c *cluster) status(object *unstructured.Unstructured) status.Status {
	c.Helper()
	result, err := status.Compute(object)
	c.must(err)
	return result.Status
}

func (c *cluster) must(err error) {
	c.Helper()
	if err != nil {
		c.Fatal(err)
	}
}
