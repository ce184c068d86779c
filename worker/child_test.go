package worker

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

func TestAnEngineDiesWithItsSupervisor(t *testing.T) {
	binary, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	folder := t.TempDir()
	for _, name := range []string{"parent", "engine"} {
		if err := os.Symlink(binary, filepath.Join(folder, name)); err != nil {
			t.Fatal(err)
		}
	}
	document := filepath.Join(folder, "document")
	if err := os.WriteFile(document, []byte(`{"OpenHangs": 1}`), 0o600); err != nil {
		t.Fatal(err)
	}
	parent := exec.Command(filepath.Join(folder, "parent"), filepath.Join(folder, "engine"), document)
	output, err := parent.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := parent.Start(); err != nil {
		t.Fatal(err)
	}
	pid, err := bufio.NewReader(output).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	// A child that waits for requests would see the end of them; one that hangs in a document does not.
	await(t, "the engine to hang", func() bool { return readDiary(folder) != nil })
	_ = parent.Process.Kill()
	_ = parent.Wait()
	await(t, "the engine to end", func() bool { return hasEnded(strings.TrimSpace(pid)) })
}

// hasEnded tells whether a process is gone, or waits for init to take note of its end.
func hasEnded(pid string) bool {
	stat, err := os.ReadFile(filepath.Join("/proc", pid, "stat"))
	if err != nil {
		return true
	}
	_, after, _ := strings.Cut(string(stat), ") ")
	return strings.HasPrefix(after, "Z") || strings.HasPrefix(after, "X")
}

func TestTheTailKeepsTheLastAndNothingThatIsNotASCII(t *testing.T) {
	kept := new(tail)
	_, _ = fmt.Fprint(kept, strings.Repeat("x", 3*maxTail))
	_, _ = fmt.Fprint(kept, "\x1b[31mខ្មែរ\nend")
	got := kept.String()
	if len(got) > maxTail || !strings.HasSuffix(got, "?[31m?????\nend") {
		t.Errorf("%d bytes that end in %q", len(got), got[max(0, len(got)-20):])
	}
}
