package e2e

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/openplp/khocr/api/v1alpha1"
)

// shell is a person's, with khocr on its path, in a folder of its own.
type shell struct {
	*tenant
	folder, programs string
	environment      []string
}

// shell builds khocr, under the names by which kubectl finds it too.
func (t *tenant) shell() *shell {
	t.Helper()
	programs := t.TempDir()
	build := exec.CommandContext(t.Context(), "go", "build", "-o", filepath.Join(programs, "khocr"), "../../cmd/khocr")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if output, err := build.CombinedOutput(); err != nil {
		t.Fatalf("building khocr: %v\n%s", err, output)
	}
	t.must(os.Symlink("khocr", filepath.Join(programs, "kubectl-ocr")))
	return &shell{tenant: t, folder: t.TempDir(), programs: programs, environment: append(os.Environ(), "KHOCR_URL="+t.url, "KHOCR_API_KEY="+t.key,
		"KUBECONFIG="+t.kubeconfig, "XDG_STATE_HOME="+t.TempDir(), "LC_ALL=C.UTF-8", "PATH="+programs+":"+os.Getenv("PATH"))}
}

func (s *shell) command(program string, arguments ...string) *exec.Cmd {
	if program == "khocr" {
		program = filepath.Join(s.programs, program) // it is looked for on our own path, not on the shell's
	}
	command := exec.CommandContext(s.Context(), program, arguments...)
	command.Dir, command.Env = s.folder, s.environment
	return command
}

// khocr runs to its end, and tells its status and what it said.
func (s *shell) khocr(arguments ...string) (int, string) {
	s.Helper()
	return s.run(s.command("khocr", arguments...))
}

func (s *shell) run(command *exec.Cmd) (int, string) {
	s.Helper()
	output, err := command.CombinedOutput()
	if exit := new(exec.ExitError); err != nil && !errors.As(err, &exit) {
		s.Fatalf("running %q: %v", command.Args, err)
	}
	return command.ProcessState.ExitCode(), string(output)
}

func (s *shell) write(name string, content []byte) {
	s.Helper()
	path := filepath.Join(s.folder, name)
	s.must(os.MkdirAll(filepath.Dir(path), 0o755))
	s.must(os.WriteFile(path, content, 0o600))
}

func (s *shell) exists(name string) bool {
	_, err := os.Stat(filepath.Join(s.folder, name))
	return !errors.Is(err, fs.ErrNotExist)
}

func TestTheCommandLineConvertsADocument(t *testing.T) {
	s := connect(t).newTenant("standard").shell()
	s.write("letter.pdf", nativePDF("A letter", 2))
	if status, said := s.khocr("convert", "letter.pdf", "--format", "text", "--out", "-"); status != 0 || !strings.Contains(said, "A letter, page 2 of 2.") {
		t.Errorf("text: status %d\n%s", status, said)
	}
	if status, said := s.khocr("convert", "letter.pdf", "--format", "docx"); status != 0 || !s.exists("letter.docx") {
		t.Errorf("docx: status %d\n%s", status, said)
	}
	if status, said := s.khocr("convert", "letter.pdf", "--format", "docx"); status != 0 || !strings.Contains(said, "done before") {
		t.Errorf("docx again: status %d\n%s", status, said)
	}
	if status, said := s.khocr("convert", "letter.pdf", "--format", "pdf", "--pages", "2"); status != 0 || !s.exists("letter-searchable.pdf") {
		t.Errorf("pdf: status %d\n%s", status, said)
	}
	if status, said := s.khocr("convert", "letter.pdf", "--format", "tiff"); status != 2 || !strings.Contains(said, `unknown format "tiff"`) {
		t.Errorf("an unknown format: status %d\n%s", status, said)
	}
	// One recognition of both pages, and one of the second alone.
	if jobs := s.jobs(); len(jobs) != 2 {
		t.Errorf("%d jobs were made of two submissions", len(jobs))
	}
	s.write("letter.pdf", nativePDF("Another letter", 1))
	if status, said := s.khocr("convert", "letter.pdf", "--format", "docx"); status != 1 || !strings.Contains(said, "letter.docx is there already") {
		t.Errorf("what is there was written over: status %d\n%s", status, said)
	}
}

