package queue

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/openplp/khocr/api/v1alpha1"
)

const (
	high   = v1alpha1.PriorityHigh
	normal = v1alpha1.PriorityNormal
	low    = v1alpha1.PriorityLow
)

// entries reads jobs of the form namespace/name:state:priority, each a second younger than the one before.
func entries(t *testing.T, lines string) []Entry {
	t.Helper()
	states := map[string]State{"held": Held, "waiting": Waiting, "podless": Podless, "unplaced": Unplaced, "placed": Placed}
	var all []Entry
	for i, line := range strings.Fields(lines) {
		parts := strings.Split(line, ":")
		namespace, name, _ := strings.Cut(parts[0], "/")
		state, known := states[parts[1]]
		if !known {
			t.Fatalf("state %s", parts[1])
		}
		priority := normal
		if len(parts) > 2 {
			priority = v1alpha1.Priority(parts[2])
		}
		all = append(all, Entry{UID: types.UID(parts[0]), Namespace: namespace, Name: name, Priority: priority,
			Created: now.Add(time.Duration(i) * time.Second), State: state})
	}
	return all
}

func described(turns []Turn) string {
	var words []string
	for _, turn := range turns {
		word := string(turn.UID) + "+"
		if !turn.Admit {
			word = fmt.Sprintf("%s=%d", turn.UID, turn.Position)
			if turn.Reason == v1alpha1.ReasonWaitingForSlot {
				word += "s"
			}
		}
		words = append(words, word)
	}
	return strings.Join(words, " ")
}

// A job with + is admitted; the others have their position, and s where they wait for a slot.
func TestArrange(t *testing.T) {
	plenty := map[v1alpha1.Priority]int{high: 100, normal: 100, low: 100}
	for name, test := range map[string]struct {
		jobs  string
		slots map[string]int32
		room  map[v1alpha1.Priority]int
		want  string
	}{
		"nobody waits": {"a/1:placed", map[string]int32{"a": 1}, plenty, ""},
		"the oldest goes first and the others wait for its slot": {"a/1:waiting a/2:waiting a/3:waiting", map[string]int32{"a": 1}, plenty,
			"a/1+ a/2=1s a/3=2s"},
		"work of every kind takes a slot": {"a/1:placed a/2:unplaced a/3:podless a/4:waiting", map[string]int32{"a": 3}, plenty, "a/4=1s"},
		"a higher priority goes first": {"a/1:waiting:low a/2:waiting a/3:waiting:high", map[string]int32{"a": 2}, plenty,
			"a/3+ a/2+ a/1=1s"},
		"bursts are interleaved": {"a/1:waiting a/2:waiting a/3:waiting b/1:waiting b/2:waiting", map[string]int32{"a": 5, "b": 5},
			map[v1alpha1.Priority]int{normal: 3}, "a/1+ b/1+ a/2+ b/2=1 a/3=2"},
		"what is at work counts": {"a/1:placed a/2:placed a/3:waiting b/1:waiting b/2:waiting", map[string]int32{"a": 5, "b": 5},
			map[v1alpha1.Priority]int{normal: 2}, "b/1+ b/2+ a/3=1"},
		"shares are of what a plan allows": {"a/1:placed a/2:placed b/1:placed b/2:waiting a/3:waiting", map[string]int32{"a": 10, "b": 2},
			map[v1alpha1.Priority]int{normal: 1}, "a/3+ b/2=1"},
		"an organization without a slot is passed by": {"a/1:placed a/2:waiting:high b/1:waiting:low", map[string]int32{"a": 1, "b": 1}, plenty,
			"a/2=1s b/1+"},
		"a priority without room is passed by": {"a/1:waiting:high a/2:waiting", map[string]int32{"a": 2},
			map[v1alpha1.Priority]int{normal: 1}, "a/1=1 a/2+"},
		"a held job is passed by":                             {"a/1:held a/2:waiting", map[string]int32{"a": 1}, plenty, "a/2+"},
		"a namespace of nobody's has no turn":                 {"x/1:waiting a/1:waiting", map[string]int32{"a": 1}, plenty, "a/1+"},
		"those beyond the slots would wait for them anywhere": {"a/1:waiting a/2:waiting a/3:waiting", map[string]int32{"a": 2}, nil, "a/1=1 a/2=2 a/3=3s"},
		"jobs of another priority that wait take no share": {"a/1:waiting:high a/2:waiting:high a/3:waiting b/1:placed b/2:waiting",
			map[string]int32{"a": 4, "b": 4}, map[v1alpha1.Priority]int{normal: 1}, "a/1=1 a/2=2 a/3+ b/2=3"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := described(Arrange(entries(t, test.jobs), test.slots, test.room)); got != test.want {
				t.Errorf("got  %s\nwant %s", got, test.want)
			}
		})
	}
}

