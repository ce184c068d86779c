// Package isolation keeps a cluster apart from the host and from other
// clusters: a network namespace, a mount namespace and a cgroup tree, all named
// after the cluster. Removing the two namespaces removes every interface,
// firewall rule and mount with them, so nothing of that needs to be undone one
// by one. The package must never change the host's own network or mounts,
// apart from the folder under /run in which it pins the namespaces.
package isolation

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"

	"golang.org/x/sys/unix"
)

const pinRoot = "/run/localcluster"

// Namespaces is the pair of namespaces of one cluster. They are pinned by bind
// mounts, so they outlive every process in them: a cluster whose processes were
// all killed comes back with its network and its mounts.
type Namespaces struct {
	Name string
}

func (n Namespaces) folder() string    { return filepath.Join(pinRoot, n.Name) }
func (n Namespaces) netFile() string   { return filepath.Join(n.folder(), "net") }
func (n Namespaces) mountFile() string { return filepath.Join(n.folder(), "mnt") }
func (n Namespaces) ownerFile() string { return filepath.Join(n.folder(), "owner") }

// owner returns the state folder of the cluster that holds this name, or "".
func (n Namespaces) owner() string {
	owner, err := os.ReadFile(n.ownerFile())
	if err != nil {
		return ""
	}
	return string(owner)
}

// CheckOwner returns an error if the name belongs to another state folder.
func (n Namespaces) CheckOwner(folder string) error {
	if owner := n.owner(); owner != "" && owner != folder {
		return fmt.Errorf("cluster name %s is taken by the cluster of state folder %s", n.Name, owner)
	}
	return nil
}

// Exist says whether both namespaces are there. Create pins them only after
// everything in them is set up, so what exists is complete.
func (n Namespaces) Exist() bool {
	return isNamespace(n.netFile()) && isNamespace(n.mountFile())
}

func isNamespace(path string) bool {
	var fs unix.Statfs_t
	return unix.Statfs(path, &fs) == nil && fs.Type == unix.NSFS_MAGIC
}

// Create makes both namespaces, runs setup inside of them and pins them.
// Whatever was left of earlier ones is removed first. The owner is the state
// folder, so that a second cluster cannot take the name.
func (n Namespaces) Create(owner string, setup func() error) error {
	if err := n.CheckOwner(owner); err != nil {
		return err
	}
	if err := n.Remove(); err != nil {
		return err
	}
	if err := n.makeFolder(owner); err != nil {
		return err
	}

	type thread struct {
		id  int
		err error
	}
	ready, pinned := make(chan thread), make(chan struct{})
	defer close(pinned)
	go func() {
		// Never unlocked: the thread ends with this goroutine, and no other
		// goroutine gets to run in the cluster's namespaces by accident.
		runtime.LockOSThread()
		err := unix.Unshare(unix.CLONE_FS | unix.CLONE_NEWNET | unix.CLONE_NEWNS)
		if err == nil {
			err = setup()
		}
		ready <- thread{unix.Gettid(), err}
		<-pinned
	}()

	inside := <-ready
	if inside.err != nil {
		return fmt.Errorf("setting up the namespaces of cluster %s: %w", n.Name, errors.Join(inside.err, n.Remove()))
	}
	for kind, file := range map[string]string{"net": n.netFile(), "mnt": n.mountFile()} {
		source := fmt.Sprintf("/proc/self/task/%d/ns/%s", inside.id, kind)
		if err := unix.Mount(source, file, "", unix.MS_BIND, ""); err != nil {
			return fmt.Errorf("pinning namespace %s of cluster %s: %w", kind, n.Name, errors.Join(err, n.Remove()))
		}
	}
	return nil
}

// makeFolder makes the folder for the pins. It is a mount of its own that is
// not shared, because the kernel refuses to pin a mount namespace on a mount
// that could spread into that same namespace.
func (n Namespaces) makeFolder(owner string) error {
	if err := os.MkdirAll(n.folder(), 0o700); err != nil {
		return fmt.Errorf("making the folder for namespaces: %w", err)
	}
	if err := unix.Mount(n.folder(), n.folder(), "", unix.MS_BIND, ""); err != nil {
		return fmt.Errorf("mounting %s on itself: %w", n.folder(), err)
	}
	if err := unix.Mount("", n.folder(), "", unix.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("making %s private: %w", n.folder(), err)
	}
	for path, content := range map[string]string{n.netFile(): "", n.mountFile(): "", n.ownerFile(): owner} {
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			return fmt.Errorf("preparing the pins of cluster %s: %w", n.Name, err)
		}
	}
	return nil
}

// Remove unpins the namespaces; the kernel drops them with their last process.
// It is safe to call on what is half there or not there at all.
func (n Namespaces) Remove() error {
	for _, path := range []string{n.mountFile(), n.netFile(), n.folder()} {
		// A crash may have left several mounts on top of each other.
		for unix.Unmount(path, unix.MNT_DETACH|unix.UMOUNT_NOFOLLOW) == nil {
		}
	}
	if err := os.RemoveAll(n.folder()); err != nil {
		return fmt.Errorf("removing the pins of cluster %s: %w", n.Name, err)
	}
	_ = os.Remove(pinRoot) // fails while other clusters are there, as it should
	return nil
}

// join moves the calling thread, which must be locked, into the namespaces.
func (n Namespaces) join() error {
	// A thread that shares its working folder with others may not change its
	// mount namespace.
	if err := unix.Unshare(unix.CLONE_FS); err != nil {
		return fmt.Errorf("unsharing the file system attributes: %w", err)
	}
	for _, ns := range []struct {
		file string
		kind int
	}{{n.netFile(), unix.CLONE_NEWNET}, {n.mountFile(), unix.CLONE_NEWNS}} {
		if err := setNamespace(ns.file, ns.kind); err != nil {
			return err
		}
	}
	return nil
}

func setNamespace(file string, kind int) error {
	fd, err := unix.Open(file, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("opening namespace %s: %w", file, err)
	}
	defer unix.Close(fd)
	if err := unix.Setns(fd, kind); err != nil {
		return fmt.Errorf("entering namespace %s: %w", file, err)
	}
	return nil
}

// NameOfOwner returns the name of the cluster of a state folder, or "" if no
// cluster has namespaces for it.
func NameOfOwner(folder string) string {
	entries, _ := os.ReadDir(pinRoot)
	for _, entry := range entries {
		if (Namespaces{Name: entry.Name()}).owner() == folder {
			return entry.Name()
		}
	}
	return ""
}
