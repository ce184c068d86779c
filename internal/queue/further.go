package queue

import (
	"cmp"
	"slices"
	"time"

	"github.com/openplp/khocr/api/v1alpha1"
)

// Further takes from a job that runs what its record tells the queue of its further parts that are not done. They take none
// of their organization's slots.
func Further(job *v1alpha1.OcrJob, now time.Time) []Entry {
	status := &job.Status
	if len(status.Workers) < 2 || status.Phase != v1alpha1.PhaseRunning {
		return nil
	}
	entry, _ := Observe(job, now)
	leading := status.Leading()
	var parts []Entry
	for i := range status.Workers {
		worker := &status.Workers[i]
		if leading == nil || worker.Part <= leading.Part || status.PartDone(worker) {
			continue
		}
		entry.Part, entry.State = worker.Part, Waiting
		if worker.PodName != "" {
			entry.State = workState(worker, now)
		}
		parts = append(parts, entry)
	}
	return parts
}

// arrangeFurther puts the further parts that wait into their order, and admits those that may begin: where there is room
// that no job of their priority or of a higher one waits for. Within a priority goes the organization that has the fewest
// further parts at work, and of its parts, and among equals, that of the oldest job.
func arrangeFurther(parts, jobs []Entry, turns []Turn, room map[v1alpha1.Priority]int) []Turn {
	behind := rank(v1alpha1.PriorityLow) + 1
	for i := range turns {
		if turns[i].lacksRoom() {
			behind = min(behind, rank(turns[i].Priority))
		}
	}
	for i := range jobs {
		if jobs[i].Unschedulable {
			behind = min(behind, rank(jobs[i].Priority))
		}
	}
	atWork := map[string]int{}
	var waiting []Turn
	for i := range parts {
		if parts[i].State.AtWork() {
			atWork[parts[i].Namespace]++
		} else {
			waiting = append(waiting, Turn{Entry: parts[i], Reason: v1alpha1.ReasonWaitingForCapacity})
		}
	}
	slices.SortFunc(waiting, func(a, b Turn) int { return cmp.Or(inOrder(&a.Entry, &b.Entry), cmp.Compare(a.Part, b.Part)) })
	// How many parts of its organization each comes after.
	after := make(map[ID]int, len(waiting))
	for i := range waiting {
		after[waiting[i].ID()] = atWork[waiting[i].Namespace]
		atWork[waiting[i].Namespace]++
	}
	slices.SortStableFunc(waiting, func(a, b Turn) int {
		return cmp.Or(cmp.Compare(rank(a.Priority), rank(b.Priority)), cmp.Compare(after[a.ID()], after[b.ID()]))
	})
	admitted := map[v1alpha1.Priority]int{}
	for i := range waiting {
		turn := &waiting[i]
		if rank(turn.Priority) < behind && admitted[turn.Priority] < room[turn.Priority] {
			admitted[turn.Priority]++
			turn.Admit, turn.Reason = true, ""
		}
	}
	return waiting
}
