package e2e

import (
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

// faultKind is what is done to the platform, in the words of the report.
type faultKind string

const (
	killManager  faultKind = "manager killed"
	dropManager  faultKind = "manager's pod taken away"
	killGateway  faultKind = "gateway killed"
	dropGateway  faultKind = "gateway's pod taken away"
	killWorker   faultKind = "worker killed"
	dropWorker   faultKind = "worker's pod taken away"
	killEngine   faultKind = "engine child killed"
	slowNetwork  faultKind = "worker's network slowed"
	cutNetwork   faultKind = "worker's network cut"
	crashEtcd    faultKind = "etcd killed"
	crashServer  faultKind = "API server killed"
	crashKubelet faultKind = "kubelet killed"
	evictPod     faultKind = "node short of memory"
	fillStore    faultKind = "store full"
	lockStore    faultKind = "store read-only"
	jumpQueue    faultKind = "document of high priority"
)

// fault is one thing that goes wrong.
type fault struct {
	// at is when it begins, counted from the beginning of the chaos.
	at   time.Duration
	kind faultKind
	// lasts is how long it stays so; 0 for what is over at once.
	lasts time.Duration
	// pick chooses among those that it may befall.
	pick uint64
}

// strand is a row of faults that come one after the other, so that two of them never meddle with the same thing. Faults
// of different strands overlap.
type strand struct {
	kinds []faultKind
	// Pauses between two faults, and how long one lasts, lie between least and most.
	leastPause, mostPause time.Duration
	leastLasts, mostLasts time.Duration
}

// strands are all that can go wrong. A store that fails, or a network that is cut, does so for less than the two minutes
// that workers go on trying.
var strands = []strand{
	{kinds: []faultKind{killManager, dropManager, killGateway, dropGateway}, leastPause: 10 * time.Second, mostPause: 30 * time.Second},
	{kinds: []faultKind{killWorker, dropWorker, killEngine}, leastPause: 5 * time.Second, mostPause: 15 * time.Second},
	{kinds: []faultKind{slowNetwork, cutNetwork}, leastPause: 5 * time.Second, mostPause: 20 * time.Second,
		leastLasts: 5 * time.Second, mostLasts: 20 * time.Second},
	{kinds: []faultKind{crashEtcd, crashServer, crashKubelet, evictPod}, leastPause: 15 * time.Second, mostPause: 45 * time.Second,
		leastLasts: 0, mostLasts: 10 * time.Second},
	{kinds: []faultKind{fillStore, lockStore}, leastPause: 20 * time.Second, mostPause: time.Minute,
		leastLasts: 5 * time.Second, mostLasts: 25 * time.Second},
	{kinds: []faultKind{jumpQueue}, leastPause: 15 * time.Second, mostPause: 40 * time.Second},
}

// schedule draws the faults of a strand that begin and end within the length, in their order. The same seed gives the same
// faults. Every kind comes once before any comes again.
func (s strand) schedule(random *rand.Rand, length time.Duration) []fault {
	between := func(least, most time.Duration) time.Duration {
		return least + time.Duration(random.Int64N(int64(most-least)+1))
	}
	var (
		faults []fault
		deck   []faultKind
	)
	for now := time.Duration(0); ; {
		if len(deck) == 0 {
			deck = slices.Clone(s.kinds)
			random.Shuffle(len(deck), func(i, j int) { deck[i], deck[j] = deck[j], deck[i] })
		}
		f := fault{
			at: now + between(s.leastPause, s.mostPause), kind: deck[0],
			lasts: between(s.leastLasts, s.mostLasts), pick: random.Uint64(),
		}
		if f.at+f.lasts > length {
			return faults
		}
		faults, deck, now = append(faults, f), deck[1:], f.at+f.lasts
	}
}

// schedules draws the faults of every strand.
func schedules(seed uint64, length time.Duration) [][]fault {
	var all [][]fault
	for i, s := range strands {
		all = append(all, s.schedule(rand.New(rand.NewPCG(seed, uint64(100+i))), length))
	}
	return all
}

// neverDone lists the kinds among the faults that did not come to pass once: a run proves nothing of them.
func neverDone(faults []fault, did map[faultKind]int) []faultKind {
	var never []faultKind
	for _, f := range faults {
		if did[f.kind] == 0 && !slices.Contains(never, f.kind) {
			never = append(never, f.kind)
		}
	}
	return never
}

func TestKindsThatNeverCameToPassAreNamed(t *testing.T) {
	faults := []fault{{kind: killManager}, {kind: killGateway}, {kind: killManager}, {kind: killGateway}, {kind: crashEtcd}}
	for _, test := range []struct {
		did  map[faultKind]int
		want []faultKind
	}{
		{map[faultKind]int{}, []faultKind{killManager, killGateway, crashEtcd}},
		{map[faultKind]int{killManager: 1, fillStore: 2}, []faultKind{killGateway, crashEtcd}},
		{map[faultKind]int{killManager: 1, killGateway: 1, crashEtcd: 3}, nil},
	} {
		if got := neverDone(faults, test.did); !slices.Equal(got, test.want) {
			t.Errorf("did %v: never %v, want %v", test.did, got, test.want)
		}
	}
	if got := neverDone(nil, nil); len(got) != 0 {
		t.Errorf("of no faults %v", got)
	}
}

func TestFaultsAreDrawnByTheirSeed(t *testing.T) {
	same := func(a, b [][]fault) bool { return slices.EqualFunc(a, b, slices.Equal[[]fault]) }
	if !same(schedules(7, time.Hour), schedules(7, time.Hour)) {
		t.Error("one seed gives two schedules")
	}
	if same(schedules(7, time.Hour), schedules(8, time.Hour)) {
		t.Error("two seeds give one schedule")
	}
	for name, test := range map[string]struct {
		length time.Duration
		// least is how often each kind comes at least.
		least int
	}{
		"no time for anything": {length: 4 * time.Second},
		"the short form":       {length: 4 * time.Minute, least: 1},
		"ten minutes":          {length: 10 * time.Minute, least: 2},
		"an hour":              {length: time.Hour, least: 10},
	} {
		t.Run(name, func(t *testing.T) {
			for seed := range uint64(200) {
				counts := map[faultKind]int{}
				for i, faults := range schedules(seed, test.length) {
					checkStrand(t, strands[i], faults, test.length)
					for _, f := range faults {
						counts[f.kind]++
					}
				}
				for _, s := range strands {
					for _, kind := range s.kinds {
						if counts[kind] < test.least {
							t.Errorf("seed %d: %s comes %d times", seed, kind, counts[kind])
						}
					}
				}
				if test.least == 0 && len(counts) != 0 {
					t.Errorf("seed %d: %v", seed, counts)
				}
			}
		})
	}
}

// checkStrand holds the faults against what the strand allows.
func checkStrand(t *testing.T, s strand, faults []fault, length time.Duration) {
	t.Helper()
	counts, end := map[faultKind]int{}, time.Duration(0)
	for _, f := range faults {
		if pause := f.at - end; pause < s.leastPause || pause > s.mostPause {
			t.Errorf("%+v comes %s after the one before", f, pause)
		}
		if f.lasts < s.leastLasts || f.lasts > s.mostLasts || f.at+f.lasts > length || !slices.Contains(s.kinds, f.kind) {
			t.Errorf("%+v is none of the strand %+v", f, s)
		}
		counts[f.kind]++
		end = f.at + f.lasts
	}
	numbers := slices.Sorted(maps.Values(counts))
	if len(numbers) > 0 && numbers[len(numbers)-1]-numbers[0] > 1 {
		t.Errorf("kinds do not take turns: %v", counts)
	}
}
