package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"flag"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"
	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"

	"github.com/openplp/khocr/api/v1alpha1"
	"github.com/openplp/khocr/internal/testenv"
)

var (
	scaleOrganizations = flag.Int("organizations", 10000, "organizations of BenchmarkScale")
	scaleJobs          = flag.Int("jobs", 5000, "jobs of BenchmarkScale, spread over the organizations")
)

// fillers is the number of clients that fill the API server at the same time.
const fillers = 32

// BenchmarkScale runs the manager's program, with its own role, on a real API server: it provides for all organizations,
// has all their jobs wait, and is started again when everything is in place. Printed are its memory, its CPU time and what
// the API server was asked for.
func BenchmarkScale(b *testing.B) {
	for range b.N {
		scale(b)
	}
}

func scale(b *testing.B) {
	environment := testenv.Start(b)
	environment.Apply(b, "config/rbac/*_account*.yaml", "config/rbac/*role*.yaml", "config/rbac/manager_bindings.yaml",
		"config/priority/priority_classes.yaml", "config/plans/standard.yaml")
	s := &scaled{B: b, Environment: environment, kube: kubernetes.NewForConfigOrDie(environment.Admin)}
	s.must(s.Client.Create(b.Context(), &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Namespace: "khocr-system", Name: "khocr-gateway-internal"},
		Spec:       corev1.ServiceSpec{Ports: []corev1.ServicePort{{Port: 8443}}},
	}))
	s.program = filepath.Join(b.TempDir(), "manager")
	build := exec.Command("go", "build", "-trimpath", "-ldflags=-s -w", "-o", s.program, "github.com/openplp/khocr/cmd/manager")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if output, err := build.CombinedOutput(); err != nil {
		b.Fatalf("building the manager: %v\n%s", err, output)
	}
	s.kubeconfig = s.login()

	fmt.Printf("\n%d organizations of 3 keys, %d jobs\n", *scaleOrganizations, *scaleJobs)
	s.start()
	s.phase("the manager provides for the organizations", s.organize)
	s.phase("the jobs wait", s.submit)
	s.stop()
	s.start()
	for kind, made := range s.phase("the manager is started again", func() {}) {
		if !strings.HasPrefix(kind, "GET ") && !strings.HasPrefix(kind, "LIST ") {
			b.Errorf("with everything in place the manager asked for %.0f times %s", made, kind)
		}
	}
	peak, err := peakMemory(s.manager.Process.Pid)
	s.must(err)
	b.ReportMetric(peak, "MB-peak")
	s.stop()
}

type scaled struct {
	*testing.B
	*testenv.Environment
	kube                kubernetes.Interface
	program, kubeconfig string
	manager             *exec.Cmd
}

func (s *scaled) must(err error) {
	s.Helper()
	if err != nil {
		s.Fatal(err)
	}
}

// login writes a kubeconfig with a token of the manager's account.
func (s *scaled) login() string {
	token, err := s.kube.CoreV1().ServiceAccounts("khocr-system").CreateToken(s.Context(), "khocr-manager",
		&authenticationv1.TokenRequest{Spec: authenticationv1.TokenRequestSpec{ExpirationSeconds: new(int64(24 * 60 * 60))}}, metav1.CreateOptions{})
	s.must(err)
	file := filepath.Join(s.TempDir(), "kubeconfig")
	s.must(clientcmd.WriteToFile(clientcmdapi.Config{
		Clusters:       map[string]*clientcmdapi.Cluster{"khocr": {Server: s.Admin.Host, CertificateAuthorityData: s.Admin.CAData}},
		AuthInfos:      map[string]*clientcmdapi.AuthInfo{"khocr": {Token: token.Status.Token}},
		Contexts:       map[string]*clientcmdapi.Context{"khocr": {Cluster: "khocr", AuthInfo: "khocr"}},
		CurrentContext: "khocr",
	}, file))
	return file
}

func (s *scaled) start() {
	s.manager = exec.Command(s.program, "--worker-image=khocr/worker", "--metrics-bind-address=0", "--health-probe-bind-address=0")
	s.manager.Env = append(os.Environ(), "KUBECONFIG="+s.kubeconfig, "GOMEMLIMIT=240MiB") // as in config/manager
	log, err := os.Create(filepath.Join(s.TempDir(), "manager.log"))
	s.must(err)
	s.manager.Stderr = log
	s.must(s.manager.Start())
	s.Cleanup(func() { _ = s.manager.Process.Kill() })
}

func (s *scaled) stop() {
	s.must(s.manager.Process.Signal(syscall.SIGTERM))
	s.must(s.manager.Wait())
}

// phase does something, waits until the manager has nothing left to do, and prints what it cost. It returns the requests
// that were made.
func (s *scaled) phase(name string, do func()) map[string]float64 {
	before, cpu, start := s.requests(), s.cpu(), time.Now()
	do()
	s.awaitIdle()
	took := time.Since(start) - idleFor
	fmt.Printf("%s\n  %-44s %s, of the manager's CPU %s\n", name, "took", seconds(took), seconds(s.cpu()-cpu))
	s.memory()
	made := s.requests()
	for kind, sum := range before {
		if made[kind] -= sum; made[kind] == 0 {
			delete(made, kind)
		}
	}
	for _, kind := range slices.Sorted(maps.Keys(made)) {
		fmt.Printf("  %-44s %.0f\n", kind, made[kind])
	}
	return made
}

