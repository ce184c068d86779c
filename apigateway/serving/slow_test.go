package serving

import (
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"testing"
)

// TestSlowCallersHoldNobodyUp keeps 200 connections in each phase of a request while another caller is served.
func TestSlowCallersHoldNobodyUp(t *testing.T) {
	const callers, large = 200, 64 << 20
	begun := make(chan struct{}, 2*callers)
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		begun <- struct{}{}
		if _, err := io.Copy(io.Discard, r.Body); err != nil {
			return
		}
		if r.URL.Path == "/large" {
			_, _ = io.CopyN(w, endless{}, large)
			return
		}
		_, _ = io.WriteString(w, "served")
	})
	log := slog.New(slog.DiscardHandler)
	server := NewServer(Handler(log, handler, Refusals{}), log)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(func() { _ = server.Close() })

	reach := map[string]int{
		"GET / HTTP/1.1\r\nHost: x\r\nX-Slo":                          0,       // in the middle of the headers
		"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\nx": callers, // in the middle of the body
		"GET /large HTTP/1.1\r\nHost: x\r\n\r\n":                      callers, // in the middle of the answer
	}
	for text, handled := range reach {
		for range callers {
			connection, err := net.Dial("tcp", listener.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = connection.Close() })
			if _, err := fmt.Fprint(connection, text); err != nil {
				t.Fatal(err)
			}
		}
		for range handled {
			<-begun
		}
	}
	for range 10 {
		response, err := http.Get("http://" + listener.Addr().String() + "/")
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(response.Body)
		_ = response.Body.Close()
		if err != nil || string(body) != "served" {
			t.Errorf("answer %q, %v", body, err)
		}
		<-begun
	}
}

// endless gives the same byte for ever.
type endless struct{}

func (endless) Read(p []byte) (int, error) { return len(p), nil }
