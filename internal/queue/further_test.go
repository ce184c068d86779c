package queue

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/openplp/khocr/api/v1alpha1"
)

func TestFurther(t *testing.T) {
	at := func(offset time.Duration) *metav1.Time { return &metav1.Time{Time: now.Add(offset)} }
	// 12 pages in parts of 3.
	worker := func(part, done int32, pod string, uid types.UID) v1alpha1.WorkerStatus {
		return v1alpha1.WorkerStatus{Part: part, Attempt: 1, PodName: pod, PodUID: uid, Progress: &v1alpha1.PageCounts{Total: 12, Done: done}}
	}
	later := worker(2, 1, "a-2-1", "")
	later.RetryAt = at(time.Second)
	for name, test := range map[string]struct {
		workers []v1alpha1.WorkerStatus
		phase   v1alpha1.JobPhase
		want    string
	}{
		"a job of one part has none":       {[]v1alpha1.WorkerStatus{worker(0, 1, "a-0-1", "u")}, v1alpha1.PhaseRunning, ""},
		"those after the leading part":     {[]v1alpha1.WorkerStatus{worker(0, 1, "a-0-1", "u"), worker(1, 0, "", ""), worker(2, 0, "", "")}, v1alpha1.PhaseRunning, "1:waiting 2:waiting"},
		"which may be a later one":         {[]v1alpha1.WorkerStatus{worker(0, 3, "a-0-1", "u"), worker(1, 1, "a-1-1", "v"), worker(2, 0, "", "")}, v1alpha1.PhaseRunning, "2:waiting"},
		"one that is done is none":         {[]v1alpha1.WorkerStatus{worker(0, 1, "a-0-1", "u"), worker(1, 3, "a-1-1", "v"), worker(2, 0, "", "")}, v1alpha1.PhaseRunning, "2:waiting"},
		"they have the states of jobs":     {[]v1alpha1.WorkerStatus{worker(0, 1, "a-0-1", "u"), worker(1, 2, "a-1-1", "v"), later, worker(3, 0, "a-3-1", "")}, v1alpha1.PhaseRunning, "1:placed 2:podless 3:unplaced"},
		"one that gave way waits again":    {[]v1alpha1.WorkerStatus{worker(0, 1, "a-0-1", "u"), worker(1, 2, "", "v")}, v1alpha1.PhaseRunning, "1:waiting"},
		"a job that does not run has none": {[]v1alpha1.WorkerStatus{worker(0, 1, "a-0-1", ""), worker(1, 0, "", "")}, v1alpha1.PhasePending, ""},
		"nor one that has all pages":       {[]v1alpha1.WorkerStatus{worker(0, 3, "a-0-1", "u"), worker(1, 3, "a-1-1", "v")}, v1alpha1.PhaseRunning, ""},
	} {
		t.Run(name, func(t *testing.T) {
			job := &v1alpha1.OcrJob{ObjectMeta: metav1.ObjectMeta{Namespace: "khocr-moj", Name: "a", UID: "uid", CreationTimestamp: *at(0)}}
			job.Status = v1alpha1.OcrJobStatus{Phase: test.phase, Workers: test.workers, Pages: &v1alpha1.PageCounts{Total: 12},
				Partition: &v1alpha1.Partition{PagesPerWorker: 3, MaxWorkers: 9}}
			var words []string
			for _, entry := range Further(job, now) {
				words = append(words, fmt.Sprintf("%d:%s", entry.Part, []string{"held", "waiting", "podless", "unplaced", "placed"}[entry.State]))
				if want := (Entry{"uid", entry.Part, "khocr-moj", "a", normal, now, entry.State, false}); entry != want {
					t.Errorf("entry = %+v, want %+v", entry, want)
				}
			}
			if got := strings.Join(words, " "); got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

// parts reads further parts of the form namespace/job.part:state:priority. A job is the older the sooner its name comes in the
// alphabet.
func parts(t *testing.T, lines string) []Entry {
	t.Helper()
	all := entries(t, lines)
	for i := range all {
		job, part, found := strings.Cut(string(all[i].UID), ".")
		if _, err := fmt.Sscan(part, &all[i].Part); err != nil || !found {
			t.Fatalf("no part: %s", all[i].UID)
		}
		all[i].UID, all[i].Name = types.UID(job), strings.SplitN(all[i].Name, ".", 2)[0]
		all[i].Created = now.Add(time.Duration(all[i].Name[0]) * time.Second)
	}
	return all
}

func begin(turns []Turn) string {
	var words []string
	for _, turn := range turns {
		if turn.Admit {
			words = append(words, fmt.Sprintf("%s.%d", turn.UID, turn.Part))
		}
	}
	return strings.Join(words, " ")
}

func TestFurtherPartsComeAfterJobs(t *testing.T) {
	const two = "a/m.1:waiting a/m.2:waiting"
	for name, test := range map[string]struct {
		parts, jobs string
		slots       map[string]int32
		room        int
		want        string
	}{
		"where nobody waits they begin":                    {two, "a/m:placed", map[string]int32{"a": 9}, 9, "a/m.1 a/m.2"},
		"as far as there is room":                          {two, "a/m:placed", map[string]int32{"a": 9}, 1, "a/m.1"},
		"a job that begins takes nothing from them":        {two, "a/m:placed b/1:waiting", map[string]int32{"a": 9, "b": 9}, 9, "a/m.1 a/m.2"},
		"one that waits for room goes first":               {two, "a/m:placed b/1:waiting b/2:waiting", map[string]int32{"a": 9, "b": 9}, 1, ""},
		"one of a higher priority, too":                    {two, "a/m:placed b/1:waiting:high b/2:waiting:high", map[string]int32{"a": 9, "b": 9}, 1, ""},
		"but not one of a lower priority":                  {two, "a/m:placed b/1:waiting:low b/2:waiting:low", map[string]int32{"a": 9, "b": 9}, 1, "a/m.1"},
		"nor one that waits for a slot":                    {two, "a/m:placed b/1:placed b/2:waiting", map[string]int32{"a": 9, "b": 1}, 1, "a/m.1"},
		"a job that has no room yet goes first":            {two, "a/m:placed b/1:unschedulable", map[string]int32{"a": 9, "b": 9}, 9, ""},
		"parts take no slots":                              {two, "a/m:placed", map[string]int32{"a": 1}, 9, "a/m.1 a/m.2"},
		"a higher priority goes first":                     {"a/m.1:waiting b/n.1:waiting:high", "a/m:placed", map[string]int32{"a": 1}, 1, "b/n.1 a/m.1"},
		"organizations take turns":                         {"a/m.1:waiting a/m.2:waiting a/m.3:waiting b/n.1:waiting", "", nil, 3, "a/m.1 b/n.1 a/m.2"},
		"what is at work counts":                           {"a/m.1:placed a/m.2:waiting b/n.1:waiting b/n.2:waiting", "", nil, 2, "b/n.1 a/m.2"},
		"the older job of an organization is helped first": {"a/n.1:waiting a/m.2:waiting a/m.1:waiting", "", nil, 2, "a/m.1 a/m.2"},
	} {
		t.Run(name, func(t *testing.T) {
			jobs := entries(t, strings.ReplaceAll(test.jobs, "unschedulable", "unplaced"))
			for i := range jobs {
				jobs[i].Unschedulable = jobs[i].State == Unplaced
			}
			room := map[v1alpha1.Priority]int{high: test.room, normal: test.room, low: test.room}
			turns := Arrange(jobs, test.slots, room)
			if got := begin(arrangeFurther(parts(t, test.parts), jobs, turns, room)); got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

func TestFurtherPartsTakeNeitherSlotsNorRoomOfJobs(t *testing.T) {
	var a Admission
	slots := map[string]int32{"a": 2}
	pass := func(jobs, further string) string {
		turns := a.Pass(append(parts(t, further), entries(t, jobs)...), slots)
		var words []string
		for _, turn := range turns {
			if turn.Admit {
				words = append(words, fmt.Sprintf("%s.%d", turn.UID, turn.Part))
			}
		}
		return strings.Join(words, " ")
	}
	if got := pass("a/m:placed", "a/m.1:waiting a/m.2:waiting a/m.3:waiting"); got != "a/m.1 a/m.2" {
		t.Fatalf("at first %q", got)
	}
	if got := a.Further()["a/m"]; !slices.Equal(got, []int32{1, 2}) || a.Granted("a/m") {
		t.Fatalf("turns of %v are open, of the job itself: %v", got, a.Granted("a/m"))
	}
	if got := pass("a/m:placed b/1:waiting a/1:waiting", "a/m.1:unplaced a/m.2:waiting a/m.3:waiting"); got != "a/1.0" {
		t.Fatalf("then %q", got)
	}
	if got := a.Further()["a/m"]; !slices.Equal(got, []int32{2}) {
		t.Errorf("turns of %v are open", got)
	}
	// A part that was placed while others waited for room opens the window for more.
	if got := pass("a/m:placed a/1:placed", "a/m.1:placed a/m.2:unplaced a/m.3:waiting"); got != "a/m.3" {
		t.Errorf("at last %q", got)
	}
}
