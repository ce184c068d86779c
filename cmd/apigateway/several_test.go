package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	authenticationv1 "k8s.io/api/authentication/v1"
	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/openplp/khocr/api/v1alpha1"
	"github.com/openplp/khocr/apigateway/gatewaytest"
	"github.com/openplp/khocr/apigateway/sweep"
	"github.com/openplp/khocr/controllers/certs"
	"github.com/openplp/khocr/internal/archive"
	"github.com/openplp/khocr/internal/document"
	"github.com/openplp/khocr/internal/storage"
	"github.com/openplp/khocr/internal/testenv"
	"github.com/openplp/khocr/internal/testlog"
	"github.com/openplp/khocr/internal/workerport"
)

// asGateway has the test's own program be the gateway.
const asGateway = "KHOCR_TEST_AS_GATEWAY"

func TestMain(m *testing.M) {
	if os.Getenv(asGateway) != "" {
		main()
		return
	}
	os.Exit(m.Run())
}

// TestTwoGatewaysAreOne runs two gateways as processes, with the rights of their service account, over one bucket of a real S3
// server and one Redis. Manager and workers are played by the test.
func TestTwoGatewaysAreOne(t *testing.T) {
	s3 := testenv.StartS3(t)
	redis := startRedis(t)
	g := gatewaytest.Start(t)
	store, err := storage.Open(t.Context(), s3.URL)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	g.Store = store
	g.Apply(t, "config/rbac/service_accounts.yaml", "config/rbac/gateway_role.yaml", "config/models/khocr.yaml")
	f := &fleet{T: t, Gateway: g, s3: s3, redis: redis, folder: t.TempDir()}
	f.prepare()
	f.one, f.two = f.start(), f.start()
	for _, one := range f.both() {
		one.awaitReady()
	}
	f.key = g.Organization(t, "acme", nil)

	t.Run("what one has accepted both know", f.testJobs)
	t.Run("one Idempotency-Key is one job, whoever is asked", f.testIdempotency)
	t.Run("a worker is sent to the store for its document and stores pages at any gateway", f.testWorker)
	t.Run("both hold an organization to one limit", f.testLimits)
	t.Run("a gateway that is killed is followed", f.testKilled)
	t.Run("without the store nothing is accepted, and all goes on when it is back", f.testStoreAway)
	for _, gateway := range f.all {
		for _, secret := range []string{"X-Amz-Signature", "X-Amz-Credential", os.Getenv("AWS_SECRET_ACCESS_KEY"), f.key} {
			if strings.Contains(gateway.log.String(), secret) {
				t.Errorf("a gateway's log holds %q", secret)
			}
		}
	}
}

// fleet is two gateways with all that they stand on.
type fleet struct {
	*testing.T
	*gatewaytest.Gateway
	s3            *testenv.S3
	redis, folder string
	kubeconfig    string
	// internal is what workers trust.
	internal *tls.Config
	one, two *gateway
	all      []*gateway
	key      string
}

func (f *fleet) both() []*gateway { return []*gateway{f.one, f.two} }

func (f *fleet) must(err error) {
	f.Helper()
	if err != nil {
		f.Fatal(err)
	}
}

// prepare makes what the kubelet would mount: certificates and the platform's key.
func (f *fleet) prepare() {
	f.Helper()
	p := &platform{environment: f.Environment, manager: &certs.Reconciler{
		Client: f.Client, Live: f.Client, Namespace: "khocr-system", Now: time.Now,
		Services: []types.NamespacedName{{Namespace: "khocr-system", Name: "khocr-gateway-internal"}},
	}}
	p.now.Store(time.Now().UnixNano())
	p.reconcile(f.T)
	project(f.T, filepath.Join(f.folder, "tls"), p.secret(f.T, certs.SecretName).Data)
	f.must(os.WriteFile(filepath.Join(f.folder, "key"), p.secret(f.T, certs.KeySecretName).Data["key"], 0o600))
	f.kubeconfig, f.internal = p.kubeconfig(f.T, "khocr-gateway"), p.trust(f.T, internalName)
}

