package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/wait"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/openplp/khocr/api/v1alpha1"
)

const (
	// chaosClients hand in documents, each its next one when the last has ended: more than fit on the node of two cores.
	chaosClients = 7
	// chaosMinutes unless KHOCR_E2E_CHAOS_MINUTES says otherwise.
	chaosMinutes = 4
	// tomeMinutes is how long the chaos must last for the clients to hand in tomes.
	tomeMinutes = 20
	// afterwards bounds how long the documents take that are there when everything has been mended.
	afterwards = 20 * time.Minute
	// findPatience bounds the search for something that a fault may befall.
	findPatience = 45 * time.Second
)

// TestChaos breaks everything that the platform runs on and consists of, at random and again and again, while clients
// hand in documents of all kinds. Every document that was accepted must come to the end that it has undisturbed, page by
// page, and the ledger must have charged the pages that were delivered.
func TestChaos(t *testing.T) {
	p := connect(t)
	n := p.takeNode()
	seed, minutes := seedOf(t), numberFrom(t, "KHOCR_E2E_CHAOS_MINUTES", chaosMinutes)
	length := time.Duration(minutes) * time.Minute
	plan := p.newPlan(func(plan *v1alpha1.PlanSpec) { plan.Limits.RequestsPerMinute = 100_000 })
	p.Cleanup(p.clearAway)
	c := &chaos{
		tenant: p.newTenant(plan), node: n, seed: seed, begin: time.Now(),
		undisturbed: p.newTenant(plan).readUndisturbed(),
		did:         map[faultKind]int{}, failed: map[faultKind]int{}, spared: map[types.UID]bool{}, seen: map[string]map[types.UID]bool{},
	}
	stored := c.keepLogs(n)

	c.rage(length, minutes >= tomeMinutes)

	web.CloseIdleConnections() // those of gateways that are no more
	c.awaitRollout()
	books := c.closeBooks()
	for _, trial := range c.trials {
		trial.got = c.read(trial.id)
	}
	readings := stored()
	jobs := map[string]int64{}
	for _, job := range c.jobs() {
		jobs[job.Name] = 0
		if job.Status.Result != nil {
			jobs[job.Name] = int64(job.Status.Result.Pages)
		}
	}
	trials := make([]trial, 0, len(c.trials))
	for _, trial := range c.trials {
		trials = append(trials, *trial)
	}
	v := judgeChaos(trials, jobs, books, readings)
	for _, fault := range v.faults() {
		t.Error(fault)
	}
	// A worker may be killed between a page and its log.
	if known := distinct(readings); known < v.pages*3/4 {
		t.Errorf("the logs that were kept tell of %d pages, of %d: nobody knows what was read twice", known, v.pages)
	}
	if len(c.seen["Preempted"]) == 0 {
		t.Error("no worker was preempted: the run proves nothing of preemption")
	}
	report(t, "chaos", c.table(minutes, v, books))
}

// chaos is an organization whose clients go on while things go wrong.
type chaos struct {
	*tenant
	node        *node
	seed        uint64
	begin       time.Time
	undisturbed map[paper]reading

	// urgent are the documents that jump the queue.
	urgent sync.WaitGroup

	lock   sync.Mutex
	trials []*trial
	// did counts the faults that came to pass, failed those that could not.
	did, failed map[faultKind]int
	// spared are pods one engine child of which was killed: a page that loses two of them has failed by right.
	spared map[types.UID]bool
	// seen are the pods that events of a reason are about.
	seen map[string]map[types.UID]bool
	// refused answers said "later", lost ones never came, and repeated submissions were answered again.
	refused, lost, repeated int
}

