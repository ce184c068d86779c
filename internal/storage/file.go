package storage

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"
)

// fileOptions sets what the file driver needs to be a store for us: no files of metadata beside the content, temporary
// files on the volume of the store, so that they can be renamed, and folders that only the gateway's group reads.
func fileOptions(query url.Values) url.Values {
	query.Set("metadata", "skip")
	query.Set("no_tmp_dir", "true")
	query.Set("dir_file_mode", "0750")
	return query
}

// fileRoot is the folder that the file driver opens for an address.
func fileRoot(address *url.URL) string {
	if address.Host == "." {
		return filepath.FromSlash(strings.TrimPrefix(address.Path, "/"))
	}
	return filepath.FromSlash(address.Path)
}

func (s *Store) filePath(key string) string {
	return filepath.Join(s.root, filepath.FromSlash(key))
}

// link brings the content of the driver's temporary file to disk and gives it the key's name, which only the first of
// several writers can do. The driver then renames the temporary file to the same name, which does nothing to two links
// of one file, and removes it.
func (s *Store) link(file *os.File, key string) error {
	if file == nil {
		return errors.New("the driver did not tell its file")
	}
	if err := file.Sync(); err != nil {
		return fmt.Errorf("sync: %w", err)
	}
	err := os.Link(file.Name(), s.filePath(key))
	if errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("link %s: %w", key, ErrExists)
	}
	return err
}

// syncFolders makes the name of a file durable: its own entry, and those of the folders above it that may be new.
func (s *Store) syncFolders(key string) error {
	root := filepath.Clean(s.root)
	for folder := filepath.Dir(s.filePath(key)); ; folder = filepath.Dir(folder) {
		if err := syncFolder(folder); err != nil {
			return err
		}
		if folder == root || len(folder) <= len(root) {
			return nil
		}
	}
}

func syncFolder(path string) error {
	folder, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(folder.Sync(), folder.Close())
}

// removeFolder takes the folder of a prefix away, which the file driver leaves when its last file goes.
func (s *Store) removeFolder(prefix string) error {
	if s.root == "" || !validKey(strings.TrimSuffix(prefix, "/")) {
		return nil
	}
	return os.RemoveAll(s.filePath(prefix))
}

// leftover is the name of a temporary file of the driver.
var leftover = regexp.MustCompile(`\.[0-9a-f]+\.tmp$`)

// IsTemporary tells whether what is listed under a key is not stored yet, and never will be if its writer was killed.
func IsTemporary(key string) bool { return leftover.MatchString(key) }

// DeleteLeftovers removes what processes that were killed in the middle of a write left of it, as long as nothing was added
// since the given moment, and tells how many that were. Only a file store has leftovers.
func (s *Store) DeleteLeftovers(ctx context.Context, before time.Time) (int, error) {
	deleted := 0
	if s.root == "" {
		return deleted, nil
	}
	err := filepath.WalkDir(s.root, func(path string, entry fs.DirEntry, err error) error {
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case err != nil && path == s.root:
			return err
		case err != nil, entry.IsDir(), !leftover.MatchString(entry.Name()):
			return nil // what cannot be read is not ours, or has just gone
		}
		info, err := entry.Info()
		if err != nil || !info.ModTime().Before(before) {
			return nil
		}
		if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		deleted++
		return nil
	})
	if err != nil {
		return deleted, unavailable(fmt.Errorf("delete leftovers: %w", err))
	}
	return deleted, nil
}
