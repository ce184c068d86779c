package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/openplp/khocr/api/v1alpha1"
	"github.com/openplp/khocr/internal/testenv"
	"github.com/openplp/khocr/internal/testlog"
)

// asManager has the test's own program be the manager.
const asManager = "KHOCR_TEST_AS_MANAGER"

func TestMain(m *testing.M) {
	if os.Getenv(asManager) != "" {
		main()
		return
	}
	os.Exit(m.Run())
}

// TestAnotherManagerTakesOver runs managers as processes, with the rights of their service account.
func TestAnotherManagerTakesOver(t *testing.T) {
	environment := testenv.Start(t)
	environment.Apply(t, "config/rbac/*_account*.yaml", "config/rbac/*role*.yaml", "config/rbac/manager_bindings.yaml", "config/priority/priority_classes.yaml",
		"config/plans/enterprise.yaml", "config/models/khocr.yaml", "config/gateway/services.yaml")
	c := &cluster{T: t, Client: environment.Client, admin: environment.Admin}
	kubeconfig := c.kubeconfig("khocr-manager")

	killed := c.startManager(kubeconfig)
	c.awaitLeader("")
	organization := &v1alpha1.Organization{ObjectMeta: metav1.ObjectMeta{Name: "moj"},
		Spec: v1alpha1.OrganizationSpec{PlanRef: "enterprise", DisplayName: v1alpha1.LocalizedText{En: "Ministry"}}}
	c.must(c.Create(t.Context(), organization))
	testenv.Await(c, "the organization is ready", func() bool {
		c.must(c.Get(t.Context(), client.ObjectKeyFromObject(organization), organization))
		return meta.IsStatusConditionTrue(organization.Status.Conditions, v1alpha1.ConditionReady)
	})
	stopped := c.startManager(kubeconfig)
	stopped.awaitWaiting()

	leader := c.leader()
	c.must(killed.process.Process.Kill())
	leader = c.takesOver("a manager that was killed", "aaaaaaaaaaaa", leader)

	last := c.startManager(kubeconfig)
	last.awaitWaiting()
	c.must(stopped.process.Process.Signal(syscall.SIGTERM))
	c.takesOver("a manager that was told to end", "bbbbbbbbbbbb", leader)
	if err := <-stopped.ended; err != nil {
		t.Errorf("the manager that was told to end: %v", err)
	}
}

// takesOver submits a job, waits until another leader than the one before has made its pod, and tells how long that took.
func (c *cluster) takesOver(from, name, before string) (leader string) {
	c.Helper()
	began := time.Now()
	c.must(c.Create(c.Context(), &v1alpha1.OcrJob{
		ObjectMeta: metav1.ObjectMeta{Namespace: "khocr-moj", Name: name},
		Spec:       v1alpha1.OcrJobSpec{Source: v1alpha1.DocumentSource{URL: "http://documents.test/a.pdf"}},
	}))
	leader = c.awaitLeader(before)
	held := time.Since(began)
	testenv.Await(c, name+" has a worker", func() bool {
		return c.Get(c.Context(), client.ObjectKey{Namespace: "khocr-moj", Name: name + "-0-1"}, &corev1.Pod{}) == nil
	})
	c.Logf("%s: the Lease was another's after %.1f s, a job's pod was made after %.1f s", from, held.Seconds(), time.Since(began).Seconds())
	return leader
}

// leader is who holds the Lease, "" for nobody.
func (c *cluster) leader() string {
	c.Helper()
	lease := &coordinationv1.Lease{}
	err := c.Get(c.Context(), client.ObjectKey{Namespace: "khocr-system", Name: "khocr-manager"}, lease)
	c.must(client.IgnoreNotFound(err))
	if lease.Spec.HolderIdentity == nil {
		return ""
	}
	return *lease.Spec.HolderIdentity
}

func (c *cluster) awaitLeader(before string) (leader string) {
	c.Helper()
	testenv.Await(c, "another manager leads", func() bool {
		leader = c.leader()
		return leader != "" && leader != before
	})
	return leader
}

// managerProcess is a manager that ends with the test at the latest.
type managerProcess struct {
	c       *cluster
	process *exec.Cmd
	ended   chan error
	log     testlog.Buffer
}

func (c *cluster) startManager(kubeconfig string) *managerProcess {
	c.Helper()
	program, err := os.Executable()
	c.must(err)
	m := &managerProcess{c: c, ended: make(chan error, 1)}
	m.process = exec.Command(program, "--leader-elect", "--worker-image=khocr/worker:test", "--metrics-bind-address=0", "--health-probe-bind-address=0")
	m.process.Env = append(os.Environ(), asManager+"=true", "KUBECONFIG="+kubeconfig)
	m.process.Stderr = &m.log
	c.must(m.process.Start())
	go func() { m.ended <- m.process.Wait() }()
	c.Cleanup(func() {
		_ = m.process.Process.Kill()
		if c.Failed() {
			c.Logf("the manager %d:\n%s", m.process.Process.Pid, m.log.String())
		}
	})
	return m
}

func (m *managerProcess) awaitWaiting() {
	m.c.Helper()
	testenv.Await(m.c, "a manager waits for the Lease", func() bool { return strings.Contains(m.log.String(), "Attempting to acquire leader lease") })
}

// kubeconfig writes a file by which a program acts as a service account in khocr-system.
func (c *cluster) kubeconfig(account string) string {
	c.Helper()
	config := clientcmdapi.NewConfig()
	config.Clusters["test"] = &clientcmdapi.Cluster{Server: c.admin.Host, CertificateAuthorityData: c.admin.CAData}
	config.AuthInfos["test"] = &clientcmdapi.AuthInfo{Token: c.as(account).BearerToken}
	config.Contexts["test"] = &clientcmdapi.Context{Cluster: "test", AuthInfo: "test"}
	config.CurrentContext = "test"
	file := filepath.Join(c.TempDir(), "kubeconfig")
	c.must(clientcmd.WriteToFile(*config, file))
	return file
}
