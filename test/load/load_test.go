package load

import (
	"context"
	"flag"
	"io/fs"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/util/wait"

	"github.com/openplp/khocr/internal/storage"
	"github.com/openplp/khocr/internal/testenv"
)

var (
	duration = flag.Duration("duration", 16*time.Second, "how long the load lasts, at least")
	tenants  = flag.Int("tenants", 1, "organizations that offer four times what their plan allows")
	report   = flag.String("report", "", "file that the tables are written to, between their marks")
)

const (
	// senders of each kind and tenant. More of them only wait in this process.
	senders = 24
	// memoryTolerance is what the garbage of one moment and of another may differ by, beside a tenth.
	memoryTolerance = 32 << 20
	// rounds of a well-behaved client are to be answered while slow ones hold on.
	rounds = 2
)

// TestLoad offers four times what is allowed, in four parts of one length; in the second and the fourth 200 slow clients hold on
// as well. So both halves see the same load.
func TestLoad(t *testing.T) {
	g := start(t)
	counted := newTally()
	crowd := newClients(g, counted)
	var greedy []*tenant
	for number := range *tenants {
		greedy = append(greedy, g.tenant("greedy-"+string(rune('a'+number)), "free"))
	}
	calm, slowOnes := g.tenant("calm", "enterprise"), g.tenant("slow", "enterprise")
	var holding atomic.Bool
	behaved := []*polite{crowd.polite(calm, &holding), crowd.polite(slowOnes, &holding)}
	kinds := slowKinds(slowOnes, g.worker(slowOnes, "drip"))

	// Whatever is made at its first use is there before anybody counts.
	crowd.warm(t, behaved)
	before, earlier := awaitQuiet(t, g), counted.total()
	watched := watch(t, g)
	loaded, stop := context.WithCancel(t.Context())
	var all sync.WaitGroup
	for _, one := range behaved {
		all.Go(func() { one.run(loaded) })
	}
	senders := crowd.crowd(loaded, greedy, senders)
	slow := newSlowClients(g)
	begun := time.Now()
	var peaks [2]int
	for half := range peaks {
		g.must(g.forgetPeak())
		pause(t, *duration/4)
		slowly, release := context.WithCancel(loaded)
		slow.start(slowly, kinds)
		testenv.Await(t, "200 slow clients hold on", func() bool { return slow.holding.Load() >= 200 })
		holding.Store(true)
		already := counted.answered()
		pause(t, *duration/4)
		testenv.Await(t, "well-behaved clients are answered while they do", func() bool {
			now := counted.answered()
			enough := len(now) > 0
			for what, number := range now {
				enough = enough && number >= already[what]+rounds
			}
			return enough
		})
		holding.Store(false)
		release()
		slow.all.Wait()
		var err error
		peaks[half], err = g.memory("VmHWM")
		g.must(err)
	}
	for _, what := range []struct{ asked, answered string }{{"convert", "429 rate_limited"}, {"job", "429 rate_limited"}} {
		testenv.Await(t, what.asked+" is refused", func() bool { return counted.has(what.asked, what.answered) > 0 })
	}
	lasted := time.Since(begun)
	stop()
	senders.Wait()
	all.Wait()
	crowd.http.CloseIdleConnections()
	for _, one := range behaved {
		one.worker.CloseIdleConnections()
	}

	samples := watched()
	after := awaitReturn(t, g, before)
	for _, broken := range counted.broken {
		t.Error(broken)
	}
	if limit := peaks[0] + peaks[0]/10 + memoryTolerance; peaks[1] > limit {
		t.Errorf("in the second half the gateway held %d MiB, in the first %d", peaks[1]>>20, peaks[0]>>20)
	}
	kept := checkKept(t, g, counted, append(greedy, calm, slowOnes))
	if made := after.served["ocrjobs POST"] - before.served["ocrjobs POST"]; made < kept-earlier {
		t.Errorf("%d documents were accepted, and the API server was asked for %d jobs", kept-earlier, made)
	}
	temporary := awaitTidy(t, g)
	if counted.has("convert, too large", "202")+counted.has("convert, too large in chunks", "202")+counted.has("convert, wrong key", "2") > 0 {
		t.Error("what must be refused was taken")
	}
	write(t, figures{
		lasted: lasted, submissions: crowd.submissions.Load(), reads: crowd.reads.Load(), tally: counted, slow: slow, kinds: kinds, tenants: len(greedy), peaks: peaks,
		before: before, after: after, samples: samples, kept: kept, counted: kept - earlier, temporary: temporary,
	})
}

