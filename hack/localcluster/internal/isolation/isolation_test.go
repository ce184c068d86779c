package isolation

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
)

func TestMountsBelowExcludesTheFolderItself(t *testing.T) {
	below, err := MountsBelow("/proc/")
	if err != nil {
		t.Fatal(err)
	}
	if slices.Contains(below, "/proc") {
		t.Error("/proc is below itself")
	}
	all, err := MountsBelow("/")
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Contains(all, "/proc") {
		t.Errorf("/proc is not mounted, says %v", all)
	}
}

func TestUnescape(t *testing.T) {
	if got := unescape(`/a\040b\134c`); got != `/a b\c` {
		t.Errorf("got %q", got)
	}
}

func TestSubfoldersNamesParentsFirst(t *testing.T) {
	root := t.TempDir()
	inner := filepath.Join(root, "a", "b")
	if err := os.MkdirAll(inner, 0o755); err != nil {
		t.Fatal(err)
	}
	want := []string{root, filepath.Join(root, "a"), inner}
	if got := subfolders(root); !slices.Equal(got, want) {
		t.Errorf("got %v; want %v", got, want)
	}
	if got := subfolders(filepath.Join(root, "none")); got != nil {
		t.Errorf("a folder that is not there has %v", got)
	}
}

func TestNamespacesThatWereNeverMade(t *testing.T) {
	n := Namespaces{Name: "never-made"}
	if n.Exist() || n.owner() != "" {
		t.Errorf("exist: %v, owner: %q", n.Exist(), n.owner())
	}
}
