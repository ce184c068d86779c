package forward

import (
	"io"
	"net"
	"testing"
)

func TestParse(t *testing.T) {
	for text, want := range map[string]Forward{
		"127.0.0.1:8080=30080": {Listen: "127.0.0.1:8080", Port: 30080},
		"127.0.0.1:0=443":      {Listen: "127.0.0.1:0", Port: 443},
		"[::1]:81=82":          {Listen: "[::1]:81", Port: 82},
	} {
		if got, err := Parse(text); err != nil || got != want {
			t.Errorf("Parse(%q) = %v, %v; want %v", text, got, err, want)
		}
	}
	for _, text := range []string{"", "8080=80", "127.0.0.1:8080", "127.0.0.1:1=0", "127.0.0.1:1=70000", "127.0.0.1:1=x"} {
		if got, err := Parse(text); err == nil {
			t.Errorf("Parse(%q) = %v; want an error", text, got)
		}
	}
}

func TestFreePortIsKept(t *testing.T) {
	f := Forward{Listen: "127.0.0.1:0"}
	first, err := f.Open()
	if err != nil {
		t.Fatal(err)
	}
	address := f.Address
	first.Close()
	second, err := f.Open()
	if err != nil {
		t.Fatal(err)
	}
	defer second.Close()
	if f.Address != address {
		t.Errorf("opened %s, then %s", address, f.Address)
	}
	// Now the port is taken, so a third one has to be another.
	third, err := f.Open()
	if err != nil {
		t.Fatal(err)
	}
	defer third.Close()
	if f.Address == address {
		t.Errorf("opened %s twice", address)
	}
}

func TestServeCarriesBothDirectionsAndTheEnd(t *testing.T) {
	server := listen(t)
	go func() {
		conn, err := server.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		said, _ := io.ReadAll(conn) // until the client has no more to say
		_, _ = conn.Write(append([]byte("heard "), said...))
	}()
	front := listen(t)
	go func() { _ = Serve(t.Context(), front, server.Addr().String()) }()

	conn, err := net.Dial("tcp", front.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := conn.Write([]byte("this")); err != nil {
		t.Fatal(err)
	}
	if err := conn.(*net.TCPConn).CloseWrite(); err != nil {
		t.Fatal(err)
	}
	if answer, err := io.ReadAll(conn); err != nil || string(answer) != "heard this" {
		t.Errorf("answer %q, %v", answer, err)
	}
}

func TestServeSurvivesATargetThatRefuses(t *testing.T) {
	closed := listen(t)
	target := closed.Addr().String()
	closed.Close()
	front := listen(t)
	go func() { _ = Serve(t.Context(), front, target) }()
	for range 2 {
		conn, err := net.Dial("tcp", front.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		if answer, _ := io.ReadAll(conn); len(answer) != 0 {
			t.Errorf("answer %q from nobody", answer)
		}
		conn.Close()
	}
}

func listen(t *testing.T) net.Listener {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	return listener
}
