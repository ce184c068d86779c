package worker

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"syscall"
	"time"

	"github.com/openplp/khocr/internal/document"
	"github.com/openplp/khocr/worker/wire"
)

// child is one process of the engine. It answers one request at a time, and is killed when it does not.
type child struct {
	command   *exec.Cmd
	requests  *os.File
	responses *os.File
	reader    *bufio.Reader
	stderr    *tail
}

// startChild runs the engine with the given allowance of address space in bytes.
//
// The child's environment is made from nothing, so it holds no secret. The child dies with the supervisor: Linux sends
// the death signal when the thread that forked ends, and the Go runtime ends no thread but those that a goroutine was
// locked to, which never happens here.
func startChild(config Config, addressSpace int64) (*child, error) {
	requestReader, requestWriter, err := os.Pipe()
	if err != nil {
		return nil, fmt.Errorf("make request pipe: %w", err)
	}
	defer requestReader.Close()
	responseReader, responseWriter, err := os.Pipe()
	if err != nil {
		requestWriter.Close()
		return nil, fmt.Errorf("make response pipe: %w", err)
	}
	// Only the child keeps its ends, so that its death is the end of the stream.
	defer responseWriter.Close()

	c := &child{
		command:   exec.Command(config.Engine),
		requests:  requestWriter,
		responses: responseReader,
		reader:    bufio.NewReaderSize(responseReader, 64<<10),
		stderr:    new(tail),
	}
	// ExtraFiles begin at descriptor 3: wire.RequestFD, wire.ResponseFD.
	c.command.ExtraFiles = []*os.File{requestReader, responseWriter}
	c.command.Stderr = c.stderr
	c.command.Env = []string{
		// Before the process starts, or OpenMP takes every core for each child.
		"OMP_THREAD_LIMIT=1",
		// The engine has one core, so the collector is not to use the idle ones.
		"GOMAXPROCS=1",
		// A page of A4 stays below it. That of A3 would leave as much garbage again for the next one to be drawn beside.
		"GOMEMLIMIT=64MiB",
		// Before the process starts, too: each further arena of the C library takes 64 MiB of the child's address space.
		"MALLOC_ARENA_MAX=1",
		"TESSDATA_PREFIX=" + config.TessdataPrefix,
		"TMPDIR=" + config.madeDir(),
		wire.EnvAddressSpace + "=" + strconv.FormatInt(addressSpace, 10),
	}
	c.command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	c.command.WaitDelay = time.Second
	if err := c.command.Start(); err != nil {
		requestWriter.Close()
		responseReader.Close()
		return nil, fmt.Errorf("start engine: %w", err)
	}
	return c, nil
}

// Ways in which a child fails to answer.
var (
	errChildTimedOut = errors.New("the engine took too long")
	errChildDied     = errors.New("the engine died")
)

// exitNotLoaded is the exit code of the dynamic loader, and of a shell, for a program that cannot be run.
const exitNotLoaded = 127

// ask sends a request and waits for the answer. The error is errChildTimedOut, errChildDied (which includes an answer
// that breaks the protocol) or the context's; after any of them the child is of no more use and must be killed.
func (c *child) ask(ctx context.Context, request wire.Request, timeout time.Duration) (*wire.Response, error) {
	message, err := json.Marshal(request)
	if err != nil {
		return nil, fmt.Errorf("encode request: %w", err)
	}
	deadline := time.Now().Add(timeout)
	_ = c.requests.SetWriteDeadline(deadline)
	_ = c.responses.SetReadDeadline(deadline)
	stop := context.AfterFunc(ctx, func() { _ = c.responses.SetReadDeadline(time.Unix(1, 0)) })
	defer stop()

	line, err := c.exchange(append(message, '\n'))
	switch {
	case err == nil:
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case errors.Is(err, os.ErrDeadlineExceeded):
		return nil, errChildTimedOut
	default:
		return nil, fmt.Errorf("%w: %w", errChildDied, err)
	}
	response := new(wire.Response)
	if err := document.Decode(line, response); err != nil {
		return nil, fmt.Errorf("%w: its answer cannot be read: %w", errChildDied, err)
	}
	return response, nil
}

// exchange writes a message and reads a line of at most wire.MaxMessage bytes.
func (c *child) exchange(message []byte) ([]byte, error) {
	if _, err := c.requests.Write(message); err != nil {
		return nil, err
	}
	var line []byte
	for {
		chunk, err := c.reader.ReadSlice('\n')
		if len(line)+len(chunk) > wire.MaxMessage {
			return nil, errors.New("its answer is too long")
		}
		line = append(line, chunk...)
		if !errors.Is(err, bufio.ErrBufferFull) {
			return line, err
		}
	}
}

// kill ends the child with all that it started, and tells how it ended and the last of what it printed.
func (c *child) kill() (state *os.ProcessState, printed string) {
	_ = syscall.Kill(-c.command.Process.Pid, syscall.SIGKILL)
	_ = c.command.Wait()
	c.requests.Close()
	c.responses.Close()
	return c.command.ProcessState, c.stderr.String()
}

// tail keeps the last of what is written to it. The copying goroutine of one command writes it, and it is read after the
// command's Wait.
type tail struct{ kept []byte }

// maxTail in bytes.
const maxTail = 8 << 10

func (t *tail) Write(data []byte) (int, error) {
	t.kept = append(t.kept, data...)
	if excess := len(t.kept) - maxTail; excess > 0 {
		t.kept = append(t.kept[:0], t.kept[excess:]...)
	}
	return len(data), nil
}

// String gives what was kept in printable ASCII. Diagnostics of the libraries are English; nothing of a Khmer text gets
// into a log this way, should a library ever print it.
func (t *tail) String() string { return printable(t.kept) }

func printable(text []byte) string {
	return string(bytes.Map(func(r rune) rune {
		if r == '\n' || r >= ' ' && r < 0x7f {
			return r
		}
		return '?'
	}, text))
}

// told is the message of a child's error, as far as it may be shown: an engine that was taken over says what it likes.
func told(e *wire.Error) string {
	return printable([]byte(e.Message[:min(len(e.Message), maxTerminationMessage)]))
}
