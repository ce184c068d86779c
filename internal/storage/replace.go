package storage

import (
	"context"
	"fmt"
	"os"

	"gocloud.dev/blob"
)

// Replace stores content under a key in place of what is there, if anything. When it returns without an error the content
// is durable; otherwise it fails with ErrUnavailable. A reader finds the old content or the new one, never a mixture. Of
// several writers the last one wins.
func (s *Store) Replace(ctx context.Context, key string, content []byte) error {
	if !validKey(key) {
		return fmt.Errorf("replace %q: this is no key", key)
	}
	ctx, abandon := context.WithCancel(ctx)
	defer abandon()

	var file *os.File
	writer, err := s.bucket.NewWriter(ctx, key, &blob.WriterOptions{
		DisableContentTypeDetection: true,
		BeforeWrite: func(as func(any) bool) error {
			as(&file)
			return nil
		},
	})
	if err != nil {
		return unavailable(fmt.Errorf("begin replacing %s: %w", key, err))
	}
	_, err = writer.Write(content)
	if err == nil && file != nil {
		// The driver renames its temporary file, and must not do so before the content is on disk.
		err = file.Sync()
	}
	if err != nil {
		// A cancelled context makes Close drop what was written.
		abandon()
		_ = writer.Close()
		return unavailable(fmt.Errorf("replace %s: %w", key, err))
	}
	if err := writer.Close(); err != nil {
		return unavailable(fmt.Errorf("finish replacing %s: %w", key, err))
	}
	if s.root != "" {
		if err := s.syncFolders(key); err != nil {
			return unavailable(fmt.Errorf("make %s durable: %w", key, err))
		}
	}
	return nil
}
