package webhook

import "sync"

// turns bounds how many deliveries of one namespace are under way, so that slow receivers of one organization leave room for
// all others.
type turns struct {
	most int

	mu sync.Mutex
	// busy counts the deliveries under way, and parked are the keys that wait for one of them to end, by namespace.
	busy   map[string]int
	parked map[string][]string
}

func newTurns(most int) *turns {
	return &turns{most: most, busy: map[string]int{}, parked: map[string][]string{}}
}

// take tells whether a delivery may begin. Otherwise its key is kept until done gives it back.
func (t *turns) take(namespace, key string) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.busy[namespace] >= t.most {
		t.parked[namespace] = append(t.parked[namespace], key)
		return false
	}
	t.busy[namespace]++
	return true
}

// done ends a delivery, and tells the key that waits for it, if there is one.
func (t *turns) done(namespace string) (waiting string, ok bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.busy[namespace]--; t.busy[namespace] == 0 {
		delete(t.busy, namespace)
	}
	keys := t.parked[namespace]
	if len(keys) == 0 {
		return "", false
	}
	if t.parked[namespace] = keys[1:]; len(keys) == 1 {
		delete(t.parked, namespace)
	}
	return keys[0], true
}
