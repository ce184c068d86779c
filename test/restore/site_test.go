package restore

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"mime/multipart"
	"net"
	"net/http"
	"slices"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	schedulingv1 "k8s.io/api/scheduling/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"
	utilclock "k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/cluster"

	"github.com/openplp/khocr/api/v1alpha1"
	ac "github.com/openplp/khocr/api/v1alpha1/applyconfiguration/api/v1alpha1"
	"github.com/openplp/khocr/apigateway"
	"github.com/openplp/khocr/apigateway/audit"
	"github.com/openplp/khocr/apigateway/changes"
	"github.com/openplp/khocr/apigateway/gatewaytest"
	"github.com/openplp/khocr/apigateway/keyuse"
	"github.com/openplp/khocr/apigateway/ratelimit"
	"github.com/openplp/khocr/apigateway/serving"
	"github.com/openplp/khocr/apigateway/spending"
	"github.com/openplp/khocr/apigateway/sweep"
	"github.com/openplp/khocr/apigateway/tenants"
	"github.com/openplp/khocr/apigateway/webhook"
	"github.com/openplp/khocr/controllers/ocrjob"
	"github.com/openplp/khocr/internal/apikey"
	"github.com/openplp/khocr/internal/archive"
	"github.com/openplp/khocr/internal/document"
	"github.com/openplp/khocr/internal/seal"
	"github.com/openplp/khocr/internal/storage"
	"github.com/openplp/khocr/internal/testenv"
	"github.com/openplp/khocr/internal/workerport"
	"github.com/openplp/khocr/test/contract"
	"github.com/openplp/khocr/test/platform"
)

const namespace = "khocr-acme"

// site is a cluster and a store.
type site struct {
	*testing.T
	environment *testenv.Environment
	// manager writes as the manager, live reads from the API server.
	manager client.Client
	live    client.Reader
	pods    kubernetes.Interface
	store   *storage.Store
	url     string
}

// open makes an empty cluster and an empty store, with nothing of khocr running.
func open(t *testing.T) *site {
	t.Helper()
	environment := testenv.Start(t)
	manager, err := client.New(environment.Manager, client.Options{Scheme: testenv.Scheme()})
	if err != nil {
		t.Fatal(err)
	}
	s := &site{
		T: t, environment: environment, manager: manager, live: environment.Client,
		pods: kubernetes.NewForConfigOrDie(environment.Admin), store: gatewaytest.OpenStore(t, t.TempDir()),
	}
	for _, priority := range []string{"high", "normal", "low"} {
		s.must(s.manager.Create(t.Context(), &schedulingv1.PriorityClass{ObjectMeta: metav1.ObjectMeta{Name: "khocr-" + priority}}))
	}
	return s
}

func (s *site) must(err error) {
	s.Helper()
	if err != nil {
		s.Fatal(err)
	}
}

// configure makes a plan by which one job is at work at a time, and a model.
func (s *site) configure() {
	s.Helper()
	s.must(s.manager.Create(s.Context(), &v1alpha1.Plan{ObjectMeta: metav1.ObjectMeta{Name: "one"}, Spec: v1alpha1.PlanSpec{
		DisplayName: v1alpha1.LocalizedText{En: "One"},
		Limits: v1alpha1.PlanLimits{RequestsPerMinute: 1000, PagesPerMonth: new(int64(100)), MaxFileBytes: 1 << 20,
			Priorities: []v1alpha1.Priority{v1alpha1.PriorityNormal}, MaxConcurrentJobs: 1, JobTTLSeconds: 3600, ResultRetentionSeconds: 3600},
	}}))
	s.must(s.manager.Create(s.Context(), &v1alpha1.OcrModel{ObjectMeta: metav1.ObjectMeta{Name: "khmer"}, Spec: v1alpha1.OcrModelSpec{
		DisplayName: v1alpha1.LocalizedText{En: "Khmer"}, Engine: v1alpha1.EngineTesseract, Default: new(true),
		Tesseract: &v1alpha1.TesseractModel{TrainedData: "script/Khmer"}, Languages: []string{"km"},
	}}))
}

