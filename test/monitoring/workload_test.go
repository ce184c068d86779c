package monitoring

import (
	"bytes"
	"encoding/json"
	"io"
	"log/slog"
	"mime/multipart"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/openplp/khocr/api/v1alpha1"
	"github.com/openplp/khocr/internal/apikey"
	"github.com/openplp/khocr/internal/testenv"
	"github.com/openplp/khocr/internal/workerport"
	"github.com/openplp/khocr/test/endpoint"
	"github.com/openplp/khocr/worker"
)

// organize makes an organization with a key that expires in three days, and waits until the manager has seen it.
func (p *platform) organize(name string, spec v1alpha1.OrganizationSpec) (key string) {
	p.Helper()
	key = apikey.Generate()
	spec.DisplayName = v1alpha1.LocalizedText{En: name}
	spec.APIKeys = []v1alpha1.APIKey{{Name: "main", SHA256: apikey.Hash(key), ExpiresAt: new(metav1.NewTime(time.Now().Add(3 * 24 * time.Hour)))}}
	made := &v1alpha1.Organization{ObjectMeta: metav1.ObjectMeta{Name: name}, Spec: spec}
	p.must(p.Client.Create(p.Context(), made))
	testenv.Await(p, name+" was looked at", func() bool {
		p.must(p.Client.Get(p.Context(), client.ObjectKeyFromObject(made), made))
		return meta.FindStatusCondition(made.Status.Conditions, v1alpha1.ConditionReady) != nil
	})
	return key
}

// request asks a gateway.
func (p *platform) request(gateway *program, method, path, key, contentType string, body io.Reader) (int, []byte) {
	p.Helper()
	request, err := http.NewRequestWithContext(p.Context(), method, "http://"+gateway.public+path, body)
	p.must(err)
	request.Header.Set("X-API-Key", key)
	if contentType != "" {
		request.Header.Set("Content-Type", contentType)
	}
	response, err := http.DefaultClient.Do(request)
	p.must(err)
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	p.must(err)
	return response.StatusCode, answer
}

// submit uploads a document of test/testdata, for a model where one is named, and returns the job's id.
func (p *platform) submit(gateway *program, key, file string, model ...string) string {
	p.Helper()
	content, err := os.ReadFile(filepath.Join(root, "test/testdata", file))
	p.must(err)
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	part, err := form.CreateFormFile("file", file)
	p.must(err)
	_, err = part.Write(content)
	p.must(err)
	for _, name := range model {
		p.must(form.WriteField("model", name))
	}
	p.must(form.Close())
	var made struct {
		JobID string `json:"job_id"`
	}
	// The gateway knows the organization a moment after the manager does.
	testenv.Await(p, file+" is taken", func() bool {
		status, answer := p.request(gateway, http.MethodPost, "/api/v1/convert", key, form.FormDataContentType(), bytes.NewReader(body.Bytes()))
		p.must(json.Unmarshal(answer, &made))
		return status == http.StatusAccepted
	})
	return made.JobID
}

