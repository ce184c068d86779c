// Package lock keeps two calls of the program from working in the same folder.
// A lock ends with its process, so it never has to be removed by hand.
package lock

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"golang.org/x/sys/unix"
)

// Folder keeps other calls away from a folder, which it makes if need be, until
// release is called. A folder that was removed while this call waited is made
// again.
func Folder(folder string) (release func(), err error) {
	for {
		if err := os.MkdirAll(folder, 0o755); err != nil {
			return nil, fmt.Errorf("making a folder to lock: %w", err)
		}
		handle, err := os.Open(folder)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("opening a folder to lock: %w", err)
		}
		if err := unix.Flock(int(handle.Fd()), unix.LOCK_EX); err != nil {
			handle.Close()
			return nil, fmt.Errorf("locking folder %s: %w", folder, err)
		}
		locked, err := handle.Stat()
		if err != nil {
			handle.Close()
			return nil, fmt.Errorf("looking at a locked folder: %w", err)
		}
		if now, err := os.Stat(folder); err == nil && os.SameFile(locked, now) {
			return func() { handle.Close() }, nil
		}
		handle.Close()
	}
}