// run runs manager and gateway until the test ends.
func (s *site) run() {
	s.Helper()
	mgr := testenv.NewManager(s, s.environment.Manager)
	s.must(platform.SetUpControllers(s.Context(), mgr, platform.Nowhere{}, ocrjob.WorkerTemplate{Image: "khocr/worker:test"}))
	testenv.Run(s, mgr)
	s.serve()
}

// serve runs the public port and the sweeper.
func (s *site) serve() {
	s.Helper()
	informed, err := cluster.New(s.environment.Admin, func(o *cluster.Options) { o.Scheme = testenv.Scheme() })
	s.must(err)
	s.must(tenants.AddIndexes(s.Context(), informed.GetFieldIndexer()))
	log := slog.New(slog.DiscardHandler)
	key, err := seal.NewKey(seal.Random())
	s.must(err)
	server := &apigateway.Server{
		Client: informed.GetClient(), Live: informed.GetAPIReader(), Store: s.store, Seal: key, Log: log,
		Limiter: ratelimit.NewMemory(time.Now), KeyUse: keyuse.New(s.store, log), Spending: spending.New(s.store, apigateway.RandomID(), time.Now, log), Changes: changes.New(),
		Audit: audit.New(s.store, apigateway.RandomID(), time.Now, log), Now: time.Now, NewID: apigateway.RandomID, Version: "test",
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	s.must(err)
	s.url = "http://" + listener.Addr().String() + "/api/v1"
	ocrjobs, err := informed.GetCache().GetInformer(s.Context(), &v1alpha1.OcrJob{})
	s.must(err)
	sweeper := &sweep.Sweeper{
		Client: informed.GetClient(), Jobs: ocrjobs, Live: informed.GetAPIReader(), Store: s.store, Clock: utilclock.RealClock{}, Log: log,
		Webhooks: webhook.NewDeliverer(s.store, webhook.Secrets{Tenants: tenants.Directory{Reader: informed.GetClient()}, Live: informed.GetAPIReader()},
			nil, utilclock.RealClock{}, log),
	}
	s.must(server.Changes.Follow(s.Context(), informed.GetCache()))
	port := serving.NewServer(contract.Handler(s, server.Handler()), log)
	for name, run := range map[string]func(context.Context) error{
		"informers": informed.Start,
		"port":      func(ctx context.Context) error { return serving.Run(ctx, port, listener) },
		"sweeper":   func(ctx context.Context) error { sweeper.Sweep(ctx); return nil },
	} {
		ctx, stop := context.WithCancel(context.WithoutCancel(s.Context()))
		stopped := make(chan error, 1)
		go func() { stopped <- run(ctx) }()
		s.Cleanup(func() {
			http.DefaultClient.CloseIdleConnections()
			stop()
			if err := <-stopped; err != nil {
				s.Errorf("%s ended: %v", name, err)
			}
		})
	}
	if !informed.GetCache().WaitForCacheSync(s.Context()) {
		s.Fatal("the informers do not come up")
	}
}

// organize makes an organization, and returns its key when it is ready.
func (s *site) organize(name string) string {
	s.Helper()
	key := apikey.Generate()
	s.must(s.manager.Create(s.Context(), &v1alpha1.Organization{ObjectMeta: metav1.ObjectMeta{Name: name}, Spec: v1alpha1.OrganizationSpec{
		PlanRef: "one", DisplayName: v1alpha1.LocalizedText{En: name},
		APIKeys: []v1alpha1.APIKey{{Name: "main", SHA256: apikey.Hash(key)}},
	}}))
	s.awaitReady(name)
	return key
}

func (s *site) organization(name string) *v1alpha1.Organization {
	s.Helper()
	found := new(v1alpha1.Organization)
	s.must(s.live.Get(s.Context(), client.ObjectKey{Name: name}, found))
	return found
}

func (s *site) awaitReady(name string) {
	s.Helper()
	testenv.Await(s, name+" is ready", func() bool {
		found := s.organization(name)
		return found.Status.ObservedGeneration == found.Generation && meta.IsStatusConditionTrue(found.Status.Conditions, v1alpha1.ConditionReady)
	})
}

func (s *site) job(name string) *v1alpha1.OcrJob {
	s.Helper()
	job := new(v1alpha1.OcrJob)
	s.must(s.live.Get(s.Context(), client.ObjectKey{Namespace: namespace, Name: name}, job))
	return job
}

func (s *site) eventually(name, what string, condition func(*v1alpha1.OcrJob) bool) {
	s.Helper()
	testenv.Await(s, name+" "+what, func() bool { return condition(s.job(name)) })
}

// create makes a job as people do.
func (s *site) create(name string) {
	s.Helper()
	s.must(s.environment.Client.Create(s.Context(), &v1alpha1.OcrJob{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name},
		Spec: v1alpha1.OcrJobSpec{Source: v1alpha1.DocumentSource{URL: "https://example.org/a.pdf"}}}))
}