// startRedis runs a Redis until the test ends and returns its URL, or "" where none is installed.
func startRedis(t *testing.T) string {
	t.Helper()
	if _, err := exec.LookPath("redis-server"); err != nil {
		t.Log("redis-server is not installed: the gateways share no limits (make packages)")
		return ""
	}
	folder := t.TempDir()
	socket := filepath.Join(folder, "redis.sock")
	server := exec.Command("redis-server", "--port", "0", "--unixsocket", socket, "--save", "", "--daemonize", "no", "--dir", folder)
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = server.Process.Kill()
		_ = server.Wait()
	})
	testenv.Await(t, "Redis listens", func() bool {
		connection, err := net.Dial("unix", socket)
		if err != nil {
			return false
		}
		return connection.Close() == nil
	})
	return "unix://" + socket
}

// gateway is a process.
type gateway struct {
	f                        *fleet
	process                  *exec.Cmd
	public, internal, health string
	log                      *testlog.Buffer
}

func (f *fleet) start() *gateway {
	f.Helper()
	program, err := os.Executable()
	f.must(err)
	n := &gateway{f: f, public: freeAddress(f.T), internal: freeAddress(f.T), health: freeAddress(f.T), log: new(testlog.Buffer)}
	n.process = exec.Command(program, "--listen="+n.public, "--internal-listen="+n.internal, "--health-listen="+n.health, "--metrics-listen=0",
		"--tls-dir="+filepath.Join(f.folder, "tls"), "--key-file="+filepath.Join(f.folder, "key"), "--store="+f.s3.URL, "--rate-limit-redis="+f.redis)
	n.process.Env = append(os.Environ(), asGateway+"=true", "KUBECONFIG="+f.kubeconfig)
	n.process.Stderr = n.log
	f.must(n.process.Start())
	f.Cleanup(func() {
		n.kill()
		if log := n.log.String(); f.Failed() {
			f.Logf("the gateway at %s, in the end:\n%s", n.public, log[max(0, len(log)-20_000):])
		}
	})
	f.all = append(f.all, n)
	return n
}

// kill ends the gateway without a word.
func (n *gateway) kill() {
	_ = n.process.Process.Kill()
	_ = n.process.Wait()
}

func (n *gateway) ready() bool {
	status, _, err := get(n.f.Context(), "http://"+n.health+"/readyz", "", nil)
	return err == nil && status == http.StatusOK
}

func (n *gateway) awaitReady() {
	n.f.Helper()
	testenv.Await(n.f.T, "a gateway is ready", n.ready)
}

// ask sends a request to the public API, and returns the status and the answer.
func (n *gateway) ask(t testing.TB, method, path, key string, headers map[string]string, body io.Reader) (int, map[string]any) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, "http://"+n.public+"/api/v1"+path, body)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("X-API-Key", key)
	for name, value := range headers {
		request.Header.Set(name, value)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	content, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	answer := map[string]any{}
	if json.Unmarshal(content, &answer) != nil {
		answer["text"] = string(content)
	}
	return response.StatusCode, answer
}

// submit converts a document, and returns the status and the job's name.
func (n *gateway) submit(t testing.TB, key, content, idempotencyKey string) (int, string) {
	t.Helper()
	var form bytes.Buffer
	writer := multipart.NewWriter(&form)
	part, err := writer.CreateFormFile("file", "a.pdf")
	if err == nil {
		_, err = io.WriteString(part, content)
	}
	if err = errors.Join(err, writer.Close()); err != nil {
		t.Fatal(err)
	}
	headers := map[string]string{"Content-Type": writer.FormDataContentType()}
	if idempotencyKey != "" {
		headers["Idempotency-Key"] = idempotencyKey
	}
	status, answer := n.ask(t, http.MethodPost, "/convert", key, headers, &form)
	name, _ := answer["job_id"].(string)
	return status, name
}

func (f *fleet) job(t testing.TB, name string) *v1alpha1.OcrJob {
	t.Helper()
	job := new(v1alpha1.OcrJob)
	if err := f.Live.Get(t.Context(), client.ObjectKey{Namespace: "khocr-acme", Name: name}, job); err != nil {
		t.Fatal(err)
	}
	return job
}

// knows waits until a gateway tells of the job as it should.
func (n *gateway) knows(t testing.TB, name, status string) {
	t.Helper()
	testenv.Await(t, name+" is "+status, func() bool {
		code, answer := n.ask(t, http.MethodGet, "/jobs/"+name, n.f.key, nil, http.NoBody)
		return code == http.StatusOK && answer["status"] == status
	})
}

