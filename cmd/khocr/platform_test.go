package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/openplp/khocr/api/v1alpha1"
	"github.com/openplp/khocr/apigateway"
	"github.com/openplp/khocr/apigateway/audit"
	"github.com/openplp/khocr/apigateway/changes"
	"github.com/openplp/khocr/apigateway/gatewaytest"
	"github.com/openplp/khocr/apigateway/keyuse"
	"github.com/openplp/khocr/apigateway/ratelimit"
	"github.com/openplp/khocr/apigateway/serving"
	"github.com/openplp/khocr/apigateway/spending"
	"github.com/openplp/khocr/internal/document"
	"github.com/openplp/khocr/internal/storage"
	"github.com/openplp/khocr/internal/testlog"
	"github.com/openplp/khocr/test/contract"
)

// asKhocr has the test's own program be khocr.
const asKhocr = "KHOCR_TEST_AS_KHOCR"

func TestMain(m *testing.M) {
	if os.Getenv(asKhocr) != "" {
		main()
		return
	}
	os.Exit(m.Run())
}

// platform is a gateway at an address. Manager and workers are played by the test.
type platform struct {
	*gatewaytest.Gateway
	address string
	stop    func()
	// whole is the test that it is there for.
	whole *testing.T
}

func startPlatform(t *testing.T) *platform {
	t.Helper()
	g := gatewaytest.Start(t)
	g.Apply(t, "config/models/khocr.yaml")
	p := &platform{Gateway: g, address: "127.0.0.1:0", whole: t}
	p.serve()
	return p
}

// serve runs the public port until it is stopped or the test ends, at the address that it had if it had one.
func (p *platform) serve() {
	t := p.whole
	t.Helper()
	server := &apigateway.Server{
		Client: p.Cached, Live: p.Live, Store: p.Store, Seal: p.Seal, Log: slog.New(slog.DiscardHandler),
		Limiter: ratelimit.NewMemory(time.Now), KeyUse: keyuse.New(p.Store, slog.New(slog.DiscardHandler)),
		Spending: spending.New(p.Store, apigateway.RandomID(), time.Now, slog.New(slog.DiscardHandler)),
		Changes:  changes.New(), Audit: audit.New(p.Store, apigateway.RandomID(), time.Now, slog.New(slog.DiscardHandler)),
		Now: time.Now, NewID: apigateway.RandomID, Version: "test", Currency: "USD",
	}
	if err := server.Changes.Follow(t.Context(), p.Cache); err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", p.address)
	if err != nil {
		t.Fatal(err)
	}
	p.address = listener.Addr().String()
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	stopped := make(chan error, 1)
	port := serving.NewServer(contract.Handler(t, server.Handler()), server.Log)
	port.RegisterOnShutdown(server.Changes.Close)
	go func() { stopped <- serving.Run(ctx, port, listener) }()
	p.stop = sync.OnceFunc(func() {
		cancel()
		if err := <-stopped; err != nil {
			t.Errorf("the public port ended: %v", err)
		}
	})
	t.Cleanup(p.stop)
}

// person is somebody at a shell.
type person struct {
	*testing.T
	*platform
	organization string
	// environment of the shell, beside that of the test.
	environment []string
	folder      string
}

// person makes one with an organization, a key and an empty folder. Slots is how many jobs may be at work.
func (p *platform) person(t *testing.T, organization string, slots int32) *person {
	t.Helper()
	key := p.Organization(t, organization, func(o *v1alpha1.Organization) {
		o.Spec.Overrides = &v1alpha1.LimitOverrides{MaxConcurrentJobs: &slots}
	})
	home := t.TempDir()
	return &person{T: t, platform: p, organization: organization, folder: t.TempDir(), environment: []string{
		asKhocr + "=1", envURL + "=http://" + p.address, envKey + "=" + key, "XDG_STATE_HOME=" + home, "HOME=" + home,
		"LC_ALL=C.UTF-8", "PATH=" + os.Getenv("PATH"),
	}}
}

func (p *person) namespace() string { return "khocr-" + p.organization }

// write puts documents into the folder that differ from one another, and returns their paths.
func (p *person) write(names ...string) []string {
	p.Helper()
	paths := make([]string, len(names))
	for i, name := range names {
		paths[i] = filepath.Join(p.folder, name)
		if err := os.MkdirAll(filepath.Dir(paths[i]), 0o755); err != nil {
			p.Fatal(err)
		}
		if err := os.WriteFile(paths[i], []byte("%PDF-1.7\n"+name), 0o600); err != nil {
			p.Fatal(err)
		}
	}
	return paths
}

// process is a khocr that runs.
type process struct {
	*exec.Cmd
	out, errs testlog.Buffer
	done      chan struct{}
}

// start runs khocr in the person's folder, under its own name or another.
func (p *person) start(arguments ...string) *process {
	p.Helper()
	self, err := os.Executable()
	if err != nil {
		p.Fatal(err)
	}
	return p.startAs(self, arguments...)
}