func TestAgeIsThatOfTheWholePlatform(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 1))
	for range 1000 {
		object := func() *metav1.ObjectMeta {
			return &metav1.ObjectMeta{Namespace: "a", Name: string(rune('a' + random.IntN(3))), CreationTimestamp: metav1.NewTime(now.Add(time.Duration(random.IntN(3)) * time.Second))}
		}
		entry := func(o *metav1.ObjectMeta) *Entry {
			return &Entry{Namespace: o.Namespace, Name: o.Name, Created: o.CreationTimestamp.Time}
		}
		a, b := object(), object()
		if got, want := byAge(entry(a), entry(b)) < 0, v1alpha1.Older(a, b); got != want {
			t.Fatalf("%+v before %+v: %v, want %v", a, b, got, want)
		}
	}
}

// TestArrangeByItsDefinition compares with what the order says word for word, one admission after the other, on queues of
// every kind.
func TestArrangeByItsDefinition(t *testing.T) {
	for seed := range uint64(3000) {
		jobs, slots, room := randomQueue(rand.New(rand.NewPCG(seed, 3)))
		turns := Arrange(slices.Clone(jobs), slots, room)
		var admitted []types.UID
		for _, turn := range turns {
			if turn.Admit {
				admitted = append(admitted, turn.UID)
			}
		}
		if want := admissions(jobs, slots, room); !slices.Equal(admitted, want) {
			t.Fatalf("seed %d: admitted %v, want %v", seed, admitted, want)
		}
		checkWaiting(t, seed, jobs, slots, turns)
	}
}

// admissions looks for whoever may begin and comes first, until nobody may.
func admissions(jobs []Entry, slots map[string]int32, room map[v1alpha1.Priority]int) []types.UID {
	atWork, left := map[string]int64{}, map[v1alpha1.Priority]int{}
	for priority, pods := range room {
		left[priority] = pods
	}
	for _, job := range jobs {
		if job.State.AtWork() {
			atWork[job.Namespace]++
		}
	}
	var admitted []types.UID
	for {
		var first *Entry
		for i := range jobs {
			job := &jobs[i]
			limit, known := slots[job.Namespace]
			if !known || job.State != Waiting || slices.Contains(admitted, job.UID) || atWork[job.Namespace] >= int64(limit) || left[job.Priority] <= 0 {
				continue
			}
			if first == nil || cmp.Or(
				cmp.Compare(rank(job.Priority), rank(first.Priority)),
				cmp.Compare(float64(atWork[job.Namespace])/float64(limit), float64(atWork[first.Namespace])/float64(slots[first.Namespace])),
				byAge(job, first)) < 0 {
				first = job
			}
		}
		if first == nil {
			return admitted
		}
		admitted = append(admitted, first.UID)
		atWork[first.Namespace]++
		left[first.Priority]--
	}
}

