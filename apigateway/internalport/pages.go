package internalport

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"time"

	"github.com/gorilla/mux"

	"github.com/openplp/khocr/apigateway/serving"
	"github.com/openplp/khocr/internal/document"
	"github.com/openplp/khocr/internal/storage"
	"github.com/openplp/khocr/internal/workerport"
)

const (
	// pageTime is how long a page may take to come in, whose memory is held meanwhile.
	pageTime = 10 * time.Second
	// receivedInMemory bounds, in bytes, the pages that are coming in; a worker may have one of the largest size.
	receivedInMemory = 16 * workerport.MaxPageBytes
)

// page stores the result of a page, once.
func (s *Server) page(w http.ResponseWriter, r *http.Request, work assignment) error {
	number, err := pageNumber(r)
	if err != nil {
		return err
	}
	content, forget, err := s.receive(w, r, work, workerport.MaxPageBytes)
	if err != nil {
		return err
	}
	defer forget()
	// Only now is it decoded, which takes much more memory, and nobody has to be waited for any more.
	release, err := s.Store.HoldPage(r.Context(), work.job.Namespace, int64(len(content)))
	if err != nil {
		return err
	}
	defer release()
	result, err := readPage(content, number)
	if err == nil && result.Model != "" && result.Model != recognizerOf(work.job) {
		err = fmt.Errorf("it says to be read by %q", result.Model)
	}
	if err != nil {
		return badPage("this is not the result of that page", err)
	}
	if content, err = document.EncodePage(result); err != nil {
		return fmt.Errorf("encode page %d: %w", number, err)
	}
	if len(content) > workerport.MaxPageBytes {
		return pageTooLarge(workerport.MaxPageBytes)
	}
	created, err := s.keepOnce(r, work, storage.PageKey(work.job.Namespace, work.job.UID, number), content)
	if err != nil {
		return err
	}
	if created {
		countPage(result)
	}
	writeKept(w, created)
	return nil
}

// receive takes what belongs to a page into memory, until forget is called.
func (s *Server) receive(w http.ResponseWriter, r *http.Request, work assignment, most int64) (content []byte, forget func(), err error) {
	size := r.ContentLength
	if size < 0 || size > most {
		size = most
	}
	forget, err = s.received.Hold(r.Context(), work.owner(), size)
	if err != nil {
		return nil, nil, err
	}
	serving.Within(r, pageTime)
	content, err = io.ReadAll(http.MaxBytesReader(w, r.Body, most))
	if err == nil {
		return content, forget, nil
	}
	forget()
	var tooLarge *http.MaxBytesError
	var slow net.Error
	switch {
	case errors.As(err, &tooLarge):
		return nil, nil, pageTooLarge(most)
	case errors.As(err, &slow) && slow.Timeout():
		return nil, nil, &refusal{http.StatusRequestTimeout, "TooSlow", fmt.Sprintf("the page did not come in within %v", pageTime), err}
	}
	return nil, nil, badPage("the page did not come in whole", err)
}

// keepOnce stores what belongs to a page, unless something is stored under the key or the job has too much.
func (s *Server) keepOnce(r *http.Request, work assignment, key string, content []byte) (created bool, err error) {
	if fits, err := s.kept.add(r.Context(), work.job.Namespace, work.job.UID, int64(len(content))); err != nil {
		return false, err
	} else if !fits {
		return false, &refusal{http.StatusRequestEntityTooLarge, "JobTooLarge", "the pages of the job take too much", nil}
	}
	_, err = s.Store.Put(r.Context(), key, bytes.NewReader(content))
	if errors.Is(err, storage.ErrExists) {
		return false, nil
	}
	return err == nil, err
}

// writeKept answers that something is stored: now, or as it was before.
func writeKept(w http.ResponseWriter, created bool) {
	status := http.StatusOK
	if created {
		status = http.StatusCreated
	}
	w.WriteHeader(status)
}

// storedPages answers which pages of the job are stored, whichever part they are of.
func (s *Server) storedPages(w http.ResponseWriter, r *http.Request, work assignment) error {
	numbers, err := s.Store.PageNumbers(r.Context(), work.job.Namespace, work.job.UID)
	if err != nil {
		return err
	}
	writeJSON(w, http.StatusOK, numbers)
	return nil
}

// storedPage answers the result of a page as it was stored.
func (s *Server) storedPage(w http.ResponseWriter, r *http.Request, work assignment) error {
	number, err := pageNumber(r)
	if err != nil {
		return err
	}
	err = s.writePage(w, r, storage.PageKey(work.job.Namespace, work.job.UID, number), http.StatusOK)
	if errors.Is(err, storage.ErrNotFound) {
		return &refusal{http.StatusNotFound, "PageNotStored", "the page has no result yet", err}
	}
	return err
}

// writePage answers a page as it is stored.
func (s *Server) writePage(w http.ResponseWriter, r *http.Request, key string, status int) error {
	content, err := s.Store.Get(r.Context(), key)
	if err != nil {
		return err
	}
	defer content.Close()
	s.stream(w, r, status, "application/json", content)
	return nil
}

// pageNumber that a request is about.
func pageNumber(r *http.Request) (int, error) {
	number, err := strconv.Atoi(mux.Vars(r)["page"])
	if err != nil || number < 1 || number > MaxPages {
		return 0, badPage(fmt.Sprintf("pages are numbered from 1 to %d", MaxPages), err)
	}
	return number, nil
}

// readPage makes sure that what is stored for good is the page that it is stored for. It is stored as results deliver it, so
// that nothing else that a worker sends comes to a caller.
func readPage(content []byte, number int) (*document.Page, error) {
	page := new(document.Page)
	if err := document.Decode(content, page); err != nil {
		return nil, fmt.Errorf("decode: %w", err)
	}
	if page.Number != number {
		return nil, fmt.Errorf("it says to be page %d", page.Number)
	}
	if err := page.Check(); err != nil {
		return nil, err
	}
	return page, nil
}

func pageTooLarge(most int64) *refusal {
	return &refusal{http.StatusRequestEntityTooLarge, "PageTooLarge", fmt.Sprintf("it has at most %d bytes", most), nil}
}

func busy(cause error) *refusal {
	return &refusal{http.StatusServiceUnavailable, "Busy", "the gateway cannot serve this at present", cause}
}

func badPage(message string, cause error) *refusal {
	return &refusal{http.StatusBadRequest, "InvalidPage", message, cause}
}
