package engine

import (
	"fmt"
	"strconv"
	"syscall"
)

// LimitAddressSpace sets the process's own limit of address space (RLIMIT_AS) to the given number of bytes; nothing
// where it is empty. It must come before a document is opened.
func LimitAddressSpace(bytes string) error {
	if bytes == "" {
		return nil
	}
	limit, err := strconv.ParseUint(bytes, 10, 64)
	if err != nil {
		return fmt.Errorf("parse limit of address space: %w", err)
	}
	if err := syscall.Setrlimit(syscall.RLIMIT_AS, &syscall.Rlimit{Cur: limit, Max: limit}); err != nil {
		return fmt.Errorf("limit address space: %w", err)
	}
	return nil
}
