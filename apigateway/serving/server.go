package serving

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"
)

const (
	readHeaderTimeout = 10 * time.Second
	idleTimeout       = 2 * time.Minute
	maxHeaderBytes    = 64 << 10

	// ShutdownTime is how long uploads and downloads under way may go on once the process is told to stop. A pod's
	// terminationGracePeriodSeconds should be a little longer.
	ShutdownTime = time.Minute
)

// NewServer makes a server with limits on what callers can make it wait for and hold. Bodies and answers have none here:
// Handler gives them theirs. It speaks HTTP/1.1, over TLS too: there the limits are those of a connection, and none is shared by
// requests.
func NewServer(handler http.Handler, log *slog.Logger) *http.Server {
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	return &http.Server{
		Protocols:         protocols,
		Handler:           handler,
		ReadHeaderTimeout: readHeaderTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeaderBytes,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelWarn),
	}
}

// Run serves the listener until ctx is done, over TLS where the server has a TLSConfig, and then finishes the requests
// under way, for at most ShutdownTime. It bounds the connections; whoever comes on one too many is answered by Busy.
func Run(ctx context.Context, server *http.Server, listener net.Listener) error {
	return run(ctx, server, bound(server, listener, maxConnections, spareConnections))
}

func run(ctx context.Context, server *http.Server, listener net.Listener) error {
	failed := make(chan error, 1)
	go func() {
		if server.TLSConfig != nil {
			failed <- server.ServeTLS(listener, "", "")
			return
		}
		failed <- server.Serve(listener)
	}()
	select {
	case err := <-failed:
		return fmt.Errorf("serve %s: %w", listener.Addr(), err)
	case <-ctx.Done():
	}
	stopping, cancel := context.WithTimeout(context.WithoutCancel(ctx), ShutdownTime)
	defer cancel()
	if err := server.Shutdown(stopping); err != nil {
		return errors.Join(fmt.Errorf("finish the requests under way at %s: %w", listener.Addr(), err), server.Close())
	}
	return nil
}
