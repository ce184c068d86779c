package ocrjob

import (
	"context"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	schedulingv1 "k8s.io/api/scheduling/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/openplp/khocr/api/v1alpha1"
	ac "github.com/openplp/khocr/api/v1alpha1/applyconfiguration/api/v1alpha1"
	"github.com/openplp/khocr/internal/testenv"
	"github.com/openplp/khocr/internal/workerport"
)

// cluster is an API server with the reconciler at work. The test plays the kubelet, the worker and the ledger.
type cluster struct {
	*testing.T
	config         *rest.Config
	admin, manager client.Client
	// cache is what the reconciler sees.
	cache client.Reader
	pods  kubernetes.Interface
	// The organization that jobs are made for, and its namespace.
	organization, namespace string
}

type fixedGateway struct{}

func (fixedGateway) Endpoint(context.Context) (Endpoint, error) {
	return Endpoint{URL: "https://10.0.0.1:8443", ServerName: "gateway.test", CA: "none"}, nil
}

func TestReconciler(t *testing.T) {
	environment := testenv.Start(t)
	mgr := testenv.NewManager(t, environment.Manager)
	reconciler := &Reconciler{
		Client: mgr.GetClient(), Live: mgr.GetAPIReader(), Recorder: mgr.GetEventRecorder("ocrjob"),
		Gateway: fixedGateway{}, Worker: WorkerTemplate{Image: "khocr/worker:test"}, Now: time.Now,
		Partition: &v1alpha1.Partition{PagesPerWorker: 25, MaxWorkers: 3},
	}
	if err := reconciler.SetupWithManager(t.Context(), mgr); err != nil {
		t.Fatal(err)
	}
	testenv.Run(t, mgr)

	manager, err := client.New(environment.Manager, client.Options{Scheme: testenv.Scheme()})
	if err != nil {
		t.Fatal(err)
	}
	c := &cluster{T: t, config: environment.Admin, admin: environment.Client, manager: manager, cache: mgr.GetClient(), pods: kubernetes.NewForConfigOrDie(environment.Admin)}
	c.setUp()

	t.Run("a short document costs at most seven writes of its OcrJob", func(t *testing.T) { c.at(t).shortDocument() })
	t.Run("a pod that vanishes is replaced and the job completes", func(t *testing.T) { c.at(t).vanishingPod() })
	t.Run("a cancelled job loses its pod", func(t *testing.T) { c.at(t).cancel() })
	t.Run("a deleted job goes once the ledger has settled it", func(t *testing.T) { c.at(t).delete() })
	t.Run("a bad document fails at once with its reason", func(t *testing.T) { c.at(t).badDocument() })
	t.Run("a job made by people gets its finalizer and waits for its model", func(t *testing.T) { c.at(t).waitsForModel() })
	t.Run("what was asked for cannot be changed", func(t *testing.T) { c.at(t).immutability() })
	t.Run("an organization has no more jobs at work than its plan allows", func(t *testing.T) { c.at(t).slots() })
	t.Run("whoever has the smallest share goes first when nodes are full", func(t *testing.T) { c.at(t).fairness() })
	t.Run("a pod that has the name of another's blocks nobody", func(t *testing.T) { c.at(t).takenNames() })
	t.Run("a suspended job gives its slot up and waits for its turn again", func(t *testing.T) { c.at(t).suspension() })
	t.Run("a job without its plan waits, and what it has begun is finished when the plan is back", func(t *testing.T) { c.at(t).vanishingPlan() })
	t.Run("a job of a priority that the plan does not allow fails", func(t *testing.T) { c.at(t).forbiddenPriority() })
	t.Run("a job whose pod is refused holds nobody up", func(t *testing.T) { c.at(t).refusedPods() })
	t.Run("a large document is read in parts, which make room for jobs", func(t *testing.T) { c.at(t).largeDocument() })
	t.Run("a large document that is cancelled loses all its pods", func(t *testing.T) { c.at(t).cancelLarge() })
	t.Run("a job is read with the AI models that its organization may use", func(t *testing.T) { c.at(t).aiModels() })
	t.Run("an organization that is being deleted has no job begin", func(t *testing.T) { c.at(t).leaving() })
}

