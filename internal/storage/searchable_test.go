package storage

import (
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"
)

func TestASearchablePDFIsReadAsOne(t *testing.T) {
	for name, test := range map[string]struct {
		stored map[string]string
		want   string
	}{
		"a document with an appendix":          {map[string]string{UploadKey("ns", "a"): "document", AppendixKey("ns", "uid"): "\nappendix"}, "document\nappendix"},
		"a document that needs none":           {map[string]string{UploadKey("ns", "a"): "document", AppendixKey("ns", "uid"): ""}, "document"},
		"a whole one in place of the document": {map[string]string{UploadKey("ns", "a"): "image", WholeKey("ns", "uid"): "whole"}, "whole"},
	} {
		t.Run(name, func(t *testing.T) {
			store := openAt(t, t.TempDir())
			for key, content := range test.stored {
				if _, err := store.Put(t.Context(), key, strings.NewReader(content)); err != nil {
					t.Fatal(err)
				}
			}
			composed, err := store.Searchable(t.Context(), "ns", "uid", UploadKey("ns", "a"))
			if err != nil {
				t.Fatal(err)
			}
			if composed.Size != int64(len(test.want)) {
				t.Errorf("size = %d, want %d", composed.Size, len(test.want))
			}
			// Reads and seeks in all ways.
			if err := iotest.TestReader(composed, []byte(test.want)); err != nil {
				t.Error(err)
			}
			if err := composed.Close(); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestTheEndOfASearchablePDFIsReadWithoutItsBeginning(t *testing.T) {
	store := openAt(t, t.TempDir())
	for key, content := range map[string]string{"ns/document": strings.Repeat("d", 1<<20), AppendixKey("ns", "uid"): "appendix"} {
		if _, err := store.Put(t.Context(), key, strings.NewReader(content)); err != nil {
			t.Fatal(err)
		}
	}
	composed, err := store.Searchable(t.Context(), "ns", "uid", "ns/document")
	if err != nil {
		t.Fatal(err)
	}
	defer composed.Close()
	if _, err := composed.Seek(-10, io.SeekEnd); err != nil {
		t.Fatal(err)
	}
	if content, err := io.ReadAll(composed); err != nil || string(content) != "ddappendix" {
		t.Errorf("read %q, %v", content, err)
	}
}

func TestThereIsNoSearchablePDFWithoutItsParts(t *testing.T) {
	store := openAt(t, t.TempDir())
	if _, err := store.Searchable(t.Context(), "ns", "uid", "ns/document"); !errors.Is(err, ErrNotFound) {
		t.Errorf("without anything: %v", err)
	}
	if _, err := store.Put(t.Context(), AppendixKey("ns", "uid"), strings.NewReader("appendix")); err != nil {
		t.Fatal(err)
	}
	if _, err := store.Searchable(t.Context(), "ns", "uid", "ns/document"); !errors.Is(err, ErrNotFound) {
		t.Errorf("without the document: %v", err)
	}
}
