package queue

import (
	"cmp"
	"container/heap"
	"slices"

	"github.com/openplp/khocr/api/v1alpha1"
)

// Turn says of a waiting job whether it may begin, and if not, what it waits for.
type Turn struct {
	Entry
	// Admit lets the job begin.
	Admit bool
	// Reason is ReasonWaitingForSlot for a job that would have to wait in an endless cluster, too, for jobs of its own
	// organization; ReasonWaitingForCapacity for any other; empty on one that is admitted.
	Reason string
	// Position is 1 for the next job among those that wait, and so on; 0 for one that is admitted.
	Position int
	// AtWork is how many jobs of the organization are at work, with those that are admitted before this one; Limit how many
	// may be.
	AtWork, Limit int32
}

// lacksRoom tells that only a node would be missing.
func (t *Turn) lacksRoom() bool { return !t.Admit && (t.Part > 0 || t.AtWork < t.Limit) }

// Arrange puts the waiting jobs into their order, and admits those that may begin. Slots are how many jobs may be at work
// in a namespace; jobs of other namespaces have no turn. Room is how many more pods without a node there may be of each
// priority.
//
// A higher priority goes first. Within a priority goes the organization that uses the smallest share of its slots, counting
// the jobs that have their turn before; and of its jobs, and among equals, the oldest. Nobody is held up by a job that
// cannot begin: an organization without a free slot and a priority without room are passed by.
func Arrange(entries []Entry, slots map[string]int32, room map[v1alpha1.Priority]int) []Turn {
	tenants := make(map[string]*tenant, len(slots))
	var waiting []*Entry
	for i := range entries {
		entry := &entries[i]
		limit, known := slots[entry.Namespace]
		if !known || entry.State == Held {
			continue
		}
		if tenants[entry.Namespace] == nil {
			tenants[entry.Namespace] = &tenant{limit: limit}
		}
		if entry.State.AtWork() {
			tenants[entry.Namespace].atWork++
		} else {
			waiting = append(waiting, entry)
		}
	}
	slices.SortFunc(waiting, inOrder)

	turns := make([]Turn, 0, len(waiting))
	position := 0
	for len(waiting) > 0 {
		priority := waiting[0].Priority
		next := slices.IndexFunc(waiting, func(e *Entry) bool { return e.Priority != priority })
		if next < 0 {
			next = len(waiting)
		}
		line, left := lineUp(waiting[:next], tenants), room[priority]
		waiting = waiting[next:]
		for len(line) > 0 {
			turn := line[0].next()
			if turn.Admit = left > 0 && turn.AtWork < turn.Limit; turn.Admit {
				left--
				line[0].atWork++
			} else {
				turn.Reason = line[0].reason()
				line[0].passed++
				position++
				turn.Position = position
			}
			turns = append(turns, turn)
			line.advance()
		}
	}
	return turns
}

// tenant is an organization while its jobs are arranged.
type tenant struct {
	// atWork are its jobs at work, those admitted included; passed the ones that have been told to wait.
	limit, atWork, passed int32
	// before is how many had been passed before this priority: a job takes no share from those of another priority.
	before int32
	// jobs of the priority at hand, in order.
	jobs []*Entry
}

func (t *tenant) next() Turn {
	entry := t.jobs[0]
	t.jobs = t.jobs[1:]
	return Turn{Entry: *entry, AtWork: t.atWork, Limit: t.limit}
}

func (t *tenant) reason() string {
	if t.atWork+t.passed >= t.limit {
		return v1alpha1.ReasonWaitingForSlot
	}
	return v1alpha1.ReasonWaitingForCapacity
}

// used is the numerator of the organization's share.
func (t *tenant) used() int64 { return int64(t.atWork + t.passed - t.before) }

// line holds the organizations that have jobs of a priority, as a heap.
type line []*tenant

// lineUp makes the line of jobs of one priority, which are in order.
func lineUp(jobs []*Entry, tenants map[string]*tenant) line {
	var l line
	for _, job := range jobs {
		t := tenants[job.Namespace]
		if len(t.jobs) == 0 {
			t.before = t.passed
			l = append(l, t)
		}
		t.jobs = append(t.jobs, job)
	}
	heap.Init(&l)
	return l
}

// advance puts the first organization, which has had a turn, where it belongs now.
func (l *line) advance() {
	if len((*l)[0].jobs) == 0 {
		heap.Pop(l)
		return
	}
	heap.Fix(l, 0)
}

func (l line) Len() int      { return len(l) }
func (l line) Swap(i, j int) { l[i], l[j] = l[j], l[i] }
func (l *line) Push(any)     { panic("nobody joins a line that has formed") }
func (l line) Less(i, j int) bool {
	a, b := l[i], l[j]
	if share := cmp.Compare(a.used()*int64(b.limit), b.used()*int64(a.limit)); share != 0 {
		return share < 0
	}
	return byAge(a.jobs[0], b.jobs[0]) < 0
}

func (l *line) Pop() any {
	last := len(*l) - 1
	t := (*l)[last]
	*l = (*l)[:last]
	return t
}

// inOrder puts higher priorities first, and the older of two jobs of the same.
func inOrder(a, b *Entry) int {
	if priority := cmp.Compare(rank(a.Priority), rank(b.Priority)); priority != 0 {
		return priority
	}
	return byAge(a, b)
}

// byAge is the order of v1alpha1.Older, and by namespace where names are the same.
func byAge(a, b *Entry) int {
	if age := a.Created.Compare(b.Created); age != 0 {
		return age
	}
	return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.Namespace, b.Namespace))
}

func rank(p v1alpha1.Priority) int {
	switch p {
	case v1alpha1.PriorityHigh:
		return 0
	case v1alpha1.PriorityLow:
		return 2
	}
	return 1
}
