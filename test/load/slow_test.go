package load

import (
	"context"
	"crypto/tls"
	"fmt"
	"maps"
	"net"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/openplp/khocr/internal/workerport"
)

// slowKind are clients that stay in a phase of a request, a byte a second.
type slowKind struct {
	name     string
	number   int
	internal bool
	// begin is sent at once, and then a byte a second of whatever.
	begin string
	// reads tells that it reads a byte a second instead.
	reads bool
}

// slowKinds are 200 clients in all. Their tenant has a plan that lets them all in, and a worker.
func slowKinds(t *tenant, token string) []slowKind {
	head := func(method, path, fields string) string {
		return method + " " + path + " HTTP/1.1\r\nHost: gateway\r\n" + fields
	}
	public, internal := "X-API-Key: "+t.key+"\r\n", "Authorization: Bearer "+token+"\r\n"
	const boundary = "--slow\r\nContent-Disposition: form-data; name=\"file\"; filename=\"slow.pdf\"\r\n\r\n%PDF-1.7\n"
	return []slowKind{
		{"headers", 40, false, head("GET", "/api/v1/usage", "X-Slow: "), false},
		{"body of a document", 40, false, head("POST", "/api/v1/convert", public+"Content-Type: multipart/form-data; boundary=slow\r\nContent-Length: 900000\r\n\r\n") + boundary, false},
		{"body with a wrong key", 20, false, head("POST", "/api/v1/convert", "X-API-Key: none\r\nContent-Length: 1000\r\n\r\n"), false},
		{"result", 40, false, head("GET", "/api/v1/jobs/"+t.done+"/result?format=json", public+"\r\n"), true},
		{"headers, internal", 20, true, head("GET", workerport.PathTicket, "X-Slow: "), false},
		{"page, internal", 20, true, head("PUT", workerport.PagePath(4000), internal+fmt.Sprintf("Content-Length: %d\r\n\r\n", workerport.MaxPageBytes)), false},
		{"document, internal", 20, true, head("GET", workerport.PathDocument, internal+"\r\n"), true},
	}
}

// slowClients hold on until they are stopped.
type slowClients struct {
	gateway *gateway
	// holding is how many are in the phase that they stay in.
	holding atomic.Int64
	all     sync.WaitGroup

	mu sync.Mutex
	// ended counts by kind how connections ended that the gateway ended, and longest is how long the most patient one was.
	ended   map[string]map[string]int
	longest map[string]time.Duration
}

func newSlowClients(g *gateway) *slowClients {
	return &slowClients{gateway: g, ended: map[string]map[string]int{}, longest: map[string]time.Duration{}}
}

// start begins all of them. They come back when they are cut off, until ctx ends.
func (s *slowClients) start(ctx context.Context, kinds []slowKind) {
	for _, kind := range kinds {
		for range kind.number {
			s.all.Go(func() {
				for ctx.Err() == nil {
					begun := time.Now()
					how := s.hold(ctx, kind)
					if ctx.Err() == nil {
						s.note(kind.name, how, time.Since(begun))
					}
				}
			})
		}
	}
}

func (s *slowClients) note(kind, how string, held time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended[kind] == nil {
		s.ended[kind] = map[string]int{}
	}
	s.ended[kind][how]++
	s.longest[kind] = max(s.longest[kind], held)
}

// smallBuffer has a connection take little before it is read.
func smallBuffer(_, _ string, raw syscall.RawConn) error {
	var set error
	err := raw.Control(func(descriptor uintptr) {
		set = syscall.SetsockoptInt(int(descriptor), syscall.SOL_SOCKET, syscall.SO_RCVBUF, 4<<10)
	})
	if err != nil {
		return err
	}
	return set
}

// hold keeps one connection for as long as the gateway lets it, and tells how that ended.
func (s *slowClients) hold(ctx context.Context, kind slowKind) string {
	address := s.gateway.public
	if kind.internal {
		address = s.gateway.internal
	}
	dialer := &net.Dialer{Control: smallBuffer}
	plain, err := dialer.DialContext(ctx, "tcp", address)
	if err != nil {
		return "no connection"
	}
	defer plain.Close()
	stop := context.AfterFunc(ctx, func() { _ = plain.Close() })
	defer stop()
	connection := plain
	if kind.internal {
		connection = tls.Client(connection, s.gateway.clientTLS(internalName))
	}
	if _, err := connection.Write([]byte(kind.begin)); err != nil {
		return "cut off at once"
	}
	s.holding.Add(1)
	defer s.holding.Add(-1)
	return drip(ctx, connection, kind.reads)
}

// drip reads or writes a byte a second until the connection ends.
func drip(ctx context.Context, connection net.Conn, reads bool) string {
	first := make(chan string, 1)
	if !reads {
		// Whoever sends slowly may be answered meanwhile.
		go func() {
			answer := make([]byte, 12)
			n, _ := connection.Read(answer)
			first <- strings.TrimPrefix(string(answer[:n]), "HTTP/1.1 ")
		}()
	}
	second := time.NewTicker(time.Second)
	defer second.Stop()
	piece := []byte("x")
	for {
		var err error
		if reads {
			_, err = connection.Read(piece)
		} else {
			_, err = connection.Write(piece)
		}
		if err != nil && reads {
			return "cut off"
		}
		select {
		case <-ctx.Done():
			return ""
		case answer := <-first:
			if answer == "" {
				return "cut off"
			}
			return "answered " + answer
		case <-second.C:
		}
	}
}

// table has a line for each kind.
func (s *slowClients) table(kinds []slowKind) string {
	var table strings.Builder
	table.WriteString("| A byte a second | Clients | How the gateway ended it | Longest, s |\n|---|---|---|---|\n")
	for _, kind := range kinds {
		var ways []string
		for _, how := range slices.Sorted(maps.Keys(s.ended[kind.name])) {
			ways = append(ways, fmt.Sprintf("%s: %d", how, s.ended[kind.name][how]))
		}
		fmt.Fprintf(&table, "| %s | %d | %s | %.0f |\n", kind.name, kind.number, strings.Join(ways, ", "), s.longest[kind.name].Seconds())
	}
	return table.String()
}
