package storage

import (
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"
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