// work plays the attempt's kubelet and worker until that many pages are stored and reported.
func (s *site) work(name string, attempt int32, total, done int32) {
	s.Helper()
	pod := new(corev1.Pod)
	key := client.ObjectKey{Namespace: namespace, Name: ocrjob.Attempt{Number: attempt}.PodName(name)}
	s.Cleanup(func() {
		if s.Failed() {
			s.Logf("%s: %+v", name, s.job(name).Status)
		}
	})
	testenv.Await(s, "pod "+key.Name+" exists", func() bool { return s.live.Get(s.Context(), key, pod) == nil })
	binding := &corev1.Binding{ObjectMeta: metav1.ObjectMeta{Name: pod.Name, UID: pod.UID}, Target: corev1.ObjectReference{Kind: "Node", Name: "node"}}
	s.must(s.pods.CoreV1().Pods(namespace).Bind(s.Context(), binding, metav1.CreateOptions{}))
	s.eventually(name, "has recorded its pod", func(j *v1alpha1.OcrJob) bool { return j.Status.Workers[0].PodUID == pod.UID })

	stored, err := s.store.PageNumbers(s.Context(), namespace, s.job(name).UID)
	s.must(err)
	for number := range int(done) {
		if slices.Contains(stored, number+1) {
			continue
		}
		page, err := json.Marshal(document.Page{Number: number + 1, Width: 100, Height: 100, Source: document.SourceNative, Reason: "native_text_ok",
			ProcessedAt: time.Now(), Text: fmt.Sprintf("page %d of %s", number+1, name), Lines: []document.Line{}})
		s.must(err)
		_, err = s.store.Put(s.Context(), storage.PageKey(namespace, s.job(name).UID, number+1), bytes.NewReader(page))
		s.must(err)
	}
	progress := ac.PageCounts().WithTotal(total).WithDone(done).WithNative(done).WithRecognized(0).WithFailed(0)
	applied := ac.OcrJob(name, namespace).WithStatus(ac.OcrJobStatus().WithWorkers(ac.WorkerStatus().WithPart(0).WithProgress(progress)))
	s.must(s.manager.Status().Apply(s.Context(), applied, client.FieldOwner(workerport.FieldManager(0)), client.ForceOwnership))
}

// finish has an attempt read all pages, and waits until the job is charged and archived.
func (s *site) finish(name string, attempt, pages int32) {
	s.Helper()
	s.work(name, attempt, pages, pages)
	s.awaitSettled(name)
}

func (s *site) awaitSettled(name string) {
	s.Helper()
	s.eventually(name, "is completed and settled", func(j *v1alpha1.OcrJob) bool {
		return j.Status.Phase == v1alpha1.PhaseCompleted && len(j.Finalizers) == 0
	})
	testenv.Await(s, name+" is archived", func() bool {
		record, err := archive.Read(s.Context(), s.store, namespace, name)
		return err == nil && record.Job.UID == s.job(name).UID
	})
	testenv.Await(s, name+" has left the ledger", func() bool {
		return !slices.ContainsFunc(s.organization("acme").Status.Ledger, func(e v1alpha1.LedgerEntry) bool { return e.Job == name })
	})
}

