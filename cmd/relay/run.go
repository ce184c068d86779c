package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"sync/atomic"

	"golang.org/x/sync/errgroup"
	"k8s.io/apimachinery/pkg/runtime"
	clientscheme "k8s.io/client-go/kubernetes/scheme"
	coordinationv1 "k8s.io/client-go/kubernetes/typed/coordination/v1"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/cluster"

	"github.com/openplp/khocr/api/v1alpha1"
	"github.com/openplp/khocr/apigateway/serving"
	"github.com/openplp/khocr/internal/apiwrites"
	"github.com/openplp/khocr/internal/netguard"
	"github.com/openplp/khocr/internal/relay"
)

// run serves until ctx is done and the questions under way are answered.
func run(ctx context.Context, o options, log *slog.Logger) error {
	kubernetes, err := connect(ctx)
	if err != nil {
		return err
	}
	leases, err := coordinationv1.NewForConfig(kubernetes.GetConfig())
	if err != nil {
		return fmt.Errorf("make a client for the prober's Lease: %w", err)
	}
	servers := &netguard.APIServers{Slices: kubernetes.GetAPIReader(), Hosts: []string{kubernetes.GetConfig().Host}}
	if host := os.Getenv("KUBERNETES_SERVICE_HOST"); host != "" {
		servers.Hosts = append(servers.Hosts, net.JoinHostPort(host, os.Getenv("KUBERNETES_SERVICE_PORT")))
	}
	asking := relay.New(relay.Options{
		Models: kubernetes.GetClient(), Cluster: kubernetes.GetClient(), Gateway: o.gatewayAccount, KeysDir: o.keysDir,
		Allowed: o.allow, APIServers: servers.Addresses, Log: log,
	})
	var synced atomic.Bool
	probes := serving.Probes(log, map[string]serving.Check{
		"cache": func(context.Context) error {
			if !synced.Load() || ctx.Err() != nil {
				return errors.New("not synced, or about to stop")
			}
			return nil
		},
	})

	// What runs behind the port outlives the questions under way.
	backing, release := context.WithCancel(context.WithoutCancel(ctx))
	defer release()
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	behind := new(errgroup.Group)
	behind.Go(func() error {
		defer stop()
		return kubernetes.Start(backing)
	})
	behind.Go(func() error {
		defer stop()
		return serving.Listen(backing, o.healthListen, serving.NewServer(probes, log))
	})
	ports, ctx := errgroup.WithContext(ctx)
	ports.Go(func() error { return serving.Metrics(ctx, o.metricsListen, o.tlsDir, kubernetes, log) })
	ports.Go(func() error {
		if !kubernetes.GetCache().WaitForCacheSync(ctx) {
			return nil
		}
		synced.Store(true)
		log.InfoContext(ctx, "serving the gateway", "address", o.listen)
		return serving.ListenTLS(ctx, o.listen, o.tlsDir, serving.InternalTLS, serving.NewServer(asking.Handler(), log), log)
	})
	ports.Go(func() error {
		if !kubernetes.GetCache().WaitForCacheSync(ctx) {
			return nil
		}
		// A name of this process alone.
		return asking.Probe(ctx, leases, o.namespace, rand.Text())
	})
	err = ports.Wait()
	release()
	return errors.Join(err, behind.Wait())
}

// connect makes a client that keeps the models at hand.
func connect(ctx context.Context) (cluster.Cluster, error) {
	scheme := runtime.NewScheme()
	if err := errors.Join(clientscheme.AddToScheme(scheme), v1alpha1.AddToScheme(scheme)); err != nil {
		return nil, fmt.Errorf("build the scheme: %w", err)
	}
	config, err := ctrl.GetConfig()
	if err != nil {
		return nil, fmt.Errorf("find the cluster: %w", err)
	}
	config.Wrap(apiwrites.Count)
	kubernetes, err := cluster.New(config, func(options *cluster.Options) {
		options.Scheme = scheme
		options.Cache.DefaultTransform = cache.TransformStripManagedFields()
	})
	if err != nil {
		return nil, fmt.Errorf("connect to the cluster: %w", err)
	}
	if _, err := kubernetes.GetCache().GetInformer(ctx, &v1alpha1.OcrModel{}, cache.BlockUntilSynced(false)); err != nil {
		return nil, fmt.Errorf("watch the models: %w", err)
	}
	return kubernetes, nil
}
