package batch

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// Journal remembers on disk what became of documents, so that a run that was killed is gone on with: a small file for each,
// under the fingerprint of its content, of what was asked and of where its result goes.
type Journal struct{ folder string }

// record is what is remembered of a document.
type record struct {
	Document string `json:"document"`
	// Result is the whole path that the result goes to. It is there before the result is.
	Result string `json:"result"`
	// Attempt makes another submission of the same document after one has failed.
	Attempt int    `json:"attempt,omitempty"`
	Job     string `json:"job,omitempty"`
	// Done is written before the result gets its name: a result that is missing all the same is fetched again.
	Done bool `json:"done,omitempty"`
}

// OpenJournal makes the folder if it is not there. Others cannot look into it.
func OpenJournal(folder string) (*Journal, error) {
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return nil, fmt.Errorf("make the folder of the journal: %w", err)
	}
	return &Journal{folder}, nil
}

func (j *Journal) path(fingerprint string) string {
	return filepath.Join(j.folder, fingerprint+".json")
}

func (j *Journal) load(fingerprint string) (record, error) {
	return readRecord(j.path(fingerprint))
}

// readRecord reads a record; one that is not there is empty, and so is one that a crash of the machine has cut off, since
// sending a document once more under the same Idempotency-Key gives the same job.
func readRecord(path string) (record, error) {
	content, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return record{}, nil
	}
	if err != nil {
		return record{}, fmt.Errorf("read the journal: %w", err)
	}
	var r record
	if json.Unmarshal(content, &r) != nil {
		return record{}, nil
	}
	return r, nil
}

func (j *Journal) store(fingerprint string, r record) error {
	content, err := json.Marshal(r)
	if err != nil {
		return fmt.Errorf("encode the journal: %w", err)
	}
	file, err := os.CreateTemp(j.folder, "*.part")
	if err != nil {
		return fmt.Errorf("write the journal: %w", err)
	}
	_, err = file.Write(content)
	err = errors.Join(err, file.Close())
	if err == nil {
		err = os.Rename(file.Name(), j.path(fingerprint))
	}
	if err != nil {
		return errors.Join(fmt.Errorf("write the journal: %w", err), os.Remove(file.Name()))
	}
	return nil
}

// Written are the whole paths of the results that were written, or were about to be.
func (j *Journal) Written() (map[string]bool, error) {
	paths, err := filepath.Glob(filepath.Join(j.folder, "*.json"))
	if err != nil {
		return nil, fmt.Errorf("read the journal: %w", err)
	}
	written := make(map[string]bool, len(paths))
	for _, path := range paths {
		r, err := readRecord(path)
		if err != nil {
			return nil, err
		}
		if r.Result != "" {
			written[r.Result] = true
		}
	}
	return written, nil
}