func (p *person) startAs(program string, arguments ...string) *process {
	p.Helper()
	run := &process{Cmd: exec.Command(program, arguments...), done: make(chan struct{})}
	run.Dir, run.Env, run.Stdout, run.Stderr = p.folder, p.environment, &run.out, &run.errs
	if err := run.Start(); err != nil {
		p.Fatal(err)
	}
	p.Cleanup(func() { _ = run.Process.Kill() })
	go func() {
		_ = run.Wait()
		close(run.done)
	}()
	return run
}

func (r *process) ended() bool {
	select {
	case <-r.done:
		return true
	default:
		return false
	}
}

// end waits for the process and returns its status.
func (p *person) end(run *process) int {
	p.Helper()
	gatewaytest.Eventually(p, "khocr ends", run.ended)
	return run.ProcessState.ExitCode()
}

// finish has all jobs completed until the process ends, and returns its status.
func (p *person) finish(run *process) int {
	p.Helper()
	gatewaytest.Eventually(p, "khocr ends", func() bool {
		for _, job := range p.unended() {
			p.complete(&job)
		}
		return run.ended()
	})
	return run.ProcessState.ExitCode()
}

func (p *person) run(arguments ...string) (status int, run *process) {
	p.Helper()
	run = p.start(arguments...)
	return p.end(run), run
}

// unended are the jobs that have not ended.
func (p *person) unended() (jobs []v1alpha1.OcrJob) {
	for _, job := range p.Jobs(p, p.namespace()) {
		if !job.Status.Phase.Ended() {
			jobs = append(jobs, job)
		}
	}
	return jobs
}

// awaitJobs waits until at least that many jobs are under way.
func (p *person) awaitJobs(number int) []v1alpha1.OcrJob {
	p.Helper()
	var jobs []v1alpha1.OcrJob
	gatewaytest.Eventually(p, fmt.Sprintf("%d jobs are under way", number), func() bool {
		jobs = p.unended()
		return len(jobs) >= number
	})
	return jobs
}

// complete plays a worker that has read one page, and the manager.
func (p *person) complete(job *v1alpha1.OcrJob) {
	p.Helper()
	p.storePage(job, 1)
	job.Status = v1alpha1.OcrJobStatus{Phase: v1alpha1.PhaseCompleted, Progress: 100, Pages: &v1alpha1.PageCounts{Total: 1, Done: 1, Recognized: 1},
		CompletionTime: &metav1.Time{Time: time.Now()}}
	p.UpdateStatus(p, job)
}

func (p *person) storePage(job *v1alpha1.OcrJob, number int) {
	p.Helper()
	text := "អត្ថបទនៃ " + job.Spec.Source.Upload.FileName
	page := document.Page{Number: number, Width: 595, Height: 842, Source: document.SourceOCR, Text: text, ProcessedAt: time.Now(),
		Lines: []document.Line{{Text: text, Words: []document.Word{{Text: text, Confidence: 90}}, Paragraph: 1}}}
	content, err := json.Marshal(page)
	if err != nil {
		p.Fatal(err)
	}
	if _, err := p.Store.Put(p.Context(), storage.PageKey(job.Namespace, job.UID, number), bytes.NewReader(content)); err != nil {
		p.Fatal(err)
	}
}

// completeWithAI does the same of a job that an AI model was to read; of its three pages one fell back.
func (p *person) completeWithAI(job *v1alpha1.OcrJob) {
	p.Helper()
	for number := range 3 {
		p.storePage(job, number+1)
	}
	job.Status = v1alpha1.OcrJobStatus{Phase: v1alpha1.PhaseCompleted, Progress: 100, Model: job.Spec.Model, Recognizer: "khocr",
		Pages: &v1alpha1.PageCounts{Total: 3, Done: 3, Recognized: 3, AI: 2}, CompletionTime: &metav1.Time{Time: time.Now()}}
	p.UpdateStatus(p, job)
}

// fail plays the manager of a job that fails.
func (p *person) fail(job *v1alpha1.OcrJob, reason string) {
	p.Helper()
	job.Status = v1alpha1.OcrJobStatus{Phase: v1alpha1.PhaseFailed, CompletionTime: &metav1.Time{Time: time.Now()},
		Conditions: []metav1.Condition{{Type: v1alpha1.ConditionFailed, Status: metav1.ConditionTrue, Reason: reason, LastTransitionTime: metav1.Now()}}}
	p.UpdateStatus(p, job)
}

// useUp has that many pages of the month be used.
func (p *person) useUp(pages int64) {
	p.Helper()
	organization := new(v1alpha1.Organization)
	if err := p.Live.Get(p.Context(), client.ObjectKey{Name: p.organization}, organization); err != nil {
		p.Fatal(err)
	}
	organization.Status.Usage = []v1alpha1.MonthUsage{{Month: time.Now().UTC().Add(7 * time.Hour).Format("2006-01"), Settled: pages}}
	p.UpdateStatus(p, organization)
}

// has checks that a result is of its document.
func (p *person) has(result, fileName string) {
	p.Helper()
	content, err := os.ReadFile(filepath.Join(p.folder, result))
	if err != nil || !strings.Contains(string(content), "អត្ថបទនៃ "+fileName) {
		p.Errorf("%s: %v, %q", result, err, content)
	}
}
