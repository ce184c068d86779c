package lease

import (
	"testing"
	"time"

	"k8s.io/client-go/tools/leaderelection"
)

func TestWhoeverIsKilledIsFollowedInTime(t *testing.T) {
	if want := time.Duration((1 + leaderelection.JitterFactor) * float64(RetryPeriod)); looks < want {
		t.Errorf("the Lease is looked at every %v, and the library says %v", looks, want)
	}
	// What is left of 20 seconds is for the first reconciles of the next one.
	if Longest > 17*time.Second {
		t.Errorf("it takes up to %v", Longest)
	}
	if RenewDeadline >= Duration {
		t.Error("a holder may go on when its Lease has run out")
	}
}
