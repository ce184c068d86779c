package corpus

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"path/filepath"
)

// Record keeps what was seen in a file, one document a line, so that a run of an hour that was interrupted can go on.
type Record struct {
	file *os.File
	seen map[string]bool
}

type entry struct {
	Seen     Observation
	Breaches []string
}

// OpenRecord in a folder. It goes on with what is there and hands it out, or begins anew.
func OpenRecord(folder string, goOn bool, handOut func(Observation, []string)) (*Record, error) {
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return nil, fmt.Errorf("make a folder for the record: %w", err)
	}
	mode := os.O_RDWR | os.O_CREATE
	if !goOn {
		mode |= os.O_TRUNC
	}
	file, err := os.OpenFile(filepath.Join(folder, "seen.jsonl"), mode, 0o644)
	if err != nil {
		return nil, fmt.Errorf("open the record: %w", err)
	}
	r := &Record{file: file, seen: map[string]bool{}}
	entries := json.NewDecoder(file)
	whole := int64(0)
	for {
		var entry entry
		err := entries.Decode(&entry)
		if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
			return nil, errors.Join(fmt.Errorf("read the record: %w", err), file.Close())
		}
		if err != nil {
			break
		}
		whole = entries.InputOffset()
		r.seen[entry.Seen.Document.Name] = true
		handOut(entry.Seen, entry.Breaches)
	}
	// What was being written when the run was interrupted goes.
	if err := file.Truncate(whole); err != nil {
		return nil, errors.Join(fmt.Errorf("cut the record: %w", err), file.Close())
	}
	if _, err := file.Seek(whole, io.SeekStart); err != nil {
		return nil, errors.Join(fmt.Errorf("cut the record: %w", err), file.Close())
	}
	return r, nil
}

// Add what was seen.
func (r *Record) Add(seen Observation, breaches []string) error {
	if err := json.NewEncoder(r.file).Encode(entry{seen, breaches}); err != nil {
		return fmt.Errorf("write the record: %w", err)
	}
	return nil
}

// Missing leaves out the documents that are in the record.
func (r *Record) Missing(documents iter.Seq[Document]) iter.Seq[Document] {
	seen := r.seen
	return func(yield func(Document) bool) {
		for document := range documents {
			if !seen[document.Name] && !yield(document) {
				return
			}
		}
	}
}

// Close the file.
func (r *Record) Close() error { return r.file.Close() }
