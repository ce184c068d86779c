package e2e

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/watch"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/openplp/khocr/api/v1alpha1"
)

const (
	// ahead is how many more jobs of a crowd than the node has room for may start before one of somebody else who comes
	// later: the ones that have their worker pod already.
	ahead = 3
	// crowdSlots is far more than the node has room for, oneSlot what a small plan has.
	crowdSlots = 1000
	oneSlot    = 1
)

// TestACrowdDelaysNobodyElse lets one organization submit KHOCR_E2E_CROWD documents and then another one a single document.
// That one starts after about as many of the crowd's jobs as the node runs at once, whatever the length of the queue.
func TestACrowdDelaysNobodyElse(t *testing.T) {
	p := connect(t)
	number := numberFrom(t, "KHOCR_E2E_CROWD", 60)
	crowd := p.newTenant(p.newPlan(func(plan *v1alpha1.PlanSpec) { plan.Limits.MaxConcurrentJobs = crowdSlots }))
	single := p.newTenant(p.newPlan(func(plan *v1alpha1.PlanSpec) { plan.Limits.MaxConcurrentJobs = oneSlot }))
	starts := p.watchStarts(map[string]int{crowd.namespace(): crowdSlots, single.namespace(): oneSlot})

	crowd.submitMany(number)
	room := crowd.room()
	crowd.watchPositions()

	id := single.submit(form{fileName: "one.pdf", content: nativePDF("single", 1)})
	for range 3 {
		single.submit(form{fileName: "one.pdf", content: nativePDF("single", 1)})
	}
	single.until("one of its jobs waits for a slot", func() bool {
		for _, job := range single.jobs() {
			if w := single.waiting(job.Name); w != nil && w.Code == "waiting_for_slot" && w.Position > 0 && w.MessageKm != "" {
				return true
			}
		}
		return false
	})
	var before, queue int
	single.until("its document is being read", func() (started bool) {
		before, queue, started = starts.before(single.namespace(), id)
		return started
	})
	if queue <= room+ahead {
		t.Errorf("only %d jobs of the crowd were there when the single one came: that proves nothing", queue)
	}
	if before > room+ahead {
		t.Errorf("%d jobs of the crowd started before the single one, %d fit on the node", before, room)
	}
	report(t, "crowd", fmt.Sprintf("| Documents of the crowd | Not ended when the other came | Fit on the node | Started in between |\n|---|---|---|---|\n| %d | %d | %d | %d |\n",
		number, queue, room, before))

	p.must(p.client.DeleteAllOf(t.Context(), &v1alpha1.OcrJob{}, client.InNamespace(crowd.namespace())))
	crowd.until("the crowd is gone", func() bool { return len(crowd.jobs()) == 0 })
	for _, job := range single.jobs() {
		if ended := single.await(job.Name); ended.Status != "COMPLETED" {
			t.Errorf("job = %+v, error %+v", ended, ended.Error)
		}
	}
	for _, fault := range starts.faults() {
		t.Error(fault)
	}
}

// submitMany submits documents of a page each, several at a time.
func (t *tenant) submitMany(number int) {
	t.Helper()
	var group errgroup.Group
	group.SetLimit(10)
	for i := range number {
		group.Go(func() error {
			_, err := t.trySubmit(form{fileName: "one.pdf", content: nativePDF(fmt.Sprintf("crowd %d", i), 1)})
			return err
		})
	}
	t.must(group.Wait())
}

