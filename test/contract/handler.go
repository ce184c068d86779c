package contract

import (
	"bytes"
	"io"
	"net/http"
	"testing"
)

// maxBody bounds what is kept of a body to be checked.
const maxBody = 512 << 10

// Handler serves next, and fails the test where an exchange differs from the document. Streams stay streams. An answer that
// was broken off, and one that is too large to be kept, are not checked.
func Handler(t testing.TB, next http.Handler) http.Handler {
	t.Helper()
	document, err := Load()
	if err != nil {
		t.Fatal(err)
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		e := &Exchange{Request: r.Clone(r.Context())}
		sent := new(bytes.Buffer)
		if kept := r.ContentLength >= 0 && r.ContentLength <= maxBody; kept {
			r.Body = struct {
				io.Reader
				io.Closer
			}{io.TeeReader(r.Body, sent), r.Body}
			e.RequestBody = []byte{}
		}
		answer := &recorder{ResponseWriter: w}
		next.ServeHTTP(answer, r)
		if answer.body.Len() > maxBody {
			return
		}
		if e.RequestBody != nil {
			e.RequestBody = append(e.RequestBody, sent.Bytes()...)
		}
		e.Status, e.Header, e.ResponseBody = answer.status, w.Header(), answer.body.Bytes()
		if e.Status == 0 {
			e.Status = http.StatusOK
		}
		if err := document.Check(e); err != nil {
			t.Errorf("the OpenAPI document does not hold: %v", err)
		}
	})
}

// recorder keeps what is answered, up to a little more than maxBody.
type recorder struct {
	http.ResponseWriter
	status int
	body   bytes.Buffer
}

func (r *recorder) WriteHeader(status int) {
	if r.status == 0 && status >= http.StatusOK {
		r.status = status
	}
	r.ResponseWriter.WriteHeader(status)
}

func (r *recorder) Write(p []byte) (int, error) {
	if r.body.Len() <= maxBody {
		r.body.Write(p)
	}
	return r.ResponseWriter.Write(p)
}

// Unwrap lets http.ResponseController reach the connection.
func (r *recorder) Unwrap() http.ResponseWriter { return r.ResponseWriter }
