package keyuse

import (
	"fmt"
	"maps"
	"testing"
	"time"
)

func at(second int) time.Time { return time.Unix(int64(second), 0).UTC() }

func TestMerge(t *testing.T) {
	for name, c := range map[string]struct{ a, b, want Times }{
		"nothing":           {nil, nil, Times{}},
		"one side":          {nil, Times{"main": at(1)}, Times{"main": at(1)}},
		"the later time":    {Times{"main": at(1), "ci": at(9)}, Times{"main": at(2), "ci": at(8)}, Times{"main": at(2), "ci": at(9)}},
		"keys of each side": {Times{"main": at(1)}, Times{"ci": at(2)}, Times{"main": at(1), "ci": at(2)}},
	} {
		t.Run(name, func(t *testing.T) {
			if got := merge(c.a, c.b); !maps.Equal(got, c.want) {
				t.Errorf("got %v, want %v", got, c.want)
			}
		})
	}
}

func TestOnlyTheKeysUsedLastAreKept(t *testing.T) {
	times := Times{}
	for i := range 3 * maxKeys {
		times[fmt.Sprint(i)] = at(i)
	}
	merged := merge(times, nil)
	if len(merged) != maxKeys || !merged[fmt.Sprint(2*maxKeys)].Equal(at(2*maxKeys)) || !merged[fmt.Sprint(2*maxKeys-1)].IsZero() {
		t.Errorf("%d keys are kept, want the %d that were used last", len(merged), maxKeys)
	}
}

func TestSince(t *testing.T) {
	got := since(Times{"same": at(1), "later": at(2), "new": at(3)}, Times{"same": at(1), "later": at(1)})
	if want := (Times{"later": at(2), "new": at(3)}); !maps.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}