// rage has clients and faults at work until the time is over, mends everything, and returns when the clients have seen the
// end of their documents.
func (c *chaos) rage(length time.Duration, tomes bool) {
	c.Helper()
	begin := time.Now()
	c.Logf("chaos begins, for %s, with the organization %s", length, c.name)
	working, end := context.WithDeadline(c.Context(), begin.Add(length+afterwards))
	defer end()
	var clients, breakers sync.WaitGroup
	for number := range chaosClients {
		clients.Go(func() {
			random := rand.New(rand.NewPCG(c.seed, uint64(1000+number)))
			for i := 0; time.Since(begin) < length; i++ {
				o := drawOrder(random, fmt.Sprintf("chaos-%d-%d", number, i))
				if tomes && number == 0 && i%20 == 0 {
					o.paper = tome
				}
				c.try(working, o)
			}
		})
	}
	plan := schedules(c.seed, length)
	for i, faults := range plan {
		breakers.Go(func() { c.unwind(working, begin, length, strands[i], faults) })
	}
	breakers.Wait()
	if err := c.node.mend(c.Context()); err != nil {
		c.Errorf("mending: %v", err) // and not the end: clients are still at work
	}
	c.Logf("after %s everything is mended", time.Since(begin).Round(time.Second))
	clients.Wait()
	c.urgent.Wait()
	c.see(working, "Preempted")
	c.see(working, "Evicted")
	c.Logf("after %s every client is done", time.Since(begin).Round(time.Second))
	for _, kind := range neverDone(slices.Concat(plan...), c.did) {
		c.Errorf("%s never came to pass: the run proves nothing of it", kind)
	}
}

// unwind has the faults of a strand come to pass, each when its time has come and the one before is over. On a machine so slow
// that the time is over before, it leaves out those whose kinds have had their turn. What cannot come to pass is tried twice.
func (c *chaos) unwind(ctx context.Context, begin time.Time, length time.Duration, s strand, faults []fault) {
	free := time.Duration(0) // when the platform has had its pause
	for _, f := range faults {
		if time.Since(begin) > length && c.done(f.kind) > 0 {
			continue
		}
		if linger(ctx, max(f.at, free)-time.Since(begin)) != nil {
			return
		}
		for range 2 {
			err := c.befall(ctx, f)
			c.enter(begin, f, err)
			if err == nil {
				break
			}
		}
		free = time.Since(begin) + s.leastPause
	}
}

// enter counts whether a fault came to pass, and logs it.
func (c *chaos) enter(begin time.Time, f fault, err error) {
	c.lock.Lock()
	defer c.lock.Unlock()
	now := time.Since(begin).Round(time.Second)
	if err != nil {
		c.failed[f.kind]++
		c.Logf("%s: %s did not come to pass: %v", now, f.kind, err)
		return
	}
	c.did[f.kind]++
	c.Logf("%s: %s, for %s", now, f.kind, f.lasts.Round(time.Second))
}

func (c *chaos) done(kind faultKind) int {
	c.lock.Lock()
	defer c.lock.Unlock()
	return c.did[kind]
}

// clearAway removes the pods that were evicted, which Kubernetes keeps as long as there are few of them, so that whoever asks
// the platform's pods for something next asks those that run.
func (p *platform) clearAway() {
	p.Helper()
	for _, namespace := range []string{systemNS, "khocr-samples"} {
		p.must(p.client.DeleteAllOf(context.Background(), &corev1.Pod{}, client.InNamespace(namespace), client.MatchingFields{"status.phase": string(corev1.PodFailed)}))
	}
}

