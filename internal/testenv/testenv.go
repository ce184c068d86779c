// Package testenv starts a real kube-apiserver with khocr's custom resources and admission policies for integration
// tests. There are no built-in controllers behind it: no pod starts, nothing is garbage-collected, and a deleted
// namespace stays. It is for tests only and must never be imported by other code.
package testenv

import (
	"bufio"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	kruntime "k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/apimachinery/pkg/util/yaml"
	clientscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/envtest"

	"github.com/openplp/khocr/api/v1alpha1"
)

// ManagerUser is the name under which the manager is known to the API server.
const ManagerUser = "system:serviceaccount:khocr-system:khocr-manager"

// Environment is a running API server.
type Environment struct {
	// Admin is a cluster administrator, whom the admission policies treat like any other person.
	Admin *rest.Config
	// Manager has the manager's name and every right, so that what it may not do is never for want of a role.
	Manager *rest.Config
	// Client acts as Admin.
	Client client.Client
	// Kubeconfig is a file by which programs act as Admin.
	Kubeconfig string
	// TokenKey is the PEM file of the key that the API server signs the tokens of service accounts with.
	TokenKey string
}

// Start runs an API server until the test ends. It skips the test where KUBEBUILDER_ASSETS does not name a folder with
// kube-apiserver and etcd. A start takes seconds: share one among subtests.
func Start(t testing.TB) *Environment {
	t.Helper()
	if os.Getenv("KUBEBUILDER_ASSETS") == "" {
		t.Skip("KUBEBUILDER_ASSETS names no folder with kube-apiserver and etcd")
	}
	server := &envtest.Environment{
		CRDDirectoryPaths:     []string{filepath.Join(repositoryRoot(), "config", "crd", "bases")},
		ErrorIfCRDPathMissing: true,
	}
	admin, err := server.Start()
	if err != nil {
		t.Fatalf("starting the API server: %v", err)
	}
	t.Cleanup(func() {
		if err := server.Stop(); err != nil {
			t.Errorf("stopping the API server: %v", err)
		}
	})
	admin.QPS, admin.Burst = 1000, 1000

	c, err := client.New(admin, client.Options{Scheme: Scheme()})
	if err != nil {
		t.Fatalf("making a client: %v", err)
	}
	e := &Environment{Admin: admin, Manager: As(admin, ManagerUser), Client: c, Kubeconfig: filepath.Join(t.TempDir(), "kubeconfig")}
	e.TokenKey = filepath.Join(server.ControlPlane.GetAPIServer().CertDir, "sa-signer.key")
	if err := os.WriteFile(e.Kubeconfig, server.KubeConfig, 0o600); err != nil {
		t.Fatal(err)
	}
	e.Namespace(t, "khocr-system")
	e.Apply(t, "config/admission/*policy*.yaml")
	e.awaitPolicies(t)
	return e
}

// Scheme knows the built-in types and khocr's.
func Scheme() *kruntime.Scheme {
	scheme := kruntime.NewScheme()
	for _, add := range []func(*kruntime.Scheme) error{clientscheme.AddToScheme, v1alpha1.AddToScheme} {
		if err := add(scheme); err != nil {
			panic(err) // the types of this module clash
		}
	}
	return scheme
}

// As acts under another user name, with every right.
func As(admin *rest.Config, user string) *rest.Config {
	config := rest.CopyConfig(admin)
	config.Impersonate = rest.ImpersonationConfig{UserName: user, Groups: []string{"system:masters", "system:authenticated"}}
	return config
}

// Namespace makes a namespace. A name that ends in a hyphen is completed at random. It returns the namespace's name.
func (e *Environment) Namespace(t testing.TB, name string) string {
	t.Helper()
	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name}}
	if name[len(name)-1] == '-' {
		namespace.ObjectMeta = metav1.ObjectMeta{GenerateName: name}
	}
	if err := e.Client.Create(t.Context(), namespace); err != nil {
		t.Fatalf("making a namespace: %v", err)
	}
	return namespace.Name
}

// Apply makes the objects in the manifests, whose paths are patterns from the root of the repository.
func (e *Environment) Apply(t testing.TB, patterns ...string) {
	t.Helper()
	for _, pattern := range patterns {
		files, err := filepath.Glob(filepath.Join(repositoryRoot(), pattern))
		if err != nil || len(files) == 0 {
			t.Fatalf("finding manifests %s: %v", pattern, err)
		}
		for _, file := range files {
			e.applyFile(t, file)
		}
	}
}

