package storage

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/smithy-go"
	"gocloud.dev/blob"
)

// objects is a bucket of S3, of which the driver's way to write does not do: it holds 16 to 64 MB of each upload in memory,
// however slowly that one comes, and leaves the parts of one that is cut off.
type objects struct {
	client *s3.Client
	bucket string
	// keeps is set once the server has proven that it does not overwrite what is to be written once.
	keeps   atomic.Bool
	waiting waiting
}

// mostWaiting bounds the bytes of content that may be on disk at the same time: nobody else would, since files without a name
// do not count as those of a pod.
const mostWaiting = 8 << 30

// waiting are the bytes of content that is on disk, by the namespace that it is for.
type waiting struct {
	mu    sync.Mutex
	total int64
	of    map[string]int64
}

// add counts bytes in, or out where there are less than none, and tells whether there is room for them. Where more than half of all
// the room is taken nobody may have more than a quarter of it: whoever sends much and slowly keeps nobody else out.
func (w *waiting) add(namespace string, bytes int64) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.of == nil {
		w.of = map[string]int64{}
	}
	w.total += bytes
	if w.of[namespace] += bytes; w.of[namespace] == 0 {
		delete(w.of, namespace)
	}
	return w.total <= mostWaiting/2 || w.total <= mostWaiting && w.of[namespace] <= mostWaiting/4
}

// probeKey is written to see what becomes of it, and lies beside all namespaces.
const probeKey = "written-once"

// check has the server prove that it heeds the condition of put: one that ignores it would let a second worker replace a page.
func (o *objects) check(ctx context.Context) error {
	if o.keeps.Load() {
		return nil
	}
	var err error
	for range 2 {
		_, err = o.put(ctx, probeKey, bytes.NewReader(nil))
		if err != nil && !errors.Is(err, ErrExists) {
			return err
		}
	}
	if err == nil {
		return unavailable(errors.New("the S3 server ignores If-None-Match and overwrites what is there"))
	}
	o.keeps.Store(true)
	return nil
}

// s3Objects knows the bucket that the driver has opened.
func s3Objects(bucket *blob.Bucket, address *url.URL) (*objects, error) {
	for _, name := range []string{"ssetype", "kmskeyid"} {
		if address.Query().Has(name) {
			return nil, fmt.Errorf("the store's address says %s: let the bucket encrypt by default instead", name)
		}
	}
	o := &objects{bucket: address.Host}
	if !bucket.As(&o.client) {
		return nil, errors.New("the driver did not tell its client")
	}
	return o, nil
}

// put stores content once, as Store.Put does, in one request that S3 carries out in full or not at all. What cannot be read
// again waits on disk until it is complete.
func (o *objects) put(ctx context.Context, key string, content io.Reader) (int64, error) {
	body, ok := content.(io.ReadSeeker)
	if !ok {
		namespace, _, _ := strings.Cut(key, "/")
		file, err := o.spool(namespace, content)
		if err != nil {
			return 0, fmt.Errorf("keep the content for %s: %w", key, err)
		}
		defer file.Close()
		body = file
	}
	size, err := left(body)
	if err != nil {
		return 0, fmt.Errorf("measure the content for %s: %w", key, err)
	}
	_, err = o.client.PutObject(ctx, &s3.PutObjectInput{
		Bucket: &o.bucket, Key: &key, Body: body, ContentLength: &size, IfNoneMatch: aws.String("*"),
	})
	var refused smithy.APIError
	if errors.As(err, &refused) && refused.ErrorCode() == "PreconditionFailed" {
		return 0, fmt.Errorf("write %s: %w", key, ErrExists)
	}
	if err != nil {
		return 0, unavailable(fmt.Errorf("write %s: %w", key, err))
	}
	return size, nil
}

// spool copies content to a file that has no name, so that nothing is left of it when the process ends. It fails with the
// reader's own error where that one fails, and with ErrUnavailable otherwise.
func (o *objects) spool(namespace string, content io.Reader) (*spooled, error) {
	file, err := os.CreateTemp("", "khocr-")
	if err != nil {
		return nil, unavailable(err)
	}
	waits := &spooled{File: file, namespace: namespace, all: &o.waiting}
	source := &sourceReader{reader: content}
	err = os.Remove(file.Name())
	if err == nil {
		_, err = io.CopyBuffer(counting{waits}, source, make([]byte, writeBytes))
	}
	if err == nil {
		_, err = file.Seek(0, io.SeekStart)
	}
	switch {
	case source.err != nil:
		return nil, errors.Join(source.err, waits.Close())
	case err != nil:
		return nil, errors.Join(unavailable(err), waits.Close())
	}
	return waits, nil
}

// spooled is content on disk, which counts until it is closed.
type spooled struct {
	*os.File
	namespace string
	size      int64
	all       *waiting
}

// Close frees the disk.
func (s *spooled) Close() error {
	s.all.add(s.namespace, -s.size)
	return s.File.Close()
}

// counting writes what there is room for. It hides that a file reads for itself, with a buffer of its own.
type counting struct{ to *spooled }

func (c counting) Write(p []byte) (int, error) {
	c.to.size += int64(len(p))
	if !c.to.all.add(c.to.namespace, int64(len(p))) {
		return 0, errors.New("too much content waits on disk")
	}
	return c.to.File.Write(p)
}

// left tells how many bytes there are to read.
func left(body io.Seeker) (int64, error) {
	at, err := body.Seek(0, io.SeekCurrent)
	if err != nil {
		return 0, err
	}
	end, err := body.Seek(0, io.SeekEnd)
	if err != nil {
		return 0, err
	}
	_, err = body.Seek(at, io.SeekStart)
	return end - at, err
}
