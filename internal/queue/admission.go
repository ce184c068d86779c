package queue

import "k8s.io/apimachinery/pkg/types"

// Admission gives turns out. It remembers those that the record does not show yet, so that limits hold although whoever
// looks at the jobs sees them a moment late. The zero value is ready for use; it is not safe for concurrent use.
type Admission struct {
	windows Windows
	granted map[types.UID]bool
}

// Pass arranges the jobs as they are seen now, in a view that is never older than that of an earlier pass, and says who
// may begin and what the others wait for. A turn that was given out before counts as taken until the job is seen at work
// or is not among the entries any more; such a job has no other turn. The entries are changed.
func (a *Admission) Pass(entries []Entry, slots map[string]int32) []Turn {
	granted := map[types.UID]bool{}
	for i := range entries {
		entry := &entries[i]
		if a.granted[entry.UID] && !entry.State.AtWork() {
			granted[entry.UID] = true
			entry.State = Unplaced
		}
	}
	turns := Arrange(entries, slots, a.windows.Room(entries))
	a.windows.Follow(turns)
	for i := range turns {
		if turns[i].Admit {
			granted[turns[i].UID] = true
		}
	}
	a.granted = granted
	return turns
}

// Granted tells whether a turn of the job is open.
func (a *Admission) Granted(job types.UID) bool { return a.granted[job] }

// GiveBack takes the turn of a job back that cannot use it.
func (a *Admission) GiveBack(job types.UID) { delete(a.granted, job) }
