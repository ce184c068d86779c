package worker

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"os"
	"strconv"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/openplp/khocr/internal/document"
	"github.com/openplp/khocr/internal/workerport"
)

// Cost is what a page took of the machine.
type Cost struct {
	// CPU is the user and system time of engines, over all tries of the page. Starting an engine and opening the document
	// count for the engine's first page.
	CPU time.Duration
	// PeakMemory is the most memory in bytes that the engine had resident until the page was done.
	PeakMemory int64
}

// ReadLocal reads the document at path on this machine, without a cluster: by the same engines, within the same limits and
// with the same second tries as in a pod. Of config it takes CPULimit, MemoryLimit, Engine, TessdataPrefix and WorkDir, a
// folder of its own that is empty; of the ticket what says how pages are read.
//
// Each page is handed out once, in the order of the document, one at a time. Where publish is not nil, the document is then
// made searchable as in a pod, and publish gets the part of the searchable PDF, as workerport names it, and the path of its
// file, which is there for that long; it is not called where there is no such PDF. The folder is left empty.
//
// An error of handOut ends the reading and is returned; other errors say that the document cannot be read, or no engine be run.
func ReadLocal(
	ctx context.Context, config Config, ticket workerport.Ticket, path string, log *slog.Logger,
	handOut func(*document.Page, Cost) error, publish func(part, path string) error,
) error {
	first, err := startChild(config, childMemory(config.MemoryLimit, childCount(config.CPULimit, config.MemoryLimit)))
	if err != nil {
		return temporary(reasonEngineUnavailable, "The engine could not be started.", err)
	}
	costs := newMeter()
	s := &supervisor{
		config: config, log: log, ticket: &ticket, path: path,
		progress: func(workerport.StoredPage) {}, answered: costs.add,
	}
	defer s.forget()
	engine, total, alone, err := s.openFirst(ctx, first)
	if err != nil {
		return err
	}
	plan, bad := makePlan(&ticket, total)
	if bad != nil {
		engine.kill()
		return bad
	}
	children := 1
	if !alone {
		children = max(1, min(childCount(config.CPULimit, config.MemoryLimit), len(plan.pages)))
	}
	inOrder := sequence{
		next: plan.pages, waiting: make(map[int]*document.Page),
		handOut: func(page *document.Page) error { return handOut(page, costs.of(page.Number)) },
	}
	s.store = inOrder.put
	s.publish = func(_ context.Context, part, path string) error { return publish(part, path) }
	defer s.dismiss()
	if err := s.process(ctx, ctx, engine, children, plan.pages); err != nil || publish == nil {
		return err
	}
	return s.makeSearchable(ctx, plan)
}

// forget what was kept for the searchable PDF, and what engines made. In a pod it goes with the folder.
func (s *supervisor) forget() {
	for _, path := range []string{s.results(), s.config.madeDir()} {
		if err := os.RemoveAll(path); err != nil {
			s.log.Error("Work folder was not emptied", "error", err)
		}
	}
}

// sequence puts pages that are done in any order in that of the document.
type sequence struct {
	mutex sync.Mutex
	// next are the numbers of the pages that are still to be handed out.
	next    []int
	waiting map[int]*document.Page
	handOut func(*document.Page) error
}

func (s *sequence) put(_ context.Context, page *document.Page) error {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.waiting[page.Number] = page
	for len(s.next) > 0 && s.waiting[s.next[0]] != nil {
		page := s.waiting[s.next[0]]
		delete(s.waiting, page.Number)
		s.next = s.next[1:]
		if err := s.handOut(page); err != nil {
			return err
		}
	}
	return nil
}

// meter tells what pages cost, from the clocks of the processes that did them.
type meter struct {
	mutex sync.Mutex
	pages map[int]Cost
	// before is the CPU time of each child up to its last page.
	before map[*child]time.Duration
}

func newMeter() *meter {
	return &meter{pages: make(map[int]Cost), before: make(map[*child]time.Duration)}
}

// add what a child has taken since the page that it did before. One that has died has no peak any more.
func (m *meter) add(engine *child, page int) {
	pid := engine.command.Process.Pid
	spent, memory := cpuTime(pid), peakMemory(pid)
	m.mutex.Lock()
	defer m.mutex.Unlock()
	cost := m.pages[page]
	cost.CPU += spent - m.before[engine]
	cost.PeakMemory = max(cost.PeakMemory, memory)
	m.pages[page], m.before[engine] = cost, spent
}

func (m *meter) of(page int) Cost {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	return m.pages[page]
}

// cpuTime of a process with all its threads, to the nanosecond; /proc/PID/stat counts in ticks of 10 ms. It can be read of
// a process that has died until somebody has waited for it.
func cpuTime(pid int) time.Duration {
	// The clock of a process, as the kernel and clock_getcpuclockid(3) make its number: the process's, inverted, above the
	// three bits that choose user and system time as the scheduler counts it.
	const scheduled = 2
	var spent unix.Timespec
	if err := unix.ClockGettime(int32(^pid<<3|scheduled), &spent); err != nil {
		return 0
	}
	return time.Duration(spent.Nano())
}

// peakMemory of a process that runs (VmHWM), in bytes. What wait4 tells begins with the memory of the process that forked.
func peakMemory(pid int) int64 {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0
	}
	_, after, _ := bytes.Cut(status, []byte("VmHWM:"))
	number, _, _ := bytes.Cut(bytes.TrimSpace(after), []byte(" "))
	kilobytes, err := strconv.ParseInt(string(number), 10, 64)
	if err != nil {
		return 0
	}
	return kilobytes << 10
}