func (f *fleet) testJobs(t *testing.T) {
	// The key is new to them.
	for _, n := range f.both() {
		testenv.Await(t, "the gateway knows the key", func() bool {
			code, _ := n.ask(t, http.MethodGet, "/jobs/000000000000", f.key, nil, http.NoBody)
			return code == http.StatusNotFound
		})
	}
	status, name := f.one.submit(t, f.key, "%PDF-1.7 one", "")
	if status != http.StatusAccepted {
		t.Fatalf("a document is answered %d", status)
	}
	// At once: whoever does not know it yet asks the API server.
	if code, answer := f.two.ask(t, http.MethodGet, "/jobs/"+name, f.key, nil, http.NoBody); code != http.StatusOK || answer["status"] != "QUEUED" {
		t.Errorf("the other gateway answers %d %v", code, answer)
	}
	// The first deletion cancels what has not ended, the next one deletes it.
	if code, answer := f.two.ask(t, http.MethodDelete, "/jobs/"+name, f.key, nil, http.NoBody); code != http.StatusAccepted {
		t.Fatalf("the other gateway answers %d %v to a cancellation", code, answer)
	}
	job := f.job(t, name)
	if job.Spec.Cancel == nil || !*job.Spec.Cancel {
		t.Error("the job is not to be cancelled")
	}
	job.Status.Phase, job.Status.CompletionTime = v1alpha1.PhaseCancelled, &metav1.Time{Time: time.Now().Truncate(time.Second)}
	f.UpdateStatus(t, job)
	for _, n := range f.both() {
		n.knows(t, name, "CANCELLED")
	}
	if code, answer := f.one.ask(t, http.MethodDelete, "/jobs/"+name, f.key, nil, http.NoBody); code >= 300 {
		t.Fatalf("the gateway answers %d %v to a deletion", code, answer)
	}
	testenv.Await(t, "the job is gone for both", func() bool {
		for _, n := range f.both() {
			if code, _ := n.ask(t, http.MethodGet, "/jobs/"+name, f.key, nil, http.NoBody); code == http.StatusOK {
				return false
			}
		}
		return true
	})
}

func (f *fleet) testIdempotency(t *testing.T) {
	const requests = 8
	before := len(f.Jobs(t, "khocr-acme"))
	names := make(chan string, requests)
	var all sync.WaitGroup
	for i := range requests {
		all.Go(func() {
			// One that comes while another is under way may be told to come again.
			for {
				status, name := f.both()[i%2].submit(t, f.key, "%PDF-1.7 repeated", "the-same")
				if name != "" && status < 300 {
					names <- name
					return
				}
				if status != http.StatusConflict && status != http.StatusServiceUnavailable {
					t.Errorf("a repeated submission is answered %d", status)
					names <- ""
					return
				}
			}
		})
	}
	all.Wait()
	first := <-names
	for range requests - 1 {
		if name := <-names; name != first {
			t.Errorf("the jobs %s and %s were made of one submission", first, name)
		}
	}
	if made := len(f.Jobs(t, "khocr-acme")) - before; made != 1 {
		t.Errorf("%d jobs were made", made)
	}
}

func (f *fleet) testWorker(t *testing.T) {
	account := &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Namespace: "khocr-acme", Name: workerport.ServiceAccount}}
	f.must(f.Client.Create(t.Context(), account))
	const content, others = "%PDF-1.7 for its worker", "%PDF-1.7 for another worker"
	job, token := f.work(t, f.one, content)
	other, _ := f.work(t, f.one, others)

	status, location, direct := f.document(t, f.two, token, workerport.PathDocumentDirect)
	if status != http.StatusTemporaryRedirect || len(direct.Addresses) != 1 || direct.Addresses[0] != f.s3.Address {
		t.Fatalf("the other gateway answers %d with %+v", status, direct)
	}
	authorities := x509.NewCertPool()
	if !authorities.AppendCertsFromPEM([]byte(direct.Authorities)) {
		t.Fatalf("the authorities are %q", direct.Authorities)
	}
	trust := &tls.Config{RootCAs: authorities}
	if status, body, err := get(t.Context(), location, "", trust); status != http.StatusOK || body != content || err != nil {
		t.Errorf("the store answers %d %q, %v", status, body, err)
	}
	stolen := strings.Replace(location, job.Spec.Source.Upload.ID, other.Spec.Source.Upload.ID, 1)
	if status, body, err := get(t.Context(), stolen, "", trust); status != http.StatusForbidden || strings.Contains(body, others) || err != nil {
		t.Errorf("who changes the URL for another document is answered %d %q, %v", status, body, err)
	}
	if status, _, _ := f.document(t, f.two, token, workerport.PathDocument); status != http.StatusOK {
		t.Errorf("a worker that cannot reach the store is answered %d", status)
	}

	// Each page is stored at the other gateway, and twice.
	for number := 1; number <= 4; number++ {
		page, err := json.Marshal(document.Page{Number: number, Source: document.SourceOCR, Text: fmt.Sprintf("text %d", number)})
		f.must(err)
		for i, want := range []int{http.StatusCreated, http.StatusOK} {
			if status, body := f.both()[(number+i)%2].work(t, http.MethodPut, workerport.PagePath(number), token, page); status != want {
				t.Errorf("page %d is answered %d %s, want %d", number, status, body, want)
			}
		}
	}
	f.complete(t, job, 4)
	for _, n := range f.both() {
		n.knows(t, job.Name, "COMPLETED")
		code, answer := n.ask(t, http.MethodGet, "/jobs/"+job.Name+"/result?format=text", f.key, nil, http.NoBody)
		text, _ := answer["text"].(string)
		if code != http.StatusOK || !strings.Contains(text, "text 1") || !strings.Contains(text, "text 4") {
			t.Errorf("the result is answered %d %v", code, answer)
		}
	}
	f.archived(t, job.Name)
}

