// Package spending keeps account of what AI models cost each organization in a month. Every gateway process has an object of its own
// in the blob store for each organization and month, which it alone writes, and whose sums only ever grow: what was spent is what
// they all say together, whichever of the processes are still there. So nothing is counted twice, and nobody waits for anybody else.
package spending

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

	"github.com/openplp/khocr/internal/money"
	"github.com/openplp/khocr/internal/storage"
)

const (
	// othersAge is how old what other gateways have spent may be when a limit is looked at.
	othersAge = 5 * time.Second
	// settledAge is how long an object was not written that is not read again while its time stands. It is more than the clocks of
	// gateways and store may differ by, and than the time's grain.
	settledAge = 10 * time.Minute
	// maxObject bounds an object in bytes: some thousand models.
	maxObject = 256 << 10
	// stopTime bounds what is still to be written when the process is told to stop.
	stopTime = 8 * time.Second
)

// ErrLimit: the organization's money for the month does not suffice.
var ErrLimit = errors.New("the money for the month is used up")

// Book is the accounts of one process. Its methods may be called from many goroutines.
type Book struct {
	store   *storage.Store
	process string
	now     func() time.Time
	log     *slog.Logger

	mu       sync.Mutex
	accounts map[period]*account
}

// period is a month of the organization that owns a namespace.
type period struct{ namespace, month string }

// New opens the book of a process, whose name no other one has or had.
func New(store *storage.Store, process string, now func() time.Time, log *slog.Logger) *Book {
	return &Book{store: store, process: process, now: now, log: log, accounts: map[period]*account{}}
}

// Hold sets aside what a page may cost at the most, until release is called, which is after Note. It fails with ErrLimit where that
// would be beyond the limit, together with what is spent; nil is no limit. Where it would be beyond because of what is set aside here
// for others, which mostly cost less, it waits until they are done, or ctx is. Of what other gateways spend it knows seconds later.
func (b *Book) Hold(ctx context.Context, namespace, month string, most money.Amount, limit *money.Amount) (release func(), err error) {
	account := b.account(period{namespace, month})
	for {
		var others Sums
		if limit != nil {
			if others, err = account.others(ctx, b, othersAge); err != nil {
				return nil, err
			}
		}
		freed, err := account.hold(others.All().Cost, most, limit)
		if err != nil {
			return nil, err
		}
		if freed == nil {
			return sync.OnceFunc(func() { account.free(most) }), nil
		}
		select {
		case <-freed:
		case <-ctx.Done():
			return nil, fmt.Errorf("%w: %w", ErrLimit, ctx.Err())
		}
	}
}

// Note adds to what a model has done, and returns when that is stored. What could not be stored is kept, and stored with what is
// noted next.
func (b *Book) Note(ctx context.Context, namespace, month, model string, sum Sum) error {
	of := period{namespace, month}
	account := b.account(of)
	account.mu.Lock()
	if account.own == nil {
		account.own = Sums{}
	}
	account.own[model] = account.own[model].Plus(sum)
	account.version++
	account.mu.Unlock()
	return account.write(ctx, b)
}

// Read sums up what was spent, as the store has it now and this process knows it.
func (b *Book) Read(ctx context.Context, namespace, month string) (Sums, error) {
	account := b.account(period{namespace, month})
	others, err := account.others(ctx, b, 0)
	if err != nil {
		return nil, err
	}
	account.mu.Lock()
	defer account.mu.Unlock()
	return others.plus(account.own), nil
}

// Run stores what is not stored yet when ctx is done.
func (b *Book) Run(ctx context.Context) error {
	<-ctx.Done()
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopTime)
	defer cancel()
	b.mu.Lock()
	accounts := maps.Clone(b.accounts)
	b.mu.Unlock()
	var problems error
	for _, account := range accounts {
		problems = errors.Join(problems, account.write(last, b))
	}
	return problems
}

func (b *Book) account(of period) *account {
	b.mu.Lock()
	defer b.mu.Unlock()
	found := b.accounts[of]
	if found == nil {
		found = &account{period: of}
		b.accounts[of] = found
	}
	return found
}

