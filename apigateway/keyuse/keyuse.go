// Package keyuse remembers when API keys were last used: in memory as requests come, and in the blob store, one small
// object for each organization, every few minutes. A request never waits for it. Any number of gateways may write the same
// object.
package keyuse

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/openplp/khocr/internal/storage"
)

const (
	// flushInterval is how much a process that is killed loses at the most.
	flushInterval = 5 * time.Minute
	// flushesAtOnce bounds the organizations whose objects are written at the same time.
	flushesAtOnce = 8
	// stopTime bounds the last flush, of a process that is told to stop.
	stopTime = 8 * time.Second
	// maxObject bounds an object in bytes: far more than its keys take.
	maxObject = 64 << 10
)

// Recorder notes when keys are used. Its methods may be called from many goroutines.
type Recorder struct {
	store *storage.Store
	log   *slog.Logger

	mu sync.Mutex
	// noted are, by namespace, the times that were not seen in the store yet.
	noted map[string]Times
}

// New makes a Recorder over a store. It writes only while Run runs.
func New(store *storage.Store, log *slog.Logger) *Recorder {
	return &Recorder{store: store, log: log, noted: map[string]Times{}}
}

// Note notes that a key of the organization that owns the namespace was used. It does no I/O.
func (r *Recorder) Note(namespace, key string, at time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	times := r.noted[namespace]
	if times == nil {
		times = Times{}
		r.noted[namespace] = times
	}
	if at.After(times[key]) {
		times[key] = at.UTC().Truncate(time.Second)
	}
}

// Read finds when the keys of an organization were last used, by what this gateway knows and what others have stored. A key
// that never was is missing.
func (r *Recorder) Read(ctx context.Context, namespace string) (Times, error) {
	stored, err := r.stored(ctx, namespace)
	if err != nil {
		return nil, err
	}
	return merge(stored, r.notedOf(namespace)), nil
}

// Run stores what was noted every few minutes until ctx is done, and then once more.
func (r *Recorder) Run(ctx context.Context) error {
	tick := time.NewTicker(flushInterval)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			if err := r.flush(ctx); err != nil {
				r.log.WarnContext(ctx, "the last use of keys is stored later", "err", err)
			}
		case <-ctx.Done():
			last, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopTime)
			defer cancel()
			return r.flush(last)
		}
	}
}

// flush brings what was noted into the store. A time is noted until it was seen there: when another gateway writes the same
// object in the same moment, the next flush finds what is missing and writes it again.
func (r *Recorder) flush(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(flushesAtOnce)
	for _, namespace := range r.namespaces() {
		group.Go(func() error { return r.flushOne(ctx, namespace) })
	}
	return group.Wait()
}

func (r *Recorder) flushOne(ctx context.Context, namespace string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	stored, err := r.stored(ctx, namespace)
	if err != nil {
		return err
	}
	noted := r.notedOf(namespace)
	merged := merge(stored, noted)
	if maps.EqualFunc(merged, stored, time.Time.Equal) {
		r.forget(namespace, noted)
		return nil
	}
	content, err := json.Marshal(merged)
	if err != nil {
		return fmt.Errorf("encode the last use of keys: %w", err)
	}
	return r.store.Replace(ctx, storage.KeyUseKey(namespace), content)
}

// stored reads an object. One that cannot be decoded holds nothing, and is written anew.
func (r *Recorder) stored(ctx context.Context, namespace string) (Times, error) {
	object, err := r.store.Get(ctx, storage.KeyUseKey(namespace))
	if errors.Is(err, storage.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer object.Close()
	content, err := io.ReadAll(io.LimitReader(object, maxObject))
	if err != nil {
		return nil, fmt.Errorf("%w: read the last use of keys: %w", storage.ErrUnavailable, err)
	}
	var times Times
	if err := json.Unmarshal(content, &times); err != nil {
		r.log.WarnContext(ctx, "the last use of keys cannot be decoded", "namespace", namespace, "err", err)
		return nil, nil
	}
	return times, nil
}

func (r *Recorder) namespaces() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	names := make([]string, 0, len(r.noted))
	for namespace := range r.noted {
		names = append(names, namespace)
	}
	return names
}

func (r *Recorder) notedOf(namespace string) Times {
	r.mu.Lock()
	defer r.mu.Unlock()
	return maps.Clone(r.noted[namespace])
}

// forget drops times that were seen in the store, and keeps what has come since.
func (r *Recorder) forget(namespace string, seen Times) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if left := since(r.noted[namespace], seen); len(left) > 0 {
		r.noted[namespace] = left
	} else {
		delete(r.noted, namespace)
	}
}
