// Package archive keeps the records of jobs that have ended, in the blob store beside their results, so that the platform can
// tell of a job whose OcrJob is gone. A record is found by the name of its job, and through an index by time; there is no
// record without its entry in the index. It never touches documents and results themselves.
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

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
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
	// than name, UID, creation time, the identity of the upload, and the labels and annotations of the platform.
	Job v1alpha1.OcrJob `json:"job"`
	// ExpiresAt is when the document and the result are deleted.
	ExpiresAt time.Time `json:"expiresAt"`
	// Deleted is empty while the result is there. It is set before anything is deleted.
	Deleted   Deletion  `json:"deleted,omitempty"`
	DeletedAt time.Time `json:"deletedAt,omitzero"`
	// Webhook is what became of the message about the job's end; nil where none was sent yet. It is stored apart from the
	// record, and Read reads it along.
	Webhook *Webhook `json:"-"`
}

// Tombstone is what is left of a record when the document and the result are deleted.
func (r *Record) Tombstone(why Deletion, now time.Time) *Record {
	left := &Record{ExpiresAt: r.ExpiresAt, Deleted: why, DeletedAt: now}
	left.Job.ObjectMeta = metav1.ObjectMeta{
		Namespace:         r.Job.Namespace,
		Name:              r.Job.Name,
		UID:               r.Job.UID,
		CreationTimestamp: r.Job.Accepted(),
		Labels:            only(r.Job.Labels, v1alpha1.LabelAPIKey),
		Annotations:       only(r.Job.Annotations, v1alpha1.AnnotationIdempotencyKey, v1alpha1.AnnotationPayload),
	}
	if upload := r.Job.Spec.Source.Upload; upload != nil {
		left.Job.Spec.Source.Upload = &v1alpha1.Upload{ID: upload.ID}
	}
	return left
}

func only(all map[string]string, names ...string) map[string]string {
	kept := map[string]string{}
	for _, name := range names {
		if value, ok := all[name]; ok {
			kept[name] = value
		}
	}
	return kept
}

// Entry finds the record by time.
func (r *Record) Entry() Entry { return entryOf(&r.Job) }

// Create keeps the first record of a name, and fails with storage.ErrExists where there is one: it never takes the place of
// a tombstone that somebody else has just set. It is durable, and can be found by time, when Create returns without an
// error; the other errors are storage's.
func Create(ctx context.Context, store *storage.Store, record *Record) error {
	return write(ctx, store, record, func(ctx context.Context, key string, content []byte) error {
		_, err := store.Put(ctx, key, bytes.NewReader(content))
		return err
	})
}

// Write is like Create, but takes the place of the record of the same name, if there is one.
func Write(ctx context.Context, store *storage.Store, record *Record) error {
	return write(ctx, store, record, store.Replace)
}

func write(ctx context.Context, store *storage.Store, record *Record, keep func(context.Context, string, []byte) error) error {
	content, err := json.Marshal(record)
	if err != nil {
		return fmt.Errorf("encode the record of job %s: %w", record.Job.Name, err)
	}
	// The entry comes first and goes last: whatever has no entry is taken for something that nobody needs any more.
	_, err = store.Put(ctx, record.Entry().key(record.Job.Namespace), bytes.NewReader(nil))
	if err != nil && !errors.Is(err, storage.ErrExists) {
		return err
	}
	return keep(ctx, storage.RecordKey(record.Job.Namespace, record.Job.Name), content)
}

// Read finds the record of the job of that name that ended last, or fails with storage.ErrNotFound.
func Read(ctx context.Context, store *storage.Store, namespace, name string) (*Record, error) {
	record := new(Record)
	if err := read(ctx, store, storage.RecordKey(namespace, name), record); err != nil {
		return nil, fmt.Errorf("read the record of job %s: %w", name, err)
	}
	if record.Job.Spec.Callback != nil {
		var err error
		if record.Webhook, err = ReadWebhook(ctx, store, namespace, record.Job.UID); err != nil {
			return nil, err
		}
	}
	return record, nil
}

func read(ctx context.Context, store *storage.Store, key string, into any) error {
	content, err := store.Get(ctx, key)
	if err != nil {
		return err
	}
	defer content.Close()
	encoded, err := io.ReadAll(content)
	if err != nil {
		return fmt.Errorf("%w: %w", storage.ErrUnavailable, err)
	}
	if err := json.Unmarshal(encoded, into); err != nil {
		return fmt.Errorf("decode it: %w", err)
	}
	return nil
}

// Names yields the names of the jobs of a namespace that there are records of, with the time when each was last written. An
// error ends the sequence.
func Names(ctx context.Context, store *storage.Store, namespace string) iter.Seq2[Name, error] {
	return func(yield func(Name, error) bool) {
		prefix := storage.RecordsPrefix(namespace)
		for listed, err := range store.List(ctx, prefix) {
			if err != nil {
				yield(Name{}, err)
				return
			}
			name, isRecord := strings.CutSuffix(strings.TrimPrefix(listed.Key, prefix), ".json")
			if isRecord && !strings.ContainsAny(name, "./") && !yield(Name{name, listed.Modified}, nil) {
				return
			}
		}
	}
}

// Name says of a record when it was last written.
type Name struct {
	Job     string
	Written time.Time
}

// Remove forgets a record, and its entry. Nothing there is no error.
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
	entry := Entry{Created: job.Accepted().UTC().Truncate(time.Second), Name: job.Name, UID: job.UID}
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
