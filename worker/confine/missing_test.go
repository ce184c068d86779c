package confine

import (
	"slices"
	"strings"
	"testing"
)

func TestMissing(t *testing.T) {
	for _, test := range []struct {
		landlock int
		seccomp  bool
		want     []string
	}{
		{0, false, []string{"landlock: ", "seccomp: "}},
		{0, true, []string{"landlock: "}},
		{1, true, []string{"landlock of Linux 6.2: "}},
		{2, false, []string{"landlock of Linux 6.2: ", "seccomp: "}},
		{3, true, nil},
		{8, true, nil},
	} {
		if got := missing(test.landlock, test.seccomp); !slices.EqualFunc(got, test.want, strings.HasPrefix) {
			t.Errorf("with landlock %d and seccomp %v: %q, want %q", test.landlock, test.seccomp, got, test.want)
		}
	}
}
