package ledger

import (
	"fmt"
	"maps"
	"slices"
	"testing"

	"k8s.io/apimachinery/pkg/types"

	"github.com/openplp/khocr/api/v1alpha1"
	"github.com/openplp/khocr/internal/chance"
)

// FuzzSums leads the world of TestSumsAreExactWhateverHappens, with its crashes and its caches that lag, and has the oracle
// look at every update that succeeds.
func FuzzSums(f *testing.F) {
	for seed := range uint64(8) {
		f.Add(chance.Input(seed, 3, 400*(int(seed)+1)))
	}
	f.Add([]byte(nil))
	f.Fuzz(func(t *testing.T, input []byte) {
		if len(input) > 5000 {
			t.Skip("a world of so many steps holds nothing new")
		}
		w := newWorld(1)
		random, source := chance.New(input)
		w.Rand, w.skew = random, random.IntN(41)-20
		o := oracle{jobs: map[types.UID]*account{}}
		for seen := 0; !source.Spent(); {
			w.random()
			w.check(t)
			for ; seen < len(w.organizations); seen++ {
				if seen > 0 {
					o.follow(t, w, &w.organizations[seen-1], &w.organizations[seen])
				}
			}
		}
		w.finish(t)
	})
}

// oracle is the plainest ledger there can be: it forgets nothing, and adds everything up anew each time.
type oracle struct{ jobs map[types.UID]*account }

// account of a job that has come into the ledger.
type account struct {
	state v1alpha1.LedgerState
	month string
	pages int64
}

// follow does what an update has done to the ledger, move by move, and compares.
func (o *oracle) follow(t *testing.T, w *world, before, after *v1alpha1.OrganizationStatus) {
	t.Helper()
	was := map[types.UID]v1alpha1.LedgerEntry{}
	for _, entry := range before.Ledger {
		was[entry.UID] = entry
	}
	is := map[types.UID]v1alpha1.LedgerEntry{}
	for _, entry := range after.Ledger {
		if _, twice := is[entry.UID]; twice {
			t.Fatalf("job %s is listed twice", entry.UID)
		}
		is[entry.UID] = entry
	}
	for _, uid := range slices.Sorted(maps.Keys(is)) {
		entry, known := is[uid], o.jobs[uid]
		if known == nil {
			known = &account{month: entry.Month}
			o.jobs[uid] = known
		} else if _, listed := was[uid]; !listed {
			t.Fatalf("job %s has come back to the ledger", uid)
		}
		if known.month != entry.Month {
			t.Fatalf("job %s was moved from %s to %s", uid, known.month, entry.Month)
		}
		if err := known.move(entry); err != nil {
			t.Fatalf("job %s: %v", uid, err)
		}
	}
	for uid := range was {
		if _, listed := is[uid]; listed {
			continue
		}
		if left := o.jobs[uid].state; left != v1alpha1.LedgerSettled {
			t.Fatalf("job %s left the ledger %s", uid, left)
		}
		if w.read(Job{UID: uid}).Held {
			t.Fatalf("job %s left the ledger while it is held", uid)
		}
	}
	sums := map[string]v1alpha1.MonthUsage{}
	for _, job := range o.jobs {
		sum := sums[job.month]
		switch job.state {
		case v1alpha1.LedgerReserved:
			sum.Reserved += job.pages
		case v1alpha1.LedgerSettled:
			sum.Settled += job.pages
		}
		sums[job.month] = sum
	}
	for _, usage := range after.Usage {
		if want := sums[usage.Month]; usage.Settled != want.Settled || usage.Reserved != want.Reserved {
			t.Fatalf("month %+v, want %d settled and %d reserved", usage, want.Settled, want.Reserved)
		}
		delete(sums, usage.Month)
	}
	for month, sum := range sums {
		if sum.Reserved > 0 || month >= w.now.AddDate(0, 0, min(0, w.skew)).Format(monthLayout) && sum.Settled > 0 {
			t.Fatalf("month %s with %+v is forgotten", month, sum)
		}
	}
}

// move takes the account to where the ledger says it is. A job is reserved or refused, then settled, and never more.
func (a *account) move(entry v1alpha1.LedgerEntry) error {
	from := *a
	a.state, a.pages = entry.State, entry.Pages
	switch {
	case from.state == entry.State && from.pages == entry.Pages:
		return nil
	case from.state == v1alpha1.LedgerSettled:
		return fmt.Errorf("settled with %d pages, it is %s with %d", from.pages, entry.State, entry.Pages)
	case entry.State == v1alpha1.LedgerReserved && from.state != v1alpha1.LedgerRefused && entry.Pages >= from.pages:
		return nil
	case entry.State == v1alpha1.LedgerRefused && from.state != v1alpha1.LedgerRefused:
		return nil
	case entry.State == v1alpha1.LedgerSettled && from.state == v1alpha1.LedgerReserved && entry.Pages >= 0 && entry.Pages <= from.pages:
		return nil
	case entry.State == v1alpha1.LedgerSettled && from.state != v1alpha1.LedgerReserved && entry.Pages == 0:
		return nil
	}
	return fmt.Errorf("%s with %d pages became %s with %d", from.state, from.pages, entry.State, entry.Pages)
}