// befall has a fault come to pass, and undoes it.
func (c *chaos) befall(ctx context.Context, f fault) error {
	switch f.kind {
	case killManager:
		return c.killComponent(ctx, systemNS, "manager", "manager", f.pick, anyPod)
	case killGateway:
		return c.killComponent(ctx, systemNS, "gateway", "apigateway", f.pick, anyPod)
	case killWorker:
		return c.killComponent(ctx, c.namespace(), "worker", "worker", f.pick, c.hasPatience)
	case killEngine:
		return c.killComponent(ctx, c.namespace(), "worker", "engine", f.pick, c.spare)
	case dropManager:
		return c.dropPod(ctx, systemNS, "manager", f.pick, anyPod)
	case dropGateway:
		return c.dropPod(ctx, systemNS, "gateway", f.pick, anyPod)
	case dropWorker:
		return c.dropPod(ctx, c.namespace(), "worker", f.pick, c.hasPatience)
	case slowNetwork, cutNetwork:
		pod, err := c.find(ctx, c.namespace(), "worker", f.pick, anyPod)
		if err != nil {
			return err
		}
		network, err := networkOf(pod.UID)
		if err != nil {
			return err
		}
		defer network.close()
		if f.kind == cutNetwork {
			return network.cut(ctx, f.lasts)
		}
		return network.slow(ctx, f.lasts)
	case crashEtcd:
		return c.node.crash(ctx, "etcd", f.lasts)
	case crashServer:
		return c.node.crash(ctx, "kube-apiserver", f.lasts)
	case crashKubelet:
		return c.node.crash(ctx, "kubelet", f.lasts)
	case evictPod:
		before := c.see(ctx, "Evicted")
		return c.node.starve(ctx, func(ctx context.Context) (bool, error) { return c.see(ctx, "Evicted") > before, nil })
	case fillStore:
		return c.node.store.fill(ctx, f.lasts)
	case lockStore:
		return c.node.store.lock(ctx, f.lasts)
	case jumpQueue:
		if err := c.awaitQueue(ctx); err != nil {
			return err
		}
		o := drawOrder(rand.New(rand.NewPCG(f.pick, 0)), fmt.Sprintf("urgent-%x", f.pick))
		o.priority = v1alpha1.PriorityHigh
		c.urgent.Go(func() {
			c.try(ctx, o)
			c.see(ctx, "Preempted")
		})
		return nil
	}
	return fmt.Errorf("nobody knows how %s comes to pass", f.kind)
}

// suits tells whether a fault may befall a pod.
type suits func(context.Context, *corev1.Pod) bool

func anyPod(context.Context, *corev1.Pod) bool { return true }

// killComponent kills a program in a pod of the component, as a crash or a lack of memory does.
func (c *chaos) killComponent(ctx context.Context, namespace, component, program string, pick uint64, may suits) error {
	pod, err := c.find(ctx, namespace, component, pick, func(ctx context.Context, pod *corev1.Pod) bool {
		return len(named(podProcesses(pod.UID), program)) > 0 && may(ctx, pod)
	})
	if err != nil {
		return err
	}
	if program == "engine" {
		c.lock.Lock()
		c.spared[pod.UID] = true
		c.lock.Unlock()
	}
	return killProgram(pod.UID, program, pick)
}

// dropPod takes a pod of the component away, as a lost node does.
func (c *chaos) dropPod(ctx context.Context, namespace, component string, pick uint64, may suits) error {
	pod, err := c.find(ctx, namespace, component, pick, may)
	if err != nil {
		return err
	}
	return c.kill(pod.Namespace, pod.Name)
}

// spare tells whether no engine of the worker was killed yet.
func (c *chaos) spare(_ context.Context, pod *corev1.Pod) bool {
	c.lock.Lock()
	defer c.lock.Unlock()
	return !c.spared[pod.UID]
}

// awaitQueue waits until a worker finds no room on the node, so that one of higher priority has to take that of another.
func (c *chaos) awaitQueue(ctx context.Context) error {
	err := wait.PollUntilContextTimeout(ctx, 200*time.Millisecond, findPatience, true, func(ctx context.Context) (bool, error) {
		pods, err := c.kube.CoreV1().Pods(c.namespace()).List(ctx, metav1.ListOptions{LabelSelector: "app.kubernetes.io/component=worker"})
		if err != nil {
			return false, nil // the API server is away
		}
		return slices.ContainsFunc(pods.Items, func(pod corev1.Pod) bool {
			return slices.ContainsFunc(pod.Status.Conditions, func(condition corev1.PodCondition) bool {
				return condition.Type == corev1.PodScheduled && condition.Reason == corev1.PodReasonUnschedulable
			})
		}), nil
	})
	if err != nil {
		return fmt.Errorf("waiting until the node is full: %w", err)
	}
	return nil
}

