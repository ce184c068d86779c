package e2e

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sys/unix"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/uuid"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/tools/clientcmd"
)

// node is the machine under the platform, for tests that break it.
type node struct {
	// program is localcluster, folder the state folder of the cluster.
	program, folder string
	store           store
}

// takeNode finds the node, or skips the test.
func (p *platform) takeNode() *node {
	p.Helper()
	n := &node{program: os.Getenv("KHOCR_E2E_LOCALCLUSTER"), folder: os.Getenv("KHOCR_E2E_CLUSTER")}
	if n.program == "" || n.folder == "" {
		p.Skip("KHOCR_E2E_LOCALCLUSTER and KHOCR_E2E_CLUSTER name no local cluster to break: `make test-e2e` makes one")
	}
	n.store = store{folder: filepath.Join(n.folder, "volumes"), inside: func(ctx context.Context, command ...string) error {
		return n.run(ctx, append([]string{"exec", "--dir", n.folder, "--"}, command...)...)
	}}
	p.must(n.checkIsOf(p.Context(), p.kubeconfig))
	p.must(n.store.checkLimit(p.Context()))
	p.Cleanup(func() { p.must(n.mend(context.Background())) })
	return n
}

// status tells where the API server is reached, and the numbers of the components' processes, 0 for one that does not run.
func (n *node) status(ctx context.Context) (apiServer string, processes map[string]int, err error) {
	output, err := exec.CommandContext(ctx, n.program, "status", "--dir", n.folder, "--json").Output()
	if err != nil {
		return "", nil, fmt.Errorf("asking for the node's state: %w", err)
	}
	return readStatus(output)
}

func readStatus(content []byte) (apiServer string, processes map[string]int, err error) {
	var told struct {
		APIServer  string `json:"apiServer"`
		Components []struct {
			Name string `json:"name"`
			PID  int    `json:"pid"`
		} `json:"components"`
	}
	if err := json.Unmarshal(content, &told); err != nil {
		return "", nil, fmt.Errorf("reading the node's state: %w", err)
	}
	processes = map[string]int{}
	for _, component := range told.Components {
		processes[component.Name] = component.PID
	}
	return told.APIServer, processes, nil
}

// checkIsOf makes sure that what is broken is the node of the cluster under test, and not another one's.
func (n *node) checkIsOf(ctx context.Context, kubeconfig string) error {
	config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		return err
	}
	apiServer, _, err := n.status(ctx)
	if err == nil && apiServer != config.Host {
		err = fmt.Errorf("the node in %s serves %s, the platform is at %s", n.folder, apiServer, config.Host)
	}
	return err
}

// run runs localcluster, which is never cut off: between its steps nobody would know what it has started.
func (n *node) run(ctx context.Context, arguments ...string) error {
	return runProgram(exec.CommandContext(context.WithoutCancel(ctx), n.program, arguments...))
}

func runProgram(command *exec.Cmd) error {
	if output, err := command.CombinedOutput(); err != nil {
		return fmt.Errorf("running %s: %w\n%s", strings.Join(command.Args, " "), err, output)
	}
	return nil
}

func (n *node) start(ctx context.Context, component string) error {
	return n.run(ctx, "start", "--dir", n.folder, component)
}

func (n *node) kill(ctx context.Context, component string) error {
	return n.run(ctx, "stop", "--kill", "--dir", n.folder, component)
}

// crash kills a component of the control plane and starts it again after some time. One that did not run was not killed.
func (n *node) crash(ctx context.Context, component string, lasts time.Duration) error {
	_, before, err := n.status(ctx)
	if err != nil {
		return err
	}
	if before[component] == 0 {
		return errors.Join(fmt.Errorf("%s was not running", component), n.startAll(context.WithoutCancel(ctx)))
	}
	// Not cut off: what kills waits until the process is gone.
	if err := n.kill(context.WithoutCancel(ctx), component); err != nil {
		return errors.Join(err, n.startAll(context.WithoutCancel(ctx)))
	}
	if err := errors.Join(linger(ctx, lasts), n.startAll(context.WithoutCancel(ctx))); err != nil {
		return err
	}
	_, after, err := n.status(ctx)
	if err == nil && (after[component] == 0 || after[component] == before[component]) {
		err = fmt.Errorf("%s is process %d, and was process %d", component, after[component], before[component])
	}
	return err
}

