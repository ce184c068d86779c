package confine

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"syscall"
)

// AddressSpace sets the process's own limit of address space (RLIMIT_AS) to what it has mapped now and the given
// number of bytes on top; nothing where that is empty. It must come before a document is opened.
//
// A process of Go and C has 1.5 GiB mapped when it starts, 20 MiB of them in memory: 1.1 GiB are the Go runtime's
// reservation for its heap, the rest mostly the C library's for the heaps of threads, which MALLOC_ARENA_MAX=1 in the
// environment saves. On top come 130 MiB for an A4 page at 200 dpi, 170 after many pages and 250 for A3; 384 is the
// least that makes sense.
func AddressSpace(additional string) error {
	if additional == "" {
		return nil
	}
	budget, err := strconv.ParseUint(additional, 10, 63)
	if err != nil {
		return fmt.Errorf("parse limit of address space: %w", err)
	}
	mapped, err := mappedBytes()
	if err != nil {
		return err
	}
	if err := syscall.Setrlimit(syscall.RLIMIT_AS, &syscall.Rlimit{Cur: mapped + budget, Max: mapped + budget}); err != nil {
		return fmt.Errorf("limit address space: %w", err)
	}
	return nil
}

// mappedBytes is the process's address space in use, the first number of statm in pages (proc(5)).
func mappedBytes() (uint64, error) {
	statm, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return 0, fmt.Errorf("read address space: %w", err)
	}
	size, _, _ := bytes.Cut(statm, []byte(" "))
	pages, err := strconv.ParseUint(string(size), 10, 63)
	if err != nil {
		return 0, fmt.Errorf("read address space: %w", err)
	}
	return pages * uint64(os.Getpagesize()), nil
}
