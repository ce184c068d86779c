package storage

import (
	"errors"
	"maps"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/openplp/khocr/internal/document"
)

func TestTheLastCorrectionsOfAPageAreFound(t *testing.T) {
	store := openAt(t, t.TempDir())
	correct := func(page, revision int) {
		t.Helper()
		made := Corrections{Revision: revision, Key: "main", Words: []document.Correction{{Line: 1, Word: 1, Text: strconv.Itoa(revision)}}}
		if err := store.Correct(t.Context(), "ns", "job", page, made); err != nil {
			t.Fatal(err)
		}
	}
	if none, err := store.LastCorrections(t.Context(), "ns", "job", 1); err != nil || none.Revision != 0 || len(none.Words) > 0 {
		t.Errorf("without any: %+v, %v", none, err)
	}
	for revision := 1; revision <= 12; revision++ {
		correct(1, revision)
	}
	correct(10, 1)
	if last, err := store.LastCorrections(t.Context(), "ns", "job", 1); err != nil || last.Revision != 12 || last.Words[0].Text != "12" || last.Key != "main" {
		t.Errorf("the last ones: %+v, %v", last, err)
	}
	if all, err := store.CorrectionRevisions(t.Context(), "ns", "job"); err != nil || !maps.Equal(all, map[int]int{1: 12, 10: 1}) {
		t.Errorf("of all pages: %v, %v", all, err)
	}
	if other, err := store.CorrectionRevisions(t.Context(), "ns", "another"); err != nil || len(other) > 0 {
		t.Errorf("of another job: %v, %v", other, err)
	}
}

func TestOfManyWhoCorrectTheSameRevisionOneDoes(t *testing.T) {
	folder := t.TempDir()
	// Two gateways over one folder.
	stores := []*Store{openAt(t, folder), openAt(t, folder)}
	var wrote atomic.Int32
	var all sync.WaitGroup
	for i := range 16 {
		all.Go(func() {
			made := Corrections{Revision: 1, Words: []document.Correction{{Line: 1, Word: 1, Text: strconv.Itoa(i)}}}
			switch err := stores[i%2].Correct(t.Context(), "ns", "job", 1, made); {
			case err == nil:
				wrote.Add(1)
			case !errors.Is(err, ErrExists):
				t.Error(err)
			}
		})
	}
	all.Wait()
	if wrote.Load() != 1 {
		t.Errorf("%d have written", wrote.Load())
	}
}