// startAll starts what does not run. What needs another component comes after it.
func (n *node) startAll(ctx context.Context) error {
	for _, component := range []string{"etcd", "kube-apiserver", "kubelet", "kube-controller-manager", "kube-scheduler", "kube-proxy"} {
		if err := n.start(ctx, component); err != nil {
			return err
		}
	}
	return nil
}

// scarcity makes every amount of memory too little for the kubelet, so that it evicts a pod every ten seconds. A hard
// threshold would be taken from what the node has to offer, and turn away the pods that run on it.
const scarcity = `apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
evictionSoft: {memory.available: "99.9%"}
evictionSoftGracePeriod: {memory.available: 1s}
evictionMaxPodGracePeriod: 1
evictionPressureTransitionPeriod: 1s
`

// starve has the kubelet evict pods until evicted returns true, and for two minutes at most.
func (n *node) starve(ctx context.Context, evicted func(context.Context) (bool, error)) error {
	if err := os.WriteFile(n.scarcityFile(), []byte(scarcity), 0o600); err != nil {
		return fmt.Errorf("making memory scarce: %w", err)
	}
	err := n.restartKubelet(ctx)
	if err == nil {
		err = wait.PollUntilContextTimeout(ctx, 2*time.Second, 2*time.Minute, true, evicted)
	}
	return errors.Join(err, os.Remove(n.scarcityFile()), n.restartKubelet(context.WithoutCancel(ctx)))
}

func (n *node) scarcityFile() string {
	return filepath.Join(n.folder, "config", "kubelet.d", "scarcity.conf")
}

func (n *node) restartKubelet(ctx context.Context) error {
	return n.run(ctx, "restart", "--kill", "--dir", n.folder, "kubelet")
}

// mend undoes whatever a fault that was cut off has left. One thing that cannot be mended keeps no other from being so.
func (n *node) mend(ctx context.Context) error {
	err := os.Remove(n.scarcityFile())
	if err == nil {
		err = n.kill(ctx, "kubelet")
	} else if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	return errors.Join(err, n.store.unlock(ctx), n.store.empty(ctx), n.startAll(ctx))
}

// linger returns when the pause is over, or with the context's error.
func linger(ctx context.Context, pause time.Duration) error {
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

// store is the file system that all volumes of the cluster lie on.
type store struct {
	folder string
	// inside runs a command where that file system is mounted.
	inside func(ctx context.Context, command ...string) error
}

func (s store) filler() string { return filepath.Join(s.folder, "filler") }

// checkLimit makes sure that filling the store fills nothing else.
func (s store) checkLimit(ctx context.Context) error {
	if err := s.inside(ctx, "mountpoint", "--quiet", s.folder); err != nil {
		return fmt.Errorf("the volumes have no file system of their own, which could be filled: %w", err)
	}
	return nil
}

// fill lets nobody write anything for some time. What others give free meanwhile is filled, too.
func (s store) fill(ctx context.Context, lasts time.Duration) error {
	end := time.Now().Add(lasts)
	for {
		// dd ends by itself when nothing is left, and says so. It is never cut off: what it had begun would go on for a moment.
		err := s.inside(context.WithoutCancel(ctx), "sh", "-c",
			`LC_ALL=C dd if=/dev/zero of="$0" bs=64k oflag=append conv=notrunc 2>&1 | grep --quiet "No space left on device"`, s.filler())
		if err == nil {
			err = linger(ctx, min(time.Second, time.Until(end)))
		}
		if err != nil || !time.Now().Before(end) {
			return errors.Join(err, s.empty(context.WithoutCancel(ctx)))
		}
	}
}

func (s store) empty(ctx context.Context) error { return s.inside(ctx, "rm", "--force", s.filler()) }

// lock makes the store read-only for some time, as the kernel does with a disk that has errors. It takes a moment in
// which no file is open for writing. The file system itself is, and at no moment the place where it is mounted: what the kubelet
// mounts for a pod that starts meanwhile would be read-only for as long as the pod lives.
func (s store) lock(ctx context.Context, lasts time.Duration) error {
	err := wait.PollUntilContextTimeout(ctx, 50*time.Millisecond, time.Minute, true, func(ctx context.Context) (bool, error) {
		// Not cut off either: nobody would know whether it had done its work.
		return s.inside(context.WithoutCancel(ctx), "mount", "--options", "remount,ro=fs", s.folder) == nil, nil
	})
	if err != nil {
		return fmt.Errorf("making the store read-only: %w", err)
	}
	return errors.Join(linger(ctx, lasts), s.unlock(context.WithoutCancel(ctx)))
}

func (s store) unlock(ctx context.Context) error {
	return s.inside(ctx, "mount", "--options", "remount,rw", s.folder)
}

// podProcesses lists the processes of a pod, from the control groups that the kubelet names by its UID.
func podProcesses(uid types.UID) []int {
	root := "/sys/fs/cgroup"
	if _, err := os.Stat(filepath.Join(root, "cgroup.controllers")); err != nil {
		root = "/sys/fs/cgroup/pids" // version 1
	}
	var processes []int
	_ = filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.Name() != "cgroup.procs" || !strings.Contains(path, podGroup(uid)) {
			return nil // what vanishes during the walk is of no interest
		}
		content, _ := os.ReadFile(path)
		for field := range strings.FieldsSeq(string(content)) {
			if process, err := strconv.Atoi(field); err == nil {
				processes = append(processes, process)
			}
		}
		return nil
	})
	return processes
}

