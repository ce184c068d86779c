package serving

import (
	"io"
	"net/http"
	"strings"
	"time"
)

// Callers may be slow, but not so slow that they hold a connection for ever: a body or an answer must make some progress
// within stallTime, and come or be taken at minRate on the whole once graceTime is over.
const (
	stallTime = 60 * time.Second
	graceTime = 60 * time.Second
	// minRate is 8 KiB a second, below any mobile network that still works: 50 MB take less than two hours at it.
	minRate = 8 << 10
	// pieceBytes are written at a time: at minRate a piece takes less than stallTime.
	pieceBytes = 64 << 10
)

// deadliner sets the deadlines of a connection, as http.ResponseController does.
type deadliner interface {
	SetReadDeadline(time.Time) error
	SetWriteDeadline(time.Time) error
}

// pacedReader gives a body the deadlines of an acceptable pace. A caller that keeps none gets a timeout error.
type pacedReader struct {
	io.ReadCloser
	connection deadliner
	now        func() time.Time
	// length as it was announced, -1 where it was not.
	length int64
	// expects tells that the sender waits for the word to begin (Expect: 100-continue).
	expects bool

	started time.Time
	// end of the time that there is for all of it, zero where its pace alone counts.
	end  time.Time
	read int64
	err  error
}

// Within has all of a request's body come in within a time from now on, in which the caller holds something that others
// wait for. It is for requests that come through Handler.
func Within(r *http.Request, limit time.Duration) {
	if body, ok := r.Body.(*pacedReader); ok {
		body.end = body.now().Add(limit)
	}
}

// pacedBody is the body of a request with a pace, nil where it has none.
func pacedBody(w http.ResponseWriter, r *http.Request) *pacedReader {
	if r.Body == nil || r.ContentLength == 0 {
		return nil
	}
	return &pacedReader{
		ReadCloser: r.Body, connection: http.NewResponseController(w), now: time.Now,
		length: r.ContentLength, expects: strings.EqualFold(r.Header.Get("Expect"), "100-continue"),
	}
}

func (p *pacedReader) Read(buffer []byte) (int, error) {
	now := p.now()
	if p.started.IsZero() {
		p.started = now
	}
	// A connection without deadlines, as in some tests, is only not paced.
	deadline := readDeadline(p.started, now, p.read)
	if !p.end.IsZero() && p.end.Before(deadline) {
		deadline = p.end
	}
	_ = p.connection.SetReadDeadline(deadline)
	n, err := p.ReadCloser.Read(buffer)
	p.read += int64(n)
	p.err = err
	if err == io.EOF {
		// The server watches the idle connection for the caller's going away; a deadline left over would look like that.
		_ = p.connection.SetReadDeadline(time.Time{})
	}
	return n, err
}

// whole tells that all of the body has come.
func (p *pacedReader) whole() bool { return p.err == io.EOF }

// readDeadline is when the next bytes of a body must have come, when so many have come since it was started.
func readDeadline(started, now time.Time, read int64) time.Time {
	stalled := now.Add(stallTime)
	tooSlow := started.Add(graceTime + atMinRate(read))
	if tooSlow.Before(stalled) {
		return tooSlow
	}
	return stalled
}

// pacedWriter writes an answer of any length, and gives up on a caller that does not take it.
type pacedWriter struct {
	io.Writer
	connection deadliner
	now        func() time.Time
	// waited is the time that the caller took for what was written. Between events nothing is written, which is not his fault.
	waited  time.Duration
	written int64
}

func pacedAnswer(w http.ResponseWriter) io.Writer {
	return &pacedWriter{Writer: w, connection: http.NewResponseController(w), now: time.Now}
}

// Write sets the deadline of these bytes. The server takes it off when the answer is complete.
func (p *pacedWriter) Write(buffer []byte) (int, error) {
	for total := 0; ; {
		begun := p.now()
		_ = p.connection.SetWriteDeadline(writeDeadline(begun, p.waited, p.written))
		n, err := p.Writer.Write(buffer[total:min(len(buffer), total+pieceBytes)])
		p.waited += p.now().Sub(begun)
		p.written += int64(n)
		total += n
		if err != nil || total == len(buffer) {
			return total, err
		}
	}
}

// writeDeadline is when the next bytes of an answer must have been taken, when taking so many has lasted so long.
func writeDeadline(now time.Time, waited time.Duration, written int64) time.Time {
	return now.Add(min(stallTime, graceTime+atMinRate(written)-waited))
}

// atMinRate is how long so many bytes take.
func atMinRate(bytes int64) time.Duration { return time.Duration(bytes) * time.Second / minRate }
