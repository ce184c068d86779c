package worker

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"net/textproto"
	"time"

	"github.com/openplp/khocr/internal/document"
	"github.com/openplp/khocr/internal/vision"
	"github.com/openplp/khocr/internal/workerport"
	"github.com/openplp/khocr/worker/wire"
)

const (
	// drawTime is how long a page waits for its images for the AI model, which take a fifth of a second.
	drawTime = 30 * time.Second
	// maxReadings bounds the pages that wait for the model, whatever the ticket says. Each holds its images and its JSON, at most
	// 6 MiB together, and so does one for each child that waits for room: with two children 60 MiB.
	maxReadings = 8
)

// readAtOnce is how many pages may wait for the AI model.
func (s *supervisor) readAtOnce() int {
	if s.ticket.AI == nil {
		return 1
	}
	return max(1, min(s.ticket.AI.AtOnce, maxReadings))
}

// question is what the AI model is asked about a page. It holds the page as JSON: for minutes, and decoded it may be ten times as
// large.
type question struct {
	// outline is the page without its text and lines.
	outline document.Page
	page    []byte
	images  []namedImage
}

// namedImage is a part of a workerport.PathReading.
type namedImage struct {
	name string
	wire.Image
}

// question about a page that the child has just done, with its images where they can be drawn; nil where the AI model has nothing
// to do with it.
func (s *slot) question(ctx context.Context, page *document.Page) (*question, error) {
	task := s.ticket.AI
	if task == nil || s.read == nil || page.Source != document.SourceOCR || page.Error != nil {
		return nil, nil
	}
	draw := wire.Draw{Number: page.Number, Rotation: page.Rotation, MaxSide: task.MaxSide, MediaType: task.MediaType}
	names := []string{workerport.PartImage}
	if task.Role == document.RoleCorrector {
		names = nil
		for _, line := range vision.Unsure(page, task.UnsureBelow, task.MaxLines) {
			names = append(names, workerport.LinePart(line))
			draw.Boxes = append(draw.Boxes, page.Lines[line].Box)
		}
		if names == nil {
			return nil, nil
		}
	}
	content, err := json.Marshal(page)
	if err != nil {
		return nil, fmt.Errorf("encode page %d: %w", page.Number, err)
	}
	if len(content) > workerport.MaxPageBytes {
		return nil, nil // the gateway refuses it on the other way, too
	}
	asked := &question{outline: *page, page: content, images: s.drawImages(ctx, draw, names)}
	asked.outline.Text, asked.outline.Lines = "", nil
	return asked, nil
}

// drawImages has the child that has done a page draw it, or lines of it. One that is lost over it does not cost the page, and a
// worker that is told to stop keeps its time for pages.
func (s *slot) drawImages(ctx context.Context, draw wire.Draw, names []string) []namedImage {
	response := s.askMore(ctx, draw.Number, wire.Request{Draw: &draw}, drawTime, &s.drawDeaths, func(response *wire.Response) error {
		return checkDrawn(response.Drawn, len(names))
	})
	if response == nil {
		return nil
	}
	var images []namedImage
	for i, image := range response.Drawn.Images {
		if len(image.Content) > 0 {
			images = append(images, namedImage{names[i], image})
		}
	}
	return images
}

// checkDrawn tells what is wrong with an answer that should have so many images, or none.
func checkDrawn(drawn *wire.Drawn, want int) error {
	if drawn == nil {
		return errors.New("its answer has no images")
	}
	if count := len(drawn.Images); count != 0 && count != want {
		return fmt.Errorf("it has drawn %d images in place of %d", count, want)
	}
	sum := 0
	for _, image := range drawn.Images {
		if len(image.Content) > 0 && image.MediaType != "image/jpeg" && image.MediaType != "image/png" {
			return errors.New("it has drawn an image of another type")
		}
		sum += len(image.Content)
	}
	if sum > workerport.MaxImageBytes {
		return fmt.Errorf("its images have %d bytes", sum)
	}
	return nil
}

