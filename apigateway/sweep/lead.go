package sweep

import (
	"context"
	"fmt"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	coordinationv1 "k8s.io/client-go/kubernetes/typed/coordination/v1"
	"k8s.io/client-go/tools/leaderelection"
	"k8s.io/client-go/tools/leaderelection/resourcelock"
)

// LeaseName is the name of the Lease that the sweeping gateway holds, in the namespace of the gateways.
const LeaseName = "khocr-gateway-sweeper"

// The usual times of Kubernetes: a gateway that dies is followed by another after leaseTime at the most.
const (
	leaseTime = 15 * time.Second
	renewTime = 10 * time.Second
	retryTime = 2 * time.Second
)

// Run sweeps whenever this gateway, of the identity given, holds the Lease in the namespace, until ctx is done. A gateway
// that loses it goes on serving and tries again.
func (s *Sweeper) Run(ctx context.Context, leases coordinationv1.LeasesGetter, namespace, identity string) error {
	for ctx.Err() == nil {
		elector, err := leaderelection.NewLeaderElector(leaderelection.LeaderElectionConfig{
			Name: LeaseName,
			Lock: &resourcelock.LeaseLock{
				LeaseMeta:  metav1.ObjectMeta{Namespace: namespace, Name: LeaseName},
				Client:     leases,
				LockConfig: resourcelock.ResourceLockConfig{Identity: identity},
			},
			LeaseDuration: leaseTime, RenewDeadline: renewTime, RetryPeriod: retryTime,
			// The next one may begin while the last step of this one ends: every step may be repeated.
			ReleaseOnCancel: true,
			Callbacks: leaderelection.LeaderCallbacks{
				OnStartedLeading: func(leading context.Context) {
					s.Log.InfoContext(leading, "sweeping begins", "identity", identity)
					s.Sweep(leading)
				},
				OnStoppedLeading: func() { s.Log.InfoContext(ctx, "sweeping is another gateway's, or nobody's", "identity", identity) },
			},
		})
		if err != nil {
			return fmt.Errorf("prepare for the Lease %s: %w", LeaseName, err)
		}
		elector.Run(ctx)
	}
	// The last step may still be on its way.
	s.sweeping.Lock()
	defer s.sweeping.Unlock()
	return nil
}
