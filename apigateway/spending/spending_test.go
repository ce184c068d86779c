package spending

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/openplp/khocr/internal/money"
	"github.com/openplp/khocr/internal/storage"
)

const (
	acme     = "khocr-acme"
	november = "2026-11"
)

// watch is a clock that is set by hand.
type watch struct{ at time.Time }

func (w *watch) now() time.Time { return w.at }

func open(t *testing.T, folder, process string) *Book {
	t.Helper()
	store, err := storage.Open(t.Context(), "file://"+folder)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	return New(store, process, time.Now, slog.New(slog.DiscardHandler))
}

func (b *Book) mustNote(t *testing.T, model string, sum Sum) {
	t.Helper()
	if err := b.Note(t.Context(), acme, november, model, sum); err != nil {
		t.Fatal(err)
	}
}

func (b *Book) wants(t *testing.T, namespace, month string, want Sums) {
	t.Helper()
	if got, err := b.Read(t.Context(), namespace, month); err != nil || !maps.Equal(got, want) {
		t.Errorf("%s in %s: %v, %v; want %v", namespace, month, got, err, want)
	}
}

func read(cost money.Amount) Sum {
	return Sum{Pages: 1, Answers: 1, InputTokens: 1000, OutputTokens: 200, Cost: cost, Milliseconds: 1500}
}

func TestWhatWasSpentIsTheSumOverAllProcessesThatEverWere(t *testing.T) {
	folder := t.TempDir()
	here, elsewhere := open(t, folder, "aaaa"), open(t, folder, "bbbb")
	here.mustNote(t, "gemma", read(7))
	here.mustNote(t, "gemma", Sum{Fallbacks: 1, Answers: 2, Cost: 1})
	elsewhere.mustNote(t, "gemma", read(5))
	elsewhere.mustNote(t, "qwen", read(100))
	want := Sums{
		"gemma": {Pages: 2, Fallbacks: 1, Answers: 4, InputTokens: 2000, OutputTokens: 400, Cost: 13, Milliseconds: 3000},
		"qwen":  read(100),
	}
	here.wants(t, acme, november, want)
	elsewhere.wants(t, acme, november, want)

	// Both are killed: they have no chance to do anything more.
	after := open(t, folder, "cccc")
	after.wants(t, acme, november, want)
	after.mustNote(t, "qwen", read(1))
	want["qwen"] = want["qwen"].Plus(read(1))
	after.wants(t, acme, november, want)
	open(t, folder, "dddd").wants(t, acme, november, want)

	after.wants(t, acme, "2026-12", Sums{})
	after.wants(t, "khocr-other", november, Sums{})
}

