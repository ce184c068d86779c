package confine_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"

	seccomp "github.com/elastic/go-seccomp-bpf"
	"golang.org/x/sys/unix"

	"github.com/openplp/khocr/worker/confine"
	"github.com/openplp/khocr/worker/confine/attack"
)

// The test program is what is confined when the variable says how, since that is for good.
const envOrder = "KHOCR_TEST_CONFINED"

// order is what a confined process does.
type order struct {
	attack.Place
	// Free ones are not confined at all.
	Free bool
	// Without are system calls that the kernel is to lack.
	Without []string
	// Homeless ones are told that they may write where nothing is.
	Homeless bool
	// Stubborn ones have a thread that takes no filter.
	Stubborn bool
	// Threads that are there before the process is confined try to read the secret and to open a socket.
	Threads int
}

// answer is what it tells.
type answer struct {
	Missing []string
	// Threads are what its threads were told.
	Threads []syscall.Errno
}

func TestMain(m *testing.M) {
	if os.Getenv(envOrder) == "" {
		os.Exit(m.Run())
	}
	if err := obey([]byte(os.Getenv(envOrder))); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func obey(text []byte) error {
	var o order
	if err := json.Unmarshal(text, &o); err != nil {
		return err
	}
	if len(o.Without) > 0 {
		if err := takeAway(o.Without); err != nil {
			return err
		}
	}
	a := answer{Missing: confine.Missing()}
	if o.Stubborn {
		if err := startStubborn(); err != nil {
			return err
		}
	}
	threads, attackNow := startThreads(o)
	if !o.Free {
		if err := confine.AddressSpace(strconv.FormatInt(o.AddressSpace, 10)); err != nil {
			return err
		}
		room := confine.Room{Read: []string{o.Document}, Work: o.Work, MaxFileBytes: o.MaxFileBytes}
		if o.Homeless {
			room.Work = "/no/such/folder"
		}
		if err := confine.Enter(room); err != nil {
			return err
		}
	}
	close(attackNow)
	for range o.Threads {
		a.Threads = append(a.Threads, <-threads...)
	}
	if err := attack.Run(o.Place); err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(a)
}

// startThreads makes threads that try something as soon as they are told to.
func startThreads(o order) (errnos chan []syscall.Errno, now chan struct{}) {
	errnos, now = make(chan []syscall.Errno), make(chan struct{})
	var ready sync.WaitGroup
	for range o.Threads {
		ready.Add(1)
		go func() {
			runtime.LockOSThread()
			ready.Done()
			<-now
			var got []syscall.Errno
			for _, attempt := range attack.All {
				if attempt.Name == "read the service account's token" || attempt.Name == "open a TCP socket" {
					err := attempt.Try(o.Place)
					got = append(got, errnoOf(err))
				}
			}
			errnos <- got
		}()
	}
	ready.Wait()
	return errnos, now
}

func errnoOf(err error) syscall.Errno {
	switch err := err.(type) {
	case *os.PathError:
		return errnoOf(err.Err)
	case syscall.Errno:
		return err
	}
	return 0
}

// takeAway makes the kernel one that has not heard of the calls.
func takeAway(calls []string) error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	return loseCalls(seccomp.FilterFlagTSync, calls)
}

// startStubborn makes a thread with a filter of its own, which the kernel does not replace.
func startStubborn() error {
	filtered := make(chan error)
	go func() {
		runtime.LockOSThread()
		filtered <- loseCalls(0, []string{"syncfs"})
		select {}
	}()
	return <-filtered
}

func loseCalls(threads seccomp.FilterFlag, calls []string) error {
	return seccomp.LoadFilter(seccomp.Filter{NoNewPrivs: true, Flag: threads, Policy: seccomp.Policy{
		DefaultAction: seccomp.ActionAllow,
		Syscalls:      []seccomp.SyscallGroup{{Names: calls, Action: seccomp.ActionErrno | seccomp.Action(unix.ENOSYS)}},
	}})
}

// carryOut an order in a process of its own, and return what it tells and what came of its attempts.
func carryOut(t *testing.T, o order) (answer, map[string]attack.Outcome) {
	t.Helper()
	output, work, err := run(t, o)
	if err != nil {
		t.Fatal(err)
	}
	var a answer
	if err := json.Unmarshal(output, &a); err != nil {
		t.Fatalf("reading the answer %q: %v", output, err)
	}
	outcomes, err := attack.Outcomes(work)
	if err != nil {
		t.Fatal(err)
	}
	return a, outcomes
}