// read plays scheduler and kubelet of a job's first worker, which hands its pages to the gateway, and waits for the end.
func (p *platform) read(gateway *program, namespace, id string) v1alpha1.JobPhase {
	p.Helper()
	job, pod := &v1alpha1.OcrJob{}, &corev1.Pod{}
	key := client.ObjectKey{Namespace: namespace, Name: id}
	podKey := client.ObjectKey{Namespace: namespace, Name: id + "-0-1"}
	testenv.Await(p, id+" has a pod", func() bool { return p.Client.Get(p.Context(), podKey, pod) == nil })
	p.must(p.api.CoreV1().Pods(namespace).Bind(p.Context(), &corev1.Binding{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: pod.Name}, Target: corev1.ObjectReference{Kind: "Node", Name: "node"},
	}, metav1.CreateOptions{}))
	testenv.Await(p, id+" has its pod on record", func() bool {
		p.must(p.Client.Get(p.Context(), key, job))
		return job.Status.Workers[0].PodUID == pod.UID
	})
	folder := filepath.Join(p.folder, id)
	p.must(os.Mkdir(folder, 0o700))
	code := worker.Run(p.Context(), p.workerConfig(gateway, pod, folder), slog.New(slog.NewJSONHandler(&p.workers, nil)))
	said, _ := os.ReadFile(filepath.Join(folder, "termination"))
	p.must(p.Client.Get(p.Context(), podKey, pod))
	pod.Status.Phase = corev1.PodSucceeded
	if code != workerport.ExitDone {
		pod.Status.Phase = corev1.PodFailed
	}
	pod.Status.ContainerStatuses = []corev1.ContainerStatus{{Name: "worker", State: corev1.ContainerState{
		Terminated: &corev1.ContainerStateTerminated{ExitCode: int32(code), Message: string(said)}}}}
	p.must(p.Client.Status().Update(p.Context(), pod))
	testenv.Await(p, id+" has ended", func() bool {
		p.must(p.Client.Get(p.Context(), key, job))
		return job.Status.Phase.Ended()
	})
	return job.Status.Phase
}

// workerConfig is what a worker finds in its pod.
func (p *platform) workerConfig(gateway *program, pod *corev1.Pod, folder string) worker.Config {
	p.Helper()
	bound := authenticationv1.TokenRequestSpec{BoundObjectRef: &authenticationv1.BoundObjectReference{
		APIVersion: "v1", Kind: "Pod", Name: pod.Name, UID: pod.UID}}
	cluster := p.as(p.token(pod.Namespace, workerport.ServiceAccount, bound))
	bound.Audiences = []string{workerport.Audience}
	tokenFile := filepath.Join(folder, "token")
	p.must(os.WriteFile(tokenFile, []byte(p.token(pod.Namespace, workerport.ServiceAccount, bound)), 0o600))
	config := worker.Config{
		GatewayURL: "https://" + gateway.internal, GatewayName: "khocr-gateway-internal." + system + ".svc", GatewayCA: p.authorities,
		GatewayTokenFile: tokenFile, Cluster: cluster, PodName: pod.Name, CPULimit: 1, MemoryLimit: 2 << 30, WorkDir: folder,
		TerminationFile: filepath.Join(folder, "termination"), Engine: filepath.Join(p.folder, engineName), TessdataPrefix: filepath.Join(p.folder, "tessdata"),
	}
	for _, variable := range pod.Spec.Containers[0].Env {
		if variable.Name == workerport.EnvOrganization {
			config.Organization = variable.Value
		}
	}
	return config
}

// prepareEngine puts the engine and its models where workers look for them.
func (p *platform) prepareEngine() {
	p.Helper()
	self, err := os.Executable()
	p.must(err)
	p.must(os.Symlink(self, filepath.Join(p.folder, engineName)))
	if output, err := exec.Command(filepath.Join(root, "hack/tessdata.sh"), filepath.Join(p.folder, "tessdata")).CombinedOutput(); err != nil {
		p.Fatalf("laying out trained data: %v\n%s", err, output)
	}
}

// done is what the workload has come to.
type done struct {
	namespace string
	jobs      []string
	key       string
}

