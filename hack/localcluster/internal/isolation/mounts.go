package isolation

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// A Bind shows the file or folder Source at Target, inside the cluster only.
type Bind struct {
	Source, Target string
}

// PrivateMounts gives the calling thread, which must be in a mount namespace of
// its own, a view of the file system in which the cluster can do no harm:
// mounts do not reach the host, /run is empty, and the binds cover the places
// that Kubernetes or containerd have wired in.
func PrivateMounts(binds []Bind) error {
	if err := unix.Mount("", "/", "", unix.MS_PRIVATE|unix.MS_REC, ""); err != nil {
		return fmt.Errorf("cutting the mounts off from the host's: %w", err)
	}
	// The kubelet's mounts have to reach containers that ask for it.
	if err := unix.Mount("", "/", "", unix.MS_SHARED|unix.MS_REC, ""); err != nil {
		return fmt.Errorf("sharing mounts with containers: %w", err)
	}
	if err := emptyRun(); err != nil {
		return err
	}
	for _, bind := range binds {
		if err := unix.Mount(bind.Source, bind.Target, "", unix.MS_BIND, ""); err != nil {
			return fmt.Errorf("mounting %s at %s: %w", bind.Source, bind.Target, err)
		}
	}
	return nil
}

// emptyRun puts a fresh, empty file system at /run: containerd's and CNI's
// sockets, locks and leases live there, and must vanish with the namespace as
// they would in a restart. The mounts below are detached, not just covered:
// among them are the pins of other clusters, which would otherwise keep those
// clusters' networks alive for as long as this one runs.
func emptyRun() error {
	mounts, err := MountsBelow("/run")
	if err != nil {
		return err
	}
	for _, path := range slices.Backward(mounts) {
		if err := unix.Unmount(path, unix.MNT_DETACH); err != nil {
			return fmt.Errorf("detaching %s: %w", path, err)
		}
	}
	if err := unix.Mount("tmpfs", "/run", "tmpfs", unix.MS_NOSUID|unix.MS_NODEV, "mode=755"); err != nil {
		return fmt.Errorf("mounting an empty /run: %w", err)
	}
	return nil
}

// MountsBelow lists the mount points below a folder (and not the folder
// itself), in the order in which they were mounted, as the calling thread sees
// them.
func MountsBelow(folder string) ([]string, error) {
	table, err := os.ReadFile("/proc/thread-self/mountinfo")
	if err != nil {
		return nil, fmt.Errorf("reading the mount table: %w", err)
	}
	var below []string
	for line := range strings.Lines(string(table)) {
		fields := strings.Fields(line)
		if len(fields) < 5 {
			continue
		}
		path := unescape(fields[4])
		if inner, err := filepath.Rel(folder, path); err == nil && inner != "." && filepath.IsLocal(inner) {
			below = append(below, path)
		}
	}
	return below, nil
}

// unescape undoes the octal escapes of the mount table.
func unescape(path string) string {
	return strings.NewReplacer(`\040`, " ", `\011`, "\t", `\012`, "\n", `\134`, `\`).Replace(path)
}
