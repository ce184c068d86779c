// Package transfers bounds how many transfers of a kind are under way: all together, because each holds memory however slow it
// is, and those of one owner, so that whoever has many slow ones keeps nobody else out. Nobody waits: who is one too many is
// told so.
package transfers

import (
	"errors"
	"sync"
)

var (
	// ErrOwner: the owner has as many under way as it may.
	ErrOwner = errors.New("the owner has too many transfers under way")
	// ErrAll: there are as many under way as there may be.
	ErrAll = errors.New("too many transfers under way")
)

// Bound counts the transfers of a kind. Its methods may be called from many goroutines.
type Bound struct {
	each, all int

	mu    sync.Mutex
	total int
	// owners are those that have some under way.
	owners map[string]int
}

// New makes a Bound of each owner's transfers and of all.
func New(each, all int) *Bound {
	return &Bound{each: each, all: all, owners: map[string]int{}}
}

// Begin counts a transfer in until end is called, once, or fails with ErrOwner or ErrAll.
func (b *Bound) Begin(owner string) (end func(), err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case b.owners[owner] >= b.each:
		return nil, ErrOwner
	case b.total >= b.all:
		return nil, ErrAll
	}
	b.owners[owner]++
	b.total++
	return func() { b.end(owner) }, nil
}

func (b *Bound) end(owner string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.total--
	if b.owners[owner]--; b.owners[owner] == 0 {
		delete(b.owners, owner)
	}
}