// account is what this process knows of a period.
type account struct {
	period

	mu sync.Mutex
	// own is what this process has noted, held what its pages under way may still cost.
	own  Sums
	held money.Amount
	// freed is closed when something of it is not set aside any more; nil while nobody waits for that.
	freed chan struct{}
	// version counts the changes of own, stored is the one that the store has.
	version, stored int64

	// writing is held by whoever writes the object: what others note meanwhile goes with the next write, together.
	writing sync.Mutex

	// reading is held by whoever looks at the objects of others; read is what they held at the moment of readAt.
	reading sync.Mutex
	read    map[string]object
	readAt  time.Time
}

// object is what another process has stored.
type object struct {
	modified time.Time
	sums     Sums
}

// hold sets an amount aside beside what others have spent, unless something else must be done with before: then it returns what tells
// when it is worth another try.
func (a *account) hold(others, most money.Amount, limit *money.Amount) (freed <-chan struct{}, err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if limit != nil {
		spent := a.own.All().Cost.Plus(others).Plus(most)
		if spent > *limit {
			return nil, ErrLimit
		}
		if spent.Plus(a.held) > *limit {
			if a.freed == nil {
				a.freed = make(chan struct{})
			}
			return a.freed, nil
		}
	}
	a.held = a.held.Plus(most)
	return nil, nil
}

func (a *account) free(most money.Amount) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.held -= most
	if a.freed != nil {
		close(a.freed)
		a.freed = nil
	}
}

// write stores what was noted before it is called, unless somebody else has.
func (a *account) write(ctx context.Context, b *Book) error {
	a.mu.Lock()
	wanted := a.version
	a.mu.Unlock()
	a.writing.Lock()
	defer a.writing.Unlock()
	a.mu.Lock()
	version, stored := a.version, a.stored
	content, err := json.Marshal(a.own)
	a.mu.Unlock()
	if err != nil {
		return fmt.Errorf("encode what was spent: %w", err)
	}
	if stored >= wanted {
		return nil
	}
	if err := b.store.Replace(ctx, storage.SpendingKey(a.namespace, a.month, b.process), content); err != nil {
		return err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.stored = version
	return nil
}

// others sums up what other processes have stored, as it was at most so long ago.
func (a *account) others(ctx context.Context, b *Book, age time.Duration) (Sums, error) {
	a.reading.Lock()
	defer a.reading.Unlock()
	if now := b.now(); a.readAt.IsZero() || age == 0 || now.Sub(a.readAt) >= age {
		if err := a.look(ctx, b, now); err != nil {
			return nil, err
		}
	}
	sums := Sums{}
	for _, object := range a.read {
		sums = sums.plus(object.sums)
	}
	return sums, nil
}

// look reads the objects of other processes that may have changed.
func (a *account) look(ctx context.Context, b *Book, now time.Time) error {
	own := storage.SpendingKey(a.namespace, a.month, b.process)
	read := map[string]object{}
	for listed, err := range b.store.List(ctx, storage.SpendingMonthPrefix(a.namespace, a.month)) {
		if err != nil {
			return err
		}
		if listed.Key == own || storage.IsTemporary(listed.Key) {
			continue
		}
		known, ok := a.read[listed.Key]
		if !ok || !known.modified.Equal(listed.Modified) || now.Sub(listed.Modified) < settledAge {
			if known.sums, err = b.stored(ctx, listed.Key); err != nil {
				return err
			}
			known.modified = listed.Modified
		}
		read[listed.Key] = known
	}
	a.read, a.readAt = read, now
	return nil
}

// stored reads an object. One that cannot be decoded holds nothing: its writer is gone or writes it anew.
func (b *Book) stored(ctx context.Context, key string) (Sums, error) {
	blob, err := b.store.Get(ctx, key)
	if errors.Is(err, storage.ErrNotFound) {
		return nil, nil // it went with its organization
	}
	if err != nil {
		return nil, err
	}
	defer blob.Close()
	content, err := io.ReadAll(io.LimitReader(blob, maxObject))
	if err != nil {
		return nil, fmt.Errorf("%w: read what was spent: %w", storage.ErrUnavailable, err)
	}
	var sums Sums
	if err := json.Unmarshal(content, &sums); err != nil {
		b.log.ErrorContext(ctx, "what was spent cannot be decoded", "key", key, "err", err)
		return nil, nil
	}
	return sums, nil
}