func run(t *testing.T, o order) (output []byte, work string, err error) {
	t.Helper()
	folder := t.TempDir()
	o.Place = attack.Place{
		Document: filepath.Join(folder, "document"), Work: filepath.Join(folder, "work"),
		Secret: filepath.Join(folder, "secrets", "token"), Elsewhere: filepath.Join(folder, "elsewhere"),
		Supervisor: os.Getpid(), MaxFileBytes: 1 << 20, AddressSpace: 1 << 30,
	}
	for _, folder := range []string{o.Work, o.Elsewhere, filepath.Dir(o.Secret)} {
		if err := os.Mkdir(folder, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	for _, file := range []string{o.Document, o.Secret, filepath.Join(o.Elsewhere, "cut"), filepath.Join(o.Elsewhere, "lost"), filepath.Join(o.Elsewhere, "moved")} {
		if err := os.WriteFile(file, []byte("content"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	text, err := json.Marshal(o)
	if err != nil {
		t.Fatal(err)
	}
	command := exec.Command(os.Args[0])
	command.Env = append(os.Environ(), envOrder+"="+string(text))
	var stderr bytes.Buffer
	command.Stderr = &stderr
	if output, err = command.Output(); err != nil {
		err = fmt.Errorf("the confined process: %w\n%s", err, stderr.String())
	}
	return output, o.Work, err
}

// skipMissing skips a test that needs a kernel which confines in full.
func skipMissing(t *testing.T) {
	t.Helper()
	if missing := confine.Missing(); len(missing) > 0 {
		t.Skipf("this kernel lacks %s", strings.Join(missing, "; "))
	}
}

func TestAConfinedProcessIsRefused(t *testing.T) {
	skipMissing(t)
	_, outcomes := carryOut(t, order{})
	attack.Judge(t, outcomes)
}

// Else the attempts would prove nothing.
func TestAFreeProcessSucceeds(t *testing.T) {
	_, outcomes := carryOut(t, order{Free: true})
	for _, attempt := range attack.All {
		if outcome, ok := outcomes[attempt.Name]; !attempt.Privileged && (!ok || outcome.Errno != 0) {
			t.Errorf("%s: %v, want a success", attempt.Name, outcome.Errno)
		}
	}
}

func TestEveryThreadIsConfined(t *testing.T) {
	skipMissing(t)
	const threads = 8
	a, _ := carryOut(t, order{Threads: threads})
	if len(a.Threads) != 2*threads || slices.Contains(a.Threads, 0) {
		t.Errorf("the threads were told %v, want refusals", a.Threads)
	}
}

func TestWhatTheKernelLacks(t *testing.T) {
	skipMissing(t)
	landlock := []string{"landlock_create_ruleset", "landlock_add_rule", "landlock_restrict_self"}
	for _, test := range []struct {
		name    string
		without []string
		// missing are how the messages begin.
		missing []string
		// by are the means that are left.
		by []string
	}{
		{"landlock", landlock, []string{"landlock: "}, []string{attack.ByCalls, attack.ByLimits}},
		{"seccomp", []string{"seccomp"}, []string{"seccomp: "}, []string{attack.ByFiles, attack.ByLimits}},
		{"both", append(landlock, "seccomp"), []string{"landlock: ", "seccomp: "}, []string{attack.ByLimits}},
	} {
		t.Run(test.name, func(t *testing.T) {
			a, outcomes := carryOut(t, order{Without: test.without})
			if !slices.EqualFunc(a.Missing, test.missing, strings.HasPrefix) {
				t.Errorf("the process says that %q is missing, want %q", a.Missing, test.missing)
			}
			for _, attempt := range attack.All {
				outcome := outcomes[attempt.Name]
				if slices.Contains(test.by, attempt.By) && !attempt.Refused(outcome) {
					t.Errorf("%s is told %v, want a refusal by %s", attempt.Name, outcome.Errno, attempt.By)
				}
			}
		})
	}
}

// A kernel that offers a means and then fails to apply it must not let the document be opened.
func TestARoomThatIsNotThere(t *testing.T) {
	skipMissing(t)
	if _, _, err := run(t, order{Homeless: true}); err == nil || !strings.Contains(err.Error(), "no such file") {
		t.Errorf("a process went on without its folder: %v", err)
	}
}

func TestAThreadThatTakesNoFilter(t *testing.T) {
	skipMissing(t)
	if _, _, err := run(t, order{Stubborn: true}); err == nil || !strings.Contains(err.Error(), "takes no filter") {
		t.Errorf("a process went on without its filter: %v", err)
	}
}
