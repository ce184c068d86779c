// Package e2e tests the whole platform from outside: the public API over HTTP, `kubectl`, and pods that are killed, on a
// real Kubernetes with a real kubelet. It needs a cluster that khocr is deployed to (`make test-e2e` makes one); without
// KHOCR_E2E_URL every test is skipped.
package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/go-logr/logr"
	kruntime "k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/kubernetes"
	clientscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/tools/clientcmd"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/openplp/khocr/api/v1alpha1"
	"github.com/openplp/khocr/internal/apikey"
)

const (
	// patience bounds every wait. It is no expectation of speed: a loaded machine may need it.
	patience = 5 * time.Minute
	systemNS = "khocr-system"
)

// web gives up on a connection whose other end is gone without a word, as a killed pod may be. It is no expectation of
// speed either.
var web = &http.Client{Timeout: time.Minute}

// platform is khocr as its users and operators reach it.
type platform struct {
	*testing.T
	url        string
	kubeconfig string
	client     client.WithWatch
	kube       kubernetes.Interface
}

// connect finds the platform under test, or skips the test.
func connect(t *testing.T) *platform {
	t.Helper()
	url, kubeconfig := os.Getenv("KHOCR_E2E_URL"), os.Getenv("KHOCR_E2E_KUBECONFIG")
	if url == "" || kubeconfig == "" {
		t.Skip("KHOCR_E2E_URL and KHOCR_E2E_KUBECONFIG name no platform to test: `make test-e2e` makes one")
	}
	log.SetLogger(logr.Discard())
	config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		t.Fatal(err)
	}
	scheme := kruntime.NewScheme()
	for _, add := range []func(*kruntime.Scheme) error{clientscheme.AddToScheme, v1alpha1.AddToScheme} {
		if err := add(scheme); err != nil {
			t.Fatal(err)
		}
	}
	c, err := client.NewWithWatch(config, client.Options{Scheme: scheme})
	if err != nil {
		t.Fatal(err)
	}
	return &platform{T: t, url: strings.TrimSuffix(url, "/"), kubeconfig: kubeconfig, client: c, kube: kubernetes.NewForConfigOrDie(config)}
}

// at is the platform in a subtest.
func (p *platform) at(sub *testing.T) *platform {
	here := *p
	here.T = sub
	return &here
}

// newPlan makes a plan that goes with the test. It allows everything but what change takes away.
func (p *platform) newPlan(change func(*v1alpha1.PlanSpec)) string {
	p.Helper()
	plan := &v1alpha1.Plan{
		ObjectMeta: metav1.ObjectMeta{GenerateName: "e2e-"},
		Spec: v1alpha1.PlanSpec{
			DisplayName: v1alpha1.LocalizedText{En: "End to end", Km: "ពីដើមដល់ចប់"},
			Limits: v1alpha1.PlanLimits{
				RequestsPerMinute: 10_000, PagesPerMonth: new(int64(1_000_000)), MaxFileBytes: 50 << 20,
				Priorities:        []v1alpha1.Priority{v1alpha1.PriorityHigh, v1alpha1.PriorityNormal, v1alpha1.PriorityLow},
				MaxConcurrentJobs: 100, JobTTLSeconds: 604_800, ResultRetentionSeconds: 604_800,
			},
		},
	}
	change(&plan.Spec)
	p.must(p.client.Create(p.Context(), plan))
	p.Cleanup(func() { _ = p.client.Delete(context.Background(), plan) })
	return plan.Name
}

// tenant is an organization with a key.
type tenant struct {
	*platform
	name, key string
}

