package confine

import (
	"errors"
	"fmt"
	"os"
	"runtime"

	seccomp "github.com/elastic/go-seccomp-bpf"
	"github.com/elastic/go-seccomp-bpf/arch"
	"golang.org/x/sys/unix"
)

// calls are the system calls that the Go runtime, the C libraries, MuPDF and Tesseract make once the engine runs. None of them
// makes a connection or a process, runs a program, or does anything to another process. Old ones that not every
// architecture has are left out there.
var calls = []string{
	// memory
	"brk", "madvise", "mincore", "mmap", "mprotect", "mremap", "munmap",
	// threads and time
	"clock_getres", "clock_gettime", "clock_nanosleep", "exit", "exit_group", "futex", "getpid", "gettid", "gettimeofday",
	"membarrier", "nanosleep", "restart_syscall", "rseq", "sched_getaffinity", "sched_yield", "set_robust_list", "time",
	// signals to itself
	"rt_sigaction", "rt_sigprocmask", "rt_sigreturn", "sigaltstack",
	// files, whose paths are landlock's
	"access", "close", "dup", "dup2", "dup3", "faccessat", "faccessat2", "fadvise64", "fstat", "fsync", "ftruncate", "getcwd",
	"getdents64", "lseek", "lstat", "newfstatat", "open", "openat", "pread64", "preadv", "pwrite64", "pwritev", "read",
	"readlink", "readlinkat", "readv", "stat", "statx", "unlink", "unlinkat", "write", "writev",
	// waiting for a file or a pipe
	"epoll_create1", "epoll_ctl", "epoll_pwait", "epoll_wait", "eventfd2", "pipe2", "poll", "ppoll",
	// what it is and has
	"getegid", "geteuid", "getgid", "getrandom", "getrusage", "getuid", "sysinfo", "uname",
}

func seccompOffered() bool { return seccomp.Supported() }

// shutCalls leaves the calls to all threads of the process, and some others if they are about the process itself. Any other
// one fails with EPERM, of any other instruction set, too.
func shutCalls() error {
	if !seccompOffered() {
		return nil
	}
	machine, err := arch.GetInfo("")
	if err != nil {
		return fmt.Errorf("confine by seccomp: %w", err)
	}
	var known []string
	for _, name := range calls {
		if _, ok := machine.SyscallNames[name]; ok {
			known = append(known, name)
		}
	}
	// The filter needs a thread that can gain no privileges, and gives that to all others with itself.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	err = seccomp.LoadFilter(seccomp.Filter{
		NoNewPrivs: true,
		Flag:       seccomp.FilterFlagTSync,
		Policy: seccomp.Policy{
			DefaultAction: seccomp.ActionErrno,
			Syscalls: []seccomp.SyscallGroup{
				// The C library then makes threads by clone, whose flags can be looked at.
				{Names: []string{"clone3"}, Action: seccomp.ActionErrno | seccomp.Action(unix.ENOSYS)},
				{Names: known, NamesWithCondtions: conditions(), Action: seccomp.ActionAllow},
			},
		},
	})
	if err != nil {
		return fmt.Errorf("confine by seccomp: %w", err)
	}
	// Where a thread cannot be given the filter, none gets it, and the kernel answers with the number of that thread: to the
	// library no error.
	if _, err := unix.PrctlRetInt(unix.PR_GET_SECCOMP, 0, 0, 0, 0); err != unix.EPERM {
		return errors.New("confine by seccomp: a thread of the process takes no filter")
	}
	return nil
}

// conditions are on calls that can do more than they shall.
func conditions() []seccomp.NameWithConditions {
	when := func(call string, argument uint32, operation seccomp.Operation, value uint64) seccomp.NameWithConditions {
		return seccomp.NameWithConditions{Name: call, Conditions: seccomp.ArgumentConditions{
			{Argument: argument, Operation: operation, Value: value}}}
	}
	conditions := []seccomp.NameWithConditions{
		// Threads, no processes.
		when("clone", 0, seccomp.BitsSet, unix.CLONE_THREAD),
		// The runtime interrupts its threads by signals.
		when("tgkill", 0, seccomp.Equal, uint64(os.Getpid())),
	}
	// The others lock files, or have signals sent to other processes.
	for _, command := range []uint64{
		unix.F_DUPFD, unix.F_DUPFD_CLOEXEC, unix.F_GETFD, unix.F_SETFD, unix.F_GETFL, unix.F_SETFL,
	} {
		conditions = append(conditions, when("fcntl", 1, seccomp.Equal, command))
	}
	return conditions
}
