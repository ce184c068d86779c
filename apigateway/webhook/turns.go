package webhook

import (
	"slices"
	"sync"
)

// turns shares out the deliveries under way. An organization has a few of them, and one whose receiver last kept a delivery
// until its time was over has a single one, taken from a part of all: hanging receivers of whatever number of organizations
// leave room for the others.
type turns struct {
	// most of one namespace, and slowMost of all slow ones together.
	most, slowMost int

	mu sync.Mutex
	// busy counts the deliveries under way, and parked are the keys that wait for a turn, by namespace.
	busy   map[string]int
	parked map[string][]string
	// slow are the namespaces whose last delivery ran out of time; slowBusy counts the deliveries under way of those that
	// were slow already when they began.
	slow     map[string]bool
	slowBusy int
}

// turn is a delivery under way.
type turn struct {
	namespace string
	slow      bool
}

func newTurns(most, slowMost int) *turns {
	return &turns{most: most, slowMost: slowMost, busy: map[string]int{}, parked: map[string][]string{}, slow: map[string]bool{}}
}

// take begins a delivery if there is a turn for it. Otherwise its key is kept until done gives it back.
func (t *turns) take(namespace, key string) (turn, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	taken := turn{namespace, t.slow[namespace]}
	if t.free(namespace) == 0 {
		if !slices.Contains(t.parked[namespace], key) {
			t.parked[namespace] = append(t.parked[namespace], key)
		}
		return taken, false
	}
	t.busy[namespace]++
	if taken.slow {
		t.slowBusy++
	}
	return taken, true
}

// free is the number of turns that a namespace could take.
func (t *turns) free(namespace string) int {
	if t.slow[namespace] {
		return max(min(1-t.busy[namespace], t.slowMost-t.slowBusy), 0)
	}
	return max(t.most-t.busy[namespace], 0)
}

// done ends a delivery, which ran out of time or did not, and tells the keys that there may be a turn for now.
func (t *turns) done(ended turn, slow bool) []string {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.busy[ended.namespace]--; t.busy[ended.namespace] == 0 {
		delete(t.busy, ended.namespace)
	}
	if ended.slow {
		t.slowBusy--
	}
	if slow {
		t.slow[ended.namespace] = true
	} else {
		delete(t.slow, ended.namespace)
	}
	var next []string
	for namespace, keys := range t.parked {
		n := min(t.free(namespace), len(keys))
		next = append(next, keys[:n]...)
		if t.parked[namespace] = keys[n:]; n == len(keys) {
			delete(t.parked, namespace)
		}
	}
	return next
}
