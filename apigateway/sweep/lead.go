package sweep

import (
	"context"

	coordinationv1 "k8s.io/client-go/kubernetes/typed/coordination/v1"

	"github.com/openplp/khocr/internal/lease"
)

// LeaseName is the name of the Lease that the sweeping gateway holds, in the namespace of the gateways.
const LeaseName = "khocr-gateway-sweeper"

// Run sweeps whenever this gateway, of the identity given, holds the Lease in the namespace, until ctx is done. A gateway
// that loses it goes on serving and tries again.
func (s *Sweeper) Run(ctx context.Context, leases coordinationv1.LeasesGetter, namespace, identity string) error {
	err := lease.Hold(ctx, leases, namespace, LeaseName, identity, func(leading context.Context) {
		s.Log.InfoContext(leading, "sweeping begins", "identity", identity)
		s.Sweep(leading)
	}, func() {
		s.Log.InfoContext(ctx, "sweeping is another gateway's, or nobody's", "identity", identity)
	})
	// The last step may still be on its way.
	s.sweeping.Lock()
	defer s.sweeping.Unlock()
	return err
}