func (c *cluster) at(t *testing.T) *cluster {
	at := *c
	at.T = t
	return &at
}

func (c *cluster) setUp() {
	for _, priority := range []string{"high", "normal", "low", "low-part"} {
		c.must(c.admin.Create(c.Context(), &schedulingv1.PriorityClass{ObjectMeta: metav1.ObjectMeta{Name: "khocr-" + priority}}))
	}
	model := &v1alpha1.OcrModel{
		ObjectMeta: metav1.ObjectMeta{Name: "khmer"},
		Spec: v1alpha1.OcrModelSpec{DisplayName: v1alpha1.LocalizedText{En: "Khmer"}, Engine: v1alpha1.EngineTesseract,
			Tesseract: &v1alpha1.TesseractModel{TrainedData: "script/Khmer"}, Languages: []string{"km"}, Default: new(true)},
	}
	c.must(c.manager.Create(c.Context(), model))
	model.Status.Conditions = []metav1.Condition{readyCondition()}
	c.must(c.manager.Status().Update(c.Context(), model))
	c.organize("moj", 50)
}

// organize makes an organization with a plan of its own, and makes it the one that jobs are made for.
func (c *cluster) organize(name string, slots int32) {
	c.Helper()
	c.organization, c.namespace = name, "khocr-"+name
	// The API server refuses worker pods that are not restricted, as in the namespace of every organization.
	c.must(c.admin.Create(c.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{
		Name: c.namespace, Labels: map[string]string{v1alpha1.LabelOrganization: name, "pod-security.kubernetes.io/enforce": "restricted"}}}))
	c.must(c.admin.Create(c.Context(), &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Namespace: c.namespace, Name: workerport.ServiceAccount}}))
	c.plan(slots)
	organization := &v1alpha1.Organization{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Spec:       v1alpha1.OrganizationSpec{PlanRef: name, DisplayName: v1alpha1.LocalizedText{En: name}},
	}
	c.must(c.manager.Create(c.Context(), organization))
	organization.Status.Namespace = c.namespace
	c.must(c.manager.Status().Update(c.Context(), organization))
}

// plan makes the organization's plan.
func (c *cluster) plan(slots int32) *v1alpha1.Plan {
	c.Helper()
	plan := &v1alpha1.Plan{
		ObjectMeta: metav1.ObjectMeta{Name: c.organization},
		Spec: v1alpha1.PlanSpec{DisplayName: v1alpha1.LocalizedText{En: c.organization}, Limits: v1alpha1.PlanLimits{
			RequestsPerMinute: 10, PagesPerMonth: new(int64(100)), MaxFileBytes: 1 << 20, MaxConcurrentJobs: slots,
			Priorities:    []v1alpha1.Priority{v1alpha1.PriorityNormal, v1alpha1.PriorityLow},
			JobTTLSeconds: 60, ResultRetentionSeconds: 60,
		}},
	}
	c.must(c.admin.Create(c.Context(), plan))
	return plan
}

func (c *cluster) shortDocument() {
	job := c.submit("aaaaaaaaaaaa")
	events, err := c.watch(job)
	c.must(err)
	defer events.Stop()
	pod := c.runPod(job, 1)
	c.report(job, pod, 1, 0)
	c.ledger(job, v1alpha1.LedgerReserved, 1)
	c.report(job, pod, 1, 1)
	c.eventually(job, "completed", func(j *v1alpha1.OcrJob) bool { return j.Status.Phase == v1alpha1.PhaseCompleted })
	c.ledger(job, v1alpha1.LedgerSettled, 1)
	c.eventually(job, "without its finalizer", func(j *v1alpha1.OcrJob) bool { return len(j.Finalizers) == 0 })

	writes := 0
	for {
		event, ok := <-events.ResultChan()
		if !ok {
			c.Fatal("the watch ended")
		}
		writes++
		seen := event.Object.(*v1alpha1.OcrJob)
		c.Logf("write %d: phase %q, finalizers %d, pages %+v", writes, seen.Status.Phase, len(seen.Finalizers), seen.Status.LivePages())
		if len(seen.Finalizers) == 0 {
			break
		}
	}
	if writes > 7 {
		c.Errorf("%d writes, want at most 7", writes)
	}
}

