package e2e

import (
	"context"
	"fmt"
	"os"
	"testing"
	"time"
	_ "time/tzdata" // the months turn in zones that this machine may not know

	"k8s.io/apimachinery/pkg/util/wait"
)

const (
	// monthLimit is about what one of three waves of clients asks for.
	monthLimit = 60
	// begun is how many pages are settled before the clock is stepped.
	begun = 10
)

// TestQuotaAroundAMonthsEnd lets clients ask for more pages than two months have while one gives way to the other, by
// itself and because clocks are stepped. It needs programs whose clock can be.
func TestQuotaAroundAMonthsEnd(t *testing.T) {
	p := connect(t)
	if os.Getenv("KHOCR_E2E_STEPPED_CLOCK") == "" {
		t.Skip("KHOCR_E2E_STEPPED_CLOCK does not say that clocks can be stepped: `make test-quota` deploys such programs")
	}
	first := seedOf(t)
	defer p.setOffset("-")
	var outcomes []outcome
	for i, round := range []struct {
		name, zone string
		// start is where the clock is at first, from the end of the month; step is where it is set while clients are at work.
		start, step time.Duration
	}{
		{name: "midnight passes", zone: "Asia/Phnom_Penh", start: -30 * time.Second},
		{name: "stepped over midnight", zone: "Pacific/Auckland", start: -3 * time.Minute, step: 5 * time.Second},
		{name: "stepped back over midnight", zone: "America/New_York", start: 2 * time.Minute, step: -3 * time.Minute},
	} {
		t.Run(round.name, func(t *testing.T) {
			here, seed := p.at(t), first+uint64(i)
			end := monthEnd(t, round.zone)
			clock := here.startAt(end, round.start)
			f := here.kindle(seed, round.zone, monthLimit)
			killed := f.killPlatform(seed, leastPause, mostPause)
			f.sendOut(errands(seed, clients, 3, 20*time.Second), func(wave int) error {
				switch {
				case wave == 0:
					return nil
				case round.step == 0 && wave == 1:
					return clock.await(t.Context(), end.Add(-10*time.Second))
				case round.step == 0:
					return clock.await(t.Context(), end)
				case wave == 1:
					f.until("pages are settled", func() bool { return f.book.sum() >= begun })
					clock = f.step(end.Add(round.step))
					return nil
				default:
					f.awaitRollout()
					return nil
				}
			})
			o := f.settle(round.name, killed())
			before, after := end.Add(-time.Second).Format("2006-01"), end.Format("2006-01")
			if o.used[before] == 0 || o.used[after] == 0 || len(o.used) != 2 {
				t.Errorf("%v pages are settled; the round is to charge %s and %s", o.used, before, after)
			}
			outcomes = append(outcomes, o)
		})
	}
	report(t, "month", tableOf(outcomes))
}

// monthEnd is the end of the month in a zone, in the true time.
func monthEnd(t *testing.T, zone string) time.Time {
	t.Helper()
	place, err := time.LoadLocation(zone)
	if err != nil {
		t.Fatal(err)
	}
	year, month, _ := time.Now().In(place).Date()
	return time.Date(year, month+1, 1, 0, 0, 0, 0, place)
}

// steppedClock is how far the platform's clock is ahead of the true time.
type steppedClock time.Duration

func (c steppedClock) now() time.Time { return time.Now().Add(time.Duration(c)) }

func (c steppedClock) await(ctx context.Context, moment time.Time) error {
	return wait.PollUntilContextCancel(ctx, 100*time.Millisecond, true, func(context.Context) (bool, error) {
		return !c.now().Before(moment), nil
	})
}

// startAt gives the platform a clock and returns when it is that far from the end of the month. Negative is before.
func (p *platform) startAt(end time.Time, distance time.Duration) steppedClock {
	p.Helper()
	for allowance := 30 * time.Second; ; allowance *= 2 {
		clock := p.step(end.Add(distance - allowance))
		p.awaitRollout()
		// On a machine so slow that the moment is over, try with more time.
		if clock.now().Before(end.Add(distance + 5*time.Second)) {
			p.must(clock.await(p.Context(), end.Add(distance)))
			return clock
		}
	}
}

// step sets the platform's clock.
func (p *platform) step(moment time.Time) steppedClock {
	p.Helper()
	offset := time.Until(moment).Round(time.Second)
	p.setOffset("=" + offset.String())
	p.Logf("the platform's clock is set to %s, %s ahead", moment.Format(time.RFC3339), offset)
	return steppedClock(offset)
}

func (p *platform) setOffset(value string) {
	p.Helper()
	p.kubectl("--namespace", systemNS, "set", "env", "deployment/khocr-manager", "deployment/khocr-gateway", "KHOCR_CLOCK_OFFSET"+value)
}

// awaitRollout waits until every manager and gateway has the clock that was set last.
func (p *platform) awaitRollout() {
	p.Helper()
	for _, deployment := range []string{"khocr-manager", "khocr-gateway"} {
		p.kubectl("--namespace", systemNS, "rollout", "status", "deployment/"+deployment, fmt.Sprintf("--timeout=%s", patience))
	}
}
