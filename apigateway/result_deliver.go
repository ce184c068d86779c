package apigateway

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"sync"

	"k8s.io/apimachinery/pkg/types"

	"github.com/openplp/khocr/apigateway/serving"
	"github.com/openplp/khocr/internal/document"
)

// content is a result that can be sent, whole or in part.
type content interface {
	// size in bytes, or -1 where finding it out takes as long as sending everything.
	size() int64
	// measure finds the size out, however long that takes.
	measure() (int64, error)
	// send writes that many bytes from an offset on; all that there is where length is negative.
	send(w io.Writer, offset, length int64) error
}

// described is what is told of a result before it comes.
type described struct {
	contentType, name, etag string
}

// hasAlready names what the caller alone may keep, and tells whether the caller has it already: then all is answered.
func hasAlready(w http.ResponseWriter, r *http.Request, etag string) bool {
	w.Header().Set("ETag", etag)
	w.Header().Set("Cache-Control", "private, no-cache")
	if !matches(r.Header.Values("If-None-Match"), etag) {
		return false
	}
	w.WriteHeader(http.StatusNotModified)
	return true
}

// deliver answers with a result, or with the part of it that is asked for, unless the caller has it already.
func (s *Server) deliver(w http.ResponseWriter, r *http.Request, about described, content content) error {
	if hasAlready(w, r, about.etag) {
		return nil
	}
	header := w.Header()
	status, offset, length := http.StatusOK, int64(0), content.size()
	if asked := rangeAsked(r, about.etag); asked != nil {
		size, err := content.measure()
		if err != nil {
			return s.undelivered(w, err)
		}
		if !asked.within(size) {
			header.Set("Content-Range", fmt.Sprintf("bytes */%d", size))
			return s.undelivered(w, rangeNotSatisfiable.detailed("The result has %d bytes.", size))
		}
		status = http.StatusPartialContent
		offset, length = asked.of(size)
		header.Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", offset, offset+length-1, size))
	}
	header.Set("Content-Type", about.contentType)
	header.Set("Content-Disposition", attachment(about.name))
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("Accept-Ranges", "bytes")
	if length >= 0 {
		header.Set("Content-Length", strconv.FormatInt(length, 10))
	}
	if r.Method == http.MethodHead {
		w.WriteHeader(status)
		return nil
	}
	answer := &begun{w: w, status: status}
	err := content.send(answer, offset, length)
	if err != nil && !answer.yes {
		return s.undelivered(w, err)
	}
	if err != nil {
		s.Log.WarnContext(r.Context(), "a result broke off", "request_id", serving.RequestFrom(r.Context()).ID, "err", err)
		// Half a result must not look like a whole one.
		panic(http.ErrAbortHandler)
	}
	return nil
}

// undelivered takes back what was said of a result that does not come.
func (s *Server) undelivered(w http.ResponseWriter, err error) error {
	for _, name := range []string{"ETag", "Content-Disposition", "Accept-Ranges", "Content-Length"} {
		w.Header().Del(name)
	}
	return err
}

// begun begins the answer with the first bytes of its body, and notes that it did.
type begun struct {
	w      http.ResponseWriter
	status int
	yes    bool
}

func (b *begun) Write(p []byte) (int, error) {
	if !b.yes {
		b.yes = true
		b.w.WriteHeader(b.status)
	}
	return b.w.Write(p)
}

// rendition is a result that is rendered from the stored pages while it is sent.
type rendition struct {
	render func(io.Writer) error
}

func (c *rendition) size() int64 { return -1 }

// measure renders once for the count of the bytes. The same pages give the same bytes again.
func (c *rendition) measure() (int64, error) {
	all := &window{w: io.Discard, length: -1}
	err := c.send(all, 0, -1)
	return all.seen, err
}

func (c *rendition) send(w io.Writer, offset, length int64) error {
	part := &window{w: w, offset: offset, length: length}
	err := c.render(part)
	if part.full() {
		return nil
	}
	return err
}

// errWindowFull: whatever is written beyond is not wanted.
var errWindowFull = errors.New("the part that was asked for is written")

// window lets through a part of what is written: that many bytes from an offset on, or all if length is negative.
type window struct {
	w              io.Writer
	offset, length int64
	// seen is how much was written to the window.
	seen int64
}

func (w *window) Write(p []byte) (int, error) {
	begin := w.seen
	w.seen += int64(len(p))
	from := min(max(w.offset-begin, 0), int64(len(p)))
	to := int64(len(p))
	if w.length >= 0 {
		to = max(from, min(to, w.offset+w.length-begin))
	}
	if to > from {
		if _, err := w.w.Write(p[from:to]); err != nil {
			return 0, err
		}
	}
	if w.full() {
		return 0, errWindowFull
	}
	return len(p), nil
}

func (w *window) full() bool { return w.length >= 0 && w.seen >= w.offset+w.length }

// etagOf names the bytes of a result: pages and corrections are written once, so they follow from the job, the pages that it has,
// the revisions of their corrections, the format and the program that renders them.
func etagOf(job types.UID, format document.Format, numbers []int, revisions map[int]int) string {
	digest := sha256.Sum256(fmt.Appendf(nil, "%s\x00%s\x00%s\x00%v\x00%v", program(), job, format, numbers, revisions))
	return `"` + hex.EncodeToString(digest[:16]) + `"`
}

// program is the digest of the running program, so that a result which another version renders in another way is another
// one, and replicas of one version agree.
var program = sync.OnceValue(func() string {
	if path, err := os.Executable(); err == nil {
		if file, err := os.Open(path); err == nil {
			defer file.Close()
			digest := sha256.New()
			if _, err := io.Copy(digest, file); err == nil {
				return string(digest.Sum(nil))
			}
		}
	}
	return rand.Text() // nothing that a caller has is taken for the same
})
