package worker

import (
	"context"
	"fmt"
	"time"

	"github.com/openplp/khocr/internal/document"
	"github.com/openplp/khocr/internal/workerport"
	"github.com/openplp/khocr/worker/wire"
)

// A page can do without its preview, so it waits for one only so long: previewTime for it to be drawn, which takes a twentieth of a
// second, and previewLimit for it to be stored.
const (
	previewTime  = 10 * time.Second
	previewLimit = 15 * time.Second
	// maxPreviewDeaths is how many engines a document may end by its previews before no more are asked for.
	maxPreviewDeaths = 3
)

// drawPreview has the child that has done a page draw its preview. Nil where there is none: nobody wants it, the page could not be
// processed, or it cannot be drawn. A child that is lost over it does not cost the page, and a worker that is told to stop keeps
// its time for pages.
func (s *slot) drawPreview(ctx context.Context, page *document.Page) []byte {
	if s.storePreview == nil || page.Error != nil || ctx.Err() != nil || s.previewDeaths.Load() >= maxPreviewDeaths {
		return nil
	}
	request := wire.Request{Preview: &wire.Preview{Number: page.Number, Rotation: page.Rotation}}
	response, err := s.engine.ask(ctx, request, min(previewTime, s.pageTimeout()))
	switch {
	case err != nil:
	case response.Preview == nil:
		err = fmt.Errorf("%w: its answer is no preview", errChildDied)
	case len(response.Preview.JPEG) > workerport.MaxPreviewBytes:
		err = fmt.Errorf("%w: the preview has %d bytes", errChildDied, len(response.Preview.JPEG))
	default:
		return response.Preview.JPEG
	}
	state, printed := s.engine.kill()
	s.engine = nil
	if ctx.Err() == nil {
		s.previewDeaths.Add(1)
		s.log.Warn("Engine was lost on a preview", "page", page.Number, "error", err, "state", state.String(), "stderr", printed)
	}
	return nil
}

// keepPreview stores a preview, before its page: who sees the page finds it.
func (s *supervisor) keepPreview(ctx context.Context, page int, preview []byte) {
	if len(preview) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, previewLimit)
	defer cancel()
	if err := s.storePreview(ctx, page, preview); err != nil {
		s.log.Warn("Preview was not stored", "page", page, "error", err)
	}
}