// work submits a document and plays the manager: its worker's pod is made and recorded. It returns the pod's token, too.
func (f *fleet) work(t *testing.T, n *gateway, content string) (*v1alpha1.OcrJob, string) {
	t.Helper()
	status, name := n.submit(t, f.key, content, "")
	if status != http.StatusAccepted {
		t.Fatalf("a document is answered %d", status)
	}
	pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: "khocr-acme", Name: name + "-0-1"}, Spec: corev1.PodSpec{
		ServiceAccountName: workerport.ServiceAccount, Containers: []corev1.Container{{Name: "worker", Image: "worker"}}}}
	f.must(f.Client.Create(t.Context(), pod))
	job := f.job(t, name)
	job.Status = v1alpha1.OcrJobStatus{Phase: v1alpha1.PhaseRunning, Model: "khocr",
		Workers: []v1alpha1.WorkerStatus{{Part: 0, Attempt: 1, PodName: pod.Name, PodUID: pod.UID}}}
	f.UpdateStatus(t, job)
	request := &authenticationv1.TokenRequest{Spec: authenticationv1.TokenRequestSpec{Audiences: []string{workerport.Audience},
		BoundObjectRef: &authenticationv1.BoundObjectReference{APIVersion: "v1", Kind: "Pod", Name: pod.Name, UID: pod.UID}}}
	account := &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Namespace: "khocr-acme", Name: workerport.ServiceAccount}}
	f.must(f.Client.SubResource("token").Create(t.Context(), account, request))
	return job, request.Status.Token
}

// complete has a job completed and settled.
func (f *fleet) complete(t *testing.T, job *v1alpha1.OcrJob, pages int32) {
	t.Helper()
	job.Status.Phase, job.Status.Progress = v1alpha1.PhaseCompleted, 100
	job.Status.CompletionTime = &metav1.Time{Time: time.Now().Truncate(time.Second)}
	job.Status.Pages = &v1alpha1.PageCounts{Total: pages, Done: pages, Recognized: pages}
	f.UpdateStatus(t, job)
	f.Settle(t, job)
}

// archived waits until the gateway that sweeps has archived a job.
func (f *fleet) archived(t *testing.T, name string) {
	t.Helper()
	testenv.Await(t, name+" is archived", func() bool {
		_, err := archive.Read(t.Context(), f.Store, "khocr-acme", name)
		return err == nil
	})
}

// document asks the internal port for the document, and follows nothing.
func (f *fleet) document(t *testing.T, n *gateway, token, path string) (status int, location string, direct workerport.Direct) {
	t.Helper()
	response, err := n.send(t.Context(), http.MethodGet, path, token, nil)
	f.must(err)
	defer response.Body.Close()
	_ = json.NewDecoder(response.Body).Decode(&direct)
	return response.StatusCode, response.Header.Get("Location"), direct
}

// work sends a worker's request.
func (n *gateway) work(t *testing.T, method, path, token string, body []byte) (int, string) {
	t.Helper()
	response, err := n.send(t.Context(), method, path, token, body)
	n.f.must(err)
	defer response.Body.Close()
	content, err := io.ReadAll(response.Body)
	n.f.must(err)
	return response.StatusCode, string(content)
}