// hasPatience tells whether the worker's job survives one more failure, and one that is not counted yet. A job fails by
// right when its worker has crashed four times, or was taken away before it had finished a page.
func (c *chaos) hasPatience(ctx context.Context, pod *corev1.Pod) bool {
	job := &v1alpha1.OcrJob{}
	if c.client.Get(ctx, client.ObjectKey{Namespace: pod.Namespace, Name: pod.Labels[v1alpha1.LabelJob]}, job) != nil {
		return false
	}
	return !slices.ContainsFunc(job.Status.Workers, func(worker v1alpha1.WorkerStatus) bool { return worker.Failures > 1 })
}

// find waits for a pod of the component that runs and may be befallen. Which of them it is depends on the order in which they
// were made, so that chance has as little to do with it as can be.
func (c *chaos) find(ctx context.Context, namespace, component string, pick uint64, may suits) (*corev1.Pod, error) {
	var found *corev1.Pod
	err := wait.PollUntilContextTimeout(ctx, 200*time.Millisecond, findPatience, true, func(ctx context.Context) (bool, error) {
		pods, err := c.kube.CoreV1().Pods(namespace).List(ctx, metav1.ListOptions{LabelSelector: "app.kubernetes.io/component=" + component})
		if err != nil {
			return false, nil // the API server is away
		}
		pods.Items = slices.DeleteFunc(pods.Items, func(pod corev1.Pod) bool {
			return pod.Status.Phase != corev1.PodRunning || pod.DeletionTimestamp != nil || !may(ctx, &pod)
		})
		if len(pods.Items) == 0 {
			return false, nil
		}
		slices.SortStableFunc(pods.Items, func(a, b corev1.Pod) int { return a.CreationTimestamp.Compare(b.CreationTimestamp.Time) })
		found = &pods.Items[pick%uint64(len(pods.Items))]
		return true, nil
	})
	if err != nil {
		return nil, fmt.Errorf("looking for a pod of component %s: %w", component, err)
	}
	return found, nil
}

// see looks for events of the reason about pods, and tells about how many pods there were any since the beginning. Events go
// after an hour.
func (c *chaos) see(ctx context.Context, reason string) int {
	events, err := c.kube.CoreV1().Events(metav1.NamespaceAll).List(ctx, metav1.ListOptions{FieldSelector: "involvedObject.kind=Pod,reason=" + reason})
	c.lock.Lock()
	defer c.lock.Unlock()
	if c.seen[reason] == nil {
		c.seen[reason] = map[types.UID]bool{}
	}
	if err == nil {
		for _, event := range events.Items {
			// The API server's times are whole seconds.
			if !event.CreationTimestamp.Time.Before(c.begin.Truncate(time.Second)) {
				c.seen[reason][event.InvolvedObject.UID] = true
			}
		}
	}
	return len(c.seen[reason])
}

// try hands a document in until it is accepted, and looks after it until it has ended.
func (c *chaos) try(ctx context.Context, o order) {
	t := &trial{name: fmt.Sprintf("%s, %s", o.title, o.paper), want: o.paper.want(o.title, c.undisturbed)}
	if o.paper.resource {
		t.id = c.apply(ctx, o)
	} else {
		t.id = c.convert(ctx, t, o)
	}
	if t.id == "" {
		c.Errorf("%s was never accepted, although everything was mended: %v", t.name, t.denied)
		return
	}
	c.lock.Lock()
	c.trials = append(c.trials, t)
	c.lock.Unlock()
	c.lookAfter(ctx, t)
}