func (e *Environment) applyFile(t testing.TB, name string) {
	t.Helper()
	file, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	documents := yaml.NewYAMLReader(bufio.NewReader(file))
	decoder := serializer.NewCodecFactory(Scheme()).UniversalDeserializer()
	for {
		document, err := documents.Read()
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			t.Fatalf("reading %s: %v", name, err)
		}
		object, _, err := decoder.Decode(document, nil, nil)
		if err != nil {
			t.Fatalf("decoding %s: %v", name, err)
		}
		if err := e.Client.Create(t.Context(), object.(client.Object)); err != nil {
			t.Fatalf("applying %s: %v", name, err)
		}
	}
}

// awaitPolicies waits until every policy refuses what the probe for it does: the API server takes new policies into
// account after a moment, and reports no sign of it.
func (e *Environment) awaitPolicies(t testing.TB) {
	t.Helper()
	job := &v1alpha1.OcrJob{
		ObjectMeta: metav1.ObjectMeta{Name: "policy-probe", Namespace: "khocr-system"},
		Spec:       v1alpha1.OcrJobSpec{Source: v1alpha1.DocumentSource{URL: "http://probe.test/"}},
	}
	organization := &v1alpha1.Organization{
		ObjectMeta: metav1.ObjectMeta{Name: "policy-probe"},
		Spec:       v1alpha1.OrganizationSpec{PlanRef: "probe", DisplayName: v1alpha1.LocalizedText{En: "Probe"}},
	}
	for _, object := range []client.Object{job, organization} {
		if err := e.Client.Create(t.Context(), object); err != nil {
			t.Fatalf("making the probe: %v", err)
		}
		defer func() { _ = e.Client.Delete(context.WithoutCancel(t.Context()), object) }()
	}

	worker, err := client.New(As(e.Admin, "system:serviceaccount:probe:khocr-worker"), client.Options{Scheme: Scheme()})
	if err != nil {
		t.Fatalf("making a client: %v", err)
	}
	manager, err := client.New(e.Manager, client.Options{Scheme: Scheme()})
	if err != nil {
		t.Fatalf("making a client: %v", err)
	}
	patch := func(c client.Client, object client.Object, body string) func() error {
		return func() error {
			return c.SubResource("status").Patch(t.Context(), object.DeepCopyObject().(client.Object),
				client.RawPatch("application/merge-patch+json", []byte(body)), client.DryRunAll)
		}
	}
	finalizer := func() error {
		return e.Client.Patch(t.Context(), job.DeepCopy(),
			client.RawPatch("application/merge-patch+json", []byte(`{"metadata":{"finalizers":["probe.test/x"]}}`)), client.DryRunAll)
	}
	spec := func() error {
		return manager.Patch(t.Context(), organization.DeepCopy(),
			client.RawPatch("application/merge-patch+json", []byte(`{"spec":{"planRef":"other"}}`)), client.DryRunAll)
	}
	role := func() error {
		return manager.Create(t.Context(), &rbacv1.Role{ObjectMeta: metav1.ObjectMeta{Name: "policy-probe", Namespace: "khocr-system"}}, client.DryRunAll)
	}
	pod := func() error {
		return manager.Create(t.Context(), &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: "policy-probe", Namespace: "khocr-system"},
			Spec: corev1.PodSpec{Containers: []corev1.Container{{Name: "probe", Image: "probe"}}}}, client.DryRunAll)
	}
	for _, probe := range []func() error{
		role,
		pod,
		finalizer,
		spec,
		patch(e.Client, job, `{"status":{"phase":"Pending"}}`),
		patch(worker, job, `{"status":{"progress":1}}`),
		patch(e.Client, organization, `{"status":{"pages":"1/1"}}`),
	} {
		err := wait.PollUntilContextTimeout(t.Context(), 50*time.Millisecond, time.Minute, true, func(context.Context) (bool, error) {
			return refusedByPolicy(probe()), nil
		})
		if err != nil {
			t.Fatalf("waiting for the admission policies to be enforced: %v", err)
		}
	}
}

// refusedByPolicy tells a policy's refusal from that of a role or of the resource's schema.
func refusedByPolicy(err error) bool {
	status, ok := err.(apierrors.APIStatus)
	if !ok {
		return false
	}
	details := status.Status().Details
	if details == nil {
		return false
	}
	for _, cause := range details.Causes {
		if len(cause.Message) > len(policyPrefix) && cause.Message[:len(policyPrefix)] == policyPrefix {
			return true
		}
	}
	return false
}

const policyPrefix = "ValidatingAdmissionPolicy"

func repositoryRoot() string {
	_, file, _, _ := runtime.Caller(0)
	return filepath.Join(filepath.Dir(file), "..", "..")
}
