package fuzz

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"time"
)

// answer is what came back. Err says why nothing did, or why it broke off.
type answer struct {
	status int
	header http.Header
	body   []byte
	err    error
	// late tells that the answer did not end in time: a stream, or one that waits.
	late bool
}

// patience is how long an answer may take.
const patience = 20 * time.Second

// glance is how long a stream is looked at, and an answer that may be a long time in coming.
const glance = 300 * time.Millisecond

// maxAnswer bounds what is read of an answer.
const maxAnswer = 8 << 20

// send writes a request by hand, since no client of HTTP sends what is wrong, and reads its answer.
func (f *fuzzer) send(r *request) answer {
	connection, err := net.Dial("tcp", f.Address)
	if err != nil {
		return answer{err: fmt.Errorf("connect: %w", err)}
	}
	defer connection.Close()
	tcp := connection.(*net.TCPConn)
	_ = tcp.SetLinger(0) // thousands of connections would wait for their ports otherwise
	_ = connection.SetDeadline(time.Now().Add(patience))
	if waits(r) {
		_ = connection.SetReadDeadline(time.Now().Add(glance))
	}
	written := make(chan struct{})
	go func() {
		defer close(written)
		_, _ = connection.Write(r.wire())
		if r.leaves() {
			_ = tcp.CloseWrite()
		}
	}()
	got := read(connection, r)
	_ = connection.Close()
	<-written
	return got
}

func read(connection net.Conn, r *request) answer {
	reader := bufio.NewReader(connection)
	for {
		response, err := http.ReadResponse(reader, &http.Request{Method: r.method})
		if err != nil {
			return answer{err: err, late: errors.Is(err, os.ErrDeadlineExceeded)}
		}
		if response.StatusCode < http.StatusOK {
			continue
		}
		got := answer{status: response.StatusCode, header: response.Header}
		if strings.HasPrefix(response.Header.Get("Content-Type"), "text/event-stream") {
			_ = connection.SetReadDeadline(time.Now().Add(glance))
		}
		got.body, got.err = io.ReadAll(io.LimitReader(response.Body, maxAnswer))
		got.late = errors.Is(got.err, os.ErrDeadlineExceeded)
		return got
	}
}

// wire is the request as it is sent.
func (r *request) wire() []byte {
	var out bytes.Buffer
	content := r.content()
	fmt.Fprintf(&out, "%s %s HTTP/1.1\r\n", r.method, r.target())
	seen := map[string]bool{}
	for _, one := range r.headers {
		seen[strings.ToLower(one.name)] = true
		fmt.Fprintf(&out, "%s: %s\r\n", one.name, one.value)
	}
	if !seen["host"] {
		out.WriteString("Host: fuzz.test\r\n")
	}
	out.WriteString("Connection: close\r\n")
	if r.operation.form != nil && !seen["content-type"] {
		fmt.Fprintf(&out, "Content-Type: multipart/form-data; boundary=%s\r\n", r.boundary)
	}
	length := r.length
	if length == -1 {
		length = len(content)
	}
	if length == -2 && !seen["transfer-encoding"] {
		out.WriteString("Transfer-Encoding: chunked\r\n")
		content = fmt.Appendf(nil, "%x\r\n%s\r\n0\r\n\r\n", len(content), content)
		if len(r.content()) == 0 {
			content = []byte("0\r\n\r\n")
		}
	} else if (length > 0 || r.operation.form != nil) && !seen["content-length"] {
		fmt.Fprintf(&out, "Content-Length: %d\r\n", length)
	}
	out.WriteString("\r\n")
	if r.cut >= 0 {
		content = content[:min(r.cut, len(content))]
	}
	out.Write(content)
	return out.Bytes()
}

// submit makes a job.
func (f *fuzzer) submit(key string) (id string, err error) {
	for i := range f.operations {
		o := &f.operations[i]
		if o.form == nil {
			continue
		}
		got := f.send(&request{operation: o, method: http.MethodPost, boundary: "b", length: -1, cut: -1,
			headers: []pair{{"X-API-Key", key}}, parts: []part{{"file", "a.pdf", pageOfPDF, true}}})
		if got.status != http.StatusAccepted {
			return "", fmt.Errorf("submit a document: status %d, %w: %s", got.status, got.err, got.body)
		}
		var accepted struct {
			JobID string `json:"job_id"`
		}
		return accepted.JobID, json.Unmarshal(got.body, &accepted)
	}
	return "", errors.New("no operation takes documents")
}
