package searchable

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
)

func TestACopyIsNoLongerThanItMayBe(t *testing.T) {
	from, to := "../../../test/testdata/password.pdf", filepath.Join(t.TempDir(), "copy.pdf")
	if err := Rewrite(from, to, "user", 1<<20); err != nil {
		t.Fatal(err)
	}
	whole, err := os.Stat(to)
	if err != nil {
		t.Fatal(err)
	}
	// Two copies are not of quite the same length.
	if err := Rewrite(from, to, "user", whole.Size()/2); !errors.Is(err, errTooLong) {
		t.Errorf("a copy of %d bytes that may have half of them: %v", whole.Size(), err)
	}
	if cut, err := os.Stat(to); err != nil || cut.Size() >= whole.Size() {
		t.Errorf("it was written all the same, %v", err)
	}
}
