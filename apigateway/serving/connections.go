package serving

import (
	"container/list"
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"sync"
)

const (
	// maxConnections of a port: with TLS each takes some 40 KB.
	maxConnections = 4096
	// spareConnections beyond those are taken in to be told to come again. Further ones are closed at once.
	spareConnections = 512
)

// crowd is a listener that bounds the connections of a port. Where there are too many, those go first that nothing is asked
// on, the longest idle one before the others.
type crowd struct {
	net.Listener
	most, spare int

	mu   sync.Mutex
	open int
	// idle connections, the longest idle one in front. Whoever has not sent a whole request yet is idle, too.
	idle list.List
}

// member is a connection of a crowd.
type member struct {
	net.Conn
	of *crowd
	// over tells that there were too many when it came.
	over bool
	gone sync.Once
	// place in the list of the idle ones, nil while it is not.
	place *list.Element
}

type overKey struct{}

// bound has a server keep to so many connections on a listener.
func bound(server *http.Server, listener net.Listener, most, spare int) net.Listener {
	c := &crowd{Listener: listener, most: most, spare: spare}
	server.ConnState = func(connection net.Conn, state http.ConnState) {
		if m := memberOf(connection); m != nil {
			c.note(m, state == http.StateIdle || state == http.StateNew)
		}
	}
	server.ConnContext = func(ctx context.Context, connection net.Conn) context.Context {
		if m := memberOf(connection); m != nil && m.over {
			return context.WithValue(ctx, overKey{}, true)
		}
		return ctx
	}
	return c
}

// isOver tells whether a request came on a connection that is one too many.
func isOver(ctx context.Context) bool { return ctx.Value(overKey{}) != nil }

func memberOf(connection net.Conn) *member {
	if secured, ok := connection.(*tls.Conn); ok {
		connection = secured.NetConn()
	}
	m, _ := connection.(*member)
	return m
}

// Accept implements net.Listener.
func (c *crowd) Accept() (net.Conn, error) {
	for {
		connection, err := c.Listener.Accept()
		if err != nil {
			return nil, err
		}
		if m := c.admit(connection); m != nil {
			return m, nil
		}
		_ = connection.Close()
	}
}

// admit takes a connection in, or returns nil.
func (c *crowd) admit(connection net.Conn) *member {
	if m := c.longestIdle(); m != nil {
		_ = m.Close()
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.open >= c.most+c.spare {
		return nil
	}
	c.open++
	return &member{Conn: connection, of: c, over: c.open > c.most}
}

// longestIdle is who has to go if another one comes, nil for nobody.
func (c *crowd) longestIdle() *member {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.open < c.most || c.idle.Len() == 0 {
		return nil
	}
	return c.idle.Front().Value.(*member)
}

// note keeps whether a connection is idle.
func (c *crowd) note(m *member, idle bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if m.place != nil {
		c.idle.Remove(m.place)
		m.place = nil
	}
	if idle {
		m.place = c.idle.PushBack(m)
	}
}

// Close implements net.Conn.
func (m *member) Close() error {
	m.gone.Do(func() {
		m.of.note(m, false)
		m.of.mu.Lock()
		defer m.of.mu.Unlock()
		m.of.open--
	})
	return m.Conn.Close()
}

// CloseWrite lets the server end its half first, so that its last answer is not lost.
func (m *member) CloseWrite() error {
	if half, ok := m.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return nil
}
