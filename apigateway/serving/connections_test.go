package serving

import (
	"bufio"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"testing"
)

// crowded serves at most two connections, and tells one more to come again.
func crowded(t *testing.T, handler http.HandlerFunc) (address string) {
	log := slog.New(slog.DiscardHandler)
	busy := func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "busy", http.StatusServiceUnavailable) }
	server := NewServer(Handler(log, handler, Refusals{Busy: busy}), log)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go func() { _ = server.Serve(bound(server, listener, 2, 1)) }()
	t.Cleanup(func() { _ = server.Close() })
	return listener.Addr().String()
}

func ask(t *testing.T, address, path string) net.Conn {
	t.Helper()
	connection, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = connection.Close() })
	fmt.Fprintf(connection, "GET %s HTTP/1.1\r\nHost: x\r\n\r\n", path)
	return connection
}

func statusOn(t *testing.T, connection net.Conn) int {
	t.Helper()
	response, err := http.ReadResponse(bufio.NewReader(connection), nil)
	if err != nil {
		t.Fatal(err)
	}
	_, _ = io.Copy(io.Discard, response.Body)
	if response.StatusCode == http.StatusServiceUnavailable && !response.Close {
		t.Error("a connection that is one too many stays")
	}
	return response.StatusCode
}

func TestAConnectionTooManyIsToldToComeAgain(t *testing.T) {
	begun, end := make(chan struct{}, 2), make(chan struct{})
	address := crowded(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/long" {
			begun <- struct{}{}
			<-end
		}
	})
	long := []net.Conn{ask(t, address, "/long"), ask(t, address, "/long")}
	<-begun
	<-begun
	if got := statusOn(t, ask(t, address, "/")); got != http.StatusServiceUnavailable {
		t.Errorf("the third one is answered %d", got)
	}
	// Those that are not even told are closed; the refused one makes room when it has gone.
	silent := ask(t, address, "/")
	if _, err := io.ReadAll(silent); err != nil {
		t.Logf("the next one ended with: %v", err)
	}
	close(end)
	for _, connection := range long {
		if got := statusOn(t, connection); got != http.StatusOK {
			t.Errorf("one of the first is answered %d", got)
		}
	}
}

func TestConnectionsOnWhichNobodyAsksKeepNobodyOut(t *testing.T) {
	address := crowded(t, func(http.ResponseWriter, *http.Request) {})
	for range 8 {
		silent, err := net.Dial("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		defer silent.Close()
		fmt.Fprint(silent, "GET / HTTP/1.1\r\nX-Slow: ")
	}
	if got := statusOn(t, ask(t, address, "/")); got != http.StatusOK {
		t.Errorf("who asks is answered %d", got)
	}
}

func TestAnIdleConnectionGivesWay(t *testing.T) {
	address := crowded(t, func(http.ResponseWriter, *http.Request) {})
	ended := make(chan error, 2)
	for range 2 {
		connection := ask(t, address, "/")
		if got := statusOn(t, connection); got != http.StatusOK {
			t.Fatalf("status %d", got)
		}
		go func() {
			_, err := io.ReadAll(connection)
			ended <- err
		}()
	}
	// Both may still be about to become idle, and then the newcomer is told to come again.
	for statusOn(t, ask(t, address, "/")) != http.StatusOK {
	}
	if err := <-ended; err != nil {
		t.Errorf("an idle connection ended with: %v", err)
	}
}