// room is how many workers fit on the node besides what else runs there. There must be a worker to take the measure of.
func (t *tenant) room() int {
	t.Helper()
	nodes, err := t.kube.CoreV1().Nodes().List(t.Context(), metav1.ListOptions{})
	t.must(err)
	var free corev1.ResourceList
	for _, node := range nodes.Items {
		free = node.Status.Allocatable
	}
	if len(nodes.Items) != 1 {
		t.Fatalf("%d nodes: this test counts on one", len(nodes.Items))
	}
	var worker corev1.ResourceList
	t.until("a worker can be measured", func() bool {
		pods, err := t.kube.CoreV1().Pods(t.namespace()).List(t.Context(), metav1.ListOptions{})
		t.must(err)
		for i := range pods.Items {
			worker = requests(&pods.Items[i])
		}
		return len(pods.Items) > 0
	})
	pods, err := t.kube.CoreV1().Pods("").List(t.Context(), metav1.ListOptions{})
	t.must(err)
	others := []corev1.ResourceList{}
	for i := range pods.Items {
		if pod := &pods.Items[i]; !strings.HasPrefix(pod.Namespace, "khocr-e2e-") {
			others = append(others, requests(pod))
		}
	}
	return fit(free, others, worker)
}

func requests(pod *corev1.Pod) corev1.ResourceList {
	return pod.Spec.Containers[0].Resources.Requests
}

// fit is how many times the one fits into what the others leave free.
func fit(free corev1.ResourceList, others []corev1.ResourceList, one corev1.ResourceList) int {
	times := -1
	for resource, need := range one {
		left := free[resource].DeepCopy()
		for _, other := range others {
			left.Sub(other[resource])
		}
		if n := int(left.MilliValue() / need.MilliValue()); times < 0 || n < times {
			times = n
		}
	}
	return times
}

// waiting is what a queued job waits for, as the API tells it.
type waiting struct {
	Code      string `json:"code"`
	Message   string `json:"message"`
	MessageKm string `json:"message_km"`
	Position  int    `json:"position"`
}

func (t *tenant) waiting(id string) *waiting {
	t.Helper()
	status, body, err := t.try(http.MethodGet, "/api/v1/jobs/"+id, nil, "")
	t.must(err)
	var job struct {
		Waiting *waiting `json:"waiting"`
	}
	if status == http.StatusOK {
		t.must(json.Unmarshal(body, &job))
	}
	return job.Waiting
}

// watchPositions follows the place in the queue of the tenant's last job while nobody else submits anything: it is told,
// comes down, and never goes up.
func (t *tenant) watchPositions() {
	t.Helper()
	last := v1alpha1.OcrJob{}
	for _, job := range t.jobs() {
		if last.Name == "" || v1alpha1.Older(&last, &job) {
			last = job
		}
	}
	var seen []int
	t.until("job "+last.Name+" has come forward twice", func() bool {
		w := t.waiting(last.Name)
		if w == nil || w.Position == 0 {
			return false
		}
		if w.Code != "waiting_for_capacity" || w.MessageKm == "" {
			t.Fatalf("job %s waits for %+v", last.Name, w)
		}
		if len(seen) > 0 && w.Position > seen[len(seen)-1] {
			t.Errorf("job %s went back from place %d to %d", last.Name, seen[len(seen)-1], w.Position)
		}
		if len(seen) == 0 || w.Position != seen[len(seen)-1] {
			seen = append(seen, w.Position)
		}
		return len(seen) > 2
	})
	t.Logf("places of the last job: %v", seen)
}

func (t *tenant) jobs() []v1alpha1.OcrJob {
	t.Helper()
	jobs := &v1alpha1.OcrJobList{}
	t.must(t.client.List(t.Context(), jobs, inNamespace(t)))
	return jobs.Items
}

// starts notes in which order jobs come and start, and that no organization has more at work than it may.
type starts struct {
	limits map[string]int

	lock   sync.Mutex
	atWork map[string]map[types.UID]bool
	jobs   map[types.UID]*start
	events int
	wrong  []string
}

// start is one job's way: its times are numbers of events.
type start struct {
	namespace, name      string
	came, started, ended int
}

// watchStarts watches the jobs of the namespaces, which may have so many at work.
func (p *platform) watchStarts(limits map[string]int) *starts {
	p.Helper()
	s := newStarts(limits)
	p.follow(&v1alpha1.OcrJobList{}, func(event watch.EventType, object client.Object) {
		s.see(object.(*v1alpha1.OcrJob), event == watch.Deleted)
	})
	return s
}

func newStarts(limits map[string]int) *starts {
	return &starts{limits: limits, atWork: map[string]map[types.UID]bool{}, jobs: map[types.UID]*start{}}
}

