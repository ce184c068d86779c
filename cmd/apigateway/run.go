package main

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9/logging"
	"golang.org/x/sync/errgroup"
	discoveryv1 "k8s.io/api/discovery/v1"
	"k8s.io/apimachinery/pkg/runtime"
	clientscheme "k8s.io/client-go/kubernetes/scheme"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/cluster"

	"github.com/openplp/khocr/api/v1alpha1"
	"github.com/openplp/khocr/apigateway"
	"github.com/openplp/khocr/apigateway/audit"
	"github.com/openplp/khocr/apigateway/changes"
	"github.com/openplp/khocr/apigateway/fetch"
	"github.com/openplp/khocr/apigateway/internalport"
	"github.com/openplp/khocr/apigateway/keyuse"
	"github.com/openplp/khocr/apigateway/peers"
	"github.com/openplp/khocr/apigateway/ratelimit"
	"github.com/openplp/khocr/apigateway/relay"
	"github.com/openplp/khocr/apigateway/serving"
	"github.com/openplp/khocr/apigateway/spending"
	"github.com/openplp/khocr/apigateway/tenants"
	"github.com/openplp/khocr/internal/apiwrites"
	"github.com/openplp/khocr/internal/clock"
	"github.com/openplp/khocr/internal/netguard"
	"github.com/openplp/khocr/internal/relayport"
	"github.com/openplp/khocr/internal/storage"
)

// The client's own limits are far above what a gateway asks for: the API server's fairness is what bounds it.
const (
	clientQPS   = 300
	clientBurst = 600
)

// run serves until ctx is done and the requests under way are finished.
func run(ctx context.Context, o options, log *slog.Logger) error {
	store, err := storage.Open(ctx, o.store)
	if err != nil {
		return err
	}
	defer store.Close()
	storeAuthorities, err := readAuthorities(os.Getenv(authoritiesVariable))
	if err != nil {
		return err
	}
	redisAddress, err := o.redisAddress(os.Getenv(redisVariable))
	if err != nil {
		return err
	}
	watched := []client.Object{&v1alpha1.OcrJob{}, &v1alpha1.Organization{}, &v1alpha1.Plan{}, &v1alpha1.OcrModel{}}
	if redisAddress != "" {
		watched = append(watched, &discoveryv1.EndpointSlice{})
	}
	kubernetes, err := connect(ctx, o.namespace, watched)
	if err != nil {
		return err
	}

	var limiter ratelimit.Limiter = ratelimit.NewMemory(time.Now)
	var shared *ratelimit.Shared
	if redisAddress != "" {
		// The limiter itself tells when Redis goes and comes.
		logging.Disable()
		if shared, err = ratelimit.NewShared(redisAddress, peers.Counter(kubernetes.GetClient()), time.Now, log); err != nil {
			return err
		}
		limiter = shared
	}
	keyUse := keyuse.New(store, log)
	// A name of this process alone.
	identity := apigateway.RandomID()
	book := spending.New(store, identity, time.Now, log)
	trail := audit.New(store, identity, clock.Now, log)
	var models *relay.Client
	if o.relayURL != "" {
		if models, err = relay.New(o.relayURL, relayport.ServerName(o.namespace), o.relayTokenFile, o.relayCAFile); err != nil {
			return err
		}
	}
	sweeper, leases, err := newSweeper(ctx, o, kubernetes, store, log)
	if err != nil {
		return err
	}
	var synced atomic.Bool
	public := &apigateway.Server{
		Client: kubernetes.GetClient(), Live: kubernetes.GetAPIReader(), Store: store, Limiter: limiter, KeyUse: keyUse, Audit: trail, Log: log,
		Spending: book, Currency: o.currency,
		Guard: netguard.Guard{Allowed: o.webhookAllow}, Changes: changes.New(), CORSOrigins: o.corsOrigins,
		Now: clock.Now, NewID: apigateway.RandomID, Version: version,
	}
	if shared != nil {
		public.LimiterAway = shared.Away
	}
	if err := public.Changes.Follow(ctx, kubernetes.GetCache()); err != nil {
		return err
	}
	internal := internalport.New(kubernetes.GetClient(), kubernetes.GetAPIReader(), store, fetch.New(o.fetchAllow), log)
	internal.StoreAuthorities, internal.Relay, internal.Spending = storeAuthorities, models, book
	probes := serving.Probes(log, map[string]serving.Check{
		"store": store.Check,
		"cache": func(context.Context) error {
			if !synced.Load() || ctx.Err() != nil {
				return errors.New("not synced, or about to stop")
			}
			return nil
		},
	})

	// What runs behind the ports outlives the requests under way.
	backing, release := context.WithCancel(context.WithoutCancel(ctx))
	defer release()
	ctx, stop := context.WithCancel(ctx)
	behind := new(errgroup.Group)
	behind.Go(func() error {
		defer stop()
		return kubernetes.Start(backing)
	})
	behind.Go(func() error { return keyUse.Run(backing) })
	behind.Go(func() error { return trail.Run(backing) })
	behind.Go(func() error { return book.Run(backing) })
	if shared != nil {
		behind.Go(func() error { return shared.Run(backing) })
	}
	behind.Go(func() error {
		defer stop()
		return serving.Listen(backing, o.healthListen, serving.NewServer(probes, log))
	})
	ports, ctx := errgroup.WithContext(ctx)
	ports.Go(func() error { return serving.Metrics(ctx, o.metricsListen, o.tlsDir, kubernetes, log) })
	ports.Go(func() error {
		key, err := awaitKey(ctx, o.keyFile, log)
		if err != nil {
			return nil // the program is about to end
		}
		public.Seal, internal.Seal = key, key
		ports.Go(func() error {
			if !kubernetes.GetCache().WaitForCacheSync(ctx) {
				return nil
			}
			log.Info("serving the public API", "address", o.listen)
			server := serving.NewServer(public.Handler(), log)
			// Whoever waits for a job comes back, and to another gateway.
			server.RegisterOnShutdown(public.Changes.Close)
			if o.publicTLSDir != "" {
				synced.Store(true)
				return serving.ListenTLS(ctx, o.listen, o.publicTLSDir, serving.PublicTLS, server, log)
			}
			listener, err := serving.Bind(o.listen)
			if err != nil {
				return err
			}
			// Not before: who is sent to one of several gateways is answered.
			synced.Store(true)
			return serving.Run(ctx, server, listener)
		})
		ports.Go(func() error {
			log.Info("serving workers", "address", o.internalListen)
			return serving.ListenTLS(ctx, o.internalListen, o.tlsDir, serving.InternalTLS, serving.NewServer(internal.Handler(), log), log)
		})
		return nil
	})
	ports.Go(func() error {
		if !kubernetes.GetCache().WaitForCacheSync(ctx) {
			return nil
		}
		return sweeper.Run(ctx, leases, o.namespace, identity)
	})
	err = ports.Wait()
	release()
	return errors.Join(err, behind.Wait())
}