func (c *cluster) vanishingPod() {
	job := c.submit("bbbbbbbbbbbb")
	pod := c.runPod(job, 1)
	c.report(job, pod, 20, 5)
	c.must(c.admin.Delete(c.Context(), pod, client.GracePeriodSeconds(0)))
	second := c.runPod(job, 2)
	c.ledger(job, v1alpha1.LedgerReserved, 20)
	c.report(job, second, 20, 20)
	done := c.eventually(job, "completed", func(j *v1alpha1.OcrJob) bool { return j.Status.Phase == v1alpha1.PhaseCompleted })
	if worker := done.Status.Workers[0]; worker.Attempt != 2 || worker.Failures != 0 || worker.DoneBefore != 5 {
		c.Errorf("worker = %+v", worker)
	}
	if done.Status.Pages == nil || done.Status.Pages.Done != 20 || done.Status.Progress != 100 {
		c.Errorf("pages = %+v, progress %d", done.Status.Pages, done.Status.Progress)
	}
}

func (c *cluster) cancel() {
	job := c.submit("cccccccccccc")
	pod := c.runPod(job, 1)
	job.Spec.Cancel = new(true)
	c.must(c.admin.Patch(c.Context(), job, client.RawPatch("application/merge-patch+json", []byte(`{"spec":{"cancel":true}}`))))
	c.eventually(job, "cancelled", func(j *v1alpha1.OcrJob) bool { return j.Status.Phase == v1alpha1.PhaseCancelled })
	testenv.Await(c, "the pod is told to go", func() bool {
		err := c.admin.Get(c.Context(), client.ObjectKeyFromObject(pod), pod)
		return apierrors.IsNotFound(err) || pod.DeletionTimestamp != nil
	})
}

func (c *cluster) delete() {
	job := c.submit("dddddddddddd")
	c.runPod(job, 1)
	c.must(c.admin.Delete(c.Context(), job))
	c.eventually(job, "cancelled", func(j *v1alpha1.OcrJob) bool { return j.Status.Phase == v1alpha1.PhaseCancelled })
	c.ledger(job, v1alpha1.LedgerSettled, 0)
	testenv.Await(c, "the job is gone", func() bool {
		return apierrors.IsNotFound(c.admin.Get(c.Context(), client.ObjectKeyFromObject(job), &v1alpha1.OcrJob{}))
	})
}

func (c *cluster) badDocument() {
	job := c.submit("eeeeeeeeeeee")
	pod := c.runPod(job, 1)
	testenv.Await(c, "the worker's end is recorded", func() bool {
		c.must(c.admin.Get(c.Context(), client.ObjectKeyFromObject(pod), pod))
		pod.Status.Phase = corev1.PodFailed
		pod.Status.ContainerStatuses = []corev1.ContainerStatus{{Name: workerContainer, State: corev1.ContainerState{
			Terminated: &corev1.ContainerStateTerminated{ExitCode: workerport.ExitBadDocument,
				Message: `{"reason":"PasswordProtected","message":"The document needs a password"}`}}}}
		return c.admin.Status().Update(c.Context(), pod) == nil
	})
	failed := c.eventually(job, "failed", func(j *v1alpha1.OcrJob) bool { return j.Status.Phase == v1alpha1.PhaseFailed })
	for _, condition := range failed.Status.Conditions {
		if condition.Type == v1alpha1.ConditionFailed && condition.Reason != v1alpha1.ReasonPasswordProtected {
			c.Errorf("failed for %s", condition.Reason)
		}
	}
	testenv.Await(c, "an event tells why", func() bool {
		events, err := c.pods.CoreV1().Events(c.namespace).List(c.Context(), metav1.ListOptions{
			FieldSelector: "involvedObject.name=" + job.Name + ",reason=" + v1alpha1.ReasonPasswordProtected})
		return err == nil && len(events.Items) == 1
	})
}