// convert submits by the API under an Idempotency-Key.
func (c *chaos) convert(ctx context.Context, t *trial, o order) (id string) {
	f := o.paper.form(c.T, o.title)
	f.fields["priority"] = string(o.priority)
	body, contentType := f.encode()
	submit := func() string {
		var told accepted
		_ = wait.PollUntilContextCancel(ctx, 500*time.Millisecond, true, func(ctx context.Context) (bool, error) {
			a, err := c.ask(ctx, t, http.MethodPost, "/api/v1/convert", body.Bytes(), map[string]string{
				"Content-Type": contentType, "Idempotency-Key": o.title,
			})
			return err == nil && json.Unmarshal(a.body, &told) == nil, nil
		})
		return told.JobID
	}
	id = submit()
	if id != "" && o.again {
		if again := submit(); again != id {
			t.denied = append(t.denied, "submitted again it is "+again)
		}
		c.lock.Lock()
		c.repeated++
		c.lock.Unlock()
	}
	return id
}

// apply makes an OcrJob with kubectl.
func (c *chaos) apply(ctx context.Context, o order) (id string) {
	// Where the server with the samples is taken away, it may be so for longer than three attempts of a worker.
	manifest := fmt.Sprintf(`apiVersion: ocr.openplp.com/v1alpha1
kind: OcrJob
metadata: {name: %s, namespace: %s}
spec:
  source: {url: "%s%s"}
  priority: %s
  backoffLimit: 20
`, o.title, c.namespace(), samplesURL, o.paper.file, o.priority)
	err := wait.PollUntilContextCancel(ctx, time.Second, true, func(ctx context.Context) (bool, error) {
		apply := exec.CommandContext(ctx, c.kubectlProgram(), "--kubeconfig", c.kubeconfig, "--request-timeout=30s", "apply", "--filename=-")
		apply.Stdin = strings.NewReader(manifest)
		return apply.Run() == nil, nil
	})
	if err != nil {
		return ""
	}
	return o.title
}

// lookAfter polls a job until it has ended.
func (c *chaos) lookAfter(ctx context.Context, t *trial) {
	last := 0.0
	_ = wait.PollUntilContextCancel(ctx, 500*time.Millisecond, true, func(ctx context.Context) (bool, error) {
		a, err := c.ask(ctx, t, http.MethodGet, "/api/v1/jobs/"+t.id, nil, nil)
		if err != nil {
			return false, nil
		}
		var job jobStatus
		if err := json.Unmarshal(a.body, &job); err != nil {
			t.denied = append(t.denied, fmt.Sprintf("reading its status: %v", err))
			return false, nil
		}
		if job.Progress < last {
			t.denied = append(t.denied, fmt.Sprintf("its progress went back from %g to %g", last, job.Progress))
		}
		last = job.Progress
		return job.ended(), nil
	})
}

var errLater = errors.New("not at present")

// ask makes a request about a document. Answers that must not be are noted.
func (c *chaos) ask(ctx context.Context, t *trial, method, path string, body []byte, headers map[string]string) (answer, error) {
	request, err := http.NewRequestWithContext(ctx, method, c.url+path, bytes.NewReader(body))
	if err != nil {
		return answer{}, err
	}
	request.Header.Set("X-API-Key", c.key)
	for name, value := range headers {
		request.Header.Set(name, value)
	}
	a, err := do(request)
	c.lock.Lock()
	defer c.lock.Unlock()
	if err != nil {
		c.lost++
		return a, err
	}
	switch judgeAnswer(method, a) {
	case served:
		return a, nil
	case later:
		c.refused++
	case amiss:
		const enough = 5
		if len(t.denied) < enough {
			t.denied = append(t.denied, fmt.Sprintf("%s %s is answered with %d: %s", method, path, a.status, a.body))
		}
	}
	return a, errLater
}

