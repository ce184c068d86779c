package serving

import (
	"context"
	"crypto/tls"
	"fmt"
	"log/slog"
	"net"
	"net/http"

	"sigs.k8s.io/controller-runtime/pkg/certwatcher"
	"sigs.k8s.io/controller-runtime/pkg/cluster"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"

	"github.com/openplp/khocr/internal/metricsauth"
)

// Metrics serves what a program and its libraries count, with the certificate in a folder, once it is there, to those whom the API
// server lets. An address of 0 is none.
func Metrics(ctx context.Context, address, folder string, kubernetes cluster.Cluster, log *slog.Logger) error {
	if address == "0" {
		return nil
	}
	certificate, stop, err := followCertificate(ctx, folder, log)
	if err != nil {
		return nil // the program is about to end
	}
	defer stop()
	server, err := metricsserver.NewServer(metricsserver.Options{
		BindAddress:    address,
		SecureServing:  true,
		TLSOpts:        []func(*tls.Config){func(c *tls.Config) { c.MinVersion, c.GetCertificate = InternalTLS, certificate.GetCertificate }},
		FilterProvider: metricsauth.Filter,
	}, kubernetes.GetConfig(), kubernetes.GetHTTPClient())
	if err != nil {
		return fmt.Errorf("make the server of metrics: %w", err)
	}
	return server.Start(ctx)
}

// ListenTLS serves an address with the certificate in a folder, once it is there.
func ListenTLS(ctx context.Context, address, folder string, oldest uint16, server *http.Server, log *slog.Logger) error {
	certificate, stop, err := followCertificate(ctx, folder, log)
	if err != nil {
		return nil // the program is about to end
	}
	defer stop()
	server.TLSConfig = TLSConfig(certificate, oldest)
	return Listen(ctx, address, server)
}

// followCertificate waits for the certificate in a folder, and keeps up with its renewal until it is stopped: a port is
// closed some time after ctx ends. It fails only when ctx ends before there is one.
func followCertificate(ctx context.Context, folder string, log *slog.Logger) (certificate *certwatcher.CertWatcher, stop func(), err error) {
	certificate, err = AwaitCertificate(ctx, folder, log)
	if err != nil {
		return nil, nil, err
	}
	watching, stop := context.WithCancel(context.WithoutCancel(ctx))
	go Follow(watching, certificate, log.With("folder", folder))
	return certificate, stop, nil
}

// Listen serves an address until ctx is done.
func Listen(ctx context.Context, address string, server *http.Server) error {
	listener, err := Bind(address)
	if err != nil {
		return err
	}
	return Run(ctx, server, listener)
}

// Bind listens at an address.
func Bind(address string) (net.Listener, error) {
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return nil, fmt.Errorf("listen at %s: %w", address, err)
	}
	return listener, nil
}
