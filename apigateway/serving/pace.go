package serving

import (
	"io"
	"net/http"
	"time"
)

// Callers may be slow, but not so slow that they hold a connection for ever: a body or an answer must make some progress
// within stallTime, and a body must come at minRate on the whole once graceTime is over.
const (
	stallTime = 60 * time.Second
	graceTime = 60 * time.Second
	// minRate is 8 KiB a second, below any mobile network that still works: 50 MB take less than two hours at it.
	minRate = 8 << 10
)

// deadliner sets the deadlines of a connection, as http.ResponseController does.
type deadliner interface {
	SetReadDeadline(time.Time) error
	SetWriteDeadline(time.Time) error
}

// pacedBody gives a body the deadlines of an acceptable pace. A caller that keeps none gets a timeout error.
func pacedBody(w http.ResponseWriter, body io.ReadCloser) io.ReadCloser {
	if body == nil || body == http.NoBody {
		return body
	}
	return &pacedReader{ReadCloser: body, connection: http.NewResponseController(w), now: time.Now}
}

type pacedReader struct {
	io.ReadCloser
	connection deadliner
	now        func() time.Time
	started    time.Time
	read       int64
}

func (p *pacedReader) Read(buffer []byte) (int, error) {
	now := p.now()
	if p.started.IsZero() {
		p.started = now
	}
	// A connection without deadlines, as in some tests, is only not paced.
	_ = p.connection.SetReadDeadline(readDeadline(p.started, now, p.read))
	n, err := p.ReadCloser.Read(buffer)
	p.read += int64(n)
	if err != nil {
		// The server watches the idle connection for the caller's going away; a deadline left over would look like that.
		_ = p.connection.SetReadDeadline(time.Time{})
	}
	return n, err
}

// readDeadline is when the next bytes of a body must have come, when so many have come since it was started.
func readDeadline(started, now time.Time, read int64) time.Time {
	stalled := now.Add(stallTime)
	tooSlow := started.Add(graceTime + time.Duration(read)*time.Second/minRate)
	if tooSlow.Before(stalled) {
		return tooSlow
	}
	return stalled
}

// pacedAnswer writes an answer of any length, and gives up on a caller that does not take it.
func pacedAnswer(w http.ResponseWriter) io.Writer {
	return &pacedWriter{Writer: w, connection: http.NewResponseController(w)}
}

type pacedWriter struct {
	io.Writer
	connection deadliner
}

// Write sets the deadline of these bytes. The server takes it off when the answer is complete.
func (p *pacedWriter) Write(buffer []byte) (int, error) {
	_ = p.connection.SetWriteDeadline(time.Now().Add(stallTime))
	return p.Writer.Write(buffer)
}
