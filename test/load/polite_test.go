package load

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/openplp/khocr/internal/workerport"
)

// polite are a customer and a worker of one tenant, who keep to all limits and are to be served all the time.
type polite struct {
	*clients
	tenant *tenant
	// token of the worker.
	token string
	// slow tells whether slow clients hold on.
	slow *atomic.Bool

	worker *http.Client
	page   int
}

func (c *clients) polite(t *tenant, slow *atomic.Bool) *polite {
	return &polite{
		clients: c, tenant: t, token: c.gateway.worker(t, "polite"), slow: slow,
		worker: &http.Client{Transport: &http.Transport{TLSClientConfig: c.gateway.clientTLS(internalName)}, Timeout: 5 * time.Minute},
	}
}

// run does one thing after the other until ctx ends, a round a second at the most: the plan has 200 submissions a minute.
func (p *polite) run(ctx context.Context) {
	pause := time.NewTicker(time.Second)
	defer pause.Stop()
	contentType, body := form(p.files[0].name, p.files[0].content)
	for ctx.Err() == nil {
		p.timed(ctx, "health", http.StatusOK, func() *http.Response {
			return p.send(ctx, "health", "", http.MethodGet, "/api/v1/health/live", "", "", nil)
		})
		p.timed(ctx, "convert", http.StatusAccepted, func() *http.Response {
			return p.send(ctx, "convert, well-behaved", p.tenant.namespace, http.MethodPost, "/api/v1/convert", p.tenant.key, contentType, bytes.NewReader(body))
		})
		p.timed(ctx, "job", http.StatusOK, func() *http.Response {
			return p.send(ctx, "job, well-behaved", "", http.MethodGet, "/api/v1/jobs/"+p.tenant.done, p.tenant.key, "", nil)
		})
		p.timed(ctx, "result", http.StatusOK, func() *http.Response {
			return p.send(ctx, "result, well-behaved", "", http.MethodGet, "/api/v1/jobs/"+p.tenant.done+"/result?format=text", p.tenant.key, "", nil)
		})
		p.timed(ctx, "ticket, internal", http.StatusOK, func() *http.Response {
			return p.ask(ctx, "ticket, internal", http.MethodGet, workerport.PathTicket, "")
		})
		p.page++
		content := fmt.Sprintf(`{"page":%d,"source":"ocr","text":"ក"}`, p.page)
		p.timed(ctx, "page, internal", http.StatusCreated, func() *http.Response {
			return p.ask(ctx, "page, internal", http.MethodPut, workerport.PagePath(p.page), content)
		})
		p.timed(ctx, "document, internal", http.StatusOK, func() *http.Response {
			return p.ask(ctx, "document, internal", http.MethodGet, workerport.PathDocument, "")
		})
		select {
		case <-ctx.Done():
		case <-pause.C:
		}
	}
}

// timed notes how long an answer took, and that it is the one that was due.
func (p *polite) timed(ctx context.Context, what string, want int, do func() *http.Response) {
	slow, begun := p.slow.Load(), time.Now()
	answer := do()
	switch {
	case ctx.Err() != nil:
	case answer == nil:
		p.breaks("a well-behaved client asks for %s and is not answered", what)
	case answer.StatusCode != want:
		p.breaks("a well-behaved client asks for %s and is answered %d", what, answer.StatusCode)
	// What began without slow clients may have ended with them.
	case slow == p.slow.Load():
		p.took(p.tenant.name+": "+what, slow, time.Since(begun))
	}
}

// ask asks the internal port.
func (p *polite) ask(ctx context.Context, what, method, path, body string) *http.Response {
	request, err := http.NewRequestWithContext(ctx, method, "https://"+p.gateway.internal+path, bytes.NewReader([]byte(body)))
	if err != nil {
		return nil
	}
	request.Header.Set("Authorization", "Bearer "+p.token)
	answer, err := p.worker.Do(request)
	if err != nil {
		return nil
	}
	defer answer.Body.Close()
	if _, err := io.Copy(io.Discard, answer.Body); err != nil {
		return nil
	}
	p.add(what, fmt.Sprint(answer.StatusCode))
	return answer
}