func TestManyNotesAtOnceAreAllStored(t *testing.T) {
	folder := t.TempDir()
	books := []*Book{open(t, folder, "aaaa"), open(t, folder, "bbbb")}
	var all sync.WaitGroup
	for i := range 60 {
		all.Go(func() {
			if err := books[i%2].Note(t.Context(), acme, november, "gemma", read(1)); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	want := Sum{Pages: 60, Answers: 60, InputTokens: 60_000, OutputTokens: 12_000, Cost: 60, Milliseconds: 90_000}
	open(t, folder, "cccc").wants(t, acme, november, Sums{"gemma": want})
}

func TestOneProcessNeverPassesTheLimit(t *testing.T) {
	book := open(t, t.TempDir(), "aaaa")
	limit := 10 * money.Unit
	const most = money.Unit
	var spent, refused atomic.Int64
	var all sync.WaitGroup
	for i := range 40 {
		all.Go(func() {
			release, err := book.Hold(t.Context(), acme, november, most, &limit)
			if errors.Is(err, ErrLimit) {
				refused.Add(1)
				return
			}
			if err != nil {
				t.Error(err)
				return
			}
			defer release()
			// Every other page costs half of what it might have.
			if err := book.Note(t.Context(), acme, november, "gemma", read(most/money.Amount(1+i%2))); err != nil {
				t.Error(err)
			}
			spent.Add(1)
		})
	}
	all.Wait()
	cost := book.account(period{acme, november}).own.All().Cost
	// Nobody was refused while there was enough.
	if cost > limit || cost+most <= limit || spent.Load()+refused.Load() != 40 {
		t.Errorf("%d pages were read for %s and %d refused", spent.Load(), cost, refused.Load())
	}
	book.mustNote(t, "gemma", read(limit-cost))
	if _, err := book.Hold(t.Context(), acme, november, 1, &limit); !errors.Is(err, ErrLimit) {
		t.Errorf("beyond the limit: %v", err)
	}
	for name, c := range map[string]struct {
		namespace, month string
		most             money.Amount
		limit            *money.Amount
	}{
		"a model that costs nothing": {acme, november, 0, &limit},
		"without a limit":            {acme, november, most, nil},
		"in another month":           {acme, "2026-12", most, &limit},
		"of another organization":    {"khocr-other", november, most, &limit},
	} {
		release, err := book.Hold(t.Context(), c.namespace, c.month, c.most, c.limit)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		release()
	}
}

func TestWhoWaitsForMoneyGetsWhatIsLeftOrGoes(t *testing.T) {
	book := open(t, t.TempDir(), "aaaa")
	limit := money.Unit
	release, err := book.Hold(t.Context(), acme, november, money.Unit, &limit)
	if err != nil {
		t.Fatal(err)
	}
	ended, end := context.WithCancel(t.Context())
	end()
	if _, err := book.Hold(ended, acme, november, 1, &limit); !errors.Is(err, ErrLimit) || !errors.Is(err, context.Canceled) {
		t.Errorf("who does not wait: %v", err)
	}
	got := make(chan error, 1)
	go func() {
		release, err := book.Hold(t.Context(), acme, november, 1, &limit)
		if err == nil {
			release()
		}
		got <- err
	}()
	release()
	release() // twice is once
	if err := <-got; err != nil {
		t.Errorf("who waits: %v", err)
	}
	if held := book.account(period{acme, november}).held; held != 0 {
		t.Errorf("%s is set aside for nobody", held)
	}
}

func TestALimitSeesWhatOthersHaveSpentSecondsAgo(t *testing.T) {
	folder := t.TempDir()
	clock := &watch{time.Now()}
	here, elsewhere := open(t, folder, "aaaa"), open(t, folder, "bbbb")
	here.now = clock.now
	limit := money.Unit
	hold := func() error {
		release, err := here.Hold(t.Context(), acme, november, 1, &limit)
		if err == nil {
			release()
		}
		return err
	}
	if err := hold(); err != nil {
		t.Fatal(err)
	}
	elsewhere.mustNote(t, "gemma", read(money.Unit))
	if err := hold(); err != nil {
		t.Errorf("the store is asked for every page: %v", err)
	}
	clock.at = clock.at.Add(othersAge)
	if err := hold(); !errors.Is(err, ErrLimit) {
		t.Errorf("after %v: %v", othersAge, err)
	}
}

func TestWhatAProcessThatIsGoneHasStoredIsReadOnce(t *testing.T) {
	folder := t.TempDir()
	open(t, folder, "gone").mustNote(t, "gemma", read(3))
	file := filepath.Join(folder, storage.SpendingKey(acme, november, "gone"))
	book := open(t, folder, "aaaa")
	want := Sums{"gemma": read(3)}
	book.wants(t, acme, november, want)
	long := time.Now().Add(-2 * settledAge)
	if err := os.Chtimes(file, long, long); err != nil {
		t.Fatal(err)
	}
	book.wants(t, acme, november, want)
	// It could not be read again.
	if err := os.WriteFile(file, []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chtimes(file, long, long); err != nil {
		t.Fatal(err)
	}
	book.wants(t, acme, november, want)
	open(t, folder, "bbbb").wants(t, acme, november, Sums{})
}

func TestAStoreThatIsAwayLosesNothing(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "store")
	if err := os.Mkdir(folder, 0o750); err != nil {
		t.Fatal(err)
	}
	book := open(t, folder, "aaaa")
	// Where the organization's folder should be, there is a file.
	blocking := filepath.Join(folder, acme)
	if err := os.WriteFile(blocking, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := book.Note(t.Context(), acme, november, "gemma", read(1)); !errors.Is(err, storage.ErrUnavailable) {
		t.Fatalf("noted in a store that is away: %v", err)
	}
	if err := os.Remove(blocking); err != nil {
		t.Fatal(err)
	}
	book.mustNote(t, "gemma", read(2))
	open(t, folder, "bbbb").wants(t, acme, november, Sums{"gemma": read(1).Plus(read(2))})
}

func TestWhatCouldNotBeStoredIsStoredAtTheEnd(t *testing.T) {
	folder := t.TempDir()
	book := open(t, folder, "aaaa")
	blocking := filepath.Join(folder, acme)
	if err := os.WriteFile(blocking, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := book.Note(t.Context(), acme, november, "gemma", read(1)); err == nil {
		t.Fatal("it is stored")
	}
	if err := os.Remove(blocking); err != nil {
		t.Fatal(err)
	}
	ended, end := context.WithCancel(t.Context())
	end()
	if err := book.Run(ended); err != nil {
		t.Fatal(err)
	}
	open(t, folder, "bbbb").wants(t, acme, november, Sums{"gemma": read(1)})
}

func TestAnObjectThatIsDamagedHoldsNothing(t *testing.T) {
	folder := t.TempDir()
	book := open(t, folder, "aaaa")
	for i, content := range []string{`{`, `[]`, `{"gemma":{"cost":-`} {
		if err := book.store.Replace(t.Context(), storage.SpendingKey(acme, november, fmt.Sprint("bad", i)), []byte(content)); err != nil {
			t.Fatal(err)
		}
	}
	book.mustNote(t, "gemma", read(1))
	book.wants(t, acme, november, Sums{"gemma": read(1)})
}
