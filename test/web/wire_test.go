package web

import (
	"io"
	"net"
	"strings"
	"sync"
	"testing"
)

// wire is a way to a site that can be cut.
type wire struct {
	url string

	mutex       sync.Mutex
	connections map[net.Conn]bool
	isCut       bool
	// room is how many bytes may go up before everything is cut, where it is limited.
	room    int
	limited bool
}

// lay lays a wire to a site, and returns the site as it is seen through it.
func lay(t *testing.T, s *site) (*wire, *site) {
	t.Helper()
	target, plain := strings.CutPrefix(s.url, "http://")
	if !plain {
		t.Skip("an encrypted connection is not cut by this")
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	w := &wire{url: "http://" + listener.Addr().String(), connections: map[net.Conn]bool{}}
	var group sync.WaitGroup
	group.Go(func() {
		for {
			near, err := listener.Accept()
			if err != nil {
				return
			}
			group.Go(func() { w.carry(near, target) })
		}
	})
	t.Cleanup(func() {
		_ = listener.Close()
		w.cut()
		group.Wait()
	})
	through := *s
	through.url = w.url
	return w, &through
}

// carry carries what goes over a connection, until either end closes it or it is cut.
func (w *wire) carry(near net.Conn, target string) {
	defer near.Close()
	far, err := net.Dial("tcp", target)
	if err != nil {
		return
	}
	defer far.Close()
	if !w.keep(near, far) {
		return
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_, _ = io.Copy(near, far)
		_ = near.Close()
	}()
	_, _ = io.Copy(far, io.TeeReader(near, w))
	_ = far.Close()
	<-done
	w.mutex.Lock()
	defer w.mutex.Unlock()
	delete(w.connections, near)
	delete(w.connections, far)
}

func (w *wire) keep(ends ...net.Conn) bool {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	for _, end := range ends {
		w.connections[end] = true
	}
	return !w.isCut
}

// Write sees what goes up, and cuts everything when that is enough.
func (w *wire) Write(content []byte) (int, error) {
	w.mutex.Lock()
	w.room -= len(content)
	enough := w.limited && w.room < 0
	w.mutex.Unlock()
	if enough {
		w.cut()
		return 0, io.ErrClosedPipe
	}
	return len(content), nil
}

func (w *wire) cutAfter(bytes int) {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	w.room, w.limited = bytes, true
}

func (w *wire) cut() {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	w.isCut, w.limited = true, false
	for connection := range w.connections {
		_ = connection.Close()
	}
	clear(w.connections)
}

func (w *wire) mend() {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	w.isCut = false
}
