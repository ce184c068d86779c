package cluster

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/openplp/khocr/hack/localcluster/internal/process"
)

const (
	// startPatience covers a start on a machine whose cores are all busy.
	startPatience = 2 * time.Minute
	// stopGrace is short because a kube-apiserver with open watches takes over
	// 30 s to end by itself, and none of them loses anything when killed.
	stopGrace = 3 * time.Second
)

// A component is one long-running process of the cluster.
type component struct {
	name string
	// args is the command; a first word without a slash is a program of Bin or
	// of the system.
	args []string
	// configs are the files it reads, by path.
	configs map[string][]byte
	// listeners makes the sockets that it inherits.
	listeners func() ([]*net.TCPListener, error)
	// ready returns nil once it does its work.
	ready func(context.Context) error
}

// digest stands for everything a component was started with. One that runs with
// an older digest is restarted by up.
func (c component) digest() string {
	hash := sha256.New()
	fmt.Fprintf(hash, "%q", c.args[1:])
	// A program that was built anew is another one; not so the forwarder, which
	// is this program, and new with every "go run".
	if program, err := os.Stat(c.args[0]); err == nil && c.listeners == nil {
		fmt.Fprintln(hash, program.Size(), program.ModTime().UnixNano())
	}
	for _, path := range slices.Sorted(maps.Keys(c.configs)) {
		fmt.Fprintf(hash, "%q %q", path, c.configs[path])
	}
	return hex.EncodeToString(hash.Sum(nil))[:16]
}

func (c *Cluster) record(name string) process.Record {
	var record process.Record
	content, err := os.ReadFile(c.state.recordFile(name))
	if err != nil || json.Unmarshal(content, &record) != nil {
		return process.Record{} // never started, as far as anybody can tell
	}
	return record
}

// ensure starts a component, unless it runs with the same configuration. It
// does not wait until it is ready.
func (c *Cluster) ensure(ctx context.Context, part component) error {
	record := c.record(part.name)
	digest := part.digest()
	if record.Alive() {
		if record.Digest == digest {
			return nil
		}
		c.progress("stopping " + part.name + ", which runs with other settings")
		if err := record.Stop(ctx, stopGrace); err != nil {
			return fmt.Errorf("stopping %s: %w", part.name, err)
		}
	}
	if err := c.endStrays(ctx, part); err != nil {
		return err
	}
	c.progress("starting " + part.name)
	if err := c.start(part); err != nil {
		return fmt.Errorf("starting %s: %w", part.name, err)
	}
	return nil
}

// endStrays ends what no record tells of, because whoever started it was killed before it was written. The forwarder's command
// says nothing of its cluster; two of them cannot have the same addresses anyway.
func (c *Cluster) endStrays(ctx context.Context, part component) error {
	if part.listeners != nil {
		return nil
	}
	for _, stray := range process.Find(part.args) {
		c.progress("ending a " + part.name + " that nobody knew of")
		if err := stray.Stop(ctx, 0); err != nil {
			return fmt.Errorf("ending a stray %s: %w", part.name, err)
		}
	}
	return nil
}

func (c *Cluster) start(part component) error {
	for path, content := range part.configs {
		if err := writeFile(path, content, 0o600); err != nil {
			return err
		}
	}
	var files []*os.File
	if part.listeners != nil {
		listeners, err := part.listeners()
		if err != nil {
			return err
		}
		for _, listener := range listeners {
			defer listener.Close()
			file, err := listener.File()
			if err != nil {
				return fmt.Errorf("handing over the socket on %s: %w", listener.Addr(), err)
			}
			defer file.Close()
			files = append(files, file)
		}
	}
	log := c.state.logFile(part.name)
	if err := os.MkdirAll(filepath.Dir(log), 0o755); err != nil {
		return fmt.Errorf("making the folder for logs: %w", err)
	}
	record, err := process.Start(c.insideCommand(part.args...), log, part.digest(), files)
	if err != nil {
		return err
	}
	return writeJSON(c.state.recordFile(part.name), record)
}

// waitReady polls a component until it works. It gives up at once when the
// process has ended, with what that said last.
func (c *Cluster) waitReady(ctx context.Context, part component) error {
	err := poll(ctx, startPatience, func(ctx context.Context) error {
		if !c.record(part.name).Alive() {
			return fatalError{fmt.Errorf("it has ended; its last words:\n%s", tail(c.state.logFile(part.name)))}
		}
		return part.ready(ctx)
	})
	if err != nil {
		return fmt.Errorf("waiting for %s: %w", part.name, err)
	}
	return nil
}

// A fatalError ends polling: waiting longer is no use.
type fatalError struct{ error }

func (e fatalError) Unwrap() error { return e.error }

// poll calls check until it returns nil, and at most for the given time. The
// error is the last one of check.
func poll(ctx context.Context, patience time.Duration, check func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for {
		attempt, cancel := context.WithTimeout(ctx, 5*time.Second)
		err := check(attempt)
		cancel()
		if err == nil {
			return nil
		}
		var fatal fatalError
		if errors.As(err, &fatal) {
			return fatal.error
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%w: %w", context.Cause(ctx), err)
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// tail returns the last lines of a log.
func tail(path string) string {
	content, err := os.ReadFile(path)
	if err != nil {
		return err.Error()
	}
	lines := strings.Split(strings.TrimSpace(string(content)), "\n")
	return strings.Join(lines[max(0, len(lines)-12):], "\n")
}