func (n *gateway) send(ctx context.Context, method, path, token string, body []byte) (*http.Response, error) {
	request, err := http.NewRequestWithContext(ctx, method, "https://"+n.internal+path, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	request.Header.Set("Authorization", "Bearer "+token)
	worker := &http.Client{
		Transport:     &http.Transport{TLSClientConfig: n.f.internal.Clone(), DisableKeepAlives: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	return worker.Do(request)
}

func (f *fleet) testLimits(t *testing.T) {
	if f.redis == "" {
		t.Skip("redis-server is not installed: make packages")
	}
	key := f.Organization(t, "limited", func(o *v1alpha1.Organization) {
		o.Spec.Overrides = &v1alpha1.LimitOverrides{RequestsPerMinute: new(int32(10))}
	})
	for _, n := range f.both() {
		testenv.Await(t, "the gateway knows the key", func() bool {
			code, _ := n.ask(t, http.MethodGet, "/jobs/000000000000", key, nil, http.NoBody)
			return code == http.StatusNotFound
		})
	}
	began := time.Now()
	accepted, refused := 0, 0
	for i := range 20 {
		switch status, _ := f.both()[i%2].submit(t, key, "%PDF-1.7 limited", ""); status {
		case http.StatusAccepted:
			accepted++
		case http.StatusTooManyRequests:
			refused++
		default:
			t.Errorf("a submission is answered %d", status)
		}
	}
	// One comes back every six seconds.
	if most := 10 + int(time.Since(began)/(6*time.Second)) + 1; accepted < 10 || accepted > most || accepted+refused != 20 {
		t.Errorf("%d submissions were accepted and %d refused in %v, want 10 to %d", accepted, refused, time.Since(began), most)
	}
}

// sweeping finds the gateway that holds the Lease.
func (f *fleet) sweeping(t *testing.T) (sweeps, other *gateway) {
	t.Helper()
	lease := new(coordinationv1.Lease)
	f.must(f.Live.Get(t.Context(), client.ObjectKey{Namespace: "khocr-system", Name: sweep.LeaseName}, lease))
	for i, n := range f.both() {
		if lease.Spec.HolderIdentity != nil && strings.Contains(n.log.String(), `"identity":"`+*lease.Spec.HolderIdentity+`"`) {
			return n, f.both()[1-i]
		}
	}
	t.Fatalf("nobody knows who holds the Lease: %+v", lease.Spec)
	return nil, nil
}

func (f *fleet) testKilled(t *testing.T) {
	job, token := f.work(t, f.one, "%PDF-1.7 while one dies")
	dies, stays := f.sweeping(t)
	began := time.Now()
	dies.kill()
	// What it had to do the other one does at once, but for what needs the Lease.
	page, err := json.Marshal(document.Page{Number: 1, Source: document.SourceOCR, Text: "text"})
	f.must(err)
	if status, body := stays.work(t, http.MethodPut, workerport.PagePath(1), token, page); status != http.StatusCreated {
		t.Errorf("a page is answered %d %s", status, body)
	}
	f.complete(t, job, 1)
	stays.knows(t, job.Name, "COMPLETED")
	f.archived(t, job.Name)
	t.Logf("a gateway that was killed: another one had archived a job after %.1f s", time.Since(began).Seconds())
	if sweeps, _ := f.sweeping(t); sweeps != stays {
		t.Error("the killed one holds the Lease")
	}
	again := f.start()
	if f.one == dies {
		f.one = again
	} else {
		f.two = again
	}
	again.awaitReady()
	again.knows(t, job.Name, "COMPLETED")
}

func (f *fleet) testStoreAway(t *testing.T) {
	f.s3.Kill()
	for _, n := range f.both() {
		testenv.Await(t, "a gateway without its store is not ready", func() bool { return !n.ready() })
		if status, name := n.submit(t, f.key, "%PDF-1.7 lost?", ""); status != http.StatusServiceUnavailable {
			t.Errorf("a document is answered %d (%s)", status, name)
		}
	}
	f.s3.Start(t)
	for _, n := range f.both() {
		n.awaitReady()
		if status, _ := n.submit(t, f.key, "%PDF-1.7 found", ""); status != http.StatusAccepted {
			t.Errorf("a document is answered %d when the store is back", status)
		}
	}
}