func (s *scaled) organize() {
	s.parallel(*scaleOrganizations, func(ctx context.Context, i int) error {
		organization := &v1alpha1.Organization{ObjectMeta: metav1.ObjectMeta{Name: fmt.Sprintf("customer-%05d", i)}, Spec: v1alpha1.OrganizationSpec{
			PlanRef: "standard", DisplayName: v1alpha1.LocalizedText{En: fmt.Sprintf("Customer %d", i), Km: "អតិថិជន"}}}
		for k := range 3 {
			digest := sha256.Sum256(fmt.Appendf(nil, "%d/%d", i, k))
			organization.Spec.APIKeys = append(organization.Spec.APIKeys, v1alpha1.APIKey{
				Name: fmt.Sprintf("key-%d", k), SHA256: hex.EncodeToString(digest[:]), Scopes: []v1alpha1.Scope{v1alpha1.ScopeConvert, v1alpha1.ScopeRead}})
		}
		return s.Client.Create(ctx, organization)
	})
	s.await("all organizations are ready", func() bool {
		organizations := &v1alpha1.OrganizationList{}
		s.must(s.Client.List(s.Context(), organizations))
		return !slices.ContainsFunc(organizations.Items, func(o v1alpha1.Organization) bool {
			return !meta.IsStatusConditionTrue(o.Status.Conditions, v1alpha1.ConditionReady)
		})
	})
}

// submit makes jobs as the gateway does. There is no model, so they wait.
func (s *scaled) submit() {
	s.parallel(*scaleJobs, func(ctx context.Context, i int) error {
		return s.Client.Create(ctx, &v1alpha1.OcrJob{
			ObjectMeta: metav1.ObjectMeta{
				Namespace: fmt.Sprintf("khocr-customer-%05d", i%*scaleOrganizations), Name: fmt.Sprintf("%012x", i),
				Finalizers: []string{v1alpha1.FinalizerLedger}, Labels: map[string]string{v1alpha1.LabelAPIKey: "key-1"},
			},
			Spec: v1alpha1.OcrJobSpec{
				Source:       v1alpha1.DocumentSource{Upload: &v1alpha1.Upload{ID: fmt.Sprintf("%012x", i), FileName: "document.pdf", MediaType: "application/pdf", Size: 100000}},
				OutputFormat: v1alpha1.FormatJSON, TTLSecondsAfterFinished: new(int32(86400)),
			},
		})
	})
	s.await("all jobs wait", func() bool {
		jobs := &v1alpha1.OcrJobList{}
		s.must(s.Client.List(s.Context(), jobs))
		return !slices.ContainsFunc(jobs.Items, func(j v1alpha1.OcrJob) bool { return j.Status.Phase != v1alpha1.PhasePending })
	})
}

func (s *scaled) parallel(count int, do func(context.Context, int) error) {
	s.Helper()
	group, ctx := errgroup.WithContext(s.Context())
	group.SetLimit(fillers)
	for i := range count {
		group.Go(func() error { return do(ctx, i) })
	}
	s.must(group.Wait())
}

// await waits for as long as it takes; `go test` itself has a limit.
func (s *scaled) await(what string, condition func() bool) {
	s.Helper()
	for !condition() {
		select {
		case <-s.Context().Done():
			s.Fatalf("waiting until %s: %v", what, s.Context().Err())
		case <-time.After(2 * time.Second):
		}
	}
}

// idleFor is the time without work after which the manager is taken to be idle.
const idleFor = 4 * time.Second

// awaitIdle waits until the manager has used next to no CPU for a while.
func (s *scaled) awaitIdle() {
	for {
		before := s.cpu()
		time.Sleep(idleFor)
		if s.cpu()-before < idleFor/50 {
			return
		}
	}
}

// cpu is the CPU time that the manager has used, to the hundredth of a second.
func (s *scaled) cpu() time.Duration {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", s.manager.Process.Pid))
	s.must(err)
	_, rest, _ := strings.Cut(string(stat), ") ") // behind the name of the program
	fields := strings.Fields(rest)
	ticks := 0
	for _, field := range fields[11:13] { // utime and stime
		n, err := strconv.Atoi(field)
		s.must(err)
		ticks += n
	}
	return time.Duration(ticks) * 10 * time.Millisecond
}

var resident = regexp.MustCompile(`VmRSS:\s+(\d+) kB`)

func (s *scaled) memory() {
	pid := s.manager.Process.Pid
	peak, err := peakMemory(pid)
	s.must(err)
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	s.must(err)
	kilobytes, err := strconv.ParseFloat(string(resident.FindSubmatch(status)[1]), 64)
	s.must(err)
	fmt.Printf("  %-44s %.0f MB, at the end %.0f MB\n", "peak resident memory (VmHWM)", peak, kilobytes*1024/1e6)
}

// requests are the API server's counts by verb, resource and status code, without watches and what the server asks itself.
func (s *scaled) requests() map[string]float64 {
	counts, err := requestCounts(s.Context(), s.kube, func(labels map[string]string) string {
		if labels["verb"] == "WATCH" || labels["resource"] == "" || labels["group"] == "coordination.k8s.io" {
			return ""
		}
		return strings.Join(strings.Fields(fmt.Sprintf("%s %s %s %s", labels["verb"], labels["resource"], labels["subresource"], labels["code"])), " ")
	})
	s.must(err)
	return counts
}
