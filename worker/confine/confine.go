// Package confine shuts a process of the engine up before it opens a customer's document. Libraries in C read the document,
// and what takes such a process over by it shall find nothing to take: no file but the document, no network, no other
// program, no other process.
//
// The kernel sees to that, by landlock (files), seccomp (system calls) and resource limits, for all threads of the process and
// for good. It needs no privilege, so a container without any can do it.
package confine

import (
	"errors"
	"fmt"
	"os/signal"

	"golang.org/x/sys/unix"
)

// Room is what is left to a process.
type Room struct {
	// Read are files, and folders with what is below them, that it may read besides those of the system's libraries. What does
	// not exist yet will not be readable.
	Read []string
	// Work is the folder in which it may make, write and remove files; no links, folders, pipes or sockets. It must exist.
	Work string
	// MaxFileBytes bounds each file that it writes.
	MaxFileBytes int64
}

// Enter confines the process to the room. What the kernel does not offer is left out, see Missing; on an error the
// process may be confined in part, and must not open anything.
//
// A file that is open stays open: only those that the process shall have may be.
func Enter(room Room) error {
	// Files before system calls: afterwards there is no landlock any more.
	if err := errors.Join(limit(room.MaxFileBytes), shutFiles(room)); err != nil {
		return err
	}
	return shutCalls()
}

// Missing tells what the kernel, or what runs the container in its place, does not offer, and what follows from it: one entry
// for each, in words; none if a process is confined in full.
func Missing() []string { return missing(landlockVersion(), seccompOffered()) }

// landlockTruncates is the first version of landlock that has a right to empty a file. Before it, whoever may read a file
// by landlock and write it by its mode may empty it.
const landlockTruncates = 3

func missing(landlock int, seccomp bool) []string {
	var missing []string
	switch {
	case landlock == 0:
		missing = append(missing, "landlock: an engine may read and write what the worker may")
	case landlock < landlockTruncates:
		missing = append(missing, "landlock of Linux 6.2: an engine may empty the document, for all engines of its worker")
	}
	if !seccomp {
		missing = append(missing, "seccomp: an engine may open connections and run programs")
	}
	return missing
}

// landlockVersion is that of the kernel's landlock; 0 where there is none.
func landlockVersion() int {
	version, _, errno := unix.Syscall(unix.SYS_LANDLOCK_CREATE_RULESET, 0, 0, unix.LANDLOCK_CREATE_RULESET_VERSION)
	if errno != 0 {
		return 0
	}
	return int(version)
}

// openFiles is more than an engine has open at any time.
const openFiles = 64

// limit sets the resource limits besides that of the address space, which the process sets when it starts.
//
// None is for processes: the kernel counts all of the user's on a node, those of other pods, too.
func limit(fileBytes int64) error {
	// A write beyond the limit of a file fails, and does not end the process.
	signal.Ignore(unix.SIGXFSZ)
	for _, l := range []struct {
		name     string
		resource int
		most     uint64
	}{
		{"files that are open", unix.RLIMIT_NOFILE, openFiles},
		// It would hold the document.
		{"a core dump", unix.RLIMIT_CORE, 0},
		{"a file", unix.RLIMIT_FSIZE, uint64(max(0, fileBytes))},
	} {
		if err := unix.Setrlimit(l.resource, &unix.Rlimit{Cur: l.most, Max: l.most}); err != nil {
			return fmt.Errorf("limit %s: %w", l.name, err)
		}
	}
	return nil
}