// newTenant makes an organization that goes with the test.
func (p *platform) newTenant(plan string) *tenant {
	p.Helper()
	key := apikey.Generate()
	organization := &v1alpha1.Organization{
		ObjectMeta: metav1.ObjectMeta{GenerateName: "e2e-"},
		Spec: v1alpha1.OrganizationSpec{
			PlanRef: plan, DisplayName: v1alpha1.LocalizedText{En: "End to end", Km: "ពីដើមដល់ចប់"},
			APIKeys: []v1alpha1.APIKey{{Name: "test", SHA256: apikey.Hash(key)}},
		},
	}
	p.must(p.client.Create(p.Context(), organization))
	p.Cleanup(func() { _ = p.client.Delete(context.Background(), organization) })
	t := &tenant{platform: p, name: organization.Name, key: key}
	p.until("organization "+t.name+" is ready", func() bool {
		if p.client.Get(p.Context(), client.ObjectKeyFromObject(organization), organization) != nil {
			return false
		}
		for _, condition := range organization.Status.Conditions {
			if condition.Type == v1alpha1.ConditionReady && condition.Status == metav1.ConditionTrue {
				return true
			}
		}
		return false
	})
	p.until("the key of "+t.name+" is known to the gateway", func() bool {
		status, _, err := t.try(http.MethodGet, "/api/v1/jobs/000000000000", nil, "")
		return err == nil && status == http.StatusNotFound
	})
	return t
}

// at is the tenant in a subtest.
func (t *tenant) at(sub *testing.T) *tenant {
	return &tenant{platform: t.platform.at(sub), name: t.name, key: t.key}
}

func (t *tenant) namespace() string { return "khocr-" + t.name }

// form is a submission: parameters, and a document under its file name.
type form struct {
	fields   map[string]string
	fileName string
	content  []byte
}

