// Package memory shares out memory, in bytes that are counted and not measured, so that nobody who holds his for long keeps
// it from everybody.
package memory

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"golang.org/x/sync/semaphore"
)

// ErrFull: there is not as much memory at present.
var ErrFull = errors.New("no memory at present")

// Pool is memory that no owner may have more than a share of. Its methods may be called from many goroutines.
type Pool struct {
	all   *semaphore.Weighted
	share int64

	mu sync.Mutex
	// owners are those who hold some, or wait for it.
	owners map[string]*owner
}

type owner struct {
	held *semaphore.Weighted
	// users hold some or wait.
	users int
}

// New makes a Pool of so many bytes.
func New(all, share int64) *Pool {
	return &Pool{all: semaphore.NewWeighted(all), share: share, owners: map[string]*owner{}}
}

// Hold waits for so many bytes, or for the whole share where that is less, and fails only when ctx ends. The caller calls
// release when they are not needed any more. An owner waits for his own share first, and takes nothing of what is everybody's
// meanwhile.
func (p *Pool) Hold(ctx context.Context, name string, bytes int64) (release func(), err error) {
	weight := min(bytes, p.share)
	own := p.enter(name)
	if err := own.held.Acquire(ctx, weight); err != nil {
		p.leave(name)
		return nil, fmt.Errorf("wait for memory: %w", err)
	}
	if err := p.all.Acquire(ctx, weight); err != nil {
		own.held.Release(weight)
		p.leave(name)
		return nil, fmt.Errorf("wait for memory: %w", err)
	}
	return p.releaseOf(name, own, weight), nil
}

// TryHold is Hold for who will not wait: it fails with ErrFull where there is not as much at once.
func (p *Pool) TryHold(name string, bytes int64) (release func(), err error) {
	weight := min(bytes, p.share)
	own := p.enter(name)
	if !own.held.TryAcquire(weight) {
		p.leave(name)
		return nil, ErrFull
	}
	if !p.all.TryAcquire(weight) {
		own.held.Release(weight)
		p.leave(name)
		return nil, ErrFull
	}
	return p.releaseOf(name, own, weight), nil
}

func (p *Pool) releaseOf(name string, own *owner, weight int64) func() {
	return func() {
		p.all.Release(weight)
		own.held.Release(weight)
		p.leave(name)
	}
}

func (p *Pool) enter(name string) *owner {
	p.mu.Lock()
	defer p.mu.Unlock()
	own := p.owners[name]
	if own == nil {
		own = &owner{held: semaphore.NewWeighted(p.share)}
		p.owners[name] = own
	}
	own.users++
	return own
}

// leave forgets an owner whom nobody stands for any more.
func (p *Pool) leave(name string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	own := p.owners[name]
	if own.users--; own.users == 0 {
		delete(p.owners, name)
	}
}
