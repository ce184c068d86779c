// The manager reconciles khocr's custom resources. Any number may run; one of them leads.
package main

import (
	"context"
	"crypto/tls"
	"fmt"
	"log/slog"
	"os"
	"time"

	"github.com/go-logr/logr"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	clientscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"k8s.io/klog/v2"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client/config"
	ctrlconfig "sigs.k8s.io/controller-runtime/pkg/config"
	"sigs.k8s.io/controller-runtime/pkg/healthz"
	"sigs.k8s.io/controller-runtime/pkg/metrics"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"

	"github.com/openplp/khocr/api/v1alpha1"
	"github.com/openplp/khocr/controllers/certs"
	"github.com/openplp/khocr/controllers/ocrjob"
	"github.com/openplp/khocr/controllers/ocrmodel"
	"github.com/openplp/khocr/controllers/organization"
	"github.com/openplp/khocr/internal/apiwrites"
	"github.com/openplp/khocr/internal/clock"
	"github.com/openplp/khocr/internal/lease"
	"github.com/openplp/khocr/internal/metricsauth"
	"github.com/openplp/khocr/internal/statemetrics"
)

// version is set when the program is linked.
var version = "development"

// shutdown is the time that reconciles under way have to end; a pod has little more.
const shutdown = 5 * time.Second

func main() {
	o := parseOptions()
	handler := slog.NewJSONHandler(os.Stderr, nil)
	ctrl.SetLogger(logr.FromSlogHandler(handler))
	klog.SetSlogLogger(slog.New(handler))
	server, err := config.GetConfig()
	if err == nil {
		err = run(ctrl.SetupSignalHandler(), server, o)
	}
	if err != nil {
		slog.New(handler).Error("The manager has failed", "error", err)
		os.Exit(1)
	}
}

// run is the manager, until the context ends.
func run(ctx context.Context, server *rest.Config, o options) error {
	mgr, err := newManager(server, o)
	if err != nil {
		return err
	}
	if err := addControllers(ctx, mgr, o); err != nil {
		return err
	}
	mgr.GetLogger().Info("Starting the manager", "version", version)
	if err := mgr.Start(ctx); err != nil {
		return fmt.Errorf("running the manager: %w", err)
	}
	return nil
}

func newManager(server *rest.Config, o options) (ctrl.Manager, error) {
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{clientscheme.AddToScheme, v1alpha1.AddToScheme} {
		if err := add(scheme); err != nil {
			return nil, fmt.Errorf("collecting the types: %w", err)
		}
	}
	server = rest.CopyConfig(server)
	server.QPS, server.Burst = 300, 600
	server.UserAgent = "khocr-manager/" + version
	server.Wrap(apiwrites.Count)
	grace := shutdown
	var mgr ctrl.Manager // there when metrics are served
	certificate := func(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
		return certs.Certificate(hello.Context(), mgr.GetClient(), o.namespace)
	}
	mgr, err := ctrl.NewManager(server, ctrl.Options{
		Scheme: scheme,
		Cache:  cacheOptions(o),
		Metrics: metricsserver.Options{
			BindAddress:    o.metricsAddress,
			SecureServing:  true,
			TLSOpts:        []func(*tls.Config){func(c *tls.Config) { c.MinVersion, c.GetCertificate = tls.VersionTLS13, certificate }},
			FilterProvider: metricsauth.Filter,
		},
		HealthProbeBindAddress:        o.healthAddress,
		LeaderElection:                o.leaderElect,
		LeaderElectionID:              "khocr-manager",
		LeaderElectionNamespace:       o.namespace,
		LeaderElectionReleaseOnCancel: true, // the program ends with its manager
		LeaseDuration:                 new(lease.Duration),
		RenewDeadline:                 new(lease.RenewDeadline),
		RetryPeriod:                   new(lease.RetryPeriod),
		GracefulShutdownTimeout:       &grace,
		// Who waits knows already what there is: reading 10,000 organizations takes as long as the Lease lasts.
		Controller: ctrlconfig.Controller{EnableWarmup: new(true)},
	})
	if err != nil {
		return nil, fmt.Errorf("making the manager: %w", err)
	}
	if err := mgr.AddHealthzCheck("ping", healthz.Ping); err != nil {
		return nil, fmt.Errorf("adding the liveness check: %w", err)
	}
	if err := mgr.AddReadyzCheck("ping", healthz.Ping); err != nil {
		return nil, fmt.Errorf("adding the readiness check: %w", err)
	}
	return mgr, nil
}

func addControllers(ctx context.Context, mgr ctrl.Manager, o options) error {
	certificates := &certs.Reconciler{
		Client: mgr.GetClient(), Live: mgr.GetAPIReader(), Namespace: o.namespace, Now: time.Now,
		Services: []types.NamespacedName{
			o.gateway,
			{Namespace: o.gateway.Namespace, Name: "khocr-gateway-metrics"},
			{Namespace: o.namespace, Name: "khocr-manager-metrics"},
		},
	}
	if err := certificates.SetupWithManager(mgr); err != nil {
		return err
	}
	models := &ocrmodel.Reconciler{Client: mgr.GetClient(), Now: clock.Now}
	if err := models.SetupWithManager(mgr); err != nil {
		return err
	}
	organizations := &organization.Reconciler{
		Client: mgr.GetClient(), Live: mgr.GetAPIReader(), Recorder: mgr.GetEventRecorder("khocr-organization"),
		GatewayNamespace: o.gateway.Namespace, Store: o.store, Now: clock.Now,
	}
	if err := organizations.SetupWithManager(ctx, mgr); err != nil {
		return err
	}
	jobs := &ocrjob.Reconciler{
		Client: mgr.GetClient(), Live: mgr.GetAPIReader(), Recorder: mgr.GetEventRecorder("khocr-ocrjob"),
		Gateway:   ocrjob.ServiceLocator{Reader: mgr.GetClient(), Service: o.gateway, CA: certificates.CABundle},
		Worker:    ocrjob.WorkerTemplate{Image: o.workerImage, Resources: o.workerResources, StoreInReach: len(o.store) > 0},
		Partition: &o.partition,
		Now:       clock.Now,
	}
	if err := jobs.SetupWithManager(ctx, mgr); err != nil {
		return err
	}
	if err := mgr.Add(&statemetrics.Exporter{Reader: mgr.GetClient(), Registry: metrics.Registry, Now: clock.Now}); err != nil {
		return fmt.Errorf("adding the metrics of the state: %w", err)
	}
	return nil
}