func testdata(t testing.TB, name string) []byte {
	t.Helper()
	content, err := os.ReadFile(filepath.Join("..", "testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return content
}

// encode writes the file first, as curl does with the contract's example.
func (f form) encode() (body *bytes.Buffer, contentType string) {
	body = &bytes.Buffer{}
	writer := multipart.NewWriter(body)
	if f.content != nil {
		part, _ := writer.CreateFormFile("file", f.fileName)
		_, _ = part.Write(f.content)
	}
	for name, value := range f.fields {
		_ = writer.WriteField(name, value)
	}
	_ = writer.Close()
	return body, writer.FormDataContentType()
}

// accepted is the answer to a submission.
type accepted struct {
	JobID     string `json:"job_id"`
	Status    string `json:"status"`
	Message   string `json:"message"`
	MessageKm string `json:"message_km"`
}

// jobStatus is the answer to a question after a job.
type jobStatus struct {
	ID             string  `json:"id"`
	Status         string  `json:"status"`
	Progress       float64 `json:"progress"`
	TaskType       string  `json:"task_type"`
	ElapsedSeconds float64 `json:"elapsed_seconds"`
	Error          *struct {
		Code      string `json:"code"`
		Message   string `json:"message"`
		MessageKm string `json:"message_km"`
	} `json:"error"`
}

func (j jobStatus) ended() bool {
	return j.Status == "COMPLETED" || j.Status == "FAILED" || j.Status == "CANCELLED"
}

// problem is the body of an error.
type problem struct {
	Status    int    `json:"status"`
	Title     string `json:"title"`
	Detail    string `json:"detail"`
	Code      string `json:"code"`
	Message   string `json:"message"`
	MessageKm string `json:"message_km"`
	RequestID string `json:"request_id"`
}

// answer is what came back for a request.
type answer struct {
	status int
	header http.Header
	body   []byte
}

// problem reads the body of an error.
func (a answer) problem() problem {
	var p problem
	_ = json.Unmarshal(a.body, &p)
	return p
}

// decode reads the body of an answer.
func (a answer) decode(t *testing.T, into any) {
	t.Helper()
	if err := json.Unmarshal(a.body, into); err != nil {
		t.Fatalf("reading %s: %v", a.body, err)
	}
}

// try makes a request with the tenant's key, and gives up on network errors.
func (t *tenant) try(method, path string, body io.Reader, contentType string) (int, []byte, error) {
	a, err := t.send(method, path, body, contentType)
	return a.status, a.body, err
}

func (t *tenant) send(method, path string, body io.Reader, contentType string) (answer, error) {
	request, err := http.NewRequestWithContext(t.Context(), method, t.url+path, body)
	if err != nil {
		return answer{}, err
	}
	if contentType != "" {
		request.Header.Set("Content-Type", contentType)
	}
	if t.key != "" {
		request.Header.Set("X-API-Key", t.key)
	}
	return do(request)
}

// do makes a request and reads the whole answer.
func do(request *http.Request) (answer, error) {
	response, err := web.Do(request)
	if err != nil {
		return answer{}, err
	}
	defer func() { _ = response.Body.Close() }()
	content, err := io.ReadAll(response.Body)
	return answer{status: response.StatusCode, header: response.Header, body: content}, err
}

// trySubmit submits a document, and gives up on errors: the platform may be going through a restart.
func (t *tenant) trySubmit(f form) (accepted, error) {
	body, contentType := f.encode()
	status, answer, err := t.try(http.MethodPost, "/api/v1/convert", body, contentType)
	if err != nil {
		return accepted{}, err
	}
	if status != http.StatusAccepted {
		return accepted{}, fmt.Errorf("status %d: %s", status, answer)
	}
	var a accepted
	return a, json.Unmarshal(answer, &a)
}

func (t *tenant) submit(f form) string {
	t.Helper()
	a, err := t.trySubmit(f)
	if err != nil {
		t.Fatalf("submitting %s: %v", f.fileName, err)
	}
	return a.JobID
}

// await polls a job as a client does until it has ended, through restarts of the gateway.
func (t *tenant) await(id string) jobStatus {
	t.Helper()
	var job jobStatus
	last := 0.0
	t.until("job "+id+" has ended", func() bool {
		status, answer, err := t.try(http.MethodGet, "/api/v1/jobs/"+id, nil, "")
		if err != nil || status != http.StatusOK {
			return false
		}
		t.must(json.Unmarshal(answer, &job))
		if job.Progress < last {
			t.Errorf("progress of %s went back from %g to %g", id, last, job.Progress)
		}
		last = job.Progress
		return job.ended()
	})
	return job
}

// result downloads the result of a completed job.
func (t *tenant) result(id, format string) []byte {
	t.Helper()
	path := "/api/v1/jobs/" + id + "/result"
	if format != "" {
		path += "?format=" + format
	}
	var result []byte
	t.until("the result of "+id+" is delivered", func() bool {
		status, answer, err := t.try(http.MethodGet, path, nil, "")
		if err == nil && status != http.StatusOK && status < 500 {
			t.Fatalf("GET %s: status %d: %s", path, status, answer)
		}
		result = answer
		return err == nil && status == http.StatusOK
	})
	return result
}

func (t *tenant) job(id string) *v1alpha1.OcrJob {
	t.Helper()
	job := &v1alpha1.OcrJob{}
	t.must(t.client.Get(t.Context(), client.ObjectKey{Namespace: t.namespace(), Name: id}, job))
	return job
}

// kubectl runs kubectl with the platform's kubeconfig and returns what it prints.
func (p *platform) kubectl(arguments ...string) string {
	p.Helper()
	command := exec.CommandContext(p.Context(), p.kubectlProgram(), append([]string{"--kubeconfig", p.kubeconfig}, arguments...)...)
	output, err := command.CombinedOutput()
	if err != nil {
		p.Fatalf("kubectl %s: %v\n%s", strings.Join(arguments, " "), err, output)
	}
	return string(output)
}

func (p *platform) kubectlProgram() string {
	if program := os.Getenv("KHOCR_E2E_KUBECTL"); program != "" {
		return program
	}
	return "kubectl"
}

func (p *platform) until(what string, condition func() bool) {
	p.Helper()
	err := wait.PollUntilContextTimeout(p.Context(), 100*time.Millisecond, patience, true,
		func(context.Context) (bool, error) { return condition(), nil })
	if errors.Is(err, context.DeadlineExceeded) {
		p.Fatalf("waited in vain until %s\n%s", what, p.kubectl("get", "ocrjobs,pods", "-A", "-o", "wide"))
	}
	p.must(err)
}

func (p *platform) must(err error) {
	p.Helper()
	if err != nil {
		p.Fatal(err)
	}
}
