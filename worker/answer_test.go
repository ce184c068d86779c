package worker

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"mime"
	"mime/multipart"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/openplp/khocr/api/v1alpha1"
	"github.com/openplp/khocr/internal/document"
	"github.com/openplp/khocr/internal/workerport"
	"github.com/openplp/khocr/worker/wire"
)

// FuzzAnswer has a child that a document has taken over say anything to any request. The supervisor takes a page only if it is
// the one that was asked for and can be stored; all else costs the page, or ends a document that is not open yet with a reason of
// the contract; and each child that breaks the protocol is ended.
func FuzzAnswer(f *testing.F) {
	for _, seed := range []string{
		`{"page":{"page":1,"source":"ocr","reason":"no_text_layer","text":"a"}}`, `{"page":{"page":2,"source":"ocr"}}`, `{"page":{"page":1}}`,
		`{"page":{"page":1,"source":"ocr","processed_at":"9999-12-31T23:59:59-23:59"}}`, `{"page":{"page":1,"source":"ocr","ms":-9223372036854775808}}`,
		`{"page":{"page":1,"source":"ocr","lines":[{},{},{},{},{},{},{},{}]}}`, `{"page":{"page":1,"source":"ocr"},"error":{"reason":"NotOurs"}}`,
		`{"error":{"reason":"PasswordProtected","message":"x\u001b[2J"}}`, `{"error":{"reason":"NotOurs"}}`, `{"error":{"reason":"TrainedDataMissing"}}`, `{"error":{}}`, `{"error":null}`,
		`{"opened":{"pages":-1}}`, `{"opened":{"pages":0}}`, `{"opened":{"pages":3}}`, `{"opened":{"pages":9223372036854775807}}`, `{"opened":{"pages":1e99}}`,
		`{"preview":{"jpeg":"/9j/"}}`, `{"preview":{"jpeg":"?"}}`, `{"preview":{}}`,
		`{"drawn":{"images":[{"media_type":"image/png","content":"aQ=="}]}}`, `{"drawn":{"images":[{"media_type":"image/jpeg","content":"aQ=="},{}]}}`,
		`{"drawn":{"images":[{"media_type":"text/html","content":"aQ=="}]}}`, `{"drawn":{"images":[{"media_type":"image/png\r\nX: y","content":"aQ=="},{}]}}`,
		`{"drawn":{"images":[{"media_type":"image/png"}]}}`, `{"drawn":{"images":[{},{},{},{},{},{}]}}`, `{"drawn":{"images":null}}`, `{"drawn":{}}`,
		`{"searchable":{"part":"appendix"}}`, `{"searchable":{"part":"../../etc"}}`, `{}`, `null`, `[]`, `what is this?`, "\n", "\x00\xff", "{}\n{}\n", ``,
	} {
		f.Add([]byte(seed+"\n"), uint8(0))
		f.Add([]byte(seed+"\n"), uint8(1))
		f.Add([]byte(seed), uint8(2))
		f.Add([]byte(seed+"\n"), uint8(3))
		f.Add([]byte(seed+"\n"), uint8(4))
		f.Add([]byte(seed+"\n"), uint8(5))
	}
	work := f.TempDir()
	path := filepath.Join(work, "document")
	if err := os.WriteFile(path, []byte("%PDF-"), 0o600); err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, said []byte, request uint8) {
		s := &supervisor{
			log: slog.New(slog.DiscardHandler), path: path, config: Config{WorkDir: work},
			ticket: &workerport.Ticket{PageTimeoutSeconds: 60, MaxPages: 5000, Partition: nil},
		}
		engine := childThatSays(t, said)
		switch request % 6 {
		case 0:
			checkPage(t, s, engine)
		case 1:
			checkOpened(t, s, engine)
		case 2:
			part, err := s.askSearchable(t.Context(), engine, wire.Searchable{})
			if (err == nil) != (part == workerport.Appendix || part == workerport.Whole) {
				t.Errorf("part %q, %v", part, err)
			}
			checkEnded(t, engine)
		case 3:
			checkPreview(t, s, engine)
		case 4:
			checkImages(t, s, engine, []string{workerport.PartImage})
		case 5:
			checkImages(t, s, engine, []string{workerport.LinePart(3), workerport.LinePart(4)})
		}
	})
}

