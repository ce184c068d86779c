package isolation

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

const (
	cgroupRoot = "/sys/fs/cgroup"
	// systemGroup holds the cluster's own processes beside the kubelet's
	// "kubepods": version 2 allows processes in leaves only.
	systemGroup = "system"
)

// Cgroup is the tree of control groups of one cluster. Everything that the
// cluster runs, control plane and containers alike, is below it, so that the
// tree answers the question which processes have to go.
type Cgroup struct {
	Name string
}

// Path is the tree's place below every hierarchy, as the kubelet wants it.
func (c Cgroup) Path() string { return "/" + c.folder() }

func (c Cgroup) folder() string { return "localcluster-" + c.Name }

// Create makes the tree in every hierarchy.
func (c Cgroup) Create() error {
	for _, hierarchy := range hierarchies() {
		folder := filepath.Join(hierarchy, c.folder())
		if hierarchy == cgroupRoot {
			// Version 2: offer the children what the kubelet asks for.
			for _, controller := range []string{"cpu", "cpuset", "memory", "pids", "io"} {
				_ = os.WriteFile(filepath.Join(hierarchy, "cgroup.subtree_control"), []byte("+"+controller), 0)
			}
		}
		if err := os.MkdirAll(folder, 0o755); err != nil {
			return fmt.Errorf("making control group %s: %w", folder, err)
		}
		// Version 1: a cpuset without CPUs and memory nodes admits no process.
		for _, file := range []string{"cpuset.cpus", "cpuset.mems"} {
			if value, err := os.ReadFile(filepath.Join(hierarchy, file)); err == nil {
				if err := os.WriteFile(filepath.Join(folder, file), value, 0); err != nil {
					return fmt.Errorf("setting %s of %s: %w", file, folder, err)
				}
			}
		}
	}
	if err := os.MkdirAll(filepath.Join(c.tracker(), systemGroup), 0o755); err != nil {
		return fmt.Errorf("making the control group of the cluster's processes: %w", err)
	}
	return nil
}

// tracker is the tree in the one hierarchy that tells what belongs to the
// cluster: the only one in version 2, and in version 1 that of the controller
// which limits nothing of its own accord. There, the processes of the control
// plane stay in the caller's groups of the other hierarchies, with the caller's
// limits of memory and CPU.
func (c Cgroup) tracker() string {
	if isVersion2() {
		return filepath.Join(cgroupRoot, c.folder())
	}
	return filepath.Join(cgroupRoot, "pids", c.folder())
}

func (c Cgroup) join() error {
	file := filepath.Join(c.tracker(), systemGroup, "cgroup.procs")
	if err := os.WriteFile(file, []byte(strconv.Itoa(os.Getpid())), 0); err != nil {
		return fmt.Errorf("joining the cluster's control group: %w", err)
	}
	return nil
}

// Kill ends every process of the cluster, and returns when none is left.
func (c Cgroup) Kill(ctx context.Context) error {
	for {
		pids := c.processes()
		if len(pids) == 0 {
			return nil
		}
		for _, pid := range pids {
			if err := syscall.Kill(pid, syscall.SIGKILL); err != nil && !errors.Is(err, syscall.ESRCH) {
				return fmt.Errorf("ending process %d: %w", pid, err)
			}
		}
		if err := pause(ctx); err != nil {
			return fmt.Errorf("waiting for %d processes of cluster %s to end: %w", len(pids), c.Name, err)
		}
	}
}

func (c Cgroup) processes() []int {
	var pids []int
	for _, folder := range subfolders(c.tracker()) {
		content, err := os.ReadFile(filepath.Join(folder, "cgroup.procs"))
		if err != nil {
			continue // removed meanwhile
		}
		for field := range strings.FieldsSeq(string(content)) {
			if pid, err := strconv.Atoi(field); err == nil && pid > 0 {
				pids = append(pids, pid)
			}
		}
	}
	return pids
}

// Remove takes the tree out of every hierarchy. No process may be left in it;
// the kernel needs a moment after the last one, hence the repetition.
func (c Cgroup) Remove(ctx context.Context) error {
	trees, err := filepath.Glob(filepath.Join(cgroupRoot, "*", c.folder()))
	if err != nil {
		return fmt.Errorf("listing control groups: %w", err)
	}
	trees = append(trees, filepath.Join(cgroupRoot, c.folder()))
	for {
		var busy error
		for _, tree := range trees {
			for _, folder := range slices.Backward(subfolders(tree)) {
				if err := os.Remove(folder); err != nil && !errors.Is(err, fs.ErrNotExist) {
					busy = err
				}
			}
		}
		if busy == nil {
			return nil
		}
		if pause(ctx) != nil {
			return fmt.Errorf("removing the control groups of cluster %s: %w", c.Name, busy)
		}
	}
}

func isVersion2() bool {
	_, err := os.Stat(filepath.Join(cgroupRoot, "cgroup.controllers"))
	return err == nil
}

// hierarchies lists the hierarchies that the kubelet uses.
func hierarchies() []string {
	if isVersion2() {
		return []string{cgroupRoot}
	}
	var found []string
	entries, _ := os.ReadDir(cgroupRoot)
	for _, entry := range entries {
		// Joined controllers are reachable by links as well ("cpu,cpuacct").
		if entry.IsDir() && entry.Name() != "unified" {
			found = append(found, filepath.Join(cgroupRoot, entry.Name()))
		}
	}
	return found
}

// subfolders lists a folder and all folders below it, parents first.
func subfolders(root string) []string {
	var folders []string
	_ = filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err == nil && entry.IsDir() {
			folders = append(folders, path)
		}
		return nil // what vanishes during the walk is of no interest
	})
	return folders
}

func pause(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(20 * time.Millisecond):
		return nil
	}
}
