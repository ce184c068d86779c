package platform

import (
	"context"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"time"

	utilclock "k8s.io/utils/clock"

	"github.com/openplp/khocr/api/v1alpha1"
	"github.com/openplp/khocr/apigateway"
	"github.com/openplp/khocr/apigateway/audit"
	"github.com/openplp/khocr/apigateway/changes"
	"github.com/openplp/khocr/apigateway/keyuse"
	"github.com/openplp/khocr/apigateway/ratelimit"
	"github.com/openplp/khocr/apigateway/serving"
	"github.com/openplp/khocr/apigateway/spending"
	"github.com/openplp/khocr/apigateway/sweep"
	"github.com/openplp/khocr/apigateway/tenants"
	"github.com/openplp/khocr/apigateway/webhook"
	"github.com/openplp/khocr/internal/netguard"
	"github.com/openplp/khocr/test/contract"
)

// Serve runs the gateway's public port and its sweeper until the test ends, and returns the port's address. All that goes over
// the port is held to the description of the API. Webhooks may go to this machine.
func (p *Platform) Serve() (url string) {
	p.Helper()
	log := slog.New(slog.DiscardHandler)
	loopback := []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
	server := &apigateway.Server{
		Client: p.Cached, Live: p.Live, Store: p.Store, Seal: p.Seal, Log: log, Guard: netguard.Guard{Allowed: loopback},
		Limiter: ratelimit.NewMemory(time.Now), KeyUse: keyuse.New(p.Store, log), Spending: spending.New(p.Store, apigateway.RandomID(), time.Now, log), Changes: changes.New(),
		Audit: audit.New(p.Store, apigateway.RandomID(), time.Now, log), Now: time.Now, NewID: apigateway.RandomID, Version: "test", Currency: "USD",
	}
	p.Must(server.Changes.Follow(p.Context(), p.Cache))
	jobs, err := p.Cache.GetInformer(p.Context(), &v1alpha1.OcrJob{})
	p.Must(err)
	sweeper := &sweep.Sweeper{
		Client: p.Cached, Jobs: jobs, Live: p.Live, Store: p.Store, Clock: utilclock.RealClock{}, Log: log,
		Webhooks: webhook.NewDeliverer(p.Store, webhook.Secrets{Tenants: tenants.Directory{Reader: p.Cached}, Live: p.Live},
			loopback, utilclock.RealClock{}, log),
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	p.Must(err)
	port := serving.NewServer(contract.Handler(p, server.Handler()), log)
	port.RegisterOnShutdown(server.Changes.Close)
	p.until("public port", func(ctx context.Context) error { return serving.Run(ctx, port, listener) })
	p.until("sweeper", func(ctx context.Context) error { sweeper.Sweep(ctx); return nil })
	return "http://" + listener.Addr().String()
}

// until runs something until the test ends.
func (p *Platform) until(what string, run func(context.Context) error) {
	ctx, stop := context.WithCancel(context.WithoutCancel(p.Context()))
	stopped := make(chan error, 1)
	go func() { stopped <- run(ctx) }()
	p.Cleanup(func() {
		http.DefaultClient.CloseIdleConnections()
		stop()
		if err := <-stopped; err != nil {
			p.Errorf("the %s ended with: %v", what, err)
		}
	})
}
