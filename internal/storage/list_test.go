package storage

import (
	"strings"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"
)

func TestAListIsNotDisturbedByWhatComesAndGoes(t *testing.T) {
	store := openAt(t, t.TempDir())
	if _, err := store.Put(t.Context(), "o/kept", strings.NewReader("x")); err != nil {
		t.Fatal(err)
	}
	var writers errgroup.Group
	end := time.Now().Add(time.Second)
	for _, key := range []string{"o/a", "o/b"} {
		writers.Go(func() error {
			for time.Now().Before(end) {
				if _, err := store.Put(t.Context(), key, strings.NewReader("x")); err != nil {
					return err
				}
				if err := store.Delete(t.Context(), key); err != nil {
					return err
				}
			}
			return nil
		})
	}
	for time.Now().Before(end) {
		kept := false
		for listed, err := range store.List(t.Context(), "o/") {
			if err != nil {
				t.Fatal(err)
			}
			kept = kept || listed.Key == "o/kept"
		}
		if !kept {
			t.Fatal("the list lacks what was there all the time")
		}
	}
	if err := writers.Wait(); err != nil {
		t.Error(err)
	}
}
