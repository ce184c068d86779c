package attack

import (
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

var (
	denied = []syscall.Errno{unix.EACCES, unix.EPERM}
	// noCall is what a call gets that the engine has no use for.
	noCall = []syscall.Errno{unix.EPERM}
)

// All is what is tried.
var All = []Attempt{
	{Name: "open a TCP socket", By: ByCalls, Want: noCall, Try: socket(unix.AF_INET, unix.SOCK_STREAM)},
	{Name: "open a TCP socket of IPv6", By: ByCalls, Want: noCall, Try: socket(unix.AF_INET6, unix.SOCK_STREAM)},
	{Name: "open a UDP socket", By: ByCalls, Want: noCall, Try: socket(unix.AF_INET, unix.SOCK_DGRAM)},
	{Name: "open a Unix socket", By: ByCalls, Want: noCall, Try: socket(unix.AF_UNIX, unix.SOCK_STREAM)},
	{Name: "open a netlink socket", By: ByCalls, Want: noCall, Try: socket(unix.AF_NETLINK, unix.SOCK_RAW)},
	{Name: "open a packet socket", By: ByCalls, Privileged: true, Want: noCall, Try: socket(unix.AF_PACKET, unix.SOCK_RAW)},
	{Name: "make a pair of sockets", By: ByCalls, Want: noCall, Try: func(Place) error {
		pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM, 0)
		return closing(err, pair[:]...)
	}},

	{Name: "read /etc/passwd", By: ByFiles, Want: denied, Try: read(func(Place) string { return "/etc/passwd" })},
	{Name: "read the service account's token", By: ByFiles, Want: denied, Try: read(func(p Place) string { return p.Secret })},
	{Name: "read the token by another path", By: ByFiles, Want: denied, Try: read(func(p Place) string {
		return "/proc/self/root" + p.Secret
	})},
	{Name: "list the root", By: ByFiles, Want: denied, Try: func(Place) error { _, err := os.ReadDir("/"); return err }},
	{Name: "list the token's folder", By: ByFiles, Want: denied, Try: func(p Place) error {
		_, err := os.ReadDir(filepath.Dir(p.Secret))
		return err
	}},
	{Name: "read its own environment", By: ByFiles, Want: denied, Try: read(func(Place) string { return "/proc/self/environ" })},
	{Name: "read the supervisor's environment", By: ByFiles, Want: denied, Try: read(func(p Place) string {
		return fmt.Sprintf("/proc/%d/environ", p.Supervisor)
	})},
	{Name: "read the supervisor's memory", By: ByFiles, Want: denied, Try: open(os.O_RDWR, func(p Place) string {
		return fmt.Sprintf("/proc/%d/mem", p.Supervisor)
	}), Privileged: true},
	{Name: "read a file of the supervisor's by its descriptor", By: ByFiles, Want: denied, Privileged: true, Try: func(p Place) error {
		_, err := os.Readlink(fmt.Sprintf("/proc/%d/fd/0", p.Supervisor))
		return err
	}},
	{Name: "read a raw device", By: ByFiles, Want: denied, Try: read(func(Place) string { return "/dev/zero" })},

	{Name: "write to the document", By: ByFiles, Want: denied, Try: open(os.O_WRONLY, func(p Place) string { return p.Document })},
	{Name: "empty the document", By: ByFiles, Want: denied, Try: open(os.O_RDONLY|os.O_TRUNC, func(p Place) string { return p.Document })},
	{Name: "cut a file off", By: ByFiles, Want: denied, Try: open(os.O_RDONLY|os.O_TRUNC, func(p Place) string {
		return filepath.Join(p.Elsewhere, "cut")
	})},
	{Name: "make a file elsewhere", By: ByFiles, Want: denied, Try: func(p Place) error {
		return made(filepath.Join(p.Elsewhere, "made"))
	}},
	{Name: "make a file in /tmp", By: ByFiles, Want: denied, Try: func(Place) error {
		return made(fmt.Sprintf("/tmp/attack-%d", os.Getpid()))
	}},
	{Name: "remove a file elsewhere", By: ByFiles, Want: denied, Try: func(p Place) error { return os.Remove(filepath.Join(p.Elsewhere, "lost")) }},
	{Name: "make a link to the token", By: ByCalls, Want: denied, Try: func(p Place) error {
		return removing(filepath.Join(p.Work, "link"), os.Symlink(p.Secret, filepath.Join(p.Work, "link")))
	}},
	{Name: "make a hard link to the document", By: ByCalls, Want: denied, Try: func(p Place) error {
		return removing(filepath.Join(p.Work, "hard"), os.Link(p.Document, filepath.Join(p.Work, "hard")))
	}},
	{Name: "make a named pipe", By: ByCalls, Want: denied, Try: func(p Place) error {
		return removing(filepath.Join(p.Work, "pipe"), unix.Mkfifo(filepath.Join(p.Work, "pipe"), 0o600))
	}},
	{Name: "make a folder", By: ByCalls, Want: denied, Try: func(p Place) error {
		return removing(filepath.Join(p.Work, "folder"), os.Mkdir(filepath.Join(p.Work, "folder"), 0o700))
	}},
	{Name: "let others read", By: ByCalls, Want: noCall, Try: func(p Place) error { return os.Chmod(p.Work, 0o700) }},
	{Name: "move a file", By: ByCalls, Want: denied, Try: func(p Place) error {
		return os.Rename(filepath.Join(p.Elsewhere, "moved"), filepath.Join(p.Elsewhere, "moved again"))
	}},

	{Name: "run a program", By: ByCalls, Want: noCall, Try: execute("/no/such/program", unix.ENOENT)},
	{Name: "run a program by its descriptor", By: ByCalls, Want: noCall, Try: func(Place) error {
		_, _, errno := unix.Syscall6(unix.SYS_EXECVEAT, ^uintptr(0), 0, 0, 0, 0, 0)
		return reached(errno, unix.EFAULT, unix.EBADF)
	}},
	{Name: "make a file in memory, to be run", By: ByCalls, Want: noCall, Try: func(Place) error {
		file, err := unix.MemfdCreate("attack", 0)
		return closing(err, file)
	}},
	{Name: "make a process", By: ByCalls, Want: noCall, Try: func(Place) error { return fork(unix.SYS_CLONE, uintptr(unix.SIGCHLD)) }},
	{Name: "make a process by another call", By: ByCalls, Want: []syscall.Errno{unix.ENOSYS, unix.EPERM}, Try: func(Place) error {
		arguments := struct{ flags, pidfd, child, parent, signal, stack, size, tls uint64 }{signal: uint64(unix.SIGCHLD)}
		return fork(unix.SYS_CLONE3, uintptr(unsafe.Pointer(&arguments)), unsafe.Sizeof(arguments))
	}},
	{Name: "trace the supervisor", By: ByCalls, Privileged: true, Want: noCall, Try: func(p Place) error {
		_, _, errno := unix.Syscall6(unix.SYS_PTRACE, unix.PTRACE_PEEKDATA, uintptr(p.Supervisor), 0, 0, 0, 0)
		return reached(errno, unix.ESRCH)
	}},
	{Name: "read the supervisor's memory by a call", By: ByCalls, Privileged: true, Want: noCall, Try: func(p Place) error {
		_, err := unix.ProcessVMReadv(p.Supervisor, nil, nil, 0)
		return err
	}},
	{Name: "signal the supervisor", By: ByCalls, Want: noCall, Try: func(p Place) error { return unix.Kill(p.Supervisor, 0) }},
	{Name: "signal a thread of the supervisor", By: ByCalls, Want: noCall, Try: func(p Place) error {
		return unix.Tgkill(p.Supervisor, p.Supervisor, 0)
	}},
	{Name: "have the kernel signal the supervisor", By: ByCalls, Want: noCall, Try: func(p Place) error {
		_, err := unix.FcntlInt(0, unix.F_SETOWN, p.Supervisor)
		return err
	}},
	{Name: "change the supervisor's limits", By: ByCalls, Want: noCall, Try: func(p Place) error {
		return unix.Prlimit(p.Supervisor, unix.RLIMIT_CORE, nil, new(unix.Rlimit))
	}},
	{Name: "raise its own limits", By: ByCalls, Want: noCall, Try: func(Place) error {
		limit := new(unix.Rlimit)
		if err := unix.Getrlimit(unix.RLIMIT_CORE, limit); err != nil {
			return err
		}
		return unix.Setrlimit(unix.RLIMIT_CORE, limit)
	}},

	{Name: "make a user namespace", By: ByCalls, Privileged: true, Want: noCall, Try: func(Place) error { return unix.Unshare(unix.CLONE_NEWUSER) }},
	{Name: "mount a file system", By: ByCalls, Privileged: true, Want: noCall, Try: func(Place) error { return unix.Mount("", "/no/such/folder", "proc", 0, "") }},
	{Name: "use io_uring", By: ByCalls, Privileged: true, Want: noCall, Try: func(Place) error {
		_, _, errno := unix.Syscall(unix.SYS_IO_URING_SETUP, 1, 0, 0)
		return reached(errno, unix.EFAULT)
	}},
	{Name: "load a program into the kernel", By: ByCalls, Privileged: true, Want: noCall, Try: func(Place) error {
		_, _, errno := unix.Syscall(unix.SYS_BPF, 0, 0, 0)
		return reached(errno, unix.EINVAL)
	}},
	{Name: "handle page faults", By: ByCalls, Privileged: true, Want: noCall, Try: func(Place) error {
		_, _, errno := unix.Syscall(unix.SYS_USERFAULTFD, ^uintptr(0), 0, 0)
		return reached(errno, unix.EINVAL)
	}},
	{Name: "use the kernel's keys", By: ByCalls, Want: noCall, Try: func(Place) error {
		_, err := unix.KeyctlGetKeyringID(unix.KEY_SPEC_PROCESS_KEYRING, false)
		return reached(errnoOf(err), unix.ENOKEY)
	}},
	{Name: "have performance counted", By: ByCalls, Privileged: true, Want: noCall, Try: func(Place) error {
		_, _, errno := unix.Syscall6(unix.SYS_PERF_EVENT_OPEN, 0, 0, 0, 0, 0, 0)
		return reached(errno, unix.EFAULT)
	}},

	{Name: "take more memory than its share", By: ByLimits, Want: []syscall.Errno{unix.ENOMEM}, Try: func(p Place) error {
		memory, err := unix.Mmap(-1, 0, int(p.AddressSpace)+1, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANON|unix.MAP_NORESERVE)
		if err != nil {
			return err
		}
		return unix.Munmap(memory)
	}},
	{Name: "write a file beyond its bound", By: ByLimits, Want: []syscall.Errno{unix.EFBIG}, Try: func(p Place) error {
		path := filepath.Join(p.Work, "large")
		file, err := os.Create(path)
		if err != nil {
			return err
		}
		defer file.Close()
		_, err = file.WriteAt([]byte("x"), p.MaxFileBytes)
		return removing(path, err)
	}},
	{Name: "open files without end", By: ByLimits, Want: []syscall.Errno{unix.EMFILE}, Try: func(p Place) error {
		var files []int
		defer func() { _ = closing(nil, files...) }()
		for range 200 {
			file, err := unix.Open(p.Document, unix.O_RDONLY|unix.O_CLOEXEC, 0)
			if err != nil {
				return err
			}
			files = append(files, file)
		}
		return nil
	}},
}

