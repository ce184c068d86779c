package sweep

import (
	"context"
	"fmt"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	coordinationv1 "k8s.io/client-go/kubernetes/typed/coordination/v1"
	"k8s.io/client-go/tools/leaderelection"
	"k8s.io/client-go/tools/leaderelection/resourcelock"

	"github.com/openplp/khocr/internal/lease"
)

// LeaseName is the name of the Lease that the sweeping gateway holds, in the namespace of the gateways.
const LeaseName = "khocr-gateway-sweeper"

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
			LeaseDuration: lease.Duration, RenewDeadline: lease.RenewDeadline, RetryPeriod: lease.RetryPeriod,
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
