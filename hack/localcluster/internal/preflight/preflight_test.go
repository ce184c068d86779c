package preflight

import (
	"slices"
	"testing"
)

func TestMissingPackages(t *testing.T) {
	all := missingPackages(func(string) bool { return false })
	if !slices.Equal(all, Packages()) {
		t.Errorf("nothing installed: missing %v, want %v", all, Packages())
	}
	if none := missingPackages(func(string) bool { return true }); none != nil {
		t.Errorf("everything installed: missing %v", none)
	}
	one := missingPackages(func(program string) bool { return program != "ctr" })
	if !slices.Equal(one, []string{"containerd"}) {
		t.Errorf("without ctr: missing %v", one)
	}
}

func TestCheckState(t *testing.T) {
	for _, folder := range []string{"/srv/cluster", "/home/someone/run/x", "/running"} {
		if err := CheckState(folder); err != nil {
			t.Errorf("%s: %v", folder, err)
		}
	}
	for _, folder := range []string{"/", "relative", "/run", "/run/cluster", "/var/log/x"} {
		if CheckState(folder) == nil {
			t.Errorf("%s: accepted", folder)
		}
	}
}
