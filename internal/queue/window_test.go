package queue

import (
	"testing"

	"k8s.io/apimachinery/pkg/types"

	"github.com/openplp/khocr/api/v1alpha1"
)

func TestWindows(t *testing.T) {
	job := func(uid string, state State) Entry {
		return Entry{UID: types.UID(uid), Priority: normal, State: state}
	}
	noRoom := func(uid string) Entry {
		entry := job(uid, Unplaced)
		entry.Unschedulable = true
		return entry
	}
	many := func(count int, state State) []Entry {
		var all []Entry
		for i := range count {
			all = append(all, job(string(rune('A'+i)), state))
		}
		return all
	}
	for name, test := range map[string]struct {
		looks [][]Entry
		want  int
	}{
		"two at first":                              {[][]Entry{{}}, 2},
		"pods without a node take room":             {[][]Entry{{job("a", Unplaced)}}, 1},
		"others take none":                          {[][]Entry{{job("a", Placed), job("b", Podless), job("c", Waiting), job("d", Held)}}, 2},
		"more pods than room leave none":            {[][]Entry{many(5, Unplaced)}, 0},
		"a pod that got a node opens":               {[][]Entry{{job("a", Unplaced)}, {job("a", Placed)}}, 3},
		"and only once":                             {[][]Entry{{job("a", Unplaced)}, {job("a", Placed)}, {job("a", Placed)}}, 3},
		"a pod that was never unplaced does not":    {[][]Entry{{job("a", Placed)}}, 2},
		"nor one that went away":                    {[][]Entry{{job("a", Unplaced)}, {job("a", Podless)}, {job("a", Placed)}}, 2},
		"it opens to a bound":                       {[][]Entry{many(50, Unplaced), many(50, Placed)}, 32},
		"a pod without room closes":                 {[][]Entry{many(9, Unplaced), many(9, Placed), {noRoom("z")}, {}}, 1},
		"and takes the room that is left itself":    {[][]Entry{{noRoom("z")}}, 0},
		"it opens nothing when it got a node":       {[][]Entry{{noRoom("z")}, {job("z", Placed)}}, 1},
		"nor if there seemed to be room later":      {[][]Entry{{noRoom("z")}, {job("z", Unplaced)}, {job("z", Placed)}}, 1},
		"the next one that got a node opens again":  {[][]Entry{{noRoom("z")}, {job("z", Placed), job("a", Unplaced)}, {job("a", Placed)}}, 2},
		"closed is closed, whoever got a node then": {[][]Entry{{job("a", Unplaced)}, {noRoom("z"), job("a", Placed)}, {}}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			var windows Windows
			room := map[v1alpha1.Priority]int{}
			for _, look := range test.looks {
				room = windows.Room(look)
				windows.Follow([]Turn{{Entry: job("next", Waiting), Limit: 1}})
			}
			if room[normal] != test.want || room[high] != 2 || room[low] != 2 {
				t.Errorf("room = %v, want %d for normal", room, test.want)
			}
		})
	}
}

func TestAWindowIsNotWiderThanItIsNeeded(t *testing.T) {
	placed, unplaced := []Entry{{UID: "a", Priority: normal, State: Placed}}, []Entry{{UID: "a", Priority: normal, State: Unplaced}}
	waits := Turn{Entry: Entry{UID: "b", Priority: normal, State: Waiting}, AtWork: 1, Limit: 2}
	hasNoSlot, begins, isHigh := waits, waits, waits
	hasNoSlot.AtWork = 2
	begins.Admit = true
	isHigh.Priority = high
	for name, test := range map[string]struct {
		first, then Turn
		want        int
	}{
		"a job waits for room":         {waits, waits, 3},
		"none did when a pod got some": {begins, waits, 2},
		"none does any more":           {waits, begins, 2},
		"it waits for a slot":          {hasNoSlot, hasNoSlot, 2},
		"it has another priority":      {isHigh, isHigh, 2},
	} {
		t.Run(name, func(t *testing.T) {
			var windows Windows
			windows.Room(unplaced)
			windows.Follow([]Turn{test.first})
			windows.Room(placed)
			windows.Follow([]Turn{test.then})
			if room := windows.Room(nil); room[normal] != test.want {
				t.Errorf("room = %v, want %d for normal", room, test.want)
			}
		})
	}
}
