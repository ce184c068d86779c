package apigateway

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"syscall"
	"testing"
	"time"

	"github.com/openplp/khocr/apigateway/gatewaytest"
	"github.com/openplp/khocr/apigateway/keyuse"
	"github.com/openplp/khocr/apigateway/ratelimit"
	"github.com/openplp/khocr/apigateway/spending"
)

// BenchmarkAdmission is what a submission costs before its handler runs: authentication, scope, plan, limit and headers, with
// 10,000 organizations of 3 keys each in the informers of a real API server.
func BenchmarkAdmission(b *testing.B) {
	g := gatewaytest.Start(b)
	keys := g.Organizations(b, 10_000, 3)
	server := &Server{
		Client: g.Cached, Live: g.Live, Store: g.Store, Log: slog.New(slog.DiscardHandler), Now: time.Now,
		Limiter: ratelimit.NewMemory(time.Now), KeyUse: keyuse.New(g.Store, slog.New(slog.DiscardHandler)),
		Spending: spending.New(g.Store, RandomID(), time.Now, slog.New(slog.DiscardHandler)),
	}
	reached := 0
	handler := server.answering(server.admitted(submitting, func(http.ResponseWriter, *http.Request) error {
		reached++
		return nil
	}))
	requests := make([]*http.Request, len(keys))
	for i, key := range keys {
		requests[i] = httptest.NewRequest(http.MethodPost, "/api/v1/convert", nil)
		requests[i].Header.Set(headerAPIKey, key)
	}

	b.ReportAllocs()
	served := 0
	answer := &headersOnly{header: http.Header{}}
	before := processTime(b)
	for b.Loop() {
		clear(answer.header)
		handler.ServeHTTP(answer, requests[served%len(requests)])
		served++
	}
	// The collector and the informers are in it.
	b.ReportMetric(float64((processTime(b)-before).Nanoseconds())/float64(served), "cpu-ns/op")
	if reached == 0 {
		b.Fatalf("no request reached the handler: %v", answer.header)
	}
	b.ReportMetric(float64(reached)/float64(served), "admitted/op")
}

// headersOnly is an answer that nobody reads.
type headersOnly struct{ header http.Header }

func (h *headersOnly) Header() http.Header         { return h.header }
func (h *headersOnly) Write(p []byte) (int, error) { return len(p), nil }
func (h *headersOnly) WriteHeader(int)             {}

// processTime is the CPU time that the process has taken, in user and in system mode.
func processTime(b *testing.B) time.Duration {
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		b.Fatal(err)
	}
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}