// read is what became of a job, now that everything works.
func (t *tenant) read(id string) reading {
	t.Helper()
	var job jobStatus
	t.until("the status of "+id+" is answered", func() bool {
		a, err := t.send(http.MethodGet, "/api/v1/jobs/"+id, nil, "")
		if err != nil || judgeAnswer(http.MethodGet, a) == later {
			return false
		}
		if a.status == http.StatusOK {
			a.decode(t.T, &job)
		}
		return true
	})
	if !job.ended() {
		return reading{}
	}
	r := reading{status: job.Status}
	if job.Error != nil {
		r.code = job.Error.Code
	}
	if job.Status != "COMPLETED" {
		return r
	}
	for _, page := range t.jsonResult(id).Pages {
		got := pageReading{number: page.Number, text: words(page.Text)}
		if page.Error != nil {
			got.code = page.Error.Code
		}
		r.pages = append(r.pages, got)
	}
	return r
}

// readUndisturbed reads every sample, and pages of our own, while nothing goes wrong.
func (t *tenant) readUndisturbed() map[paper]reading {
	t.Helper()
	const title = "undisturbed"
	papers := []paper{{times: 2}, {times: 2, legacy: true}}
	for p := range samples {
		papers = append(papers, p)
	}
	ids := map[paper]string{}
	for _, p := range papers {
		ids[p] = t.submit(p.form(t.T, title))
	}
	undisturbed := map[paper]reading{}
	for _, p := range papers {
		t.await(ids[p])
		got := t.read(ids[p])
		if p.file == "" {
			for _, fault := range comparePages(p.want(title, nil).pages, got.pages) {
				t.Fatalf("%s undisturbed: %s", p, fault)
			}
			continue
		}
		if fault := checkUndisturbed(p, got); fault != "" {
			t.Fatalf("%s undisturbed: %s", p, fault)
		}
		undisturbed[p] = got
	}
	return undisturbed
}

// closeBooks waits until every job is let go, and tells what the ledger says then, or in the end where that never comes.
func (t *tenant) closeBooks() account {
	t.Helper()
	organization := &v1alpha1.Organization{}
	_ = wait.PollUntilContextTimeout(t.Context(), 200*time.Millisecond, patience, true, func(ctx context.Context) (bool, error) {
		if err := t.client.Get(ctx, client.ObjectKey{Name: t.name}, organization); err != nil {
			return false, nil
		}
		return len(organization.Status.Ledger) == 0, nil
	})
	books := account{open: len(organization.Status.Ledger)}
	for _, month := range organization.Status.Usage {
		books.settled += month.Settled
		books.reserved += month.Reserved
		for _, day := range month.Days {
			books.byDay += day.Pages
		}
		for _, key := range month.Keys {
			books.byKey += key.Pages
		}
	}
	return books
}

// table tells of the run.
func (c *chaos) table(minutes int, v verdict, books account) string {
	var text strings.Builder
	fmt.Fprintf(&text, "| Seed | Minutes | Documents | Pages | Documents lost | Pages wrong | Pages delivered | Pages charged | Pages read twice |\n|---|---|---|---|---|---|---|---|---|\n")
	fmt.Fprintf(&text, "| %d | %d | %d | %d | %d | %d | %d | %d | %d |\n\n", c.seed, minutes, v.documents, v.pages, len(v.lost), len(v.wrong), v.delivered, books.settled, v.twice)
	fmt.Fprintf(&text, "| Fault | Came to pass | Did not |\n|---|---|---|\n")
	for _, s := range strands {
		for _, kind := range s.kinds {
			fmt.Fprintf(&text, "| %s | %d | %d |\n", kind, c.did[kind], c.failed[kind])
		}
	}
	fmt.Fprintf(&text, "\nPods preempted: %d. Pods evicted: %d. Requests answered with \"later\": %d, never answered: %d. Submissions that were repeated after their answer: %d.\n",
		len(c.seen["Preempted"]), len(c.seen["Evicted"]), c.refused, c.lost, c.repeated)
	return text.String()
}
