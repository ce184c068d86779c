package apigateway

import (
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/openplp/khocr/api/v1alpha1"
	"github.com/openplp/khocr/apigateway/changes"
	"github.com/openplp/khocr/apigateway/gatewaytest"
	"github.com/openplp/khocr/apigateway/keyuse"
	"github.com/openplp/khocr/apigateway/ratelimit"
	"github.com/openplp/khocr/apigateway/serving"
	"github.com/openplp/khocr/apigateway/spending"
)

// BenchmarkPolling asks over connections after 5,000 jobs, 500 times a second whatever the answers take, with the informers of
// a real API server. The clients are in the process, and so in its CPU time and memory.
func BenchmarkPolling(b *testing.B) {
	const jobs, rate = 5000, 500
	g := gatewaytest.Start(b)
	key := g.Organization(b, "polled", func(o *v1alpha1.Organization) {
		o.Spec.Overrides = &v1alpha1.LimitOverrides{RequestsPerMinute: new(int32(100_000))}
	})
	names := make([]string, jobs)
	var making errgroup.Group
	making.SetLimit(32)
	for i := range names {
		names[i] = fmt.Sprintf("%012x", i)
		making.Go(func() error {
			return g.Client.Create(b.Context(), &v1alpha1.OcrJob{
				ObjectMeta: metav1.ObjectMeta{Namespace: "khocr-polled", Name: names[i]},
				Spec: v1alpha1.OcrJobSpec{Source: v1alpha1.DocumentSource{Upload: &v1alpha1.Upload{ID: names[i], FileName: "a.pdf", MediaType: "application/pdf",
					Size: 1000, SHA256: strings.Repeat("0", 64)}}},
			})
		})
	}
	if err := making.Wait(); err != nil {
		b.Fatal(err)
	}
	gatewaytest.Eventually(b, "the informers know all jobs", func() bool {
		for _, name := range names {
			if g.Cached.Get(b.Context(), keyIn("khocr-polled", name), &v1alpha1.OcrJob{}) != nil {
				return false
			}
		}
		return true
	})
	address := servePolled(b, g)
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 100}}

	var lock sync.Mutex
	var times []time.Duration
	var requests sync.WaitGroup
	sent := 0
	before := processTime(b)
	begin := time.Now()
	for b.Loop() {
		at := begin.Add(time.Duration(sent) * time.Second / rate)
		time.Sleep(time.Until(at))
		name := names[(sent*7919)%jobs]
		sent++
		requests.Go(func() {
			request, err := http.NewRequestWithContext(b.Context(), http.MethodGet, address+"/api/v1/jobs/"+name, nil)
			if err != nil {
				b.Error(err)
				return
			}
			request.Header.Set(headerAPIKey, key)
			response, err := client.Do(request)
			if err != nil {
				b.Error(err)
				return
			}
			_, _ = io.Copy(io.Discard, response.Body)
			_ = response.Body.Close()
			if response.StatusCode != http.StatusOK {
				b.Errorf("status %d", response.StatusCode)
			}
			lock.Lock()
			defer lock.Unlock()
			times = append(times, time.Since(at)) // late ones are not left out
		})
	}
	requests.Wait()
	slices.Sort(times)
	milliseconds := func(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
	b.ReportMetric(milliseconds(times[len(times)/2]), "p50-ms")
	b.ReportMetric(milliseconds(times[len(times)*99/100]), "p99-ms")
	b.ReportMetric(float64(len(times))/time.Since(begin).Seconds(), "requests/s")
	b.ReportMetric(float64((processTime(b)-before).Microseconds())/float64(sent), "cpu-µs/request")
	b.ReportMetric(residentMegabytes(b), "rss-MB")
}

func servePolled(b *testing.B, g *gatewaytest.Gateway) string {
	b.Helper()
	log := slog.New(slog.NewJSONHandler(io.Discard, nil))
	server := &Server{
		Client: g.Cached, Live: g.Live, Store: g.Store, Log: log, Limiter: ratelimit.NewMemory(time.Now), KeyUse: keyuse.New(g.Store, log),
		Spending: spending.New(g.Store, RandomID(), time.Now, log),
		Changes:  changes.New(), Seal: g.Seal, Now: time.Now, NewID: RandomID, Version: "test",
	}
	if err := server.Changes.Follow(b.Context(), g.Cache); err != nil {
		b.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	port := serving.NewServer(server.Handler(), log)
	go func() { _ = port.Serve(listener) }()
	b.Cleanup(func() { _ = port.Close() })
	return "http://" + listener.Addr().String()
}

func residentMegabytes(b *testing.B) float64 {
	b.Helper()
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		b.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(status), "VmRSS:")
	kilobytes, err := strconv.ParseFloat(strings.Fields(rest)[0], 64)
	if err != nil {
		b.Fatal(err)
	}
	return kilobytes / 1024
}
