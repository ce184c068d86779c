package memory

import (
	"context"
	"errors"
	"testing"
)

func TestNobodyHasMoreThanAShare(t *testing.T) {
	pool := New(30, 10)
	over, cancel := context.WithCancel(t.Context())
	cancel()
	hold := func(owner string, bytes int64) func() {
		t.Helper()
		release, err := pool.Hold(t.Context(), owner, bytes)
		if err != nil {
			t.Fatalf("%s does not get %d: %v", owner, bytes, err)
		}
		return release
	}
	refused := func(owner string) {
		t.Helper()
		if _, err := pool.Hold(over, owner, 1); !errors.Is(err, context.Canceled) {
			t.Errorf("%s gets another byte (%v)", owner, err)
		}
		if _, err := pool.TryHold(owner, 1); !errors.Is(err, ErrFull) {
			t.Errorf("%s gets another byte at once (%v)", owner, err)
		}
	}
	most, rest := hold("a", 9), hold("a", 1)
	refused("a")
	all := []func(){most, rest, hold("b", 1000), hold("c", 10)}
	refused("d")
	for _, release := range all {
		release()
	}
	hold("d", 10)()
	if release, err := pool.TryHold("d", 1000); err != nil {
		t.Errorf("d does not get its share at once: %v", err)
	} else {
		refused("d")
		release()
	}
	if len(pool.owners) != 0 {
		t.Errorf("%d owners are remembered", len(pool.owners))
	}
}