func TestTheCommandLineGoesOnWithAFolder(t *testing.T) {
	p := connect(t)
	s := p.newTenant(p.newPlan(func(plan *v1alpha1.PlanSpec) { plan.Limits.MaxConcurrentJobs = 1 })).shell()
	const documents = 6
	for i := 1; i <= documents; i++ {
		s.write(fmt.Sprintf("scans/box %d/letter.pdf", i), nativePDF(fmt.Sprintf("Letter %d", i), 2))
	}
	arguments := []string{"convert", "scans", "--format", "text", "--out", "results"}
	run := s.command("khocr", arguments...)
	said := new(strings.Builder)
	run.Stdout, run.Stderr = said, said
	s.must(run.Start())
	s.until("the first result is there", func() bool { return s.exists("results/box 1/letter.txt") })
	s.must(run.Process.Signal(os.Interrupt))
	_ = run.Wait()
	if status := run.ProcessState.ExitCode(); status != 130 || !strings.Contains(said.String(), "khocr convert scans --format text --out results") {
		t.Fatalf("interrupted: status %d\n%s", status, said)
	}
	if status, said := s.khocr(arguments...); status != 0 || !strings.Contains(said, "0 failed, 0 left") {
		t.Fatalf("going on: status %d\n%s", status, said)
	}
	for i := 1; i <= documents; i++ {
		text, err := os.ReadFile(filepath.Join(s.folder, "results", fmt.Sprintf("box %d", i), "letter.txt"))
		if err != nil || !strings.Contains(string(text), fmt.Sprintf("Letter %d, page 2 of 2.", i)) {
			t.Errorf("letter %d: %v, %q", i, err, text)
		}
	}
	jobs := s.jobs()
	if len(jobs) != documents {
		t.Fatalf("%d jobs of %d documents", len(jobs), documents)
	}
	if pages := s.settledPages(jobs[0].Name); pages != 2*documents {
		t.Errorf("%d pages were charged for %d", pages, 2*documents)
	}
}

// TestThePluginReachesTheGatewayThroughTheCluster uses neither the address of the gateway nor a key of the environment.
func TestThePluginReachesTheGatewayThroughTheCluster(t *testing.T) {
	p := connect(t)
	s := p.newTenant("standard").shell()
	secret := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: s.namespace(), Name: "api-key"}, StringData: map[string]string{"key": s.key}}
	p.must(p.client.Create(t.Context(), secret))
	s.environment = append(s.environment, "KHOCR_URL=", "KHOCR_API_KEY=")
	s.write("letter.pdf", nativePDF("A letter", 3))
	kubectl := func(arguments ...string) string {
		t.Helper()
		status, said := s.run(s.command(p.absolute(p.kubectlProgram()), append([]string{"ocr"}, arguments...)...))
		if status != 0 {
			t.Fatalf("kubectl ocr %q: status %d\n%s", arguments, status, said)
		}
		return said
	}
	by := []string{"--key-secret", s.namespace() + "/api-key"}
	kubectl(append(by, "convert", "letter.pdf", "--format", "docx")...)
	if !s.exists("letter.docx") {
		t.Error("there is no result")
	}
	jobs := s.jobs()
	if len(jobs) != 1 {
		t.Fatalf("%d jobs of one document", len(jobs))
	}
	id := jobs[0].Name
	kubectl(append(by, "watch", id)...)
	if text := kubectl(append(by, "result", id)...); !strings.Contains(text, "A letter, page 3 of 3.") {
		t.Errorf("the text is %q", text)
	}
	if listed := kubectl("orgs"); !strings.Contains(listed, s.name) {
		t.Errorf("the organizations are\n%s", listed)
	}

	// The pod that the gateway runs in goes while the plugin waits.
	s.write("long.pdf", nativePDF("A long letter", 40))
	run := s.command(p.absolute(p.kubectlProgram()), append([]string{"ocr"}, append(by, "convert", "long.pdf", "--format", "text", "--pages", "1-40", "--mode", "force")...)...)
	said := new(strings.Builder)
	run.Stdout, run.Stderr = said, said
	p.must(run.Start())
	s.until("the document is handed in", func() bool { return len(s.jobs()) == 2 })
	p.must(p.client.DeleteAllOf(t.Context(), &corev1.Pod{}, client.InNamespace(systemNS),
		client.MatchingLabels{"app.kubernetes.io/component": "gateway"}))
	if err := run.Wait(); err != nil || !s.exists("long.txt") {
		t.Errorf("after the gateway was started anew: %v\n%s", err, said)
	}
}

// absolute is the path of a program from any folder.
func (p *platform) absolute(program string) string {
	p.Helper()
	found, err := exec.LookPath(program)
	p.must(err)
	found, err = filepath.Abs(found)
	p.must(err)
	return found
}
