package queue

import (
	"github.com/openplp/khocr/api/v1alpha1"
)

// Bounds of a window. Where nodes are full one pod waits for room, so that whoever comes next is decided as late as can
// be; where they are not, the window opens until it is the scheduler's pace that bounds how many start.
const (
	firstWindow  = 2
	closedWindow = 1
	widestWindow = 32
)

// Windows say of each priority how many pods without a node there may be. While jobs wait for room, a window opens by one
// with each pod that gets a node and never was without room; it closes when a pod is. Where no job waits for it a window
// is no wider than at first: how many pods found room one by one says nothing of how many would at once. The zero value is
// ready for use.
type Windows struct {
	sizes map[v1alpha1.Priority]int
	// narrow are the priorities in which a job was left waiting for room.
	narrow map[v1alpha1.Priority]bool
	// unplaced are those that had no node when last looked at, and whether there ever was no room for their pod.
	unplaced map[ID]bool
}

// Room follows what became of the jobs since it was asked before, and tells how many more pods there is room for; not
// below 0.
func (w *Windows) Room(entries []Entry) map[v1alpha1.Priority]int {
	if w.sizes == nil {
		w.sizes = map[v1alpha1.Priority]int{}
		for _, priority := range []v1alpha1.Priority{v1alpha1.PriorityHigh, v1alpha1.PriorityNormal, v1alpha1.PriorityLow} {
			w.sizes[priority] = firstWindow
		}
	}
	unplaced, taken := map[ID]bool{}, map[v1alpha1.Priority]int{}
	for i := range entries {
		entry := &entries[i]
		hadNoRoom, wasUnplaced := w.unplaced[entry.ID()]
		switch {
		case entry.State == Placed && wasUnplaced && !hadNoRoom && w.narrow[entry.Priority]:
			w.sizes[entry.Priority] = min(widestWindow, w.sizes[entry.Priority]+1)
		case entry.State == Unplaced:
			unplaced[entry.ID()] = hadNoRoom || entry.Unschedulable
			taken[entry.Priority]++
		}
	}
	// What is closed now is so whatever got a node before it.
	for i := range entries {
		if entries[i].Unschedulable {
			w.sizes[entries[i].Priority] = closedWindow
		}
	}
	w.unplaced = unplaced
	room := make(map[v1alpha1.Priority]int, len(w.sizes))
	for priority, size := range w.sizes {
		room[priority] = max(0, size-taken[priority])
	}
	return room
}

// Follow notes who was left waiting in the room that there was.
func (w *Windows) Follow(turns []Turn) {
	w.narrow = map[v1alpha1.Priority]bool{}
	for i := range turns {
		if turn := &turns[i]; turn.lacksRoom() {
			w.narrow[turn.Priority] = true
		}
	}
	for priority, size := range w.sizes {
		if !w.narrow[priority] {
			w.sizes[priority] = min(size, firstWindow)
		}
	}
}
