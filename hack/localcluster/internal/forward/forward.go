// Package forward carries TCP connections from a loopback port of the host into
// a cluster's network namespace. It must never listen inside the cluster nor
// dial on the host: the listeners are made by the caller, on the host, and
// handed over to a process that lives in the cluster. A socket stays in the
// namespace in which it was made, so no route between the two is needed.
package forward

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strconv"
	"strings"
	"time"
)

// A Forward is one way in.
type Forward struct {
	// Listen is the address that was asked for; port 0 means any.
	Listen string `json:"listen"`
	// Address is the address that is listened on; empty before the first time.
	Address string `json:"address"`
	// Port is the port of the node that connections go to.
	Port int `json:"port"`
}

// Parse reads "LISTEN=PORT", as in "127.0.0.1:8080=30080".
func Parse(text string) (Forward, error) {
	listen, port, found := strings.Cut(text, "=")
	if !found {
		return Forward{}, fmt.Errorf("forward %q: want LISTEN=PORT, as in 127.0.0.1:8080=30080", text)
	}
	if _, _, err := net.SplitHostPort(listen); err != nil {
		return Forward{}, fmt.Errorf("forward %q: reading the address to listen on: %w", text, err)
	}
	number, err := strconv.ParseUint(port, 10, 16)
	if err != nil || number == 0 {
		return Forward{}, fmt.Errorf("forward %q: %q is not a port", text, port)
	}
	return Forward{Listen: listen, Port: int(number)}, nil
}

// Open makes the listener. A port that was free the first time is tried again,
// since somebody may have written it down; if it was taken meanwhile, another
// one is used. Address says which.
func (f *Forward) Open() (*net.TCPListener, error) {
	var candidates []string
	if _, port, _ := net.SplitHostPort(f.Listen); port == "0" && f.Address != "" {
		candidates = append(candidates, f.Address)
	}
	var failure error
	for _, address := range append(candidates, f.Listen) {
		listener, err := net.Listen("tcp", address)
		if err == nil {
			f.Address = listener.Addr().String()
			return listener.(*net.TCPListener), nil
		}
		failure = fmt.Errorf("listening on %s: %w", address, err)
	}
	return nil, failure
}

// Serve carries connections from the listener to the target until the listener
// is closed. A target that refuses costs the one connection only: it may be
// restarting.
func Serve(ctx context.Context, listener net.Listener, target string) error {
	for {
		client, err := listener.Accept()
		if errors.Is(err, net.ErrClosed) {
			return nil
		}
		if err != nil {
			// Out of descriptors, most likely: others have to end first.
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-time.After(50 * time.Millisecond):
				continue
			}
		}
		go carry(ctx, client, target)
	}
}

func carry(ctx context.Context, client net.Conn, target string) {
	defer client.Close()
	dialer := net.Dialer{Timeout: 5 * time.Second}
	server, err := dialer.DialContext(ctx, "tcp", target)
	if err != nil {
		fmt.Fprintf(os.Stderr, "%s: a connection could not be carried: %v\n", time.Now().Format(time.RFC3339Nano), err)
		return
	}
	defer server.Close()
	sent := make(chan struct{})
	go func() {
		defer close(sent)
		pass(server, client)
	}()
	pass(client, server)
	<-sent
}

// pass copies one direction and then passes on that it has ended. After an
// error it cuts the other direction too, which may otherwise wait for ever.
func pass(to, from net.Conn) {
	if _, err := io.Copy(to, from); err != nil {
		if !errors.Is(err, net.ErrClosed) {
			fmt.Fprintf(os.Stderr, "%s: a connection was cut: %v\n", time.Now().Format(time.RFC3339Nano), err)
		}
		to.Close()
		from.Close()
		return
	}
	if half, ok := to.(interface{ CloseWrite() error }); ok {
		_ = half.CloseWrite()
	}
}
