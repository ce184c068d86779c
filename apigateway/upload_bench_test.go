package apigateway

import (
	"bytes"
	"crypto/rand"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/openplp/khocr/api/v1alpha1"
	"github.com/openplp/khocr/apigateway/gatewaytest"
)

// BenchmarkUpload submits a document of 50 MB, and writes as many bytes into the folder of the same store as dd with conv=fsync
// does, in turns. Speeds are those of the medians.
func BenchmarkUpload(b *testing.B) {
	const size = 50 << 20
	g := gatewaytest.Start(b)
	key := g.Organization(b, "uploading", func(o *v1alpha1.Organization) {
		o.Spec.Overrides = &v1alpha1.LimitOverrides{MaxFileBytes: new(int64(size)), RequestsPerMinute: new(int32(100_000))}
	})
	a := serve(b, g, nil)
	document := make([]byte, size)
	_, _ = rand.Read(document)
	copy(document, "%PDF-1.7\n")
	contentType, form := form(b, part{"file", "large.pdf", string(document)})

	upload := func() {
		request, err := http.NewRequestWithContext(b.Context(), http.MethodPost, a.url+"/api/v1/convert", bytes.NewReader(form.Bytes()))
		if err != nil {
			b.Fatal(err)
		}
		request.Header.Set("Content-Type", contentType)
		request.Header.Set("X-API-Key", key)
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			b.Fatal(err)
		}
		defer response.Body.Close()
		if response.StatusCode != http.StatusAccepted {
			b.Fatalf("status %d", response.StatusCode)
		}
	}
	source := filepath.Join(b.TempDir(), "document")
	if err := os.WriteFile(source, document, 0o600); err != nil {
		b.Fatal(err)
	}
	written := filepath.Join(g.Folder, "written")
	var uploads, writes []time.Duration
	for b.Loop() {
		begin := time.Now()
		writeSynced(b, source, written)
		between := time.Now()
		upload()
		writes, uploads = append(writes, between.Sub(begin)), append(uploads, time.Since(between))
	}
	speed := func(times []time.Duration) float64 {
		slices.Sort(times)
		return size / 1e6 / times[len(times)/2].Seconds()
	}
	b.ReportMetric(speed(uploads), "upload-MB/s")
	b.ReportMetric(speed(writes), "fsync-MB/s")
	b.ReportMetric(speed(uploads)/speed(writes), "of-fsync")
}

// writeSynced copies a file in pieces of a mebibyte, syncs the copy and removes it.
func writeSynced(b *testing.B, from, to string) {
	b.Helper()
	source, err := os.Open(from)
	if err != nil {
		b.Fatal(err)
	}
	defer source.Close()
	file, err := os.Create(to)
	if err != nil {
		b.Fatal(err)
	}
	defer os.Remove(to)
	defer file.Close()
	piece := make([]byte, 1<<20)
	// Neither side shows its shortcuts: both would have the kernel copy.
	_, err = io.CopyBuffer(struct{ io.Writer }{file}, struct{ io.Reader }{source}, piece)
	if err != nil {
		b.Fatal(err)
	}
	if err := file.Sync(); err != nil {
		b.Fatal(err)
	}
}