// warm asks for everything once.
func (c *clients) warm(t *testing.T, behaved []*polite) {
	ctx, stop := context.WithCancel(t.Context())
	var all sync.WaitGroup
	for _, one := range behaved {
		all.Go(func() { one.run(ctx) })
	}
	testenv.Await(t, "everybody was answered", func() bool { return c.has("document, internal", "200") >= len(behaved) })
	stop()
	all.Wait()
	c.http.CloseIdleConnections()
	for _, one := range behaved {
		one.worker.CloseIdleConnections()
	}
}

// awaitQuiet waits until the gateway has as many goroutines for a while, and tells what it takes then.
func awaitQuiet(t *testing.T, g *gateway) sample {
	t.Helper()
	last, same := sample{}, 0
	err := wait.PollUntilContextTimeout(t.Context(), 500*time.Millisecond, 2*time.Minute, true, func(context.Context) (bool, error) {
		now, err := g.sample()
		if err != nil {
			return false, err
		}
		if now.goroutines != last.goroutines {
			same = 0
		}
		last = now
		same++
		return same >= 5, nil
	})
	g.must(err)
	return last
}

// awaitReturn waits until the gateway has no more goroutines and descriptors than before. The most patient of the connections
// that nobody is at the end of any more is one whose body stalls.
func awaitReturn(t *testing.T, g *gateway, before sample) sample {
	t.Helper()
	var now sample
	err := wait.PollUntilContextTimeout(t.Context(), time.Second, 5*time.Minute, true, func(context.Context) (bool, error) {
		var err error
		now, err = g.sample()
		return now.goroutines <= before.goroutines && now.descriptors <= before.descriptors, err
	})
	if err != nil {
		t.Errorf("the gateway had %d goroutines and %d descriptors before, and keeps %d and %d (%v)",
			before.goroutines, before.descriptors, now.goroutines, now.descriptors, err)
	}
	return now
}

// watch samples the gateway every two seconds until it is told to end, and gives what it has seen.
func watch(t *testing.T, g *gateway) (end func() []sample) {
	ctx, stop := context.WithCancel(t.Context())
	var samples []sample
	done := make(chan struct{})
	go func() {
		defer close(done)
		tick := time.NewTicker(2 * time.Second)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
			if now, err := g.sample(); err == nil {
				samples = append(samples, now)
			}
		}
	}()
	return func() []sample {
		stop()
		<-done
		return samples
	}
}

func pause(t *testing.T, length time.Duration) {
	select {
	case <-t.Context().Done():
	case <-time.After(length):
	}
}

// checkKept makes sure that each accepted document has one job and is in the store, and that there are no other jobs. It tells how
// many there are. An accepted answer may have been lost when the test ended, so a job too many is one that nobody was told of.
func checkKept(t *testing.T, g *gateway, counted *tally, all []*tenant) (accepted int) {
	t.Helper()
	own := map[string]bool{"done": true, "polite": true, "drip": true}
	for _, one := range all {
		kept, told := g.kept(one), map[string]bool{}
		for _, job := range counted.accepted[one.namespace] {
			stored, exists := kept[job]
			if told[job] || !exists || !stored {
				t.Errorf("%s/%s was accepted (twice %v), exists %v, stored %v", one.namespace, job, told[job], exists, stored)
			}
			told[job] = true
			accepted++
		}
		untold := 0
		for job := range kept {
			if !told[job] && !own[job] {
				untold++
			}
		}
		if away := counted.has("convert", wentAway) + counted.has("convert, well-behaved", wentAway); untold > away {
			t.Errorf("%s has %d jobs that nobody was told of, and %d submissions lost their answer", one.name, untold, away)
		}
	}
	return accepted
}

// awaitTidy waits until nothing temporary is in the store, and tells how many files are left if it does not come.
func awaitTidy(t *testing.T, g *gateway) int {
	t.Helper()
	var left []string
	err := wait.PollUntilContextTimeout(t.Context(), time.Second, time.Minute, true, func(context.Context) (bool, error) {
		left = nil
		err := filepath.WalkDir(g.Folder, func(path string, entry fs.DirEntry, err error) error {
			if err == nil && !entry.IsDir() && storage.IsTemporary(path) {
				left = append(left, strings.TrimPrefix(path, g.Folder))
			}
			return nil
		})
		return len(left) == 0, err
	})
	if err != nil {
		t.Errorf("the store keeps %v (%v)", left, err)
	}
	return len(left)
}
