package serving

import (
	"net/http"
	"time"
)

// A body that is not wanted is answered before it has come. But ordinary clients read no answer before they have sent
// everything, and take a connection that is closed meanwhile for a failure: so what they send is thrown away for a while
// after the answer, as nginx does (lingering_close).
const (
	lingerTime  = 30 * time.Second
	lingerStall = 5 * time.Second
	// lingerBytes is more than the largest document of the plans that ship, so that the sender of one that is a little too
	// large still gets its answer.
	lingerBytes = 64 << 20
	// smallBody is what net/http itself reads of a body before it answers, so that the connection can be used again.
	smallBody = 256 << 10
)

// aboutToAnswer decides, before the header of the answer goes, what becomes of the connection if the body has not come yet.
// Without a deadline net/http would wait for the rest of a small body as long as the sender likes.
func (p *pacedReader) aboutToAnswer(header http.Header) {
	if p == nil || p.whole() {
		return
	}
	if p.err != nil || p.length-p.read > smallBody {
		header.Set("Connection", "close")
	}
	_ = p.connection.SetReadDeadline(p.now().Add(lingerStall))
}

// linger throws away what comes of a body that was answered already.
func (p *pacedReader) linger(w http.ResponseWriter) {
	if p == nil || p.err != nil || p.expects && p.started.IsZero() {
		return
	}
	if http.NewResponseController(w).Flush() != nil {
		return
	}
	end := p.now().Add(lingerTime)
	buffer := make([]byte, 16<<10)
	for left := lingerBytes; left > 0; {
		deadline := p.now().Add(lingerStall)
		if end.Before(deadline) {
			deadline = end
		}
		_ = p.connection.SetReadDeadline(deadline)
		n, err := p.ReadCloser.Read(buffer)
		if err != nil {
			return
		}
		left -= n
	}
}
