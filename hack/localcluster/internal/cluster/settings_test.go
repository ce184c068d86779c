package cluster

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/openplp/khocr/hack/localcluster/internal/forward"
)

func TestCheckName(t *testing.T) {
	for _, name := range []string{"khocr", "a", "e2e-1"} {
		if err := CheckName(name); err != nil {
			t.Errorf("%q: %v", name, err)
		}
	}
	for _, name := range []string{"", "-a", "a-", "A", "a.b", "a/b", "../x", strings.Repeat("a", 41)} {
		if CheckName(name) == nil {
			t.Errorf("%q: accepted", name)
		}
	}
}

func TestPrepareKeepsWhatIsNotAskedAnew(t *testing.T) {
	policy := filepath.Join(t.TempDir(), "policy.yaml")
	if err := os.WriteFile(policy, []byte("rules"), 0o644); err != nil {
		t.Fatal(err)
	}
	options := Options{
		Name: "trial", Folder: t.TempDir(), Bin: "/programs", Kubeconfig: "/elsewhere/config", AuditPolicy: policy,
		Forwards: []forward.Forward{{Listen: "127.0.0.1:0", Port: 30080}},
	}
	first, err := Prepare(options, nil)
	if err != nil {
		t.Fatal(err)
	}
	first.settings.Forwards[0].Address = "127.0.0.1:4711"
	if err := first.saveSettings(); err != nil {
		t.Fatal(err)
	}
	second, err := Prepare(Options{Name: "trial", Folder: options.Folder, Bin: "/others"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if s := second.settings; s.Kubeconfig != "/elsewhere/config" || s.AuditPolicy != policy || s.Bin != "/others" {
		t.Errorf("settings are %+v", s)
	}
	if string(second.auditPolicy) != "rules" {
		t.Errorf("audit policy is %q", second.auditPolicy)
	}
	if !slices.Equal(second.settings.Forwards, first.settings.Forwards) {
		t.Errorf("forwards are %v", second.settings.Forwards)
	}
}

func TestPrepareRefusesAnotherNameAndOtherFiles(t *testing.T) {
	folder := t.TempDir()
	if _, err := Prepare(Options{Name: "one", Folder: folder}, nil); err != nil {
		t.Fatal(err)
	}
	if _, err := Prepare(Options{Name: "two", Folder: folder}, nil); err == nil {
		t.Error("took the folder of another cluster")
	}
	used := t.TempDir()
	if err := os.WriteFile(filepath.Join(used, "letter.txt"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := Prepare(Options{Name: "one", Folder: used}, nil); err == nil {
		t.Error("took a folder with other files")
	}
}

func TestMergeForwards(t *testing.T) {
	before := []forward.Forward{
		{Listen: "127.0.0.1:0", Address: "127.0.0.1:4711", Port: 30080},
		{Listen: "127.0.0.1:81", Address: "127.0.0.1:81", Port: 30081},
	}
	wanted := []forward.Forward{{Listen: "127.0.0.1:0", Port: 30080}, {Listen: "127.0.0.1:0", Port: 30081}}
	got := mergeForwards(wanted, before)
	want := []forward.Forward{before[0], wanted[1]}
	if !slices.Equal(got, want) {
		t.Errorf("got %v; want %v", got, want)
	}
}
