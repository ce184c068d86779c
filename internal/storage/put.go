package storage

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"gocloud.dev/blob"
	"gocloud.dev/gcerrors"
)

// Put stores what the reader gives under a key, once, and tells how many bytes that were. When it returns without an
// error the content is durable. It fails with ErrExists where the key was written before, with the reader's own error
// where that one fails, and with ErrUnavailable otherwise; then nothing is left behind.
func (s *Store) Put(ctx context.Context, key string, content io.Reader) (int64, error) {
	if !validKey(key) {
		return 0, fmt.Errorf("write %q: this is no key", key)
	}
	if s.objects != nil {
		return s.objects.put(ctx, key, content)
	}
	ctx, abandon := context.WithCancel(ctx)
	defer abandon()

	var file *os.File
	writer, err := s.bucket.NewWriter(ctx, key, &blob.WriterOptions{
		// The file driver looks and then renames, so two writers at once could both believe to be the first: link, below,
		// decides for it.
		IfNotExist:                  s.root == "",
		DisableContentTypeDetection: true,
		BeforeWrite: func(as func(any) bool) error {
			as(&file)
			return nil
		},
	})
	if err != nil {
		return 0, unavailable(fmt.Errorf("begin writing %s: %w", key, err))
	}
	source := &sourceReader{reader: content}
	// Content comes in the pieces of whatever it was taken out of, a few kilobytes of a form's part.
	buffered := bufio.NewWriterSize(writer, writeBytes)
	size, err := io.Copy(buffered, source)
	if err == nil {
		err = buffered.Flush()
	}
	if err == nil && s.root != "" {
		err = s.link(file, key)
	}
	if err != nil {
		// A cancelled context makes Close drop what was written.
		abandon()
		_ = writer.Close()
		switch {
		case source.err != nil:
			return 0, fmt.Errorf("read the content for %s: %w", key, source.err)
		case errors.Is(err, ErrExists):
			return 0, err
		default:
			return 0, unavailable(fmt.Errorf("write %s: %w", key, err))
		}
	}
	err = writer.Close()
	if gcerrors.Code(err) == gcerrors.FailedPrecondition {
		return 0, fmt.Errorf("write %s: %w", key, ErrExists)
	}
	if err == nil && s.root != "" {
		err = s.syncFolders(key)
	}
	if err != nil {
		if s.root != "" {
			// The name is this writer's since link.
			_ = os.Remove(s.filePath(key))
		}
		return 0, unavailable(fmt.Errorf("finish writing %s: %w", key, err))
	}
	return size, nil
}

// writeBytes are written at a time.
const writeBytes = 128 << 10

// sourceReader remembers the reader's failure, which io.Copy would mix up with the writer's.
type sourceReader struct {
	reader io.Reader
	err    error
}

func (s *sourceReader) Read(p []byte) (int, error) {
	n, err := s.reader.Read(p)
	if err != nil && err != io.EOF {
		s.err = err
	}
	return n, err
}