func (s *starts) see(job *v1alpha1.OcrJob, gone bool) {
	s.lock.Lock()
	defer s.lock.Unlock()
	limit, watched := s.limits[job.Namespace]
	if !watched {
		return
	}
	s.events++
	known := s.jobs[job.UID]
	if known == nil {
		known = &start{namespace: job.Namespace, name: job.Name, came: s.events}
		s.jobs[job.UID] = known
	}
	ended := gone || job.Status.Phase.Ended()
	if known.started == 0 && job.Status.StartTime != nil {
		known.started = s.events
	}
	if known.ended == 0 && ended {
		known.ended = s.events
	}
	if s.atWork[job.Namespace] == nil {
		s.atWork[job.Namespace] = map[types.UID]bool{}
	}
	atWork := s.atWork[job.Namespace]
	delete(atWork, job.UID)
	for _, worker := range job.Status.Workers {
		if !ended && worker.PodName != "" {
			atWork[job.UID] = true
		}
	}
	if len(atWork) > limit {
		s.wrong = append(s.wrong, fmt.Sprintf("%s: %d jobs are at work, %d may be", job.Namespace, len(atWork), limit))
	}
}

// before counts the jobs of others that started after the named one came and before it started, and those that had not
// ended when it came. It is known once the named one has started.
func (s *starts) before(namespace, name string) (started, unfinished int, known bool) {
	s.lock.Lock()
	defer s.lock.Unlock()
	var one start
	for _, job := range s.jobs {
		if job.namespace == namespace && job.name == name {
			one = *job
		}
	}
	for _, job := range s.jobs {
		if job.namespace == namespace {
			continue
		}
		if job.started > one.came && job.started < one.started {
			started++
		}
		if job.came < one.came && (job.ended == 0 || job.ended > one.came) {
			unfinished++
		}
	}
	return started, unfinished, one.started > 0
}

func (s *starts) faults() []string {
	s.lock.Lock()
	defer s.lock.Unlock()
	return s.wrong
}

func TestStartsAreCountedInTheOrderOfEvents(t *testing.T) {
	job := func(namespace, name string, phase v1alpha1.JobPhase) *v1alpha1.OcrJob {
		job := &v1alpha1.OcrJob{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name, UID: types.UID(name)}}
		job.Status.Phase = phase
		if phase != "" {
			job.Status.Workers = []v1alpha1.WorkerStatus{{PodName: name + "-0-1"}}
		}
		if phase == v1alpha1.PhaseRunning || phase.Ended() {
			job.Status.StartTime = &metav1.Time{Time: time.Now()}
		}
		return job
	}
	s := newStarts(map[string]int{"a": 2, "b": 1})
	for _, seen := range []*v1alpha1.OcrJob{
		job("a", "1", ""), job("a", "1", v1alpha1.PhaseRunning), job("a", "1", v1alpha1.PhaseCompleted),
		job("a", "2", ""), job("a", "3", ""), job("a", "4", ""), job("c", "6", v1alpha1.PhaseRunning),
		job("a", "2", v1alpha1.PhaseRunning), job("b", "5", ""), job("a", "3", v1alpha1.PhaseRunning),
		job("b", "5", v1alpha1.PhasePending), job("b", "5", v1alpha1.PhaseRunning),
	} {
		s.see(seen, false)
	}
	if started, unfinished, known := s.before("b", "5"); started != 1 || unfinished != 3 || !known {
		t.Errorf("%d started before, %d unfinished, known: %v", started, unfinished, known)
	}
	if faults := s.faults(); len(faults) != 0 {
		t.Errorf("faults: %v", faults)
	}
	s.see(job("a", "4", v1alpha1.PhasePending), false)
	if faults := s.faults(); len(faults) != 1 {
		t.Errorf("faults: %v", faults)
	}
	s.see(job("a", "2", v1alpha1.PhaseRunning), true)
	if faults := s.faults(); len(faults) != 1 {
		t.Errorf("a job that is gone is still at work: %v", faults)
	}
}
