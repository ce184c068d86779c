package corpus

import (
	"context"
	"fmt"
	"iter"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/openplp/khocr/test/pdftest"
)

// Program is how this program is run so that it calls Supervise.
type Program struct {
	Path        string
	Arguments   []string
	Environment []string
}

// Run has documents read by so many supervisors at the same time, and hands out what was seen of each, one at a time, with
// what the platform promises and did not hold. What breaks a promise is kept in a folder, with what the supervisors log.
func Run(
	ctx context.Context, documents iter.Seq[Document], program Program, limits Limits, supervisors int, keep string,
	handOut func(Observation, []string),
) error {
	if err := os.MkdirAll(keep, 0o755); err != nil {
		return fmt.Errorf("make a folder for what breaks: %w", err)
	}
	log, err := os.Create(filepath.Join(keep, "supervisors.log"))
	if err != nil {
		return fmt.Errorf("make a log: %w", err)
	}
	defer log.Close()
	next, stop := iter.Pull(documents)
	defer stop()
	var mutex sync.Mutex
	take := func() (Document, bool) {
		mutex.Lock()
		defer mutex.Unlock()
		return next()
	}
	tell := func(seen Observation) error {
		mutex.Lock()
		defer mutex.Unlock()
		found := breaches(seen, limits)
		handOut(seen, found)
		if len(found) == 0 {
			return nil
		}
		path := filepath.Join(keep, strings.NewReplacer("/", ".", " ", "-").Replace(seen.Document.Name))
		return os.WriteFile(path, seen.Content, 0o644)
	}
	failures := make(chan error, supervisors)
	for range supervisors {
		go func() { failures <- serve(ctx, take, tell, program, limits, log) }()
	}
	for range supervisors {
		if failure := <-failures; failure != nil && err == nil {
			err = failure
		}
	}
	return err
}

// serve takes documents to one supervisor after the other: a new one where the last was lost.
func serve(
	ctx context.Context, take func() (Document, bool), tell func(Observation) error, program Program, limits Limits, log *os.File,
) error {
	folder, err := os.MkdirTemp("", "khocr-corpus-")
	if err != nil {
		return fmt.Errorf("make a folder: %w", err)
	}
	defer os.RemoveAll(folder)
	var current *supervisor
	defer func() {
		if current != nil {
			current.stop()
			for range current.answers {
			}
		}
	}()
	one := func(document Document) (Observation, error) {
		content := document.Content()
		path, work := filepath.Join(folder, "document"), filepath.Join(folder, "work")
		if err := os.WriteFile(path, content, 0o600); err != nil {
			return Observation{}, fmt.Errorf("write a document: %w", err)
		}
		if err := os.Mkdir(work, 0o700); err != nil {
			return Observation{}, fmt.Errorf("make a work folder: %w", err)
		}
		seen := current.read(ctx, document, path, work, limits)
		seen.Document, seen.Content = document, content
		return seen, os.RemoveAll(work)
	}
	for ctx.Err() == nil {
		document, more := take()
		if !more {
			return nil
		}
		if current == nil {
			if current, err = startSupervisor(program, log); err != nil {
				return err
			}
			// What a process takes once, such as a descriptor for its timers, it has after the first document.
			first, err := one(Document{Name: "a good one", Content: func() []byte { return pdftest.ThreePages(written) }})
			if err != nil {
				return err
			}
			if first.Answer.Refused != "" || first.Lost != "" {
				return fmt.Errorf("a good document was not read: %s%s", first.Answer.Refused, first.Lost)
			}
		}
		fmt.Fprintln(log, "document", document.Name)
		seen, err := one(document)
		if err != nil {
			return err
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if seen.Lost != "" {
			_ = current.command.Process.Kill()
			for range current.answers {
			}
			current = nil
		}
		if err := tell(seen); err != nil {
			return fmt.Errorf("keep what breaks: %w", err)
		}
	}
	return ctx.Err()
}
