package apigateway

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"mime/multipart"
	"net"
	"net/http"
	"net/textproto"
	"strings"
	"testing"
	"time"

	"github.com/openplp/khocr/apigateway/audit"
	"github.com/openplp/khocr/apigateway/changes"
	"github.com/openplp/khocr/apigateway/gatewaytest"
	"github.com/openplp/khocr/apigateway/keyuse"
	"github.com/openplp/khocr/apigateway/ratelimit"
	"github.com/openplp/khocr/apigateway/serving"
	"github.com/openplp/khocr/apigateway/spending"
	"github.com/openplp/khocr/internal/storage"
	"github.com/openplp/khocr/internal/testlog"
	"github.com/openplp/khocr/test/contract"
)

// api is a running public port.
type api struct {
	*gatewaytest.Gateway
	url string
	log *testlog.Buffer
	// stop tells the server to stop.
	stop func()
}

// serve runs a public port until the test ends, and holds what it answers against the OpenAPI document. Change may alter the
// server before.
func serve(t testing.TB, g *gatewaytest.Gateway, change func(*Server)) *api {
	t.Helper()
	log := new(testlog.Buffer)
	server := &Server{
		Client: g.Cached, Live: g.Live, Store: g.Store, Seal: g.Seal, Log: slog.New(slog.NewJSONHandler(log, nil)),
		Limiter: ratelimit.NewMemory(time.Now), KeyUse: keyuse.New(g.Store, slog.New(slog.DiscardHandler)),
		Spending: spending.New(g.Store, RandomID(), time.Now, slog.New(slog.DiscardHandler)),
		Changes:  changes.New(), Audit: audit.New(g.Store, RandomID(), time.Now, slog.New(slog.DiscardHandler)),
		Now: time.Now, NewID: RandomID, Version: "test", Currency: "USD",
	}
	if err := server.Changes.Follow(t.Context(), g.Cache); err != nil {
		t.Fatal(err)
	}
	if change != nil {
		change(server)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.WithoutCancel(t.Context()))
	stopped := make(chan error, 1)
	port := serving.NewServer(contract.Handler(t, server.Handler()), server.Log)
	port.RegisterOnShutdown(server.Changes.Close)
	go func() { stopped <- serving.Run(ctx, port, listener) }()
	t.Cleanup(func() {
		http.DefaultClient.CloseIdleConnections()
		stop()
		if err := <-stopped; err != nil {
			t.Errorf("the public port ended: %v", err)
		}
	})
	return &api{Gateway: g, url: "http://" + listener.Addr().String(), log: log, stop: stop}
}

// answer is an HTTP answer with its body read.
type answer struct {
	*http.Response
	body []byte
}

// problem decodes an error answer and checks that it has every field.
func (a answer) problem(t testing.TB) problemBody {
	t.Helper()
	var body problemBody
	if err := json.Unmarshal(a.body, &body); err != nil {
		t.Fatalf("decode %q: %v", a.body, err)
	}
	if got := a.Header.Get("Content-Type"); got != "application/problem+json" {
		t.Errorf("Content-Type %q", got)
	}
	if body.Status != a.StatusCode || body.Type != typePrefix+body.Code || body.Title == "" || body.Detail == "" ||
		body.DetailKm == "" || body.Message == "" || body.MessageKm == "" || body.RequestID != a.Header.Get("X-Request-Id") {
		t.Errorf("incomplete problem: %s", a.body)
	}
	return body
}

func (a answer) wantProblem(t testing.TB, status int, code string) problemBody {
	t.Helper()
	if a.StatusCode != status {
		t.Fatalf("status %d, want %d: %s", a.StatusCode, status, a.body)
	}
	body := a.problem(t)
	if body.Code != code {
		t.Fatalf("code %s, want %s: %s", body.Code, code, a.body)
	}
	return body
}

func (a *api) do(t testing.TB, request *http.Request) answer {
	t.Helper()
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatalf("%s %s: %v", request.Method, request.URL.Path, err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatalf("read the answer: %v", err)
	}
	return answer{response, body}
}

func (a *api) request(t testing.TB, method, path, key string, body io.Reader) *http.Request {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, a.url+path, body)
	if err != nil {
		t.Fatal(err)
	}
	if key != "" {
		request.Header.Set("X-API-Key", key)
	}
	return request
}

func (a *api) get(t testing.TB, path, key string) answer {
	t.Helper()
	return a.do(t, a.request(t, http.MethodGet, path, key, nil))
}

// part is a field of a form.
type part struct {
	name, fileName, content string
}

// form encodes fields in their order.
func form(t testing.TB, parts ...part) (contentType string, body *bytes.Buffer) {
	t.Helper()
	body = new(bytes.Buffer)
	writer := multipart.NewWriter(body)
	for _, p := range parts {
		disposition := fmt.Sprintf(`form-data; name=%q`, p.name)
		if p.fileName != "" {
			disposition += `; filename="` + p.fileName + `"`
		}
		field, err := writer.CreatePart(textproto.MIMEHeader{"Content-Disposition": {disposition}})
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.WriteString(field, p.content)
	}
	if err := writer.Close(); err != nil {
		t.Fatal(err)
	}
	return writer.FormDataContentType(), body
}

func (a *api) convert(t testing.TB, key string, parts ...part) answer {
	t.Helper()
	contentType, body := form(t, parts...)
	request := a.request(t, http.MethodPost, "/api/v1/convert", key, body)
	request.Header.Set("Content-Type", contentType)
	return a.do(t, request)
}

// pdf is a file field with a document of that many bytes.
func pdf(name string, size int) part {
	return part{"file", name, "%PDF-1.7\n" + strings.Repeat("x", max(0, size-9))}
}

func (a *api) content(t testing.TB, store *storage.Store, key string) string {
	t.Helper()
	stored, err := store.Get(t.Context(), key)
	if err != nil {
		t.Fatal(err)
	}
	defer stored.Close()
	content, err := io.ReadAll(stored)
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}