// readAuthorities reads the certificates that the store's is signed by, for those who are sent there: the driver trusts the
// same file. There are none of its own where no file is named.
func readAuthorities(file string) (string, error) {
	if file == "" {
		return "", nil
	}
	content, err := os.ReadFile(file)
	if err == nil && !x509.NewCertPool().AppendCertsFromPEM(content) {
		err = errors.New("it holds no certificate")
	}
	if err != nil {
		return "", fmt.Errorf("read the store's authorities in %s: %w", file, err)
	}
	return string(content), nil
}

// connect makes a client whose reads come from informers, and registers those of the kinds that are watched.
func connect(ctx context.Context, namespace string, watched []client.Object) (cluster.Cluster, error) {
	scheme := runtime.NewScheme()
	if err := errors.Join(clientscheme.AddToScheme(scheme), v1alpha1.AddToScheme(scheme)); err != nil {
		return nil, fmt.Errorf("build the scheme: %w", err)
	}
	config, err := ctrl.GetConfig()
	if err != nil {
		return nil, fmt.Errorf("find the cluster: %w", err)
	}
	config.QPS, config.Burst = clientQPS, clientBurst
	config.Wrap(apiwrites.Count)
	kubernetes, err := cluster.New(config, func(options *cluster.Options) {
		options.Scheme = scheme
		options.Cache.DefaultTransform = cache.TransformStripManagedFields()
		options.Cache.ByObject = map[client.Object]cache.ByObject{&discoveryv1.EndpointSlice{}: peers.CacheOptions(namespace)}
	})
	if err != nil {
		return nil, fmt.Errorf("connect to the cluster: %w", err)
	}
	if err := tenants.AddIndexes(ctx, kubernetes.GetFieldIndexer()); err != nil {
		return nil, err
	}
	for _, object := range watched {
		if _, err := kubernetes.GetCache().GetInformer(ctx, object, cache.BlockUntilSynced(false)); err != nil {
			return nil, fmt.Errorf("watch %T: %w", object, err)
		}
	}
	return kubernetes, nil
}
