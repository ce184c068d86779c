// Package attack is what a process tries that has been taken over by a document. It is for tests only.
package attack

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
)

// Place is what an attacker finds.
type Place struct {
	// Document is what it may read, Work the folder that it may write in.
	Document, Work string
	// Secret is a file beside them that it may not read, such as a token; Elsewhere a folder that it may not write in. The
	// process has rights to both by the owner and mode of the file.
	Secret, Elsewhere string
	// Supervisor is the process that made it.
	Supervisor int
	// MaxFileBytes bounds a file, AddressSpace the memory.
	MaxFileBytes, AddressSpace int64
}

// Means by which an attempt is refused.
const (
	ByFiles  = "landlock"
	ByCalls  = "seccomp"
	ByLimits = "limit"
)

// Attempt is one thing to try.
type Attempt struct {
	Name string
	// By is what refuses it in the first place.
	By string
	// Privileged attempts fail for most users who are not confined, too.
	Privileged bool
	// Try returns nil for a success. It leaves nothing open.
	Try func(Place) error
	// Want are the errors of a refusal.
	Want []syscall.Errno
}

// Outcome of an attempt.
type Outcome struct {
	Name string
	// Errno is 0 for a success.
	Errno syscall.Errno
}

// Refused tells whether the outcome is what the attempt's refusal looks like.
func (a Attempt) Refused(o Outcome) bool {
	for _, errno := range a.Want {
		if o.Errno == errno {
			return true
		}
	}
	return false
}

// Run makes all attempts, on a thread of their own, and writes what came of them into the file report in the place's work folder.
func Run(place Place) error {
	outcomes := make(chan []Outcome)
	go func() {
		runtime.LockOSThread()
		var all []Outcome
		for _, attempt := range All {
			err := attempt.Try(place)
			outcome := Outcome{Name: attempt.Name}
			if err != nil && !errors.As(err, &outcome.Errno) {
				outcome.Errno = ^syscall.Errno(0) // no error of a call
			}
			all = append(all, outcome)
		}
		outcomes <- all
	}()
	content, err := json.Marshal(<-outcomes)
	if err != nil {
		return fmt.Errorf("encode the outcomes: %w", err)
	}
	if err := os.WriteFile(filepath.Join(place.Work, report), content, 0o600); err != nil {
		return fmt.Errorf("write the outcomes: %w", err)
	}
	return nil
}

const report = "report"

// Judge fails the test for attempts that were not refused, and prints what each was told.
func Judge(t *testing.T, outcomes map[string]Outcome) {
	t.Helper()
	var table strings.Builder
	for _, attempt := range All {
		outcome, tried := outcomes[attempt.Name]
		fmt.Fprintf(&table, "\n%-52s %-9s %v", attempt.Name, attempt.By, outcome.Errno)
		if !tried || !attempt.Refused(outcome) {
			t.Errorf("%s: it is told %d (%v), want a refusal by %s", attempt.Name, int(outcome.Errno), outcome.Errno, attempt.By)
		}
	}
	t.Log(table.String())
}

// Outcomes reads what a Run in a work folder has written, by the attempts' names.
func Outcomes(work string) (map[string]Outcome, error) {
	content, err := os.ReadFile(filepath.Join(work, report))
	if err != nil {
		return nil, fmt.Errorf("read the outcomes: %w", err)
	}
	var all []Outcome
	if err := json.Unmarshal(content, &all); err != nil {
		return nil, fmt.Errorf("decode the outcomes: %w", err)
	}
	byName := make(map[string]Outcome, len(all))
	for _, outcome := range all {
		byName[outcome.Name] = outcome
	}
	return byName, nil
}