func (c *cluster) waitsForModel() {
	job := &v1alpha1.OcrJob{ObjectMeta: metav1.ObjectMeta{Namespace: c.namespace, Name: "by-hand"},
		Spec: v1alpha1.OcrJobSpec{Source: v1alpha1.DocumentSource{URL: "https://example.org/a.pdf"}, Model: "later"}}
	c.must(c.admin.Create(c.Context(), job))
	c.eventually(job, "waiting with its finalizer", func(j *v1alpha1.OcrJob) bool {
		return len(j.Finalizers) == 1 && j.Status.Phase == v1alpha1.PhasePending &&
			saysItWaitsFor(j) == v1alpha1.ReasonModelNotFound
	})
	model := &v1alpha1.OcrModel{}
	c.must(c.admin.Get(c.Context(), client.ObjectKey{Name: "khmer"}, model))
	later := &v1alpha1.OcrModel{ObjectMeta: metav1.ObjectMeta{Name: "later"}, Spec: model.Spec}
	later.Spec.Default = nil
	c.must(c.admin.Create(c.Context(), later))
	later.Status.Conditions = []metav1.Condition{readyCondition()}
	c.must(c.manager.Status().Update(c.Context(), later))
	c.runPod(job, 1)
}

func (c *cluster) immutability() {
	job := c.submit("abcabcabcabc")
	for name, change := range map[string]string{
		"source":     `{"spec":{"source":{"upload":{"id":"000000000000"}}}}`,
		"priority":   `{"spec":{"priority":"high"}}`,
		"pages":      `{"spec":{"pages":"1"}}`,
		"model":      `{"spec":{"model":"other"}}`,
		"two source": `{"spec":{"source":{"url":"https://example.org/"}}}`,
	} {
		err := c.admin.Patch(c.Context(), job.DeepCopy(), client.RawPatch("application/merge-patch+json", []byte(change)))
		if !apierrors.IsInvalid(err) {
			c.Errorf("changing %s: %v", name, err)
		}
	}
	for name, change := range map[string]func(*v1alpha1.OcrJobSpec){
		"no source":            func(s *v1alpha1.OcrJobSpec) { s.Source = v1alpha1.DocumentSource{} },
		"an unknown format":    func(s *v1alpha1.OcrJobSpec) { s.OutputFormat = "odt" },
		"a backward range":     func(s *v1alpha1.OcrJobSpec) { s.Pages = "3-1" },
		"page zero":            func(s *v1alpha1.OcrJobSpec) { s.Pages = "0" },
		"an unknown priority":  func(s *v1alpha1.OcrJobSpec) { s.Priority = "urgent" },
		"an address of a file": func(s *v1alpha1.OcrJobSpec) { s.Source = v1alpha1.DocumentSource{URL: "file:///etc/passwd"} },
	} {
		job := &v1alpha1.OcrJob{ObjectMeta: metav1.ObjectMeta{Namespace: c.namespace, GenerateName: "bad-"},
			Spec: v1alpha1.OcrJobSpec{Source: v1alpha1.DocumentSource{URL: "https://example.org/"}}}
		change(&job.Spec)
		if err := c.admin.Create(c.Context(), job); !apierrors.IsInvalid(err) {
			c.Errorf("a job with %s: %v", name, err)
		}
	}
}

func readyCondition() metav1.Condition {
	return metav1.Condition{Type: v1alpha1.ConditionReady, Status: metav1.ConditionTrue, Reason: "Ready", LastTransitionTime: metav1.Now()}
}

// submit makes a job as the gateway does.
func (c *cluster) submit(name string, changes ...func(*v1alpha1.OcrJobSpec)) *v1alpha1.OcrJob {
	c.Helper()
	job := &v1alpha1.OcrJob{
		ObjectMeta: metav1.ObjectMeta{Namespace: c.namespace, Name: name, Finalizers: []string{v1alpha1.FinalizerLedger}},
		Spec:       v1alpha1.OcrJobSpec{Source: v1alpha1.DocumentSource{Upload: &v1alpha1.Upload{ID: "a1b2c3d4e5f6", Size: 1}}},
	}
	for _, change := range changes {
		change(&job.Spec)
	}
	c.must(c.admin.Create(c.Context(), job))
	return job
}

