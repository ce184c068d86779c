package batch

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// OccupiedError says that there is something already where a result should go.
type OccupiedError struct{ Path string }

// Error implements error.
func (e *OccupiedError) Error() string {
	return e.Path + " is there already"
}

// Save writes a result whole or not at all, over nothing that is there, and never outside the folder, whatever links lie in it.
// Ready is called once all is on disk, before the result gets its name.
func Save(folder, name string, content io.Reader, ready func() error) (err error) {
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return fmt.Errorf("make the folder of the results: %w", err)
	}
	root, err := os.OpenRoot(folder)
	if err != nil {
		return fmt.Errorf("open the folder of the results: %w", err)
	}
	defer root.Close()
	below := filepath.Dir(name)
	if err := root.MkdirAll(below, 0o755); err != nil {
		return fmt.Errorf("make the folder of the result: %w", err)
	}
	part := filepath.Join(below, ".khocr-"+rand.Text()+".part")
	file, err := root.OpenFile(part, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return fmt.Errorf("write the result: %w", err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, root.Remove(part))
		}
	}()
	_, err = io.Copy(file, content)
	if err == nil {
		err = file.Sync()
	}
	if err = errors.Join(err, file.Close()); err != nil {
		return fmt.Errorf("write the result: %w", err)
	}
	if _, err := root.Lstat(name); !errors.Is(err, fs.ErrNotExist) {
		return &OccupiedError{filepath.Join(folder, name)}
	}
	if err := ready(); err != nil {
		return err
	}
	if err := root.Rename(part, name); err != nil {
		return fmt.Errorf("name the result: %w", err)
	}
	return nil
}

// Pour writes a result to where nothing can be taken back, once all of it is here.
func Pour(to io.Writer, content io.Reader) (err error) {
	spool, err := os.CreateTemp("", "khocr-*.part")
	if err != nil {
		return fmt.Errorf("keep the result for a while: %w", err)
	}
	defer func() { err = errors.Join(err, spool.Close(), os.Remove(spool.Name())) }()
	if _, err := io.Copy(spool, content); err != nil {
		return fmt.Errorf("keep the result for a while: %w", err)
	}
	if _, err := spool.Seek(0, io.SeekStart); err != nil {
		return fmt.Errorf("read the result again: %w", err)
	}
	if _, err := io.Copy(to, spool); err != nil {
		return fmt.Errorf("write the result: %w", err)
	}
	return nil
}
