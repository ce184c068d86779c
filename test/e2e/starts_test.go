package e2e

import (
	"fmt"
	"sync"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/watch"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/openplp/khocr/api/v1alpha1"
)

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
	namespace            string
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
		known = &start{namespace: job.Namespace, came: s.events}
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

// before looks at the namespace's first job to start. It counts the jobs of others that started after that one came and
// before it started, and those that had not ended when it came. It is known once one has started.
func (s *starts) before(namespace string) (started, unfinished int, known bool) {
	s.lock.Lock()
	defer s.lock.Unlock()
	var first start
	for _, job := range s.jobs {
		if job.namespace == namespace && job.started > 0 && (first.started == 0 || job.started < first.started) {
			first = *job
		}
	}
	for _, job := range s.jobs {
		if job.namespace == namespace {
			continue
		}
		if job.started > first.came && job.started < first.started {
			started++
		}
		if job.came < first.came && (job.ended == 0 || job.ended > first.came) {
			unfinished++
		}
	}
	return started, unfinished, first.started > 0
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
		job("b", "7", ""), job("b", "5", v1alpha1.PhasePending), job("b", "5", v1alpha1.PhaseRunning),
	} {
		s.see(seen, false)
	}
	if started, unfinished, known := s.before("b"); started != 1 || unfinished != 3 || !known {
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
