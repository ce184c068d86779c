package process

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"
)

func TestParseStatSurvivesOddCommandNames(t *testing.T) {
	line := []byte("4711 (a) b (c)) S 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 998877 20")
	ticks, state, err := parseStat(line)
	if err != nil || ticks != 998877 || state != "S" {
		t.Errorf("parseStat = %d, %q, %v; want 998877, S, no error", ticks, state, err)
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
	ticks, _, err := stat(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
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
