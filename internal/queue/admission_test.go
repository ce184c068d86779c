package queue

import (
	"slices"
	"testing"

	"k8s.io/apimachinery/pkg/types"
)

// admits makes a pass over the jobs and names those that are admitted in it.
func admits(t *testing.T, a *Admission, jobs string, slots map[string]int32) []types.UID {
	t.Helper()
	var admitted []types.UID
	for _, turn := range a.Pass(entries(t, jobs), slots) {
		if turn.Admit {
			admitted = append(admitted, turn.UID)
		}
	}
	return admitted
}

func TestATurnCountsUntilItIsSeen(t *testing.T) {
	slots := map[string]int32{"a": 1}
	for name, test := range map[string]struct {
		then string
		want []types.UID
	}{
		"nothing new is seen":                {"a/1:waiting a/2:waiting", nil},
		"the job is held meanwhile":          {"a/1:held a/2:waiting", nil},
		"the job is seen at work":            {"a/1:unplaced a/2:waiting", nil},
		"the job has ended, or is gone":      {"a/2:waiting", []types.UID{"a/2"}},
		"an older job has come, but is late": {"a/0:waiting a/1:waiting a/2:waiting", nil},
	} {
		t.Run(name, func(t *testing.T) {
			var a Admission
			if got := admits(t, &a, "a/1:waiting a/2:waiting", slots); !slices.Equal(got, []types.UID{"a/1"}) || !a.Granted("a/1") || a.Granted("a/2") {
				t.Fatalf("at first %v", got)
			}
			if got := admits(t, &a, test.then, slots); !slices.Equal(got, test.want) {
				t.Errorf("then %v, want %v", got, test.want)
			}
		})
	}
}

func TestATurnThatWasSeenIsForgotten(t *testing.T) {
	var a Admission
	slots := map[string]int32{"a": 1}
	admits(t, &a, "a/1:waiting", slots)
	admits(t, &a, "a/1:placed", slots)
	if a.Granted("a/1") {
		t.Error("the turn of a job at work is open")
	}
	// It was suspended, which another job made use of, and waits again.
	if got := admits(t, &a, "a/1:waiting a/2:placed", slots); len(got) != 0 {
		t.Errorf("admitted %v", got)
	}
}

func TestATurnThatWasGivenBackIsAnothers(t *testing.T) {
	var a Admission
	slots := map[string]int32{"a": 1}
	admits(t, &a, "a/1:waiting a/2:waiting", slots)
	a.GiveBack("a/1")
	if got := admits(t, &a, "a/1:held a/2:waiting", slots); !slices.Equal(got, []types.UID{"a/2"}) {
		t.Errorf("admitted %v", got)
	}
}

func TestTurnsTakeRoom(t *testing.T) {
	var a Admission
	slots := map[string]int32{"a": 10}
	jobs := "a/1:waiting a/2:waiting a/3:waiting a/4:waiting"
	if got := admits(t, &a, jobs, slots); len(got) != firstWindow {
		t.Errorf("at first %v", got)
	}
	if got := admits(t, &a, jobs, slots); len(got) != 0 {
		t.Errorf("then %v", got)
	}
}
