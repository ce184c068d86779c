package main

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	coordinationv1 "k8s.io/client-go/kubernetes/typed/coordination/v1"
	utilclock "k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/cluster"

	"github.com/openplp/khocr/api/v1alpha1"
	"github.com/openplp/khocr/apigateway/sweep"
	"github.com/openplp/khocr/apigateway/tenants"
	"github.com/openplp/khocr/apigateway/webhook"
	"github.com/openplp/khocr/internal/clock"
	"github.com/openplp/khocr/internal/storage"
)

// platformClock tells the platform's time, and waits by the true one.
type platformClock struct{ utilclock.RealClock }

// Now is the time by which results expire.
func (platformClock) Now() time.Time { return clock.Now() }

// newSweeper makes what looks after jobs that have ended, with the client for its Lease.
func newSweeper(ctx context.Context, o options, kubernetes cluster.Cluster, store *storage.Store, log *slog.Logger) (*sweep.Sweeper, coordinationv1.LeasesGetter, error) {
	leases, err := coordinationv1.NewForConfig(kubernetes.GetConfig())
	if err != nil {
		return nil, nil, fmt.Errorf("make a client for the sweeper's Lease: %w", err)
	}
	jobs, err := kubernetes.GetCache().GetInformer(ctx, &v1alpha1.OcrJob{}, cache.BlockUntilSynced(false))
	if err != nil {
		return nil, nil, fmt.Errorf("watch the jobs that have ended: %w", err)
	}
	secrets := webhook.Secrets{Tenants: tenants.Directory{Reader: kubernetes.GetClient()}, Live: kubernetes.GetAPIReader()}
	return &sweep.Sweeper{
		Client: kubernetes.GetClient(), Jobs: jobs, Live: kubernetes.GetAPIReader(), Store: store, Clock: platformClock{}, Log: log,
		// Receivers compare the time of a message with the true one.
		Webhooks: webhook.NewDeliverer(store, secrets, o.webhookAllow, utilclock.RealClock{}, log),
	}, leases, nil
}
