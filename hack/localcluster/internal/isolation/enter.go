package isolation

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"runtime"
	"syscall"

	"golang.org/x/sys/unix"
)

// Enter replaces the calling process by the command, inside the namespaces and
// the cgroup of the cluster. It returns only if that failed.
//
// The process joins the cgroup before it becomes the command, so that no child
// of the command can ever be outside: what is in the cgroup is the cluster.
func Enter(n Namespaces, c Cgroup, command []string) error {
	if err := c.join(); err != nil {
		return err
	}
	// Looked up before the file system view changes.
	path, err := exec.LookPath(command[0])
	if err != nil {
		return fmt.Errorf("finding the command: %w", err)
	}
	folder, err := os.Getwd()
	if err != nil {
		return fmt.Errorf("finding the working folder: %w", err)
	}
	runtime.LockOSThread()
	if err := n.join(); err != nil {
		return err
	}
	// Entering a mount namespace moves the process to its root folder.
	if err := unix.Chdir(folder); err != nil {
		return fmt.Errorf("returning to folder %s: %w", folder, err)
	}
	return fmt.Errorf("starting %s: %w", path, syscall.Exec(path, command, os.Environ()))
}

// Dial connects to an IPv4 address inside the cluster's network namespace. Only
// the socket belongs to a namespace, so the caller's process stays where it is.
func (n Namespaces) Dial(ctx context.Context, _, address string) (net.Conn, error) {
	target, err := netip.ParseAddrPort(address)
	if err != nil {
		return nil, fmt.Errorf("reading address %s: %w", address, err)
	}
	type result struct {
		conn net.Conn
		err  error
	}
	done := make(chan result, 1)
	go func() {
		runtime.LockOSThread() // and never unlocked, as in Create
		if err := setNamespace(n.netFile(), unix.CLONE_NEWNET); err != nil {
			done <- result{nil, err}
			return
		}
		conn, err := connect(target)
		done <- result{conn, err}
	}()
	select {
	case r := <-done:
		return r.conn, r.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// connect uses bare system calls because net.Dialer may leave the thread that
// it was called on, and with it the namespace.
func connect(target netip.AddrPort) (net.Conn, error) {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("making a socket: %w", err)
	}
	socket := os.NewFile(uintptr(fd), "cluster")
	defer socket.Close()
	if err := unix.Connect(fd, &unix.SockaddrInet4{Port: int(target.Port()), Addr: target.Addr().As4()}); err != nil {
		return nil, fmt.Errorf("connecting to %s: %w", target, err)
	}
	return net.FileConn(socket)
}
