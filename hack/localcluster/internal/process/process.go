// Package process starts processes that outlive the program and finds them
// again later. A recorded process is known by its number, its start time and
// the boot it belongs to, so that a number which the kernel has given to
// somebody else meanwhile is never signalled.
package process

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// A Record identifies one process.
type Record struct {
	PID int `json:"pid"`
	// Ticks is the start time in clock ticks since Boot.
	Ticks uint64 `json:"ticks"`
	Boot  string `json:"boot"`
	// Digest tells which configuration the process was started with.
	Digest string `json:"digest"`
	// Started is the time of the start by the clock on the wall.
	Started time.Time `json:"started"`
}

// Start runs a command in a session of its own, its output appended to a log
// file. The files are its descriptors from 3 on. Of the environment it gets
// only the path: what the caller has set, a proxy for one, is for the caller.
func Start(command []string, logFile, digest string, files []*os.File) (Record, error) {
	log, err := os.OpenFile(logFile, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return Record{}, fmt.Errorf("opening the log: %w", err)
	}
	defer log.Close()
	cmd := exec.Command(command[0], command[1:]...)
	cmd.Stdout, cmd.Stderr = log, log
	cmd.Env = []string{"PATH=" + os.Getenv("PATH")}
	cmd.ExtraFiles = files
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	started := time.Now()
	if err := cmd.Start(); err != nil {
		return Record{}, fmt.Errorf("starting a process: %w", err)
	}
	go func() { _ = cmd.Wait() }() // no zombie, should it end before we do
	boot, err := bootID()
	if err != nil {
		return Record{}, err
	}
	// A process that ended already leaves no start time; it is not alive then.
	seen, _ := stat(cmd.Process.Pid)
	return Record{PID: cmd.Process.Pid, Ticks: seen.ticks, Boot: boot, Digest: digest, Started: started}, nil
}

// Find finds the processes that run exactly this command.
func Find(command []string) []Record {
	boot, err := bootID()
	if err != nil {
		return nil
	}
	wanted := strings.Join(command, "\x00") + "\x00"
	entries, _ := os.ReadDir("/proc")
	var found []Record
	for _, entry := range entries {
		pid, err := strconv.Atoi(entry.Name())
		if err != nil {
			continue
		}
		if line, err := os.ReadFile("/proc/" + entry.Name() + "/cmdline"); err != nil || string(line) != wanted {
			continue
		}
		if seen, err := stat(pid); err == nil {
			found = append(found, Record{PID: pid, Ticks: seen.ticks, Boot: boot})
		}
	}
	return found
}

// Alive says whether this very process is running. A zombie is not: whoever
// inherited it may take its time to collect it.
func (r Record) Alive() bool {
	if r.PID <= 0 || r.Ticks == 0 {
		return false
	}
	boot, err := bootID()
	if err != nil || boot != r.Boot {
		return false
	}
	seen, err := stat(r.PID)
	return err == nil && seen.ticks == r.Ticks && !seen.ended()
}

// Stop asks the process to end, and ends it when the grace is over. It returns
// when the process is gone.
func (r Record) Stop(ctx context.Context, grace time.Duration) error {
	if !r.Alive() {
		return nil
	}
	if grace > 0 {
		if err := r.signal(syscall.SIGTERM); err != nil {
			return err
		}
		patience, cancel := context.WithTimeout(ctx, grace)
		defer cancel()
		if r.waitEnd(patience) == nil {
			return nil
		}
	}
	if err := r.signal(syscall.SIGKILL); err != nil {
		return err
	}
	if err := r.waitEnd(ctx); err != nil {
		return fmt.Errorf("waiting for process %d to end: %w", r.PID, err)
	}
	return nil
}

func (r Record) signal(signal syscall.Signal) error {
	if err := syscall.Kill(r.PID, signal); err != nil && !errors.Is(err, syscall.ESRCH) {
		return fmt.Errorf("sending %s to process %d: %w", signal, r.PID, err)
	}
	return nil
}

func (r Record) waitEnd(ctx context.Context) error {
	for r.Alive() {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(10 * time.Millisecond):
		}
	}
	return nil
}

// A status is what the kernel tells of a process.
type status struct {
	state   string // a letter
	threads int
	ticks   uint64 // as in Record
}

// ended says whether nothing of the process runs any more. Of one that replaces its program by another from a thread that is not
// its first, the first is a zombie until the other has taken its place.
func (s status) ended() bool {
	return s.state == "X" || s.state == "Z" && s.threads == 1
}

func stat(pid int) (status, error) {
	for {
		content, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
		if err != nil {
			return status{}, fmt.Errorf("looking at process %d: %w", pid, err)
		}
		// Without a thread it was let go while it was read. Another thread may have taken its place.
		if seen, err := parseStat(content); err != nil || seen.threads > 0 {
			return seen, err
		}
	}
}

// parseStat reads a line of /proc/PID/stat. The command name in it may contain
// anything, so the fields are counted from its closing parenthesis.
func parseStat(content []byte) (status, error) {
	fields := bytes.Fields(content[bytes.LastIndexByte(content, ')')+1:])
	if len(fields) < 20 {
		return status{}, fmt.Errorf("reading process state %q: too few fields", content)
	}
	threads, err := strconv.Atoi(string(fields[17]))
	if err != nil {
		return status{}, fmt.Errorf("reading a process's number of threads: %w", err)
	}
	ticks, err := strconv.ParseUint(string(fields[19]), 10, 64)
	if err != nil {
		return status{}, fmt.Errorf("reading a process's start time: %w", err)
	}
	return status{state: string(fields[0]), threads: threads, ticks: ticks}, nil
}

func bootID() (string, error) {
	id, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return "", fmt.Errorf("reading the boot's id: %w", err)
	}
	return strings.TrimSpace(string(id)), nil
}
