package process

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"syscall"
	"testing"
	"time"
)

// become has this program replace itself by a command when it is started with that and the command.
const become = "become"

func TestMain(m *testing.M) {
	if len(os.Args) > 2 && os.Args[1] == become {
		fmt.Fprintln(os.Stderr, replace(os.Args[2:]))
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// replace replaces this process by a command, from a thread that is not its first.
func replace(command []string) error {
	path, err := exec.LookPath(command[0])
	if err != nil {
		return err
	}
	failed := make(chan error)
	for range 2 { // one of them may be on the first thread, and keeps the other off it
		go func() {
			runtime.LockOSThread()
			if syscall.Gettid() != os.Getpid() {
				failed <- syscall.Exec(path, command, os.Environ())
			}
			select {}
		}()
	}
	return <-failed
}

func TestParseStatSurvivesOddCommandNames(t *testing.T) {
	line := []byte("4711 (a) b (c)) S 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 7 18 998877 20")
	seen, err := parseStat(line)
	if want := (status{state: "S", threads: 7, ticks: 998877}); err != nil || seen != want {
		t.Errorf("parseStat = %+v, %v; want %+v", seen, err, want)
	}
}

// TestAProcessThatReplacesItselfStaysAlive replaces a program of several threads, whose first is a zombie for a moment.
func TestAProcessThatReplacesItselfStaysAlive(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for range 100 {
		record, err := Start([]string{self, become, "sleep", "60"}, filepath.Join(t.TempDir(), "log"), "digest", nil)
		if err != nil {
			t.Fatal(err)
		}
		for replaced := false; !replaced; {
			if !record.Alive() {
				t.Error("it is said to have ended")
				break
			}
			line, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", record.PID))
			replaced = string(line) == "sleep\x0060\x00"
		}
		if err := record.Stop(t.Context(), 0); err != nil {
			t.Fatal(err)
		}
	}
}

func TestStoppedProcessIsNotAlive(t *testing.T) {
	log := filepath.Join(t.TempDir(), "log")
	record, err := Start([]string{"sleep", "60"}, log, "digest", nil)
	if err != nil {
		t.Fatal(err)
	}
	if !record.Alive() {
		t.Fatal("a process that was just started is not alive")
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	if err := record.Stop(ctx, 5*time.Second); err != nil {
		t.Fatal(err)
	}
	if record.Alive() {
		t.Error("alive after Stop")
	}
}

func TestAProcessIsFoundByItsCommand(t *testing.T) {
	command := []string{"sleep", fmt.Sprint(1000000 + os.Getpid())}
	if found := Find(command); len(found) != 0 {
		t.Fatalf("found before the start: %+v", found)
	}
	record, err := Start(command, filepath.Join(t.TempDir(), "log"), "digest", nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = record.Stop(context.Background(), 0) })
	found := Find(command)
	if len(found) != 1 || found[0].PID != record.PID || !found[0].Alive() {
		t.Fatalf("found %+v, started %+v", found, record)
	}
	if err := found[0].Stop(t.Context(), 0); err != nil || record.Alive() {
		t.Errorf("it lives on: %v", err)
	}
}

func TestReusedNumberIsNotAlive(t *testing.T) {
	boot, err := bootID()
	if err != nil {
		t.Fatal(err)
	}
	seen, err := stat(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	ticks := seen.ticks
	self := Record{PID: os.Getpid(), Ticks: ticks, Boot: boot}
	if !self.Alive() {
		t.Fatal("this very process is not alive")
	}
	for name, other := range map[string]Record{
		"another start time": {PID: self.PID, Ticks: ticks + 1, Boot: boot},
		"another boot":       {PID: self.PID, Ticks: ticks, Boot: "before"},
		"nothing recorded":   {},
	} {
		if other.Alive() {
			t.Errorf("%s: alive", name)
		}
	}
}