// work has documents read, one of which ends the engine, and the platform refuse and fail what it shall.
func (p *platform) work() done {
	p.prepareEngine()
	key := p.organize("moj", v1alpha1.OrganizationSpec{PlanRef: "standard", Overrides: &v1alpha1.LimitOverrides{
		PagesPerMonth: new(int64(5)), MaxConcurrentJobs: new(int32(1))}})
	p.organize("planless", v1alpha1.OrganizationSpec{PlanRef: "none"})
	greedy := p.organize("greedy", v1alpha1.OrganizationSpec{PlanRef: "standard", Overrides: &v1alpha1.LimitOverrides{RequestsPerMinute: new(int32(1))}})
	first, second := p.gateways[0], p.gateways[1]
	all := done{namespace: "khocr-moj", key: key}

	for _, document := range []struct {
		file    string
		gateway *program
		phase   v1alpha1.JobPhase
	}{
		{"crash.pdf", first, v1alpha1.PhaseCompleted},
		{"image.png", second, v1alpha1.PhaseCompleted},
		{"password.pdf", second, v1alpha1.PhaseFailed},
	} {
		id := p.submit(document.gateway, key, document.file)
		all.jobs = append(all.jobs, id)
		if got := p.read(document.gateway, all.namespace, id); got != document.phase {
			p.Fatalf("%s is %s, want %s", document.file, got, document.phase)
		}
		p.request(first, http.MethodGet, "/api/v1/jobs/"+id, key, "", nil)
	}
	// One at work that nobody reads, and one that waits behind it.
	for range 2 {
		all.jobs = append(all.jobs, p.submit(first, key, "sample.pdf"))
	}
	for _, path := range []string{"/api/v1/jobs", "/api/v1/models", "/api/v1/usage"} {
		p.request(second, http.MethodGet, path, key, "", nil)
	}
	if status, answer := p.request(first, http.MethodGet, "/api/v1/usage", apikey.Generate(), "", nil); status != http.StatusUnauthorized {
		p.Fatalf("a key that nobody has is answered %d %s", status, answer)
	}
	testenv.Await(p, "an organization has asked too often", func() bool {
		status, _ := p.request(first, http.MethodGet, "/api/v1/jobs", greedy, "", nil)
		return status == http.StatusTooManyRequests
	})
	p.request(first, http.MethodGet, "/wp-login.php", "", "", nil)
	p.see(first)
	p.loseStore(first)
	return all
}

// see has a model read an image, which says nothing.
func (p *platform) see(gateway *program) {
	p.Helper()
	_, address := endpoint.Start(p, endpoint.Settings{Model: "eyes", FaultsOf: map[int]endpoint.Fault{0: {Kind: endpoint.Empty}}})
	model := &v1alpha1.OcrModel{ObjectMeta: metav1.ObjectMeta{Name: "eyes"}, Spec: v1alpha1.OcrModelSpec{
		DisplayName: v1alpha1.LocalizedText{En: "Eyes"}, Engine: v1alpha1.EngineOpenAI, Languages: []string{"km"},
		OpenAI: &v1alpha1.OpenAIModel{BaseURL: address, Model: "eyes", Location: v1alpha1.LocationInCluster,
			Price: &v1alpha1.ModelPrice{PerPage: "0.25"}, Plans: []v1alpha1.ModelPlan{{Name: "standard"}}}}}
	p.must(p.Client.Create(p.Context(), model))
	testenv.Await(p, "the model is ready", func() bool {
		p.must(p.Client.Get(p.Context(), client.ObjectKeyFromObject(model), model))
		return meta.IsStatusConditionTrue(model.Status.Conditions, v1alpha1.ConditionReady)
	})
	key := p.organize("seeing", v1alpha1.OrganizationSpec{PlanRef: "standard"})
	if got := p.read(gateway, "khocr-seeing", p.submit(gateway, key, "image.png", model.Name)); got != v1alpha1.PhaseCompleted {
		p.Fatalf("the image for the model is %s", got)
	}
}

// loseStore takes the store away from a gateway that is asked how it is.
func (p *platform) loseStore(gateway *program) {
	p.Helper()
	away := p.store + ".away"
	p.must(os.Rename(p.store, away))
	status, answer := p.request(gateway, http.MethodGet, "/api/v1/health/ready", "", "", nil)
	p.must(os.Rename(away, p.store))
	if status != http.StatusServiceUnavailable {
		p.Fatalf("without a store a gateway says %d %s", status, answer)
	}
}
