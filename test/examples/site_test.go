// Package examples runs the programs in examples/, and the commands in the pages for those who write programs, against a whole
// platform: manager, gateway and workers over a real API server, and documents that are really read.
package examples

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/openplp/khocr/api/v1alpha1"
	"github.com/openplp/khocr/internal/apikey"
	"github.com/openplp/khocr/internal/testenv"
	"github.com/openplp/khocr/test/platform"
	"github.com/openplp/khocr/worker/confine"
	"github.com/openplp/khocr/worker/engine"
)

// The test program is the engine when it is run under the name.
const engineName = "engine-of-a-worker"

func TestMain(m *testing.M) {
	if filepath.Base(os.Args[0]) != engineName {
		os.Exit(m.Run())
	}
	if err := engine.Main(confine.Enter); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

const (
	// patience bounds what a program may take. It is no expectation of speed.
	patience = 5 * time.Minute
	secret   = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
)

// site is a platform with a customer.
type site struct {
	*testing.T
	root, url, key string
	platform       *platform.Platform
}

// open starts a platform that reads with the engine that ships.
func open(t *testing.T) *site {
	t.Helper()
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	link := filepath.Join(t.TempDir(), engineName)
	if err := os.Symlink(program, link); err != nil {
		t.Fatal(err)
	}
	return openWith(t, link)
}

// openWith starts a platform that reads with the engine of that path.
func openWith(t *testing.T, program string) *site {
	t.Helper()
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	p := platform.Start(t)
	s := &site{T: t, root: root, url: p.Serve(), platform: p}
	tessdata := filepath.Join(t.TempDir(), "tessdata")
	s.run(root, nil, "hack/tessdata.sh", tessdata)
	p.RunWorkers(program, tessdata)

	s.join("acme", func(spec *v1alpha1.OrganizationSpec) {
		spec.WebhookSecrets = []v1alpha1.WebhookSecret{{Name: "main", SecretName: "webhook"}}
	})
	_, err = p.API.CoreV1().Secrets("khocr-acme").Create(t.Context(),
		&corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: "webhook"}, StringData: map[string]string{"secret": secret}}, metav1.CreateOptions{})
	s.must(err)
	return s
}

// join makes an organization whose key the gateway knows, and goes on as that.
func (s *site) join(name string, change func(*v1alpha1.OrganizationSpec)) {
	s.Helper()
	s.key = apikey.Generate()
	s.platform.Organize(name, change, func(spec *v1alpha1.OrganizationSpec) {
		spec.APIKeys = []v1alpha1.APIKey{{Name: "main", SHA256: apikey.Hash(s.key)}}
	})
	testenv.Await(s, "the gateway knows the key of "+name, func() bool {
		request, err := http.NewRequestWithContext(s.Context(), http.MethodGet, s.url+"/api/v1/jobs/000000000000", nil)
		s.must(err)
		request.Header.Set("X-API-Key", s.key)
		answer, err := http.DefaultClient.Do(request)
		s.must(err)
		_ = answer.Body.Close()
		return answer.StatusCode == http.StatusNotFound
	})
}

// at is the site in a subtest.
func (s *site) at(t *testing.T) *site {
	here := *s
	here.T = t
	return &here
}

func (s *site) must(err error) {
	s.Helper()
	if err != nil {
		s.Fatal(err)
	}
}

// document puts a copy of a document for tests into a folder.
func (s *site) document(folder, as, name string) {
	s.Helper()
	content, err := os.ReadFile(filepath.Join(s.root, "test/testdata", name))
	s.must(err)
	s.must(os.WriteFile(filepath.Join(folder, as), content, 0o600))
}

// access is how programs find the platform.
func (s *site) access() []string {
	return []string{"KHOCR_URL=" + s.url, "KHOCR_API_KEY=" + s.key, "KHOCR_WEBHOOK_SECRET=" + secret, "PYTHONDONTWRITEBYTECODE=1"}
}

// run runs a program that must succeed, and returns what it prints.
func (s *site) run(folder string, environment []string, program string, arguments ...string) string {
	s.Helper()
	output, complaints, err := s.try(folder, environment, program, arguments...)
	if err != nil {
		s.Fatalf("%s %s: %v\n%s%s", program, strings.Join(arguments, " "), err, output, complaints)
	}
	return output
}

// try runs a program, and returns what it prints and complains of.
func (s *site) try(folder string, environment []string, program string, arguments ...string) (output, complaints string, err error) {
	s.Helper()
	ctx, cancel := context.WithTimeout(s.Context(), patience)
	defer cancel()
	command := exec.CommandContext(ctx, program, arguments...)
	command.Dir, command.Env = folder, append(os.Environ(), environment...)
	var out, complained bytes.Buffer
	command.Stdout, command.Stderr = &out, &complained
	command.WaitDelay = 10 * time.Second // what the program has started may hold on to its output
	err = command.Run()
	return out.String(), complained.String(), err
}