// haveRead has the AI model asked, and counts the page that is stored in the end. Where the gateway will not have the question, it
// gets it without the images, which an engine that was taken over may have made; where it will not have that, a failed page.
func (s *supervisor) haveRead(ctx context.Context, question *question) error {
	timeout := time.Duration(s.ticket.AI.TimeoutSeconds)*time.Second + requestTimeout
	number := question.outline.Number
	content, page, err := s.read(ctx, question, timeout)
	if isRefused(err) && len(question.images) > 0 {
		s.log.Error("Images of a page were refused", "page", number, "error", err)
		question.images = nil
		content, page, err = s.read(ctx, question, timeout)
	}
	switch {
	case isRefused(err):
		s.log.Error("Page was refused", "page", number, "error", err)
		return s.keep(ctx, unstorable(&question.outline))
	case err != nil:
		return err
	case page.Source == document.SourceOCR:
		if err := s.rememberAs(number, content); err != nil {
			return temporary(reasonWorkDirectory, "The result could not be kept in the pod.", err)
		}
	}
	stored := workerport.Stored(page)
	s.progress(stored)
	s.log.Info("Page was stored", "page", number, "outcome", stored.Outcome, "ms", page.Milliseconds, "ai", stored.AI)
	return nil
}

// reading has a page read by the AI model of the job, and stored. Each try may take as long as the timeout.
func (p *port) reading(ctx context.Context, asked *question, timeout time.Duration) (content []byte, stored *document.Page, err error) {
	number := asked.outline.Number
	// Another try may come after one that took all its time.
	err = retryWithin(ctx, timeout+retryLimit, func(ctx context.Context) error {
		ctx, cancel := context.WithTimeout(ctx, timeout)
		defer cancel()
		form, err := asked.form()
		if err != nil {
			return err
		}
		response, err := p.send(ctx, http.MethodPost, workerport.ReadingPath(number), form)
		if err != nil {
			return err
		}
		defer response.Body.Close()
		if content, err = io.ReadAll(io.LimitReader(response.Body, workerport.MaxPageBytes+1)); err != nil {
			return retriableError{err}
		}
		if stored, err = outlineOf(content, number); err != nil {
			// The next answer is the page that was stored.
			return retriableError{err}
		}
		return nil
	})
	if err != nil {
		return nil, nil, fmt.Errorf("have page %d read: %w", number, err)
	}
	return content, stored, nil
}

// form is the question as multipart/form-data. What is large in it is not copied.
func (q *question) form() (body, error) {
	var heading bytes.Buffer
	form := multipart.NewWriter(&heading)
	var pieces []io.Reader
	size := 0
	add := func(name, mediaType string, content []byte) error {
		if _, err := form.CreatePart(textproto.MIMEHeader{
			"Content-Disposition": {fmt.Sprintf(`form-data; name=%q`, name)}, "Content-Type": {mediaType},
		}); err != nil {
			return err
		}
		pieces = append(pieces, bytes.NewReader(bytes.Clone(heading.Bytes())), bytes.NewReader(content))
		size += heading.Len() + len(content)
		heading.Reset()
		return nil
	}
	err := add(workerport.PartPage, "application/json", q.page)
	for _, image := range q.images {
		err = errors.Join(err, add(image.name, image.MediaType, image.Content))
	}
	err = errors.Join(err, form.Close())
	pieces = append(pieces, bytes.NewReader(heading.Bytes()))
	size += heading.Len()
	return body{io.MultiReader(pieces...), int64(size), form.FormDataContentType()}, err
}

// outlineOf reads all of a page but its lines, which may take ten times the memory of their JSON and are not needed.
func outlineOf(content []byte, number int) (*document.Page, error) {
	if len(content) > workerport.MaxPageBytes {
		return nil, errors.New("the answer is too long for a page")
	}
	var outline struct {
		document.Page
		Lines []struct{} `json:"lines"`
	}
	if err := json.Unmarshal(content, &outline); err != nil {
		return nil, fmt.Errorf("the answer is no page: %w", err)
	}
	if outline.Number != number {
		return nil, fmt.Errorf("the answer is page %d", outline.Number)
	}
	return &outline.Page, nil
}
