package relay

import (
	"context"
	"slices"
	"sync"
)

// turns lets so many questions be asked at a time, and is fair among organizations: whoever waits with a thousand pages has one turn,
// then each of the others has one.
type turns struct {
	mu    sync.Mutex
	taken int
	// waiting questions of an organization, the first to come in front.
	waiting map[string][]chan struct{}
	// order of the organizations that wait, the next one in front.
	order []string
}

// take waits for a turn, of which there are most at a time, and fails only when ctx ends.
func (t *turns) take(ctx context.Context, organization string, most int) error {
	turn := make(chan struct{})
	t.mu.Lock()
	if t.waiting == nil {
		t.waiting = map[string][]chan struct{}{}
	}
	if len(t.waiting[organization]) == 0 {
		t.order = append(t.order, organization)
	}
	t.waiting[organization] = append(t.waiting[organization], turn)
	t.give(most)
	t.mu.Unlock()

	select {
	case <-turn:
		return nil
	case <-ctx.Done():
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.leave(organization, turn) {
		// The turn came at the same time: it is somebody else's now.
		t.taken--
		t.give(most)
	}
	return ctx.Err()
}

// done ends a turn.
func (t *turns) done(most int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.taken--
	t.give(most)
}

// give hands out the turns that are free.
func (t *turns) give(most int) {
	for t.taken < most && len(t.order) > 0 {
		organization := t.order[0]
		t.order = t.order[1:]
		queue := t.waiting[organization]
		close(queue[0])
		t.taken++
		if t.waiting[organization] = queue[1:]; len(queue) > 1 {
			t.order = append(t.order, organization)
		} else {
			delete(t.waiting, organization)
		}
	}
}

// leave takes a question out of the queue, and tells whether it was there.
func (t *turns) leave(organization string, turn chan struct{}) bool {
	queue := t.waiting[organization]
	at := slices.Index(queue, turn)
	if at < 0 {
		return false
	}
	if t.waiting[organization] = slices.Delete(queue, at, at+1); len(queue) == 1 {
		delete(t.waiting, organization)
		t.order = slices.DeleteFunc(t.order, func(name string) bool { return name == organization })
	}
	return true
}
