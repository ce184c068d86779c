// Package serving is what both ports of the gateway share: request IDs, the access log, recovery from panics, deadlines
// for slow callers, and servers that finish their work before they stop. It knows nothing of what is served.
package serving

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"runtime/debug"
	"time"
)

// HeaderRequestID carries the ID of a request both ways.
const HeaderRequestID = "X-Request-Id"

// Refusals are the answers to requests that next does not come to answer.
type Refusals struct {
	// Panicked: next has failed.
	Panicked http.HandlerFunc
	// Busy: the port has as many connections as it may.
	Busy http.HandlerFunc
}

// Handler serves next with a request ID, a paced body and answer, and an access log line for every request, which is counted, too. A body that next
// leaves unread does not hold the answer up. A panic is answered unless an answer has begun; then the connection is broken
// off, so that no caller takes half an answer for a whole one.
func Handler(log *slog.Logger, next http.Handler, refusals Refusals) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		started := time.Now()
		request := &Request{ID: requestID(r.Header.Get(HeaderRequestID))}
		r = r.WithContext(context.WithValue(r.Context(), requestKey{}, request))
		body := pacedBody(w, r)
		if body != nil {
			r.Body = body
		}
		answer := &recorder{ResponseWriter: w, answer: pacedAnswer(w), request: body}
		answer.Header().Set(HeaderRequestID, request.ID)

		defer func() {
			fault := recover()
			if fault != nil && fault != http.ErrAbortHandler {
				log.ErrorContext(r.Context(), "panic", "request_id", request.ID, "route", request.Route,
					"panic", fault, "stack", string(debug.Stack()))
				if answer.status == 0 {
					refusals.Panicked(answer, r)
					fault = nil
				}
			}
			took := time.Since(started)
			logAccess(r, log, request, answer, took, fault != nil)
			count(r, request, answer.status, took)
			if fault != nil {
				panic(http.ErrAbortHandler)
			}
		}()
		if isOver(r.Context()) {
			answer.Header().Set("Connection", "close")
			refusals.Busy(answer, r)
		} else {
			next.ServeHTTP(answer, r)
		}
		if answer.status == 0 {
			answer.WriteHeader(http.StatusOK)
		}
		body.linger(answer)
	})
}

func logAccess(r *http.Request, log *slog.Logger, request *Request, answer *recorder, took time.Duration, aborted bool) {
	attributes := []slog.Attr{
		slog.String("request_id", request.ID),
		slog.String("method", r.Method),
		slog.String("route", request.Route),
		slog.Int("status", answer.status),
		slog.Int64("bytes", answer.bytes),
		slog.Float64("ms", float64(took.Microseconds())/1000),
	}
	for _, optional := range [][2]string{
		{"organization", request.Organization}, {"key", request.Key}, {"job", request.Job}, {"code", request.Code},
	} {
		if optional[1] != "" {
			attributes = append(attributes, slog.String(optional[0], optional[1]))
		}
	}
	if aborted {
		attributes = append(attributes, slog.Bool("aborted", true))
	}
	log.LogAttrs(r.Context(), slog.LevelInfo, "request", attributes...)
}

// recorder notes what was answered.
type recorder struct {
	http.ResponseWriter
	answer io.Writer
	// request is the body that came, nil for none.
	request *pacedReader
	status  int
	bytes   int64
}

func (r *recorder) WriteHeader(status int) {
	// An informational answer, such as 100, is not the answer yet.
	if r.status == 0 && status >= http.StatusOK {
		r.status = status
		r.request.aboutToAnswer(r.Header())
	}
	r.ResponseWriter.WriteHeader(status)
}

func (r *recorder) Write(p []byte) (int, error) {
	if r.status == 0 {
		r.WriteHeader(http.StatusOK)
	}
	n, err := r.answer.Write(p)
	r.bytes += int64(n)
	return n, err
}

// Unwrap lets http.ResponseController reach the connection.
func (r *recorder) Unwrap() http.ResponseWriter { return r.ResponseWriter }
