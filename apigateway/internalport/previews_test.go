package internalport

import (
	"bytes"
	"image"
	"image/jpeg"
	"image/png"
	"io"
	"net/http"
	"testing"

	"github.com/openplp/khocr/api/v1alpha1"
	"github.com/openplp/khocr/internal/storage"
	"github.com/openplp/khocr/internal/workerport"
)

func pngOf(t *testing.T, width, height int) string {
	t.Helper()
	var encoded bytes.Buffer
	if err := png.Encode(&encoded, image.NewGray(image.Rect(0, 0, width, height))); err != nil {
		t.Fatal(err)
	}
	return encoded.String()
}

func jpegOf(t *testing.T, width, height int) string {
	t.Helper()
	var encoded bytes.Buffer
	if err := jpeg.Encode(&encoded, image.NewGray(image.Rect(0, 0, width, height)), nil); err != nil {
		t.Fatal(err)
	}
	return encoded.String()
}

func (p *port) testPreviews(t *testing.T) {
	job, token := p.job(t, "seen", uploaded("0123456789ab"))
	stored := func(t *testing.T, number int) string {
		t.Helper()
		content, err := p.Store.Get(t.Context(), storage.PreviewKey(p.namespace, job.UID, number))
		if err != nil {
			t.Fatal(err)
		}
		defer content.Close()
		all, err := io.ReadAll(content)
		if err != nil {
			t.Fatal(err)
		}
		return string(all)
	}

	t.Run("the first one stands", func(t *testing.T) {
		first := jpegOf(t, 778, 1100)
		if status, body := p.do(t, http.MethodPut, workerport.PreviewPath(1), token, first); status != http.StatusCreated {
			t.Fatalf("status %d: %s", status, body)
		}
		if status, body := p.do(t, http.MethodPut, workerport.PreviewPath(1), token, jpegOf(t, 10, 10)); status != http.StatusOK {
			t.Errorf("status %d: %s", status, body)
		}
		if stored(t, 1) != first {
			t.Error("another one is stored")
		}
	})

	t.Run("it is of the worker's own job", func(t *testing.T) {
		_, other := p.job(t, "unseen", uploaded("0123456789ab"))
		before := stored(t, 1)
		if status, body := p.do(t, http.MethodPut, workerport.PreviewPath(1), other, jpegOf(t, 20, 20)); status != http.StatusCreated {
			t.Errorf("status %d: %s", status, body)
		}
		if stored(t, 1) != before {
			t.Error("another job's worker has replaced it")
		}
	})

	t.Run("what is no preview is refused", func(t *testing.T) {
		good := jpegOf(t, 100, 100)
		for name, c := range map[string]struct {
			path, content string
			status        int
		}{
			"no image":           {workerport.PreviewPath(2), "<script>alert(1)</script>", 400},
			"nothing":            {workerport.PreviewPath(2), "", 400},
			"another kind":       {workerport.PreviewPath(2), pngOf(t, 9, 9), 400},
			"its beginning":      {workerport.PreviewPath(2), good[:20], 400},
			"too wide":           {workerport.PreviewPath(2), jpegOf(t, workerport.MaxPreviewSide+1, 10), 400},
			"too high":           {workerport.PreviewPath(2), jpegOf(t, 10, workerport.MaxPreviewSide+1), 400},
			"too many bytes":     {workerport.PreviewPath(2), good + string(make([]byte, workerport.MaxPreviewBytes)), 413},
			"page 0":             {workerport.PreviewPath(0), good, 400},
			"beyond all pages":   {workerport.PreviewPath(MaxPages + 1), good, 400},
			"beyond all numbers": {"/internal/v1/pages/99999999999999999999/preview", good, 400},
		} {
			if status, body := p.do(t, http.MethodPut, c.path, token, c.content); status != c.status {
				t.Errorf("%s: status %d, want %d: %s", name, status, c.status, body)
			}
		}
		if exists, err := p.Store.Exists(t.Context(), storage.PreviewKey(p.namespace, job.UID, 2)); exists || err != nil {
			t.Errorf("something is stored: %v, %v", exists, err)
		}
	})

	t.Run("previews are no pages", func(t *testing.T) {
		if numbers, err := p.Store.PageNumbers(t.Context(), p.namespace, job.UID); len(numbers) > 0 || err != nil {
			t.Errorf("stored pages %v, %v", numbers, err)
		}
		p.wantRefusal(t, token, workerport.PreviewPath(1), 405, "MethodNotAllowed")
	})

	t.Run("an ended job takes none", func(t *testing.T) {
		job.Status.Phase = v1alpha1.PhaseFailed
		p.UpdateStatus(t, job)
		if status, _ := p.do(t, http.MethodPut, workerport.PreviewPath(3), token, jpegOf(t, 9, 9)); status != http.StatusGone {
			t.Errorf("status %d", status)
		}
	})
}
