package e2e

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/openplp/khocr/api/v1alpha1"
	"github.com/openplp/khocr/test/docs"
)

// TestTheWalkFromGitToTextWorksAsItIsWritten runs the commands of docs/gitops.md in an empty folder.
func TestTheWalkFromGitToTextWorksAsItIsWritten(t *testing.T) {
	p := connect(t)
	p.Cleanup(func() {
		for _, object := range []client.Object{
			&v1alpha1.Organization{ObjectMeta: metav1.ObjectMeta{Name: "moj"}},
			&v1alpha1.Plan{ObjectMeta: metav1.ObjectMeta{Name: "government"}},
		} {
			if err := p.client.Delete(context.Background(), object); client.IgnoreNotFound(err) != nil {
				t.Errorf("cleaning up: %v", err)
			}
		}
	})
	folder := p.walk("docs/gitops.md", "TestTheWalkFromGitToTextWorksAsItIsWritten")

	text, err := os.ReadFile(filepath.Join(folder, "text.txt"))
	p.must(err)
	if rate := errorRate(string(text), string(testdata(t, "sample.txt"))); rate > 0.05 {
		t.Errorf("%.1f %% of the characters are wrong:\n%s", 100*rate, text)
	}
	if history := p.run(folder, nil, "git", "log", "--patch"); regexp.MustCompile(`khocr_[a-z2-7]{32}`).MatchString(history) {
		t.Errorf("a key is in the repository:\n%s", history)
	}
	if err := p.client.Get(t.Context(), client.ObjectKey{Name: "moj"}, &v1alpha1.Organization{}); !apierrors.IsNotFound(err) {
		t.Errorf("the organization at the end of the walk: %v", err)
	}
}

// walk runs the commands of a page that the test runs, in an empty folder, which it returns.
func (p *platform) walk(page, test string) string {
	p.Helper()
	root, err := filepath.Abs(filepath.Join("..", ".."))
	p.must(err)
	programs, folder := p.TempDir(), p.TempDir()
	p.run(root, nil, "go", "build", "-o", programs, "./cmd/khocr")
	kubectl, err := exec.LookPath(p.kubectlProgram())
	p.must(err)
	p.must(os.Symlink(kubectl, filepath.Join(programs, "kubectl")))
	// Git wants to know who commits, and shall not read what else this machine says about that.
	gitconfig := filepath.Join(programs, "gitconfig")
	p.must(os.WriteFile(gitconfig, []byte("[user]\nname = Operator\nemail = operator@example.com\n[init]\ndefaultBranch = main\n"), 0o600))
	commands, err := docs.Commands(root, page, test)
	p.must(err)
	script := filepath.Join(programs, "walk.sh")
	p.must(os.WriteFile(script, []byte(commands), 0o600))

	output := p.run(folder, []string{
		"PATH=" + programs + ":" + os.Getenv("PATH"), "KUBECONFIG=" + p.kubeconfig, "KHOCR_URL=" + p.url,
		"DOCUMENT=" + filepath.Join(root, "test", "testdata", "sample.pdf"), "GIT_CONFIG_GLOBAL=" + gitconfig,
	}, "bash", "-euo", "pipefail", script)
	p.Logf("the walk says\n%s", output)
	return folder
}

// run runs a program in a folder, with more in its environment, and returns what it prints. It ends the test where the
// program fails or takes too long.
func (p *platform) run(folder string, environment []string, program string, arguments ...string) string {
	p.Helper()
	ctx, cancel := context.WithTimeout(p.Context(), 2*patience)
	defer cancel()
	command := exec.CommandContext(ctx, program, arguments...)
	command.Dir = folder
	command.Env = append(os.Environ(), environment...)
	command.WaitDelay = 10 * time.Second // what the program has started may hold on to its output
	output, err := command.CombinedOutput()
	if err != nil {
		p.Fatalf("%s %s: %v\n%s", program, strings.Join(arguments, " "), err, output)
	}
	return string(output)
}