func podGroup(uid types.UID) string { return "/pod" + string(uid) }

// ofPod tells whether the process is one of the pod, now.
func ofPod(process int, uid types.UID) bool {
	groups, err := os.ReadFile(fmt.Sprintf("/proc/%d/cgroup", process))
	return err == nil && strings.Contains(string(groups), podGroup(uid))
}

// named gives those of the processes whose program has the name.
func named(processes []int, name string) []int {
	return slices.DeleteFunc(slices.Clone(processes), func(process int) bool {
		found, err := os.ReadFile(fmt.Sprintf("/proc/%d/comm", process))
		return err != nil || strings.TrimSpace(string(found)) != name
	})
}

// killProgram kills one of the pod's processes whose program has the name.
func killProgram(uid types.UID, name string, pick uint64) error {
	processes := named(podProcesses(uid), name)
	if len(processes) == 0 {
		return fmt.Errorf("no %s runs in pod %s", name, uid)
	}
	return killProcess(processes[pick%uint64(len(processes))], uid)
}

// killProcess kills a process of a pod, and never one that has got its number meanwhile.
func killProcess(process int, uid types.UID) error {
	handle, err := unix.PidfdOpen(process, 0)
	if err != nil {
		return fmt.Errorf("finding process %d: %w", process, err)
	}
	defer func() { _ = unix.Close(handle) }()
	if !ofPod(process, uid) {
		return fmt.Errorf("process %d has ended", process)
	}
	return unix.PidfdSendSignal(handle, unix.SIGKILL, nil, 0)
}

// network is that of a pod. It stays reachable when the pod's processes are gone.
type network struct{ namespace *os.File }

// networkOf opens the network of a pod. Whoever has it closes it.
func networkOf(uid types.UID) (network, error) {
	for _, process := range podProcesses(uid) {
		namespace, err := os.Open(fmt.Sprintf("/proc/%d/ns/net", process))
		if err != nil {
			continue
		}
		if ofPod(process, uid) {
			return network{namespace}, nil
		}
		_ = namespace.Close()
	}
	return network{}, fmt.Errorf("pod %s has no process", uid)
}

func (n network) close() { _ = n.namespace.Close() }

// run runs a script of the shell with the node's programs in the pod's network.
func (n network) run(ctx context.Context, script string) error {
	command := exec.CommandContext(ctx, "nsenter", "--net=/proc/self/fd/3", "--", "sh", "-ec", script)
	command.Env = append(os.Environ(), "PATH="+os.Getenv("PATH")+":/usr/sbin:/sbin")
	command.ExtraFiles = []*os.File{n.namespace}
	return runProgram(command)
}

// cut drops all packets from and to the pod for some time, so that nobody is told that they got lost.
func (n network) cut(ctx context.Context, lasts time.Duration) error {
	const rules = `iptables --wait --%[1]s OUTPUT ! --out-interface lo --jump DROP
iptables --wait --%[1]s INPUT ! --in-interface lo --jump DROP`
	return n.during(ctx, lasts, fmt.Sprintf(rules, "insert"),
		`iptables --wait --list --verbose --exact --numeric | awk '$3 == "DROP" { lost += $1 } END { exit lost == 0 }'`,
		fmt.Sprintf(rules, "delete"))
}