func (c *cluster) watch(job *v1alpha1.OcrJob) (watch.Interface, error) {
	watcher, err := client.NewWithWatch(c.config, client.Options{Scheme: testenv.Scheme()})
	if err != nil {
		return nil, err
	}
	return watcher.Watch(c.Context(), &v1alpha1.OcrJobList{}, client.InNamespace(job.Namespace),
		client.MatchingFields{"metadata.name": job.Name})
}

// runPod waits for the pod of an attempt, gives it a node, and waits until the job has recorded it.
func (c *cluster) runPod(job *v1alpha1.OcrJob, attempt int32) *corev1.Pod {
	c.Helper()
	return c.runPart(job, Attempt{Number: attempt})
}

func (c *cluster) runPart(job *v1alpha1.OcrJob, attempt Attempt) *corev1.Pod {
	c.Helper()
	pod := &corev1.Pod{}
	key := client.ObjectKey{Namespace: job.Namespace, Name: attempt.PodName(job.Name)}
	testenv.Await(c, "pod "+key.Name+" exists", func() bool { return c.admin.Get(c.Context(), key, pod) == nil })
	c.bind(pod)
	c.eventually(job, "running in "+pod.Name, func(j *v1alpha1.OcrJob) bool {
		worker := j.Status.Worker(attempt.Part)
		return worker != nil && worker.PodUID == pod.UID
	})
	return pod
}

func (c *cluster) bind(pod *corev1.Pod) {
	c.Helper()
	binding := &corev1.Binding{ObjectMeta: metav1.ObjectMeta{Name: pod.Name, UID: pod.UID}, Target: corev1.ObjectReference{Kind: "Node", Name: "node"}}
	c.must(c.pods.CoreV1().Pods(pod.Namespace).Bind(c.Context(), binding, metav1.CreateOptions{}))
}

// report applies progress as the worker of the first part does.
func (c *cluster) report(job *v1alpha1.OcrJob, _ *corev1.Pod, total, done int32) {
	c.Helper()
	c.reportPart(job, 0, total, done)
}

func (c *cluster) reportPart(job *v1alpha1.OcrJob, part, total, done int32) {
	c.Helper()
	progress := ac.PageCounts().WithTotal(total).WithDone(done).WithNative(0).WithRecognized(done).WithFailed(0)
	applied := ac.OcrJob(job.Name, job.Namespace).
		WithStatus(ac.OcrJobStatus().WithWorkers(ac.WorkerStatus().WithPart(part).WithProgress(progress)))
	c.must(c.manager.Status().Apply(c.Context(), applied, client.FieldOwner(workerport.FieldManager(part)), client.ForceOwnership))
}

// ledger has the organization's ledger say where the job stands.
func (c *cluster) ledger(job *v1alpha1.OcrJob, state v1alpha1.LedgerState, pages int64) {
	c.Helper()
	testenv.Await(c, "the ledger is written", func() bool {
		organization := &v1alpha1.Organization{}
		c.must(c.manager.Get(c.Context(), client.ObjectKey{Name: c.organization}, organization))
		entry := v1alpha1.LedgerEntry{UID: job.UID, Job: job.Name, Month: "2026-03", Pages: pages, State: state}
		kept := []v1alpha1.LedgerEntry{entry}
		for _, other := range organization.Status.Ledger {
			if other.UID != job.UID {
				kept = append(kept, other)
			}
		}
		organization.Status.Ledger = kept
		return c.manager.Status().Update(c.Context(), organization) == nil
	})
}

func (c *cluster) eventually(job *v1alpha1.OcrJob, what string, condition func(*v1alpha1.OcrJob) bool) *v1alpha1.OcrJob {
	c.Helper()
	current := &v1alpha1.OcrJob{}
	testenv.Await(c, "job "+job.Name+" is "+what, func() bool {
		return c.admin.Get(c.Context(), client.ObjectKeyFromObject(job), current) == nil && condition(current)
	})
	return current
}

func (c *cluster) must(err error) {
	c.Helper()
	if err != nil {
		c.Fatal(err)
	}
}
