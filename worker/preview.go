package worker

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
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
	// maxPictureDeaths is how many engines a document may end by its previews before no more are asked for, and likewise by
	// images for an AI model.
	maxPictureDeaths = 3
)

// drawPreview has the child that has done a page draw its preview. Nil where there is none: nobody wants it, the page could not be
// processed, or it cannot be drawn. A child that is lost over it does not cost the page, and a worker that is told to stop keeps
// its time for pages.
func (s *slot) drawPreview(ctx context.Context, page *document.Page) []byte {
	if s.storePreview == nil || page.Error != nil {
		return nil
	}
	request := wire.Request{Preview: &wire.Preview{Number: page.Number, Rotation: page.Rotation}}
	response := s.askMore(ctx, page.Number, request, previewTime, &s.previewDeaths, func(response *wire.Response) error {
		switch {
		case response.Preview == nil:
			return errors.New("its answer is no preview")
		case len(response.Preview.JPEG) > workerport.MaxPreviewBytes:
			return fmt.Errorf("the preview has %d bytes", len(response.Preview.JPEG))
		}
		return nil
	})
	if response == nil {
		return nil
	}
	return response.Preview.JPEG
}

// askMore asks the child that has done a page for what the page can do without. Nil where there is none: the child is gone, a
// document has ended enough of them by this, or ctx ends. A child whose answer is not in order is ended.
func (s *slot) askMore(
	ctx context.Context, page int, request wire.Request, limit time.Duration, deaths *atomic.Int32, inOrder func(*wire.Response) error,
) *wire.Response {
	if s.engine == nil || ctx.Err() != nil || deaths.Load() >= maxPictureDeaths {
		return nil
	}
	response, err := s.engine.ask(ctx, request, min(limit, s.pageTimeout()))
	if err == nil {
		if err = inOrder(response); err == nil {
			return response
		}
		err = fmt.Errorf("%w: %w", errChildDied, err)
	}
	state, printed := s.engine.kill()
	s.engine = nil
	if ctx.Err() == nil {
		deaths.Add(1)
		s.log.Warn("Engine was lost on a picture", "page", page, "error", err, "state", state.String(), "stderr", printed)
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
