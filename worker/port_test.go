package worker

import (
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/openplp/khocr/internal/workerport"
)

func TestADocumentIsStreamed(t *testing.T) {
	const size = 50 << 20
	p := newPod(t, script{})
	p.gateway.serveDocument = func(w http.ResponseWriter, _ int) {
		chunk := make([]byte, 64<<10)
		for range size / len(chunk) {
			_, _ = w.Write(chunk)
		}
	}
	internal, err := newPort(p.config)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(p.config.WorkDir, "document")

	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	if err := internal.document(t.Context(), path); err != nil {
		t.Fatal(err)
	}
	runtime.ReadMemStats(&after)
	if info, err := os.Stat(path); err != nil || info.Size() != size || info.Mode().Perm() != 0o600 {
		t.Errorf("file = %v, %v, want %d bytes for the worker alone", info, err, size)
	}
	// Both ends of the connection are in this process.
	if allocated := after.TotalAlloc - before.TotalAlloc; allocated > size/5 {
		t.Errorf("%d bytes were allocated for a document of %d", allocated, size)
	}
}

func TestADocumentThatIsCutShortIsFetchedAgain(t *testing.T) {
	p := newPod(t, script{Pages: 1})
	whole := p.gateway.serveDocument
	p.gateway.serveDocument = func(w http.ResponseWriter, try int) {
		if try == 1 {
			w.Header().Set("Content-Length", "1000")
			_, _ = w.Write([]byte("{"))
			return
		}
		whole(w, try)
	}
	p.expect(t, workerport.ExitDone)
	if got := p.gateway.tries["GET "+workerport.PathDocument]; got != 2 {
		t.Errorf("the document was fetched %d times, want twice", got)
	}
}

func TestATokenThatWasRenewedIsUsed(t *testing.T) {
	p := newPod(t, script{Pages: 1})
	p.gateway.refuse = func(r *http.Request, try int) (int, string) {
		if r.Header.Get("Authorization") != "Bearer renewed" {
			if err := os.WriteFile(p.config.GatewayTokenFile, []byte("renewed"), 0o600); err != nil {
				t.Error(err)
			}
			return http.StatusUnauthorized, "Expired"
		}
		return 0, ""
	}
	p.expect(t, workerport.ExitDone)
}

func TestARedirectionIsNotFollowed(t *testing.T) {
	p := newPod(t, script{Pages: 1})
	p.gateway.serveDocument = func(w http.ResponseWriter, _ int) {
		w.Header().Set("Location", p.gateway.server.URL+"/elsewhere")
		w.WriteHeader(http.StatusTemporaryRedirect)
	}
	p.expect(t, workerport.ExitTemporary)
	if p.gateway.tries["GET /elsewhere"] != 0 {
		t.Error("the worker went where it was sent")
	}
}
