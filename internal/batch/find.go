package batch

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/openplp/khocr/internal/document"
)

// Document is a document that is to be converted, and where its result goes: Name below Folder.
type Document struct {
	Path, Folder, Name string
}

// Result is the path of the result.
func (d Document) Result() string { return filepath.Join(d.Folder, d.Name) }

// extensions of the documents that are taken out of folders. What a document is the platform tells by its content.
var extensions = []string{".pdf", ".png", ".jpg", ".jpeg", ".tif", ".tiff"}

// Find makes documents of what a person names: files, folders with all that lies below them, and patterns that no shell has
// expanded. The results go beside the documents, or where a folder is named into that, with the folders below those that were
// searched. What earlier runs have written, and hidden files and links in folders, are no documents.
func Find(named []string, into string, format document.Format, written map[string]bool) ([]Document, error) {
	f := finder{into: into, format: format, written: written, seen: map[string]bool{}}
	for _, name := range named {
		paths := []string{name}
		if _, err := os.Stat(name); err != nil {
			matches, badPattern := filepath.Glob(name)
			if badPattern != nil || len(matches) == 0 {
				return nil, err
			}
			paths = matches
		}
		for _, path := range paths {
			if err := f.add(path); err != nil {
				return nil, err
			}
		}
	}
	return f.documents, f.tellApart()
}

// SameResultError says that one result would stand in the way of another.
type SameResultError struct{ One, Other, Result string }

// Error implements error.
func (e *SameResultError) Error() string {
	return fmt.Sprintf("%s and %s would both become %s", e.One, e.Other, e.Result)
}

type finder struct {
	into      string
	format    document.Format
	written   map[string]bool
	seen      map[string]bool
	documents []Document
}

func (f *finder) add(path string) error {
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	if !info.IsDir() {
		return f.document(path, filepath.Base(path))
	}
	return filepath.WalkDir(path, func(found string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case found != path && strings.HasPrefix(entry.Name(), "."):
			if entry.IsDir() {
				return fs.SkipDir
			}
			return nil
		case !entry.Type().IsRegular() || !slices.Contains(extensions, strings.ToLower(filepath.Ext(found))):
			return nil
		}
		absolute, err := filepath.Abs(found)
		if err != nil || f.written[absolute] {
			return err
		}
		below, err := filepath.Rel(path, found)
		if err != nil {
			return err
		}
		return f.document(found, below)
	})
}

// document takes a document in, once, whose result has the name of below but for the extension.
func (f *finder) document(path, below string) error {
	absolute, err := filepath.Abs(path)
	if err != nil {
		return fmt.Errorf("find %s: %w", path, err)
	}
	if f.seen[absolute] {
		return nil
	}
	f.seen[absolute] = true
	d := Document{Path: path, Folder: f.into, Name: strings.TrimSuffix(below, filepath.Ext(below)) + f.format.Extension()}
	if f.into == "" {
		d.Folder, d.Name = filepath.Dir(path), filepath.Base(d.Name)
	}
	if result, err := filepath.Abs(d.Result()); err == nil && result == absolute {
		d.Name = strings.TrimSuffix(d.Name, f.format.Extension()) + "-searchable" + f.format.Extension()
	}
	f.documents = append(f.documents, d)
	return nil
}

// tellApart gives documents that would have the same result, such as a.pdf and a.png, their whole names. Those of the same name in
// different folders have the same result still.
func (f *finder) tellApart() error {
	whole := make([]bool, len(f.documents))
	for changed := true; changed; { // a whole name may be another's bare one
		changed = false
		count := map[string]int{}
		for _, d := range f.documents {
			count[d.Result()]++
		}
		for i, d := range f.documents {
			if count[d.Result()] > 1 && !whole[i] {
				bare := strings.TrimSuffix(d.Name, f.format.Extension())
				f.documents[i].Name = bare + filepath.Ext(d.Path) + f.format.Extension()
				whole[i], changed = true, true
			}
		}
	}
	first := map[string]string{}
	for _, d := range f.documents {
		if one, taken := first[d.Result()]; taken {
			return &SameResultError{one, d.Path, d.Result()}
		}
		first[d.Result()] = d.Path
	}
	return nil
}
