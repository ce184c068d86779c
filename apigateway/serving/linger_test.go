package serving

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"
)

// refuse serves a handler that wants no body, and gives the address.
func refuse(t *testing.T, handler http.HandlerFunc) string {
	log := slog.New(slog.DiscardHandler)
	server := NewServer(Handler(log, handler, Refusals{}), log)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(func() { _ = server.Close() })
	return listener.Addr().String()
}

func unwanted(w http.ResponseWriter, _ *http.Request) {
	http.Error(w, "unwanted", http.StatusForbidden)
}

func TestABodyIsRefusedBeforeItComes(t *testing.T) {
	connection, err := net.Dial("tcp", refuse(t, unwanted))
	if err != nil {
		t.Fatal(err)
	}
	defer connection.Close()
	fmt.Fprintf(connection, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n", 50<<20)
	reader := bufio.NewReader(connection)
	response, err := http.ReadResponse(reader, nil)
	if err != nil {
		t.Fatal(err)
	}
	if response.StatusCode != http.StatusForbidden || !response.Close {
		t.Errorf("status %d, Connection: close %v", response.StatusCode, response.Close)
	}
	// What is sent all the same is thrown away, and the connection ends in order.
	if _, err := connection.Write(make([]byte, 50<<20)); err != nil {
		t.Errorf("the sender was cut off: %v", err)
	}
	if _, err := io.ReadAll(reader); err != nil {
		t.Errorf("the connection ended with: %v", err)
	}
}

func TestTheConnectionOfASmallRefusedBodyIsUsedAgain(t *testing.T) {
	connection, err := net.Dial("tcp", refuse(t, unwanted))
	if err != nil {
		t.Fatal(err)
	}
	defer connection.Close()
	reader := bufio.NewReader(connection)
	for range 2 {
		fmt.Fprint(connection, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\n12345")
		response, err := http.ReadResponse(reader, nil)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.Copy(io.Discard, response.Body)
		if response.StatusCode != http.StatusForbidden || response.Close {
			t.Errorf("status %d, Connection: close %v", response.StatusCode, response.Close)
		}
	}
}

// late is a body that stalls.
type late struct{}

func (late) Read([]byte) (int, error) { return 0, os.ErrDeadlineExceeded }
func (late) Close() error             { return nil }

func TestWhoWasTooSlowIsNotWaitedForAgain(t *testing.T) {
	connection := new(deadlines)
	body := &pacedReader{ReadCloser: late{}, connection: connection, now: time.Now, length: 1000}
	if _, err := body.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Fatal(err)
	}
	header := http.Header{}
	body.aboutToAnswer(header)
	if last := connection.read[len(connection.read)-1]; header.Get("Connection") != "close" || last.IsZero() {
		t.Errorf("Connection: %q, deadline %v", header.Get("Connection"), last)
	}
}

func TestABodyMayBeGivenATime(t *testing.T) {
	connection, now := new(deadlines), time.Now()
	body := &pacedReader{ReadCloser: io.NopCloser(strings.NewReader("ab")), connection: connection, now: func() time.Time { return now }}
	Within(&http.Request{Body: body}, time.Second)
	for range 2 {
		if _, err := body.Read(make([]byte, 1)); err != nil {
			t.Fatal(err)
		}
		if got := connection.read[len(connection.read)-1]; !got.Equal(now.Add(time.Second)) {
			t.Errorf("deadline %v from now", got.Sub(now))
		}
	}
}

func TestWriteDeadline(t *testing.T) {
	now := time.Date(2026, 8, 1, 8, 0, 0, 0, time.UTC)
	for name, c := range map[string]struct {
		waited  time.Duration
		written int64
		want    time.Duration
	}{
		"the first bytes have the time of a stall":   {0, 0, stallTime},
		"a fast reader may stall":                    {time.Second, 100 << 20, stallTime},
		"one at the least rate goes on":              {time.Hour, 3600 * minRate, stallTime},
		"a byte a second does not last":              {graceTime, 60, 60 * time.Second / minRate},
		"one at half the least rate has had its day": {4 * time.Minute, 120 * minRate, -time.Minute},
	} {
		if got := writeDeadline(now, c.waited, c.written).Sub(now); got != c.want {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
}

func TestALongAnswerIsWrittenInPieces(t *testing.T) {
	var written pieces
	answer := &pacedWriter{Writer: &written, connection: new(deadlines), now: time.Now}
	content := bytes.Repeat([]byte("ក"), pieceBytes)
	n, err := answer.Write(content)
	if err != nil || n != len(content) || len(written) != 3 || !bytes.Equal(bytes.Join(written, nil), content) {
		t.Errorf("%d bytes in %d pieces, %v", n, len(written), err)
	}
}

type pieces [][]byte

func (p *pieces) Write(piece []byte) (int, error) {
	*p = append(*p, bytes.Clone(piece))
	return len(piece), nil
}
