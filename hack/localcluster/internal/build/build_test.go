package build

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestModuleVersion(t *testing.T) {
	file := filepath.Join(t.TempDir(), "go.mod")
	for _, content := range []string{
		"require k8s.io/kubernetes v1.2.3\n",
		"require (\n\tk8s.io/api v0.2.3\n\tk8s.io/kubernetes v1.2.3\n)\n",
		"tool (\n\tk8s.io/kubernetes/cmd/kubelet\n)\nrequire k8s.io/kubernetes v1.2.3 // why\n",
	} {
		if err := os.WriteFile(file, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
		if version, err := moduleVersion(file, kubernetesModule); err != nil || version != "v1.2.3" {
			t.Errorf("of %q: %q, %v", content, version, err)
		}
	}
	if err := os.WriteFile(file, []byte("module x\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if version, err := moduleVersion(file, kubernetesModule); err == nil {
		t.Errorf("version %q of a module that is not required", version)
	}
}

func TestStampsTellWhatIsUpToDate(t *testing.T) {
	source, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	all, err := programs(source)
	if err != nil {
		t.Fatal(err)
	}
	bin := t.TempDir()
	for _, p := range all {
		stamp, err := p.stamp(source)
		if err != nil {
			t.Fatal(err)
		}
		stamps, err := readStamps(bin)
		if err != nil {
			t.Fatal(err)
		}
		if err := stamps.set(p.name, stamp); err != nil {
			t.Fatal(err)
		}
		if stamps.upToDate(p.name, stamp) {
			t.Errorf("%s: up to date without a file", p.name)
		}
		if err := os.WriteFile(filepath.Join(bin, p.name), nil, 0o755); err != nil {
			t.Fatal(err)
		}
		again, err := readStamps(bin)
		if err != nil {
			t.Fatal(err)
		}
		if !again.upToDate(p.name, stamp) || again.upToDate(p.name, "other") {
			t.Errorf("%s: stamp is not compared", p.name)
		}
	}
}

func TestVersionFlagsNameThePartsOfTheVersion(t *testing.T) {
	flags := versionFlags("v1.36.3")
	for _, want := range []string{
		"component-base/version.gitVersion=v1.36.3", "version.gitMajor=1", "version.gitMinor=36",
	} {
		if !strings.Contains(flags, want) {
			t.Errorf("%q is not in %q", want, flags)
		}
	}
}