func checkPage(t *testing.T, s *supervisor, engine *child) {
	t.Helper()
	again := new(queue)
	slot := &slot{supervisor: s, engine: engine, round: firstRound, todo: new(queue), again: again}
	page, err := slot.recognise(t.Context(), 1)
	switch {
	case err != nil && page != nil:
		t.Fatalf("page %+v and %v", page, err)
	case err != nil:
		var why *failure
		if !errors.As(err, &why) || why.termination.Reason != reasonEngineUnavailable {
			t.Fatalf("%v is no failure of the worker", err)
		}
		engine.kill()
	case page == nil:
		if number, ok := again.take(); !ok || number != 1 || slot.engine != nil {
			t.Fatalf("page %d is to be tried again, by %v", number, slot.engine)
		}
		checkEnded(t, engine)
	default:
		if page.Number != 1 || page.Check() != nil {
			t.Fatalf("page %+v was taken: %v", page, page.Check())
		}
		for _, stored := range []*document.Page{page, failedPage(1, &document.PageError{Code: document.PageErrorUnreadable}, time.Second, page.ProcessedAt)} {
			content, err := json.Marshal(stored)
			if err != nil {
				t.Fatalf("a page that was taken cannot be stored: %v", err)
			}
			if err := document.Decode(content, new(document.Page)); err != nil {
				t.Fatalf("a page that was taken will not be by the gateway: %v", err)
			}
		}
		engine.kill()
	}
}

func checkPreview(t *testing.T, s *supervisor, engine *child) {
	t.Helper()
	s.storePreview = func(context.Context, int, []byte) error { return nil }
	slot := &slot{supervisor: s, engine: engine}
	preview := slot.drawPreview(t.Context(), &document.Page{Number: 1})
	if len(preview) > workerport.MaxPreviewBytes || slot.engine == nil && preview != nil {
		t.Fatalf("a preview of %d bytes was taken, by %v", len(preview), slot.engine)
	}
	if slot.engine == nil {
		checkEnded(t, engine)
		return
	}
	engine.kill()
}

func checkImages(t *testing.T, s *supervisor, engine *child, names []string) {
	t.Helper()
	slot := &slot{supervisor: s, engine: engine}
	images := slot.drawImages(t.Context(), wire.Draw{Number: 1}, names)
	if slot.engine == nil {
		checkEnded(t, engine)
		if images != nil {
			t.Fatalf("%d images were taken from a child that is gone", len(images))
		}
		return
	}
	defer engine.kill()
	sum := 0
	for _, image := range images {
		sum += len(image.Content)
		if !slices.Contains(names, image.name) || len(image.Content) == 0 {
			t.Fatalf("an image of %d bytes was taken as %q", len(image.Content), image.name)
		}
	}
	if sum > workerport.MaxImageBytes || len(images) > len(names) {
		t.Fatalf("%d images of %d bytes were taken", len(images), sum)
	}
	// The gateway can take it apart.
	form, err := (&question{page: []byte("{}"), images: images}).form()
	if err != nil {
		t.Fatal(err)
	}
	_, parameters, err := mime.ParseMediaType(form.mediaType)
	if err != nil {
		t.Fatal(err)
	}
	parts := multipart.NewReader(form.content, parameters["boundary"])
	for i := -1; i < len(images); i++ {
		part, err := parts.NextPart()
		if err != nil {
			t.Fatal(err)
		}
		if i >= 0 && (part.FormName() != images[i].name || part.Header.Get("Content-Type") != images[i].MediaType || len(part.Header) != 2) {
			t.Fatalf("part %d is %v", i, part.Header)
		}
	}
	if _, err := parts.NextPart(); !errors.Is(err, io.EOF) {
		t.Fatalf("after %d images comes more: %v", len(images), err)
	}
}

func checkOpened(t *testing.T, s *supervisor, engine *child) {
	t.Helper()
	pages, err := s.open(t.Context(), engine)
	if err != nil {
		checkEnded(t, engine)
		var why *failure
		if errors.As(err, &why) && (!v1alpha1.IsDocumentReason(why.termination.Reason) || printable([]byte(why.termination.Message)) != why.termination.Message) {
			t.Fatalf("the document ends with %q: %q", why.termination.Reason, why.termination.Message)
		}
		return
	}
	defer engine.kill()
	work, bad := makePlan(s.ticket, pages)
	switch {
	case bad != nil && (len(work.pages) > 0 || bad.termination.Reason == ""):
		t.Fatalf("a plan of %d pages, and %v", len(work.pages), bad)
	case bad == nil && (pages < 1 || len(work.pages) != pages || int(work.asked) != pages || int(work.counts.Total) != pages):
		t.Fatalf("%d pages make the plan %+v", pages, work.counts)
	}
}

func checkEnded(t *testing.T, engine *child) {
	t.Helper()
	if engine.command.ProcessState == nil {
		t.Error("a child that is of no more use still runs")
	}
}

// childThatSays is a process that waits to be killed, and what comes from it.
func childThatSays(t *testing.T, said []byte) *child {
	t.Helper()
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	toChild, requests, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	c := &child{command: exec.Command("/bin/true"), requests: requests, responses: read, reader: bufio.NewReaderSize(read, 64<<10), stderr: new(tail)}
	if err := c.command.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		_, _ = write.Write(said)
		write.Close()
		_, _ = io.Copy(io.Discard, toChild)
		toChild.Close()
	}()
	return c
}
