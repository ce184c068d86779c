package main

import (
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/openplp/khocr/internal/document"
	"github.com/openplp/khocr/worker"
)

func TestKindsOfPagesTakeTurns(t *testing.T) {
	kinds := [][]string{{"a1", "a2", "a3"}, {"b1"}, {"c1", "c2"}}
	want := []string{"a1", "b1", "c1", "a2", "b1", "c2", "a3", "b1", "c1", "a1", "b1"}
	if got := inTurns(kinds, len(want)); !slices.Equal(got, want) {
		t.Errorf("pages = %v, want %v", got, want)
	}
	if got := inTurns(kinds, 2); !slices.Equal(got, want[:2]) {
		t.Errorf("two pages = %v", got)
	}
}

func TestFilesAreFoundBelowAFolder(t *testing.T) {
	folder := t.TempDir()
	in := func(names ...string) []string {
		for i, name := range names {
			names[i] = folder + "/" + name
		}
		return names
	}
	for _, path := range in("b/1.png", "b/1.txt", "b/2.JPG", "a/deep/3.tif", "a/4.png", "c.pdf", "b/d.PDF", "README.md") {
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, nil, 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	images, documents, err := find(folder)
	if err != nil {
		t.Fatal(err)
	}
	if want := [][]string{in("a/4.png"), in("a/deep/3.tif"), in("b/1.png", "b/2.JPG")}; !reflect.DeepEqual(images, want) {
		t.Errorf("images = %v, want %v", images, want)
	}
	if want := in("b/d.PDF", "c.pdf"); !slices.Equal(documents, want) {
		t.Errorf("documents = %v, want %v", documents, want)
	}
	if _, _, err := find(t.TempDir()); err == nil {
		t.Error("a folder without documents is no error")
	}
}

func TestProcessorTimeIsReadWhateverTheProcessIsCalled(t *testing.T) {
	const fields = " S 1 2 3 4 -1 5 6 7 8 9 150 25 11 12 20 0 1 0"
	for _, name := range []string{"(engine)", "(a b) 1 2 (3)"} {
		if got, err := parseStat("77 " + name + fields); err != nil || got != 1750*time.Millisecond {
			t.Errorf("%s has taken %s, %v, want 1.75 s", name, got, err)
		}
	}
	for _, stat := range []string{"", "77 (engine) S 1", "77 (engine) S 1 2 3 4 -1 5 6 7 8 9 x 25 11"} {
		if got, err := parseStat(stat); err == nil {
			t.Errorf("%q is read as %s", stat, got)
		}
	}
}

func TestPagesAreSummedUpBySourceAndError(t *testing.T) {
	scanned := document.Page{Source: document.SourceOCR, Reason: "no_text_layer", Milliseconds: 1500}
	failed := document.Page{Source: document.SourceNone, Reason: "page_crashed", Error: &document.PageError{Code: document.PageErrorCrashed}}
	sums := bySource([]document.Page{scanned, failed, scanned}, []readPage{{&scanned, worker.Cost{CPU: time.Second}}})
	want := map[string]*sourceSum{
		"ocr no_text_layer":  {pages: 2, seconds: 3, cpu: time.Second, read: 1},
		"error page_crashed": {pages: 1},
	}
	if !reflect.DeepEqual(sums, want) {
		t.Errorf("sums = %v, want %v", sums, want)
	}
}
