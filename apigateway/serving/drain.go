package serving

import (
	"io"
	"net/http"
	"strings"
)

// maxDrain is how much of a refused body is read: more than the largest document of the plans that ship, so that the
// sender of one that is a little too large still gets its answer.
const maxDrain = 64 << 20

// Drain reads what is left of a body that is refused, within bounds, because ordinary clients read no answer before they
// have sent everything, and take a closed connection for a failure. A sender that still waits for the word to begin
// (Expect: 100-continue) is not given it. It is for requests that come through Handler.
func Drain(r *http.Request) {
	body, ok := r.Body.(*pacedReader)
	if !ok || body.started.IsZero() && strings.EqualFold(r.Header.Get("Expect"), "100-continue") {
		return
	}
	_, _ = io.CopyN(io.Discard, body, maxDrain)
}
