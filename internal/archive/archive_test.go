package archive

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/openplp/khocr/api/v1alpha1"
	"github.com/openplp/khocr/internal/storage"
)

func open(t *testing.T) *storage.Store {
	t.Helper()
	store, err := storage.Open(t.Context(), "file://"+t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	return store
}

func record(name, uid string, created time.Time) *Record {
	record := &Record{ExpiresAt: created.Add(time.Hour)}
	record.Job.ObjectMeta = metav1.ObjectMeta{Namespace: "ns", Name: name, UID: types.UID(uid), CreationTimestamp: metav1.NewTime(created)}
	record.Job.Spec.Source.Upload = &v1alpha1.Upload{ID: "0123456789ab", FileName: "ឯកសារ.pdf"}
	record.Job.Status.Phase = v1alpha1.PhaseCompleted
	return record
}

var noon = time.Date(2026, 8, 1, 12, 0, 0, 0, time.UTC)

func TestRecordsAreReadAsTheyWereWritten(t *testing.T) {
	store := open(t)
	written := record("a", "uid-a", noon)
	for range 2 { // a second time, as after a crash
		if err := Write(t.Context(), store, written); err != nil {
			t.Fatal(err)
		}
	}
	read, err := Read(t.Context(), store, "ns", "a")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(written.Job.Spec, read.Job.Spec); diff != "" || !read.ExpiresAt.Equal(written.ExpiresAt) || read.Job.UID != "uid-a" {
		t.Errorf("record = %+v, %s", read, diff)
	}
	if _, err := Read(t.Context(), store, "other", "a"); !errors.Is(err, storage.ErrNotFound) {
		t.Errorf("another namespace reads %v", err)
	}
}

func TestEntriesComeFromTheNewestToTheOldest(t *testing.T) {
	store := open(t)
	var want []string
	for i, age := range []time.Duration{0, 0, time.Second, 13 * time.Hour, 40 * 24 * time.Hour} {
		name := fmt.Sprintf("job-%d", i)
		want = append(want, name)
		if err := Write(t.Context(), store, record(name, "uid-"+name, noon.Add(-age))); err != nil {
			t.Fatal(err)
		}
	}
	names := func(from time.Time) (names []string) {
		for entry, err := range Entries(t.Context(), store, "ns", from) {
			if err != nil {
				t.Fatal(err)
			}
			if entry.UID != types.UID("uid-"+entry.Name) || entry.Upload != "0123456789ab" {
				t.Errorf("entry = %+v", entry)
			}
			names = append(names, entry.Name)
		}
		return names
	}
	if diff := cmp.Diff(want, names(time.Time{})); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(want[3:], names(noon.Add(-20*time.Hour))); diff != "" {
		t.Error(diff)
	}
}

func TestARemovedRecordLeavesOneOfTheSameNameAlone(t *testing.T) {
	store := open(t)
	first, second := record("a", "first", noon), record("a", "second", noon.Add(time.Minute))
	for _, r := range []*Record{first, second} {
		if err := Write(t.Context(), store, r); err != nil {
			t.Fatal(err)
		}
	}
	if err := Remove(t.Context(), store, "ns", first.Entry()); err != nil {
		t.Fatal(err)
	}
	if read, err := Read(t.Context(), store, "ns", "a"); err != nil || read.Job.UID != "second" {
		t.Errorf("record = %+v, %v", read, err)
	}
	if err := Remove(t.Context(), store, "ns", second.Entry()); err != nil {
		t.Fatal(err)
	}
	if _, err := Read(t.Context(), store, "ns", "a"); !errors.Is(err, storage.ErrNotFound) {
		t.Errorf("a removed record reads %v", err)
	}
	for entry := range Entries(t.Context(), store, "ns", time.Time{}) {
		t.Errorf("entry %+v is left", entry)
	}
}
