package serving

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"regexp"
)

// Request is what is known of the request being served. Handlers fill in what they find out; the access log tells it.
// It never holds a key, and no query string.
type Request struct {
	// ID of the request, the caller's where one was given.
	ID string
	// Route is the template of the path, such as /api/v1/jobs/{id}; empty where no route matched.
	Route string
	// Organization and Key name the caller.
	Organization, Key string
	// Job is the OcrJob that was made or served, with its namespace.
	Job string
	// Code is the machine word of an error answer.
	Code string
}

type requestKey struct{}

// RequestFrom finds the request that a context belongs to. Outside of Handler it is one that nobody reads.
func RequestFrom(ctx context.Context) *Request {
	if request, ok := ctx.Value(requestKey{}).(*Request); ok {
		return request
	}
	return &Request{}
}

// callersID is what we repeat of a caller's own request ID: nothing that could break a log line or a header.
var callersID = regexp.MustCompile(`^[A-Za-z0-9._:-]{1,64}$`)

func requestID(given string) string {
	if callersID.MatchString(given) {
		return given
	}
	var random [12]byte
	_, _ = rand.Read(random[:])
	return hex.EncodeToString(random[:])
}
