package e2e

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// keeper keeps the logs of worker pods, which the kubelet deletes with their pods. It takes them from the node's disk: the
// API server and the kubelet, which could be asked for them, are away now and then.
type keeper struct {
	// from is the kubelet's folder of logs; to is on the same file system, which lets a file have a second name.
	from, to, namespace string
}

// keepLogs keeps the logs of the tenant's workers. What comes back ends that, and tells of every page that one has stored.
func (t *tenant) keepLogs(n *node) (stored func() []storing) {
	t.Helper()
	logs := keeper{from: filepath.Join(n.folder, "logs", "node", "pods"), to: filepath.Join(n.folder, "logs", "kept"), namespace: t.namespace()}
	t.must(os.MkdirAll(logs.to, 0o755))
	keeping, end := context.WithCancel(t.Context())
	var kept sync.WaitGroup
	kept.Go(func() {
		if err := logs.run(keeping); !errors.Is(err, context.Canceled) {
			t.Errorf("keeping logs: %v", err)
		}
	})
	return func() []storing {
		t.Helper()
		end()
		kept.Wait()
		all, err := logs.stored()
		t.must(err)
		return all
	}
}

// run keeps logs until the context ends.
func (k keeper) run(ctx context.Context) error {
	for {
		err := k.sweep()
		if err == nil {
			err = linger(ctx, 50*time.Millisecond)
		}
		if err != nil {
			return err
		}
	}
}

// sweep gives every log a name that stays. What is written to it later is under that name, too.
func (k keeper) sweep() error {
	logs, err := filepath.Glob(filepath.Join(k.from, k.namespace+"_*", "*", "*.log"))
	if err != nil {
		return err
	}
	for _, log := range logs {
		container := filepath.Dir(log)
		name := strings.Join([]string{filepath.Base(filepath.Dir(container)), filepath.Base(container), filepath.Base(log)}, ".")
		err := os.Link(log, filepath.Join(k.to, name))
		if err != nil && !errors.Is(err, fs.ErrExist) && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("keeping a log: %w", err)
		}
	}
	return nil
}

// stored tells of every page that a worker has stored, by the logs that were kept.
func (k keeper) stored() ([]storing, error) {
	logs, err := filepath.Glob(filepath.Join(k.to, k.namespace+"_*.log"))
	if err != nil {
		return nil, err
	}
	var all []storing
	for _, log := range logs {
		_, rest, _ := strings.Cut(filepath.Base(log), "_")
		pod, _, _ := strings.Cut(rest, "_")
		file, err := os.Open(log)
		if err != nil {
			return nil, err
		}
		found, err := storedBy(pod, file)
		_ = file.Close()
		if err != nil {
			return nil, fmt.Errorf("reading %s: %w", log, err)
		}
		all = append(all, found...)
	}
	return all, nil
}

// storedBy reads a log as the container runtime writes it: time, stream and a letter before each line.
func storedBy(pod string, log io.Reader) ([]storing, error) {
	var all []storing
	lines := bufio.NewScanner(log)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		fields := strings.SplitN(lines.Text(), " ", 4)
		if len(fields) < 4 {
			continue
		}
		if job, page, ok := readStored([]byte(fields[3])); ok {
			all = append(all, storing{pod: pod, job: job, page: page})
		}
	}
	return all, lines.Err()
}

func TestLogsOutliveTheirPods(t *testing.T) {
	folder := t.TempDir()
	k := keeper{from: filepath.Join(folder, "pods"), to: filepath.Join(folder, "kept"), namespace: "khocr-a"}
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(os.Mkdir(k.to, 0o755))
	open := func(pod string) *os.File {
		container := filepath.Join(k.from, pod, "worker")
		must(os.MkdirAll(container, 0o755))
		file, err := os.Create(filepath.Join(container, "0.log"))
		must(err)
		return file
	}
	say := func(file *os.File, name string, page int) {
		job := k.namespace + "/" + name
		_, err := fmt.Fprintf(file, `2026-11-23T06:00:00.123456789Z stderr F {"time":"x","level":"INFO","msg":"Page was stored","pod":"p","job":%q,"part":0,"page":%d,"outcome":"recognized","ms":12}`+"\n", job, page)
		must(err)
	}
	ours, theirs := open("khocr-a_1-0-1_uid1"), open("khocr-ab_2-0-1_uid2")
	say(ours, "1", 1)
	say(theirs, "2", 1)
	must(k.sweep())
	must(os.RemoveAll(k.from))
	say(ours, "1", 2)
	_, err := io.WriteString(ours, "2026-11-23T06:00:01Z stderr F panic: no JSON\n2026-11-23T06:00:01Z stderr F {\"msg\":\"Worker is done\",\"job\":\"1\"}\n")
	must(err)
	again := open("khocr-a_1-0-2_uid3")
	say(again, "1", 2)
	must(k.sweep())
	must(k.sweep())
	got, err := k.stored()
	must(err)
	want := []storing{{"1-0-1", "1", 1}, {"1-0-1", "1", 2}, {"1-0-2", "1", 2}}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("stored %v, want %v", got, want)
	}
}