// checkWaiting checks the turns of those who were not admitted: each has one, positions count from 1, by priority and,
// within an organization, by age; and only jobs beyond their organization's slots wait for slots.
func checkWaiting(t *testing.T, seed uint64, jobs []Entry, slots map[string]int32, turns []Turn) {
	t.Helper()
	begun, expected := map[string]int32{}, 0
	for _, job := range jobs {
		_, known := slots[job.Namespace]
		if known && job.State == Waiting {
			expected++
		}
		if job.State.AtWork() {
			begun[job.Namespace]++
		}
	}
	for _, turn := range turns {
		if turn.Admit {
			begun[turn.Namespace]++
		}
	}
	if len(turns) != expected {
		t.Fatalf("seed %d: %d turns for %d jobs", seed, len(turns), expected)
	}
	var before *Turn
	last := map[string]*Turn{}
	for i := range turns {
		turn := &turns[i]
		if turn.Admit {
			continue
		}
		if before != nil && (turn.Position != before.Position+1 || rank(turn.Priority) < rank(before.Priority)) || before == nil && turn.Position != 1 {
			t.Fatalf("seed %d: %+v after %+v", seed, turn, before)
		}
		if mine := last[turn.Namespace]; mine != nil && inOrder(&mine.Entry, &turn.Entry) >= 0 {
			t.Fatalf("seed %d: %+v before %+v", seed, mine, turn)
		}
		if turn.Reason == v1alpha1.ReasonWaitingForCapacity && begun[turn.Namespace] >= slots[turn.Namespace] && lowerNeverBegan(turns, turn) {
			t.Fatalf("seed %d: %+v waits for capacity, %d of %d at work", seed, turn, begun[turn.Namespace], slots[turn.Namespace])
		}
		before, last[turn.Namespace] = turn, turn
	}
}

// lowerNeverBegan tells that no job of the organization which comes later was admitted: such a job takes a slot that was
// free when the turn was made.
func lowerNeverBegan(turns []Turn, turn *Turn) bool {
	return !slices.ContainsFunc(turns, func(other Turn) bool {
		return other.Admit && other.Namespace == turn.Namespace && rank(other.Priority) > rank(turn.Priority)
	})
}

func randomQueue(random *rand.Rand) (jobs []Entry, slots map[string]int32, room map[v1alpha1.Priority]int) {
	slots, room = map[string]int32{}, map[v1alpha1.Priority]int{}
	for i := range 1 + random.IntN(5) {
		slots[fmt.Sprintf("n%d", i)] = 1 + random.Int32N(6)
	}
	for _, priority := range []v1alpha1.Priority{high, normal, low} {
		room[priority] = random.IntN(6)
	}
	for i := range random.IntN(40) {
		jobs = append(jobs, Entry{
			UID: types.UID(fmt.Sprint(i)), Namespace: fmt.Sprintf("n%d", random.IntN(6)), Name: fmt.Sprint(random.IntN(100)),
			Priority: []v1alpha1.Priority{high, normal, low}[random.IntN(3)],
			Created:  now.Add(time.Duration(random.IntN(20)) * time.Second),
			State:    []State{Held, Waiting, Waiting, Waiting, Podless, Unplaced, Placed}[random.IntN(7)],
		})
	}
	return jobs, slots, room
}

// BenchmarkArrange arranges 5,000 waiting jobs of 1,000 organizations, and the 1,000 at work beside them.
func BenchmarkArrange(b *testing.B) {
	random := rand.New(rand.NewPCG(1, 5))
	slots := map[string]int32{}
	var jobs []Entry
	for i := range 6000 {
		namespace := fmt.Sprintf("khocr-organization-%d", random.IntN(1000))
		slots[namespace] = 10
		job := Entry{UID: types.UID(fmt.Sprintf("%036d", i)), Namespace: namespace, Name: fmt.Sprintf("%012x", random.Uint64N(1<<48)),
			Priority: []v1alpha1.Priority{high, normal, low}[random.IntN(3)], Created: now.Add(time.Duration(random.IntN(3600)) * time.Second), State: Waiting}
		if i >= 5000 {
			job.State = Placed
		}
		jobs = append(jobs, job)
	}
	room := map[v1alpha1.Priority]int{high: 2, normal: 2, low: 2}
	for b.Loop() {
		if turns := Arrange(jobs, slots, room); len(turns) != 5000 {
			b.Fatalf("%d turns", len(turns))
		}
	}
}
