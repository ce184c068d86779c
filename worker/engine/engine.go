// Package engine opens a document with MuPDF, recognises its pages with Tesseract and makes it searchable. It serves package wire as a child
// process that may be killed: both libraries can crash, hang or use up the memory on a hostile file, and nothing inside
// the process can stop them.
//
// It is the only package with cgo. It must be linked into the engine program alone, must keep no state that matters, and
// must run with OMP_THREAD_LIMIT=1 in its environment from the start: Tesseract's threads cost five times the processor
// time that they save, and one process per core uses the cores better.
//
// A program that is shipped must be linked with CGO_LDFLAGS="-O2 -g -Wl,--exclude-libs,ALL". Otherwise the zlib and libjpeg
// inside MuPDF's archive take the place of the ones that Tesseract's libraries were built with. A #cgo directive cannot
// say it: the go command refuses the flag there.
package engine

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"runtime"

	"github.com/openplp/khocr/internal/document"
	"github.com/openplp/khocr/worker/confine"
	"github.com/openplp/khocr/worker/wire"
)

// Main is all that the process of a child does: it keeps to the bounds of its environment, and answers what comes on its descriptors
// as Serve does.
func Main(enter func(confine.Room) error) error {
	if err := confine.AddressSpace(os.Getenv(wire.EnvAddressSpace)); err != nil {
		return err
	}
	return Serve(os.NewFile(wire.RequestFD, "requests"), os.NewFile(wire.ResponseFD, "responses"), os.Getenv("TESSDATA_PREFIX"), enter)
}

// Serve answers requests until they end. tessdata is the folder of Tesseract's trained data; Debian's where it is empty. The
// process is confined by enter before it opens the document, for good. An error means that it could not be, or that the other
// side cannot be talked to.
func Serve(requests io.Reader, responses io.Writer, tessdata string, enter func(confine.Room) error) error {
	// One thread for both libraries: the C library reserves address space for each thread that allocates.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()

	engine := engine{recognizer: recognizer{tessdata: tessdata}, enter: enter}
	defer engine.close()
	scanner := bufio.NewScanner(requests)
	scanner.Buffer(nil, wire.MaxMessage)
	for scanner.Scan() {
		var request wire.Request
		if err := json.Unmarshal(scanner.Bytes(), &request); err != nil {
			return fmt.Errorf("read request: %w", err)
		}
		response, err := engine.answer(request)
		if err != nil {
			return err
		}
		if err := send(responses, response); err != nil {
			return err
		}
	}
	if err := scanner.Err(); err != nil {
		return fmt.Errorf("read request: %w", err)
	}
	return nil
}

func send(responses io.Writer, response wire.Response) error {
	message, err := json.Marshal(response)
	if err != nil {
		return fmt.Errorf("encode response: %w", err)
	}
	if len(message) >= wire.MaxMessage && response.Page != nil {
		failed := failedPage(response.Page.Number, document.PageErrorTooLarge, "the page has too much text")
		return send(responses, wire.Response{Page: failed})
	}
	if _, err := responses.Write(append(message, '\n')); err != nil {
		return fmt.Errorf("write response: %w", err)
	}
	return nil
}

// engine is one document and what recognises its pages.
type engine struct {
	document   *source
	recognizer recognizer
	enter      func(confine.Room) error
}

func (e *engine) answer(request wire.Request) (wire.Response, error) {
	switch {
	case request.Open != nil && e.document == nil:
		if err := e.enter(e.room(*request.Open)); err != nil {
			return wire.Response{}, err
		}
		opened, failure := open(request.Open.Path, request.Open.Password)
		if failure != nil {
			return wire.Response{Error: failure}, nil
		}
		e.document = opened
		return wire.Response{Opened: &wire.Opened{Pages: opened.pages}}, nil
	case request.Page != nil && e.document != nil:
		page, err := e.page(*request.Page)
		if err != nil {
			return wire.Response{Error: &wire.Error{Reason: wire.ReasonTrainedDataMissing, Message: err.Error()}}, nil
		}
		return wire.Response{Page: page}, nil
	case request.Preview != nil && e.document != nil:
		return wire.Response{Preview: e.document.preview(*request.Preview)}, nil
	case request.Draw != nil && e.document != nil:
		return wire.Response{Drawn: e.document.pictures(*request.Draw)}, nil
	case request.Searchable != nil && e.document != nil:
		return e.document.searchable(*request.Searchable), nil
	default:
		return wire.Response{}, fmt.Errorf("request out of turn")
	}
}

// room is what the engine needs for a document.
func (e *engine) room(request wire.Open) confine.Room {
	return confine.Room{
		Read:         append(e.recognizer.files(), request.Path, request.Results),
		Work:         request.Work,
		MaxFileBytes: request.MaxFileBytes,
	}
}

func (e *engine) close() {
	e.recognizer.close()
	if e.document != nil {
		e.document.close()
	}
}
