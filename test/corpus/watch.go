package corpus

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"time"
)

// watchEvery is how often memory and disk are looked at. A peak that comes and goes between is missed in the sum, but not in
// that of an engine, which the kernel keeps.
const watchEvery = 100 * time.Millisecond

// supervisor is a process that reads documents.
type supervisor struct {
	command *exec.Cmd
	orders  *json.Encoder
	// answers come one for each order. The channel is closed when the process has ended, as ended tells.
	answers chan Answer
	ended   error
	stop    func()
}

// startSupervisor runs this program with the arguments and environment that make it call Supervise. What it logs goes to a file.
func startSupervisor(program Program, log *os.File) (*supervisor, error) {
	s := &supervisor{command: exec.Command(program.Path, program.Arguments...), answers: make(chan Answer)}
	s.command.Env = append(os.Environ(), program.Environment...)
	s.command.Stderr = log
	s.command.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	orders, err := s.command.StdinPipe()
	if err != nil {
		return nil, fmt.Errorf("start a supervisor: %w", err)
	}
	output, err := s.command.StdoutPipe()
	if err != nil {
		return nil, fmt.Errorf("start a supervisor: %w", err)
	}
	if err := s.command.Start(); err != nil {
		return nil, fmt.Errorf("start a supervisor: %w", err)
	}
	s.orders = json.NewEncoder(orders)
	s.stop = func() { _ = orders.Close() }
	go func() {
		decoder := json.NewDecoder(output)
		for {
			var answer Answer
			if decoder.Decode(&answer) != nil {
				break
			}
			s.answers <- answer
		}
		s.ended = s.command.Wait()
		close(s.answers)
	}()
	return s, nil
}

// read a document in a folder that is empty, and watch.
func (s *supervisor) read(ctx context.Context, document Document, path, folder string, limits Limits) (seen Observation) {
	begin := time.Now()
	if err := s.orders.Encode(order{path, document.Password, folder, limits}); err != nil {
		seen.Lost = err.Error()
		return seen
	}
	// Whoever takes longer than all pages may is lost.
	hard := time.NewTimer(limits.timeLimit(200) + time.Minute)
	defer hard.Stop()
	look := time.NewTicker(watchEvery)
	defer look.Stop()
	for {
		select {
		case answer, running := <-s.answers:
			seen.Elapsed = time.Since(begin)
			seen.Answer = answer
			seen.Engine = max(seen.Engine, answer.Engine)
			seen.Memory = max(seen.Memory, seen.Engine)
			if !running {
				seen.Lost = fmt.Sprint("it ended: ", s.ended)
			}
			return seen
		case <-look.C:
			seen.look(s.command.Process.Pid, folder)
		case <-hard.C:
			seen.Elapsed, seen.Lost = time.Since(begin), "it does not end"
			_ = s.command.Process.Kill()
			return seen
		case <-ctx.Done():
			_ = s.command.Process.Kill()
			return seen
		}
	}
}

// look at what there is now.
func (o *Observation) look(supervisor int, folder string) {
	together := memoryOf(supervisor, "VmRSS:")
	for _, child := range childrenOf(supervisor) {
		together += memoryOf(child, "VmRSS:")
		o.Engine = max(o.Engine, memoryOf(child, "VmHWM:"))
	}
	o.Memory = max(o.Memory, together)
	o.Disk = max(o.Disk, sizeOf(folder))
}

// memoryOf a process by a line of its status, in bytes; 0 where it has ended.
func memoryOf(pid int, line string) int64 {
	status, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	_, after, _ := bytes.Cut(status, []byte(line))
	number, _, _ := bytes.Cut(bytes.TrimSpace(after), []byte(" "))
	kilobytes, _ := strconv.ParseInt(string(number), 10, 64)
	return kilobytes << 10
}

func sizeOf(folder string) (sum int64) {
	_ = filepath.WalkDir(folder, func(_ string, entry fs.DirEntry, err error) error {
		if err != nil {
			return nil
		}
		if info, err := entry.Info(); err == nil && info.Mode().IsRegular() {
			sum += info.Size()
		}
		return nil
	})
	return sum
}
