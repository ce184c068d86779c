// Package archive keeps the records of jobs that have ended, in the blob store beside their results, so that the platform can
// tell of a job whose OcrJob is gone. A record is found by the name of its job, and through an index by time. It never
// touches documents and results themselves.
package archive

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"regexp"
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/openplp/khocr/api/v1alpha1"
	"github.com/openplp/khocr/internal/storage"
)

// Deletion says why nothing but the record is left of a job.
type Deletion string

const (
	// Purged: somebody deleted the job.
	Purged Deletion = "purged"
	// Expired: the time for which its result is kept is over.
	Expired Deletion = "expired"
)

// Record is what is known of a job that has ended.
type Record struct {
	// Job as it was when it ended, without managed fields. Of a job whose document and result are deleted it holds no more
	// than name, UID, creation time, labels and annotations.
	Job v1alpha1.OcrJob `json:"job"`
	// ExpiresAt is when the document and the result are deleted.
	ExpiresAt time.Time `json:"expiresAt"`
	// Deleted is empty while the result is there. It is set before anything is deleted.
	Deleted   Deletion  `json:"deleted,omitempty"`
	DeletedAt time.Time `json:"deletedAt,omitzero"`
}

// Write keeps a record, in place of one of the same name if there is one. It is durable, and can be found by time, when
// Write returns without an error; the errors are storage's.
func Write(ctx context.Context, store *storage.Store, record *Record) error {
	content, err := json.Marshal(record)
	if err != nil {
		return fmt.Errorf("encode the record of job %s: %w", record.Job.Name, err)
	}
	if err := store.Replace(ctx, storage.RecordKey(record.Job.Namespace, record.Job.Name), content); err != nil {
		return err
	}
	_, err = store.Put(ctx, entryOf(&record.Job).key(record.Job.Namespace), bytes.NewReader(nil))
	if err != nil && !errors.Is(err, storage.ErrExists) {
		return err
	}
	return nil
}

// Read finds the record of the job of that name that ended last, or fails with storage.ErrNotFound.
func Read(ctx context.Context, store *storage.Store, namespace, name string) (*Record, error) {
	content, err := store.Get(ctx, storage.RecordKey(namespace, name))
	if err != nil {
		return nil, err
	}
	defer content.Close()
	encoded, err := io.ReadAll(content)
	if err != nil {
		return nil, fmt.Errorf("%w: read the record of job %s: %w", storage.ErrUnavailable, name, err)
	}
	record := new(Record)
	if err := json.Unmarshal(encoded, record); err != nil {
		return nil, fmt.Errorf("decode the record of job %s: %w", name, err)
	}
	return record, nil
}

// Remove forgets a record, and its entry.
func Remove(ctx context.Context, store *storage.Store, namespace string, entry Entry) error {
	record, err := Read(ctx, store, namespace, entry.Name)
	if err != nil && !errors.Is(err, storage.ErrNotFound) {
		return err
	}
	// The name may have been given again since.
	if err == nil && record.Job.UID == entry.UID {
		if err := store.Delete(ctx, storage.RecordKey(namespace, entry.Name)); err != nil {
			return err
		}
	}
	return store.Delete(ctx, entry.key(namespace))
}

// Entry is what the index says of a record without its being read.
type Entry struct {
	// Created is when the job was accepted, to the second.
	Created time.Time
	Name    string
	UID     types.UID
	// Upload is the identity of the document where it was uploaded.
	Upload string
}

// Before orders entries from the newest to the oldest; those of the same second by name.
func (e Entry) Before(other Entry) bool {
	if !e.Created.Equal(other.Created) {
		return e.Created.After(other.Created)
	}
	return e.Name < other.Name
}

func entryOf(job *v1alpha1.OcrJob) Entry {
	entry := Entry{Created: job.CreationTimestamp.UTC().Truncate(time.Second), Name: job.Name, UID: job.UID}
	if upload := job.Spec.Source.Upload; upload != nil {
		entry.Upload = upload.ID
	}
	return entry
}

const (
	dayLayout  = "2006-01-02"
	timeLayout = "150405"
)

// key is INDEX/2006-01-02/150405.NAME.UID.UPLOAD. None of its parts has a dot.
func (e Entry) key(namespace string) string {
	return storage.IndexPrefix(namespace) + e.Created.Format(dayLayout) + "/" +
		strings.Join([]string{e.Created.Format(timeLayout), e.Name, string(e.UID), e.Upload}, ".")
}

var entryPattern = regexp.MustCompile(`^(\d{4}-\d\d-\d\d)/(\d{6})\.([^./]+)\.([^./]+)\.([^./]*)$`)

// parseEntry reads a key of the index back. Whatever else lies there, such as a temporary file, is no entry.
func parseEntry(prefix, key string) (Entry, bool) {
	match := entryPattern.FindStringSubmatch(strings.TrimPrefix(key, prefix))
	if match == nil {
		return Entry{}, false
	}
	created, err := time.Parse(dayLayout+timeLayout, match[1]+match[2])
	return Entry{Created: created, Name: match[3], UID: types.UID(match[4]), Upload: match[5]}, err == nil
}

// Entries yields the entries of a namespace from the newest to the oldest, from a day on: those that were created after it
// are left out, those of the day itself are not. The zero day leaves out none. An error ends the sequence.
func Entries(ctx context.Context, store *storage.Store, namespace string, from time.Time) iter.Seq2[Entry, error] {
	return func(yield func(Entry, error) bool) {
		prefix := storage.IndexPrefix(namespace)
		var days []string
		for day, err := range store.Folders(ctx, prefix) {
			if err != nil {
				yield(Entry{}, err)
				return
			}
			if from.IsZero() || day <= from.UTC().Format(dayLayout) {
				days = append(days, day)
			}
		}
		for _, day := range slices.Backward(days) {
			entries, err := entriesOf(ctx, store, prefix, day)
			if err != nil {
				yield(Entry{}, err)
				return
			}
			for _, entry := range entries {
				if !yield(entry, nil) {
					return
				}
			}
		}
	}
}

func entriesOf(ctx context.Context, store *storage.Store, prefix, day string) ([]Entry, error) {
	var entries []Entry
	for listed, err := range store.List(ctx, prefix+day+"/") {
		if err != nil {
			return nil, err
		}
		if entry, ok := parseEntry(prefix, listed.Key); ok {
			entries = append(entries, entry)
		}
	}
	slices.SortFunc(entries, func(a, b Entry) int {
		switch {
		case a.Before(b):
			return -1
		case b.Before(a):
			return 1
		}
		return 0
	})
	return entries, nil
}
