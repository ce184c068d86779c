package confine

import (
	"fmt"

	"github.com/landlock-lsm/go-landlock/landlock"
	"golang.org/x/sys/unix"
)

// Rights by landlock. Nowhere is there one to run a program.
const (
	toRead = unix.LANDLOCK_ACCESS_FS_READ_FILE
	toList = unix.LANDLOCK_ACCESS_FS_READ_DIR
	toWork = toRead | toList | unix.LANDLOCK_ACCESS_FS_WRITE_FILE | unix.LANDLOCK_ACCESS_FS_TRUNCATE |
		unix.LANDLOCK_ACCESS_FS_MAKE_REG | unix.LANDLOCK_ACCESS_FS_REMOVE_FILE
)

// libraries are where the loader looks, should a library load another one late. The files of an image are no secret.
var libraries = []string{"/lib", "/lib64", "/usr/lib", "/usr/local/lib"}

// shutFiles leaves the files of the room to all threads of the process, as far as the kernel's landlock goes. It takes
// connections and signals to other processes away, too, where the kernel's version can.
func shutFiles(room Room) error {
	if landlockVersion() == 0 {
		return nil
	}
	rules := []landlock.Rule{
		landlock.PathAccess(toWork, room.Work),
		landlock.PathAccess(toRead|toList, libraries...).IgnoreIfMissing(),
		landlock.PathAccess(toRead, "/etc/ld.so.cache", "/etc/localtime").IgnoreIfMissing(),
		// Where what the libraries print goes.
		landlock.PathAccess(toRead|unix.LANDLOCK_ACCESS_FS_WRITE_FILE, "/dev/null").IgnoreIfMissing(),
	}
	for _, path := range room.Read {
		rights, err := readable(path)
		if err != nil {
			return err
		}
		rules = append(rules, landlock.PathAccess(rights, path).IgnoreIfMissing())
	}
	if err := landlock.V11.BestEffort().Restrict(rules...); err != nil {
		return fmt.Errorf("confine by landlock: %w", err)
	}
	return nil
}

// readable are the rights to read what is at a path.
func readable(path string) (landlock.AccessFSSet, error) {
	var info unix.Stat_t
	switch err := unix.Stat(path, &info); {
	case err != nil && err != unix.ENOENT:
		return 0, fmt.Errorf("look at %s: %w", path, err)
	case err == nil && info.Mode&unix.S_IFMT == unix.S_IFDIR:
		return toRead | toList, nil
	}
	return toRead, nil
}
