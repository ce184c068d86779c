package e2e

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"
)

// errand is what one client wants: a document read, by the API or as a resource, and perhaps taken back.
type errand struct {
	// name of the document, and of the OcrJob where the client makes it by itself.
	name  string
	pages int
	// sample is a document of test/testdata; pages of our own where it is empty.
	sample string
	// resource: the client makes an OcrJob that has the address of the sample.
	resource bool
	// wave says which of the waves of clients it is in, and delay when it comes after the wave has begun.
	wave  int
	delay time.Duration
	fate  fate
	// hasty clients do not submit again when they get no answer.
	hasty bool
}

// fate is what a client does about its job.
type fate int

const (
	keep fate = iota
	cancelAtOnce
	cancelAtWork
	deleteAtWork
	deleteAtEnd
)

// lasting tells that the document is sure to be submitted and never taken back before its end.
func (e errand) lasting() bool { return !e.hasty && (e.fate == keep || e.fate == deleteAtEnd) }

const (
	fewestPages, mostPages = 150, 200
	// surePages of lasting errands are beyond the limit that they run into.
	surePages = 110
)

// errands of so many clients, in waves each of which comes within the spread. Their pages are between fewestPages and
// mostPages in all, surePages of them on lasting errands.
func errands(seed uint64, clients, waves int, spread time.Duration) []errand {
	random := rand.New(rand.NewPCG(seed, 3))
	for {
		list, pages, sure := make([]errand, clients), 0, 0
		for i := range list {
			e := newErrand(random)
			e.name, e.wave, e.delay = fmt.Sprintf("errand-%d", i), i%waves, time.Duration(random.Int64N(int64(spread)))
			list[i] = e
			pages += e.pages
			if e.lasting() {
				sure += e.pages
			}
		}
		if fewestPages <= pages && pages <= mostPages && sure >= surePages {
			return list
		}
	}
}

func newErrand(random *rand.Rand) errand {
	samples := []errand{{sample: "sample.pdf", pages: 1}, {sample: "mixed.pdf", pages: 2}, {sample: "native.pdf", pages: 1}}
	scans := []errand{{sample: "sample.pdf", pages: 1}, {sample: "mixed.pdf", pages: 2}, {sample: "pages3.tiff", pages: 3}}
	var e errand
	switch random.IntN(10) {
	case 0, 1:
		e = samples[random.IntN(len(samples))]
		e.resource = true
	case 2:
		e = scans[random.IntN(len(scans))]
	default:
		e.pages = 1 + random.IntN(9)
	}
	e.fate = []fate{keep, keep, keep, keep, keep, keep, keep, cancelAtOnce, cancelAtWork, deleteAtWork, deleteAtEnd}[random.IntN(11)]
	e.hasty = random.IntN(10) == 0
	return e
}

func TestErrandsRunIntoTheLimit(t *testing.T) {
	const clients, waves, spread = 50, 3, time.Minute
	for seed := range uint64(200) {
		pages, sure, resources := 0, 0, 0
		for _, e := range errands(seed, clients, waves, spread) {
			pages += e.pages
			if e.lasting() {
				sure += e.pages
			}
			if e.resource {
				resources++
			}
			if e.pages < 1 || e.pages > 9 || e.wave < 0 || e.wave >= waves || e.delay < 0 || e.delay >= spread || e.resource && e.sample == "" {
				t.Fatalf("seed %d: errand %+v", seed, e)
			}
		}
		if pages < fewestPages || pages > mostPages || sure < surePages || resources == 0 {
			t.Errorf("seed %d: %d pages, %d of them sure, %d errands by resource", seed, pages, sure, resources)
		}
	}
	again, before := errands(7, clients, waves, spread), errands(7, clients, waves, spread)
	for i := range again {
		if again[i] != before[i] {
			t.Errorf("errand %d of the same seed is %+v and %+v", i, before[i], again[i])
		}
	}
}
