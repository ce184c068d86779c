package apigateway

import (
	"bytes"
	"io"
	"net/http"
	"os"
	"regexp"
	"runtime/debug"
	"strconv"
	"sync"
	"testing"

	"github.com/openplp/khocr/api/v1alpha1"
	"github.com/openplp/khocr/apigateway/gatewaytest"
)

// testMemory uploads 20 documents of 50 MB at once and looks at how much memory the process came to hold, clients and
// informers included.
func testMemory(t *testing.T, g *gatewaytest.Gateway) {
	if testing.Short() || raceDetector {
		t.Skip("this writes a gigabyte, and measures memory")
	}
	const uploads, size, bound = 20, 50 << 20, 150 << 20
	key := g.Organization(t, "heavy", func(o *v1alpha1.Organization) {
		o.Spec.Overrides = &v1alpha1.LimitOverrides{MaxFileBytes: new(int64(size))}
	})
	a := serve(t, g, nil)
	contentType, empty := form(t, pdf("large.pdf", 9))
	head, tail, _ := bytes.Cut(empty.Bytes(), []byte("%PDF-1.7\n"))

	// What other tests have left behind is none of the uploads'; then VmHWM is reset.
	debug.FreeOSMemory()
	if err := os.WriteFile("/proc/self/clear_refs", []byte("5"), 0); err != nil {
		t.Skipf("the peak of memory cannot be reset: %v", err)
	}
	var all sync.WaitGroup
	for range uploads {
		all.Go(func() {
			body := io.MultiReader(bytes.NewReader(head), bytes.NewReader([]byte("%PDF-1.7\n")),
				io.LimitReader(endless{}, size-9), bytes.NewReader(tail))
			request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, a.url+"/api/v1/convert", body)
			if err != nil {
				t.Error(err)
				return
			}
			request.Header.Set("Content-Type", contentType)
			request.Header.Set("X-API-Key", key)
			response, err := http.DefaultClient.Do(request)
			if err != nil {
				t.Error(err)
				return
			}
			_ = response.Body.Close()
			if response.StatusCode != http.StatusAccepted {
				t.Errorf("status %d", response.StatusCode)
			}
		})
	}
	all.Wait()
	peak := peakMemory(t)
	t.Logf("VmHWM %d MiB with %d uploads of %d MiB at once", peak>>20, uploads, size>>20)
	if peak > bound {
		t.Errorf("the process held %d bytes, more than %d", peak, int64(bound))
	}
}

// endless gives the same byte for ever.
type endless struct{}

func (endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = 'x'
	}
	return len(p), nil
}

func peakMemory(t *testing.T) int64 {
	t.Helper()
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Fatal(err)
	}
	match := regexp.MustCompile(`VmHWM:\s+(\d+) kB`).FindSubmatch(status)
	if match == nil {
		t.Fatal("the kernel does not tell the peak of memory")
	}
	kilobytes, err := strconv.ParseInt(string(match[1]), 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return kilobytes << 10
}