func socket(domain, kind int) func(Place) error {
	return func(Place) error {
		file, err := unix.Socket(domain, kind, 0)
		return closing(err, file)
	}
}

func read(path func(Place) string) func(Place) error { return open(os.O_RDONLY, path) }

func open(flag int, path func(Place) string) func(Place) error {
	return func(p Place) error {
		file, err := os.OpenFile(path(p), flag, 0)
		if err != nil {
			return err
		}
		return file.Close()
	}
}

func made(path string) error {
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	return removing(path, file.Close())
}

// removing what is at the path, where it could be made.
func removing(path string, err error) error {
	if err == nil {
		err = os.Remove(path)
	}
	return err
}

// closing the descriptors that there are without an error.
func closing(err error, files ...int) error {
	if err != nil {
		return err
	}
	for _, file := range files {
		_ = unix.Close(file)
	}
	return nil
}

// execute asks for a program that is not there, since one that is would take the attacker's place. To be told so is a success.
func execute(path string, missing syscall.Errno) func(Place) error {
	return func(Place) error { return reached(errnoOf(unix.Exec(path, []string{path}, nil)), missing) }
}

// reached makes a success of what a call says that did its work as far as its arguments let it.
func reached(errno syscall.Errno, successes ...syscall.Errno) error {
	for _, success := range successes {
		if errno == success {
			return nil
		}
	}
	if errno == 0 {
		return nil
	}
	return errno
}

func errnoOf(err error) syscall.Errno {
	errno, _ := err.(syscall.Errno)
	return errno
}

// fork makes a process that ends at once.
func fork(call uintptr, arguments ...uintptr) error {
	var a [2]uintptr
	copy(a[:], arguments)
	child, _, errno := unix.RawSyscall6(call, a[0], a[1], 0, 0, 0, 0)
	if errno != 0 {
		return errno
	}
	if child == 0 {
		for {
			_, _, _ = unix.RawSyscall(unix.SYS_EXIT_GROUP, 0, 0, 0)
		}
	}
	_, err := unix.Wait4(int(child), nil, 0, nil)
	return err
}
