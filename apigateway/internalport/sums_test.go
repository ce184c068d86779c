package internalport

import (
	"errors"
	"testing"
)

func TestTheSumOfAJobsPages(t *testing.T) {
	const most = 1 << 30
	type step struct {
		// stored is what the store tells, and asked whether it is asked.
		stored int64
		size   int64
		asked  bool
		fits   bool
	}
	for name, steps := range map[string][]step{
		"a short document asks for nothing": {{0, 2 << 20, false, true}, {0, 2 << 20, false, true}},
		"the store is asked after a while":  {{0, unseen, false, true}, {unseen, 1, true, true}, {0, unseen - 1, false, true}, {most, 4097, true, false}},
		"what others have stored counts":    {{0, unseen, false, true}, {most - 5000, 5001, true, false}, {0, 5000, false, true}},
		"who is refused is not asked for":   {{0, unseen, false, true}, {most, 1 << 20, true, false}, {0, 1 << 20, false, false}},
		"a page without a result is kept":   {{0, unseen, false, true}, {most, alwaysKept + 1, true, false}, {0, alwaysKept, false, true}},
		"what was there already is not counted twice": {{0, unseen, false, true}, {unseen, unseen, true, true},
			{unseen, unseen, true, true}, {unseen, unseen, true, true}},
	} {
		t.Run(name, func(t *testing.T) {
			job := new(sum)
			for i, s := range steps {
				asked := false
				fits, err := job.add(s.size, most, func() (int64, error) { asked = true; return s.stored, nil })
				if fits != s.fits || asked != s.asked || err != nil {
					t.Errorf("step %d: fits %v, asked %v, %v; want %v, %v", i, fits, asked, err, s.fits, s.asked)
				}
			}
		})
	}
}

func TestAStoreThatDoesNotTellRefusesNothingForGood(t *testing.T) {
	job, away := new(sum), errors.New("the store is away")
	for range 2 {
		if _, err := job.add(unseen, mostKept, func() (int64, error) { return 0, nil }); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := job.add(1, mostKept, func() (int64, error) { return 0, away }); !errors.Is(err, away) {
		t.Errorf("got %v, want %v", err, away)
	}
	if fits, err := job.add(1, mostKept, func() (int64, error) { return unseen, nil }); !fits || err != nil {
		t.Errorf("got %v, %v when the store is back", fits, err)
	}
}