func (s *site) awaitReserved(name string, pages int64) {
	s.Helper()
	testenv.Await(s, "the pages of "+name+" are reserved", func() bool {
		return slices.ContainsFunc(s.organization("acme").Status.Ledger, func(e v1alpha1.LedgerEntry) bool {
			return e.UID == s.job(name).UID && e.State == v1alpha1.LedgerReserved && e.Pages == pages
		})
	})
}

func (s *site) awaitReason(name, reason string) {
	s.Helper()
	s.eventually(name, "waits for "+reason, func(j *v1alpha1.OcrJob) bool {
		started := meta.FindStatusCondition(j.Status.Conditions, v1alpha1.ConditionStarted)
		return started != nil && started.Reason == reason
	})
}

// awaitYoungerThan waits until whatever is made is younger than a job: times of creation have whole seconds.
func (s *site) awaitYoungerThan(name string) {
	s.Helper()
	created := s.job(name).CreationTimestamp.Time
	testenv.Await(s, "it is later than the creation of "+name, func() bool { return time.Since(created) > time.Second })
}

// convert submits a document, and returns the job's name.
func (s *site) convert(key, idempotency string) string {
	s.Helper()
	var form bytes.Buffer
	writer := multipart.NewWriter(&form)
	part, err := writer.CreateFormFile("file", "a.pdf")
	s.must(err)
	_, err = io.WriteString(part, "%PDF-1.7\n% a document\n")
	s.must(err)
	s.must(writer.Close())
	header := http.Header{"Content-Type": {writer.FormDataContentType()}}
	if idempotency != "" {
		header.Set("Idempotency-Key", idempotency)
	}
	var accepted struct {
		JobID string `json:"job_id"`
	}
	s.must(json.Unmarshal([]byte(s.call(http.MethodPost, "/convert", key, header, &form)), &accepted))
	return accepted.JobID
}

// call returns the body of an answer that is none of an error.
func (s *site) call(method, path, key string, header http.Header, body io.Reader) string {
	s.Helper()
	request, err := http.NewRequestWithContext(s.Context(), method, s.url+path, body)
	s.must(err)
	for name, values := range header {
		request.Header[name] = values
	}
	request.Header.Set("X-API-Key", key)
	answer, err := http.DefaultClient.Do(request)
	s.must(err)
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	s.must(err)
	if answer.StatusCode >= 300 {
		s.Fatalf("%s %s: %d %s", method, path, answer.StatusCode, text)
	}
	return string(text)
}

// tell asks for everything, jobs being named in names by what they stand for.
func (s *site) tell(key string, names map[string]string) told {
	s.Helper()
	all := told{views: map[string]string{}, results: map[string]string{}, uids: map[string]types.UID{}}
	for what, name := range names {
		all.views[what] = s.call(http.MethodGet, "/jobs/"+name, key, nil, nil)
		if what == finished || what == kept {
			all.results[what] = s.call(http.MethodGet, "/jobs/"+name+"/result?format=text", key, nil, nil)
		}
	}
	var jobs v1alpha1.OcrJobList
	s.must(s.live.List(s.Context(), &jobs, client.InNamespace(namespace)))
	for what, name := range names {
		for i := range jobs.Items {
			if jobs.Items[i].Name == name {
				all.uids[what] = jobs.Items[i].UID
			}
		}
	}
	var list struct {
		Jobs []struct {
			JobID string `json:"job_id"`
		} `json:"jobs"`
	}
	s.must(json.Unmarshal([]byte(s.call(http.MethodGet, "/jobs", key, nil, nil)), &list))
	for _, job := range list.Jobs {
		all.list = append(all.list, job.JobID)
	}
	all.usage = s.organization("acme").Status.Usage
	return all
}
