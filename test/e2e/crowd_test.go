package e2e

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"golang.org/x/sync/errgroup"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
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
	// Until a pod has found no room, nobody knows how much there is, and more are let begin.
	crowd.until("its jobs have filled the node more than once", func() bool {
		ended := 0
		for _, job := range crowd.jobs() {
			if job.Status.Phase.Ended() {
				ended++
			}
		}
		return ended >= 2*room
	})

	// Which of them comes first is not said: those of the same second go by their names.
	for range 4 {
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
	single.until("a document of its is being read", func() (started bool) {
		before, queue, started = starts.before(single.namespace())
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
		if t.job(last.Name).Status.StartTime != nil {
			t.Fatalf("job %s has started; its places before that were %v", last.Name, seen)
		}
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
