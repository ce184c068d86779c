package queue

import (
	"slices"

	"k8s.io/apimachinery/pkg/types"
)

// Admission gives turns out. It remembers those that the record does not show yet, so that limits hold although whoever
// looks at the jobs sees them a moment late. The zero value is ready for use; it is not safe for concurrent use.
type Admission struct {
	// Jobs and further parts have windows of their own, so that no part takes the room of a job.
	windows, further Windows
	granted          map[ID]bool
}

// Pass arranges the jobs and their further parts as they are seen now, in a view that is never older than that of an earlier
// pass, and says who may begin and what the others wait for. A turn that was given out before counts as taken until it is
// seen at work or is not among the entries any more; until then there is no other turn. The entries are changed.
func (a *Admission) Pass(entries []Entry, slots map[string]int32) []Turn {
	granted := map[ID]bool{}
	jobs, parts := entries[:0], []Entry(nil)
	for _, entry := range entries {
		if a.granted[entry.ID()] && !entry.State.AtWork() {
			granted[entry.ID()] = true
			entry.State = Unplaced
		}
		if entry.Part > 0 {
			parts = append(parts, entry)
		} else {
			jobs = append(jobs, entry)
		}
	}
	turns := Arrange(jobs, slots, a.windows.Room(jobs))
	a.windows.Follow(turns)
	further := arrangeFurther(parts, jobs, turns, a.further.Room(parts))
	a.further.Follow(further)
	turns = append(turns, further...)
	for i := range turns {
		if turns[i].Admit {
			granted[turns[i].ID()] = true
		}
	}
	a.granted = granted
	return turns
}

// Granted tells whether a turn of the job is open.
func (a *Admission) Granted(job types.UID) bool { return a.granted[ID{Job: job}] }

// Further lists by job, in order, the further parts of which a turn is open.
func (a *Admission) Further() map[types.UID][]int32 {
	parts := map[types.UID][]int32{}
	for id := range a.granted {
		if id.Part > 0 {
			parts[id.Job] = append(parts[id.Job], id.Part)
		}
	}
	for _, numbers := range parts {
		slices.Sort(numbers)
	}
	return parts
}

// GiveBack takes the turn of a job back that cannot use it.
func (a *Admission) GiveBack(job types.UID) { delete(a.granted, ID{Job: job}) }
