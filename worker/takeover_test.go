package worker

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/openplp/khocr/worker/confine"
)

func TestAWorkerTellsWhatItsKernelLacks(t *testing.T) {
	if missing := confine.Missing(); len(missing) > 0 {
		t.Skipf("this kernel lacks %s", strings.Join(missing, "; "))
	}
	binary, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	lacking := filepath.Join(t.TempDir(), "lacking")
	if err := os.Symlink(binary, lacking); err != nil {
		t.Fatal(err)
	}
	output, _ := exec.Command(lacking).Output() // it fails, for it has no gateway
	log := string(output)
	if strings.Count(log, "The kernel does not confine engines in full") != 1 || !strings.Contains(log, "landlock: an engine may read and write") {
		t.Errorf("the log is\n%s", log)
	}
}

// The worker hands on what the engine has made: it must not be led to its own token by it.
func TestOnlyAFileIsTakenFromAnEngine(t *testing.T) {
	folder := t.TempDir()
	in := func(name string) string { return filepath.Join(folder, name) }
	if err := os.WriteFile(in("made"), []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	file, err := openMade(in("made"))
	if err != nil {
		t.Fatal(err)
	}
	file.Close()
	for name, replace := range map[string]func(path string) error{
		"a link":   func(path string) error { return os.Symlink(in("made"), path) },
		"a pipe":   func(path string) error { return syscall.Mkfifo(path, 0o600) },
		"a folder": func(path string) error { return os.Mkdir(path, 0o700) },
	} {
		if err := replace(in(name)); err != nil {
			t.Fatal(err)
		}
		if file, err := openMade(in(name)); err == nil {
			file.Close()
			t.Errorf("%s was opened", name)
		}
	}
}