// slow lets the pod send 8 KB a second for some time: a page takes some seconds, and everything behind it waits in line.
func (n network) slow(ctx context.Context, lasts time.Duration) error {
	return n.during(ctx, lasts,
		"tc qdisc replace dev eth0 root tbf rate 64kbit burst 3kb latency 60s",
		`tc -s qdisc show dev eth0 | grep --quiet 'overlimits [1-9]'`,
		"tc qdisc delete dev eth0 root")
}

// during has one script run before the time, and another one after it. A pod that is gone needs no mending. In between felt
// must find that a packet met the fault: where none did, nothing has come to pass.
func (n network) during(ctx context.Context, lasts time.Duration, before, felt, after string) error {
	// Not cut off: of two rules there would be one.
	err := n.run(context.WithoutCancel(ctx), before)
	if err == nil {
		err = linger(ctx, lasts)
	}
	if err == nil && n.run(context.WithoutCancel(ctx), felt) != nil {
		err = errNoPacket
	}
	if mended := n.run(context.WithoutCancel(ctx), after); mended != nil && n.alive(ctx) {
		return errors.Join(err, mended)
	}
	return err
}

var errNoPacket = errors.New("no packet met it")

// alive tells whether the pod still has its interface.
func (n network) alive(ctx context.Context) bool {
	return n.run(context.WithoutCancel(ctx), "ip link show dev eth0") == nil
}

func TestTheNodesStateIsRead(t *testing.T) {
	apiServer, processes, err := readStatus([]byte(`{"name":"a","running":false,"apiServer":"https://127.0.0.1:6443","components":[
		{"name":"etcd","pid":17,"running":true},{"name":"kubelet","pid":0,"running":false}]}`))
	if err != nil || apiServer != "https://127.0.0.1:6443" || processes["etcd"] != 17 || processes["kubelet"] != 0 || len(processes) != 2 {
		t.Errorf("API server %s, processes %v, error %v", apiServer, processes, err)
	}
	if _, _, err := readStatus([]byte("no cluster")); err == nil {
		t.Error("what is no state was read")
	}
}

func needRoot(t *testing.T) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("it takes root to break a node")
	}
}

