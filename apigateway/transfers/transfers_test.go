package transfers

import (
	"errors"
	"testing"
)

func TestWhoHasTooManyKeepsNobodyElseOut(t *testing.T) {
	bound := New(2, 3)
	begin := func(owner string, want error) func() {
		t.Helper()
		end, err := bound.Begin(owner)
		if !errors.Is(err, want) {
			t.Fatalf("%s is told %v, want %v", owner, err, want)
		}
		return end
	}
	first := begin("moj", nil)
	second := begin("moj", nil)
	begin("moj", ErrOwner)
	other := begin("moh", nil)
	begin("moh", ErrAll)
	first()
	third := begin("moh", nil)
	begin("moh", ErrOwner)
	for _, end := range []func(){second, other, third} {
		end()
	}
	if bound.total != 0 || len(bound.owners) != 0 {
		t.Errorf("%d transfers of %v are left", bound.total, bound.owners)
	}
}
