package lease

import (
	"context"
	"fmt"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	coordinationv1 "k8s.io/client-go/kubernetes/typed/coordination/v1"
	"k8s.io/client-go/tools/leaderelection"
	"k8s.io/client-go/tools/leaderelection/resourcelock"
)

// Hold has lead run whenever this process, of the identity given, holds the Lease of a name in the namespace, until ctx is done. It
// calls lost when it does not any more, and tries again. The next holder may begin while lead still ends: whatever lead does may be
// repeated.
func Hold(ctx context.Context, leases coordinationv1.LeasesGetter, namespace, name, identity string, lead func(context.Context), lost func()) error {
	for ctx.Err() == nil {
		elector, err := leaderelection.NewLeaderElector(leaderelection.LeaderElectionConfig{
			Name: name,
			Lock: &resourcelock.LeaseLock{
				LeaseMeta:  metav1.ObjectMeta{Namespace: namespace, Name: name},
				Client:     leases,
				LockConfig: resourcelock.ResourceLockConfig{Identity: identity},
			},
			LeaseDuration: Duration, RenewDeadline: RenewDeadline, RetryPeriod: RetryPeriod,
			ReleaseOnCancel: true,
			Callbacks:       leaderelection.LeaderCallbacks{OnStartedLeading: lead, OnStoppedLeading: lost},
		})
		if err != nil {
			return fmt.Errorf("prepare for the Lease %s: %w", name, err)
		}
		elector.Run(ctx)
	}
	return nil
}