func TestAStoreIsFilledAndLocked(t *testing.T) {
	needRoot(t)
	folder := t.TempDir()
	if err := syscall.Mount("tmpfs", folder, "tmpfs", 0, "size=4m"); err != nil {
		t.Skipf("mounting a small file system needs more rights: %v", err)
	}
	t.Cleanup(func() { _ = syscall.Unmount(folder, syscall.MNT_DETACH) })
	s := store{folder: folder, inside: func(ctx context.Context, command ...string) error {
		return runProgram(exec.CommandContext(ctx, command[0], command[1:]...))
	}}
	if err := s.checkLimit(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := (store{folder: t.TempDir(), inside: s.inside}).checkLimit(t.Context()); err == nil {
		t.Error("a folder of the machine's disk would be filled")
	}
	write := func() error {
		document := filepath.Join(folder, "document")
		err := os.WriteFile(document, make([]byte, 1<<20), 0o600)
		if removed := os.Remove(document); err == nil {
			err = removed
		}
		return err
	}
	for name, test := range map[string]struct {
		fault func(context.Context, time.Duration) error
		want  error
	}{
		"full":      {s.fill, syscall.ENOSPC},
		"read-only": {s.lock, syscall.EROFS},
	} {
		t.Run(name, func(t *testing.T) {
			if err := write(); err != nil {
				t.Fatalf("before: %v", err)
			}
			// Open for writing: neither fault must be kept away by it for ever.
			file, err := os.Create(filepath.Join(folder, "upload"))
			if err != nil {
				t.Fatal(err)
			}
			ctx, end := context.WithCancel(t.Context())
			// What is mounted from it at any moment must be writable afterwards.
			var watch errgroup.Group
			watch.Go(func() error {
				for ctx.Err() == nil {
					mounts, err := os.ReadFile("/proc/self/mountinfo")
					if err != nil {
						return err
					}
					if strings.Contains(string(mounts), " "+folder+" ro,") {
						return fmt.Errorf("%s is mounted read-only", folder)
					}
				}
				return nil
			})
			done := make(chan error, 1)
			go func() { done <- test.fault(ctx, time.Hour) }()
			_ = file.Close()
			err = wait.PollUntilContextTimeout(t.Context(), 10*time.Millisecond, patience, true, func(context.Context) (bool, error) {
				return errors.Is(write(), test.want), nil
			})
			if err != nil {
				t.Errorf("it never was %s: %v", name, err)
			}
			volume := t.TempDir() // of a pod that starts meanwhile
			if err := syscall.Mount(folder, volume, "", syscall.MS_BIND, ""); err != nil {
				t.Fatal(err)
			}
			defer func() { _ = syscall.Unmount(volume, syscall.MNT_DETACH) }()
			end()
			if err := <-done; !errors.Is(err, context.Canceled) {
				t.Errorf("the fault ended with %v", err)
			}
			if err := watch.Wait(); err != nil {
				t.Error(err)
			}
			if err := errors.Join(write(), os.WriteFile(filepath.Join(volume, "upload"), nil, 0o600)); err != nil {
				t.Errorf("after: %v", err)
			}
		})
	}
	err := errors.Join(s.fill(t.Context(), time.Millisecond), s.lock(t.Context(), time.Millisecond), write())
	if err != nil {
		t.Errorf("after faults that were not cut off: %v", err)
	}
	// As the end of a test does, whatever is to be mended.
	if err := errors.Join(s.unlock(t.Context()), s.empty(t.Context()), write()); err != nil {
		t.Errorf("mended twice: %v", err)
	}
}

// inGroup runs a program in the control group that a kubelet would make for a pod, with a network of its own.
func inGroup(t *testing.T, uid types.UID, program ...string) *exec.Cmd {
	t.Helper()
	root := "/sys/fs/cgroup"
	if _, err := os.Stat(filepath.Join(root, "cgroup.controllers")); err != nil {
		root = "/sys/fs/cgroup/pids"
	}
	group := filepath.Join(root, "khocr-"+string(uid), podGroup(uid))
	if err := os.MkdirAll(group, 0o755); err != nil {
		t.Skipf("making a control group needs more rights: %v", err)
	}
	command := exec.Command(program[0], program[1:]...)
	command.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET}
	if err := command.Start(); err != nil {
		t.Skipf("making a network needs more rights: %v", err)
	}
	t.Cleanup(func() {
		_ = command.Process.Kill()
		_ = command.Wait()
		_ = os.Remove(group)
		_ = os.Remove(filepath.Dir(group))
	})
	if err := os.WriteFile(filepath.Join(group, "cgroup.procs"), []byte(strconv.Itoa(command.Process.Pid)), 0); err != nil {
		t.Fatal(err)
	}
	return command
}

func TestOnlyProcessesOfThePodAreKilled(t *testing.T) {
	needRoot(t)
	uid, other := uuid.NewUUID(), uuid.NewUUID()
	command := inGroup(t, uid, "sleep", "1000")
	process := command.Process.Pid
	if found := podProcesses(uid); !slices.Equal(found, []int{process}) {
		t.Fatalf("processes %v, want %d", found, process)
	}
	if found := named(podProcesses(uid), "sleep"); !slices.Equal(found, []int{process}) {
		t.Errorf("processes of the name: %v", found)
	}
	if found := named(podProcesses(uid), "engine"); len(found) != 0 {
		t.Errorf("processes of another name: %v", found)
	}
	if err := killProcess(process, other); err == nil {
		t.Error("a process of another pod was killed")
	}
	if err := killProgram(uid, "engine", 0); err == nil {
		t.Error("a process of another name was killed")
	}
	if err := killProgram(other, "sleep", 0); err == nil {
		t.Error("a process of another pod was killed by its name")
	}
	if err := killProgram(uid, "sleep", 7); err != nil {
		t.Error(err)
	}
	var end *exec.ExitError
	if err := command.Wait(); !errors.As(err, &end) || end.Sys().(syscall.WaitStatus).Signal() != syscall.SIGKILL {
		t.Errorf("it ended with %v", err)
	}
}
