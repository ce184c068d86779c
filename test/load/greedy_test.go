package load

import (
	"bytes"
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/openplp/khocr/internal/apikey"
)

const (
	// times is how much more is offered than is allowed.
	times = 4
	// readsPerSubmission and freeSubmissions are what docs/api.md promises on the plan free.
	freeSubmissions    = 10
	readsPerSubmission = 60
	// strangers is how many requests a minute come without a good key.
	strangers = 300
)

// pace gives out turns: at any time as many as a bucket of limit a minute would have let through by then, times as often.
type pace struct {
	limit  int
	begun  time.Time
	turns  atomic.Int64
	burst  bool
	factor int
}

// next waits for a turn, and returns its number, or -1 when ctx ends.
func (p *pace) next(ctx context.Context) int {
	turn := p.turns.Add(1) - 1
	full := 0.0
	if p.burst {
		full = float64(p.limit)
	}
	minutes := (float64(turn)/float64(p.factor) - full) / float64(p.limit)
	timer := time.NewTimer(time.Until(p.begun.Add(time.Duration(minutes * float64(time.Minute)))))
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return -1
	case <-timer.C:
		return int(turn)
	}
}

// document is a file of test/testdata.
type documentFile struct {
	name    string
	content []byte
}

func documents(g *gateway, names ...string) []documentFile {
	var files []documentFile
	for _, name := range names {
		content, err := os.ReadFile(filepath.Join("..", "testdata", name))
		g.must(err)
		files = append(files, documentFile{name, content})
	}
	return files
}

// form is a submission of a file.
func form(name string, content []byte) (contentType string, body []byte) {
	var buffer bytes.Buffer
	writer := multipart.NewWriter(&buffer)
	field, err := writer.CreateFormFile("file", name)
	if err == nil {
		_, err = field.Write(content)
	}
	if err == nil {
		err = writer.Close()
	}
	if err != nil {
		panic(err) // a buffer takes everything
	}
	return writer.FormDataContentType(), buffer.Bytes()
}

// clients are programs of strangers and customers on the public port.
type clients struct {
	*tally
	gateway *gateway
	http    *http.Client
	files   []documentFile
	// large is a document beyond the limit.
	large documentFile
	// submissions and reads are how many the greedy organizations have offered.
	submissions, reads atomic.Int64
}

func newClients(g *gateway, tally *tally) *clients {
	large := append([]byte("%PDF-1.7\n"), make([]byte, 2*largestFile)...)
	return &clients{
		tally: tally, gateway: g, files: documents(g, "native.pdf", "sample.pdf", "pages20.pdf"), large: documentFile{"large.pdf", large},
		http: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64}, Timeout: 5 * time.Minute},
	}
}

// send sends a request and counts its answer. It returns nil where there was none.
func (c *clients) send(ctx context.Context, what, namespace, method, path, key, contentType string, body io.Reader) *http.Response {
	request, err := http.NewRequestWithContext(ctx, method, "http://"+c.gateway.public+path, body)
	if err != nil {
		c.breaks("%s: %v", what, err)
		return nil
	}
	if key != "" {
		request.Header.Set("X-API-Key", key)
	}
	if contentType != "" {
		request.Header.Set("Content-Type", contentType)
	}
	answer, err := c.http.Do(request)
	var content []byte
	if err == nil {
		defer answer.Body.Close()
		content, err = io.ReadAll(answer.Body)
	}
	switch {
	case err == nil:
		c.count(what, namespace, answer, content)
		return answer
	case ctx.Err() == nil:
		c.breaks("%s: no answer: %v", what, err)
	default:
		c.add(what, wentAway)
	}
	return nil
}

// submit sends the n-th document of a tenant: most are good, one in eight is no document, one too large by what it says, and one
// too large in pieces that say nothing.
func (c *clients) submit(ctx context.Context, t *tenant, n int) {
	c.submissions.Add(1)
	file, what := c.files[n%len(c.files)], "convert"
	switch n % 8 {
	case 5:
		file, what = documentFile{"words.txt", []byte("no document")}, "convert, no document"
	case 6, 7:
		file, what = c.large, "convert, too large"
	}
	contentType, encoded := form(file.name, file.content)
	body := io.Reader(bytes.NewReader(encoded))
	if n%8 == 7 {
		body, what = io.MultiReader(body), "convert, too large in chunks"
	}
	c.send(ctx, what, t.namespace, http.MethodPost, "/api/v1/convert", t.key, contentType, body)
}

// read asks for the n-th of the things that a tenant may read.
func (c *clients) read(ctx context.Context, t *tenant, n int) {
	c.reads.Add(1)
	reads := []struct{ what, path string }{
		{"job", "/api/v1/jobs/" + t.done},
		{"page", "/api/v1/jobs/" + t.done + "/pages/1"},
		{"job", "/api/v1/jobs/" + t.done},
		{"unknown job", fmt.Sprintf("/api/v1/jobs/%012x", n)},
		{"usage", "/api/v1/usage"},
		{"job", "/api/v1/jobs/" + t.done},
		{"list", "/api/v1/jobs?limit=10"},
		{"models", "/api/v1/models"},
	}
	read := reads[n%len(reads)]
	// A result is three hundred times as much as anything else.
	if n%64 == 0 {
		read.what, read.path = "result", "/api/v1/jobs/"+t.done+"/result?format=text"
	}
	c.send(ctx, read.what, t.namespace, http.MethodGet, read.path, t.key, "", nil)
}

// stray sends what nobody with a good key sends.
func (c *clients) stray(ctx context.Context, n int) {
	contentType, body := form(c.files[1].name, c.files[1].content)
	switch n % 4 {
	case 0:
		c.send(ctx, "convert, wrong key", "", http.MethodPost, "/api/v1/convert", apikey.Generate(), contentType, bytes.NewReader(body))
	case 1:
		c.send(ctx, "job, wrong key", "", http.MethodGet, "/api/v1/jobs/done", apikey.Generate(), "", nil)
	case 2:
		c.send(ctx, "no such address", "", http.MethodPost, "/api/v1/"+rand.Text(), "", contentType, bytes.NewReader(body))
	case 3:
		c.send(ctx, "convert, no key", "", http.MethodPost, "/api/v1/convert", "", contentType, bytes.NewReader(body))
	}
}

// crowd offers all that at once, from so many senders each, until ctx ends. It waits for the senders.
func (c *clients) crowd(ctx context.Context, tenants []*tenant, senders int) *sync.WaitGroup {
	var all sync.WaitGroup
	offer := func(p *pace, do func(n int)) {
		p.begun = time.Now()
		for range senders {
			all.Go(func() {
				for n := p.next(ctx); n >= 0; n = p.next(ctx) {
					do(n)
				}
			})
		}
	}
	for _, t := range tenants {
		offer(&pace{limit: freeSubmissions, factor: times, burst: true}, func(n int) { c.submit(ctx, t, n) })
		offer(&pace{limit: freeSubmissions * readsPerSubmission, factor: times, burst: true}, func(n int) { c.read(ctx, t, n) })
	}
	offer(&pace{limit: strangers, factor: 1}, func(n int) { c.stray(ctx, n) })
	return &all
}
