package archive

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/openplp/khocr/api/v1alpha1"
	"github.com/openplp/khocr/internal/storage"
)

func TestATombstoneSaysNothingOfTheDocument(t *testing.T) {
	full := record("a", "uid-a", noon)
	full.Job.Labels = map[string]string{v1alpha1.LabelAPIKey: "main", "case": "Sok v. Sao"}
	full.Job.Annotations = map[string]string{v1alpha1.AnnotationPayload: "p", v1alpha1.AnnotationIdempotencyKey: "k", "note": "secret"}
	full.Job.Spec.Metadata = []v1alpha1.MetadataEntry{{Name: "case", Value: "Sok v. Sao"}}
	left := full.Tombstone(Purged, noon.Add(time.Minute))

	want := &Record{ExpiresAt: full.ExpiresAt, Deleted: Purged, DeletedAt: noon.Add(time.Minute)}
	want.Job.ObjectMeta = full.Job.ObjectMeta
	want.Job.Labels = map[string]string{v1alpha1.LabelAPIKey: "main"}
	want.Job.Annotations = map[string]string{v1alpha1.AnnotationPayload: "p", v1alpha1.AnnotationIdempotencyKey: "k"}
	want.Job.Spec.Source.Upload = &v1alpha1.Upload{ID: "0123456789ab"}
	if diff := cmp.Diff(want, left, cmpopts.EquateEmpty()); diff != "" {
		t.Error(diff)
	}
	if left.Entry() != full.Entry() {
		t.Errorf("it is found by %+v, not by %+v", left.Entry(), full.Entry())
	}
}

func TestARecordIsCreatedOnce(t *testing.T) {
	store := open(t)
	full := record("a", "uid-a", noon)
	if err := Write(t.Context(), store, full.Tombstone(Purged, noon)); err != nil {
		t.Fatal(err)
	}
	if err := Create(t.Context(), store, full); !errors.Is(err, storage.ErrExists) {
		t.Errorf("Create = %v, want ErrExists", err)
	}
	if read, err := Read(t.Context(), store, "ns", "a"); err != nil || read.Deleted != Purged {
		t.Errorf("record = %+v, %v; the tombstone is gone", read, err)
	}
	if err := Create(t.Context(), store, record("b", "uid-b", noon)); err != nil {
		t.Fatal(err)
	}
	var names []string
	for name, err := range Names(t.Context(), store, "ns") {
		if err != nil || name.Written.IsZero() {
			t.Fatal(name, err)
		}
		names = append(names, name.Job)
	}
	if diff := cmp.Diff([]string{"a", "b"}, names); diff != "" {
		t.Error(diff)
	}
}

func TestARecordTellsWhatBecameOfItsWebhook(t *testing.T) {
	store := open(t)
	told := record("a", "uid-a", noon)
	told.Job.Spec.Callback = &v1alpha1.Callback{URL: "https://receiver.test/"}
	if err := Create(t.Context(), store, told); err != nil {
		t.Fatal(err)
	}
	if read, err := Read(t.Context(), store, "ns", "a"); err != nil || read.Webhook != nil {
		t.Errorf("before any attempt it is %+v, %v", read.Webhook, err)
	}
	want := &Webhook{Attempts: 2, DeliveredAt: noon, Final: true}
	if err := WriteWebhook(t.Context(), store, "ns", "uid-a", want); err != nil {
		t.Fatal(err)
	}
	read, err := Read(t.Context(), store, "ns", "a")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, read.Webhook); diff != "" {
		t.Error(diff)
	}
}
