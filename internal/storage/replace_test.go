package storage

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
	"syscall"
	"testing"
)

func contentOf(t *testing.T, store *Store, key string) string {
	t.Helper()
	stored, err := store.Get(t.Context(), key)
	if err != nil {
		t.Fatal(err)
	}
	defer stored.Close()
	content, err := io.ReadAll(stored)
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

func TestWhatWasReplacedIsReadBack(t *testing.T) {
	folder := t.TempDir()
	store := openAt(t, folder)
	key := KeyUseKey("khocr-acme")
	for _, content := range []string{"a longer first", "second", ""} {
		if err := store.Replace(t.Context(), key, []byte(content)); err != nil {
			t.Fatal(err)
		}
		if got := contentOf(t, store, key); got != content {
			t.Errorf("read %q, want %q", got, content)
		}
	}
	if files, want := filesIn(t, folder), []string{key}; !slices.Equal(files, want) {
		t.Errorf("files in the store: %v, want %v and nothing beside", files, want)
	}
}

func TestAReaderNeverFindsAMixture(t *testing.T) {
	const writers, rounds, size = 4, 50, 8 << 10
	folder := t.TempDir()
	reader := openAt(t, folder)
	if err := reader.Replace(t.Context(), "ns/record", bytes.Repeat([]byte{'a'}, size)); err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	for i := range writers {
		store := openAt(t, folder)
		all.Go(func() {
			for range rounds {
				if err := store.Replace(t.Context(), "ns/record", bytes.Repeat([]byte{byte('a' + i)}, size)); err != nil {
					t.Error(err)
				}
			}
		})
	}
	for range rounds {
		got := contentOf(t, reader, "ns/record")
		if len(got) != size || got != string(bytes.Repeat([]byte{got[0]}, size)) {
			t.Fatalf("%d bytes of more than one writer", len(got))
		}
	}
	all.Wait()
	if files := filesIn(t, folder); len(files) != 1 {
		t.Errorf("files left behind: %v", files)
	}
}

func TestWhatCannotBeReplacedStays(t *testing.T) {
	folder := t.TempDir()
	if err := syscall.Mount("tmpfs", folder, "tmpfs", 0, "size=64k"); err != nil {
		t.Skipf("mounting a small file system needs more rights: %v", err)
	}
	t.Cleanup(func() { _ = syscall.Unmount(folder, syscall.MNT_DETACH) })
	store := openAt(t, folder)
	if err := store.Replace(t.Context(), "ns/record", []byte("old")); err != nil {
		t.Fatal(err)
	}
	err := store.Replace(t.Context(), "ns/record", make([]byte, 1<<20))
	if !errors.Is(err, ErrUnavailable) || !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("Replace = %v, want ErrUnavailable because the store is full", err)
	}
	if got := contentOf(t, store, "ns/record"); got != "old" {
		t.Errorf("read %q, want the old content", got)
	}
	if files := filesIn(t, folder); fmt.Sprint(files) != "[ns/record]" {
		t.Errorf("files left behind: %v", files)
	}
}

func TestReplaceRefusesWhatIsNoKey(t *testing.T) {
	store := openAt(t, t.TempDir())
	for _, key := range []string{"", "../outside", "ns/"} {
		if err := store.Replace(t.Context(), key, nil); err == nil {
			t.Errorf("Replace took %q", key)
		}
	}
}
