package storage

import (
	"context"
	"errors"
	"slices"
	"strings"
	"syscall"
	"testing"
)

func TestACopyStandsByItself(t *testing.T) {
	folder := t.TempDir()
	store := openAt(t, folder)
	content := strings.Repeat("ភាសាខ្មែរ", 100_000)
	if _, err := store.Put(t.Context(), "ns/from", strings.NewReader(content)); err != nil {
		t.Fatal(err)
	}
	if size, err := store.Copy(t.Context(), "ns/from", "ns/to"); err != nil || size != int64(len(content)) {
		t.Fatalf("Copy = %d, %v", size, err)
	}
	if err := store.Delete(t.Context(), "ns/from"); err != nil {
		t.Fatal(err)
	}
	if contentOf(t, store, "ns/to") != content {
		t.Error("the copy went with the original")
	}
	if files := filesIn(t, folder); !slices.Equal(files, []string{"ns/to"}) {
		t.Errorf("files in the store: %v", files)
	}
}

func TestWhatCannotBeCopiedLeavesNothing(t *testing.T) {
	folder := t.TempDir()
	store := openAt(t, folder)
	for key, content := range map[string]string{"ns/a": "first", "ns/b": "second"} {
		if _, err := store.Put(t.Context(), key, strings.NewReader(content)); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := store.Copy(t.Context(), "ns/a", "ns/b"); !errors.Is(err, ErrExists) || contentOf(t, store, "ns/b") != "second" {
		t.Errorf("copying over another key: %v", err)
	}
	if _, err := store.Copy(t.Context(), "ns/none", "ns/c"); !errors.Is(err, ErrNotFound) {
		t.Errorf("copying nothing: %v", err)
	}
	ended, end := context.WithCancel(t.Context())
	end()
	if _, err := store.Copy(ended, "ns/a", "ns/c"); !errors.Is(err, ErrUnavailable) {
		t.Errorf("copying when nobody waits any more: %v", err)
	}
	if files := filesIn(t, folder); len(files) != 2 {
		t.Errorf("files in the store: %v", files)
	}
}

func TestAFullStoreTakesNoCopy(t *testing.T) {
	folder := t.TempDir()
	if err := syscall.Mount("tmpfs", folder, "tmpfs", 0, "size=1500k"); err != nil {
		t.Skipf("mounting a small file system needs more rights: %v", err)
	}
	t.Cleanup(func() { _ = syscall.Unmount(folder, syscall.MNT_DETACH) })
	store := openAt(t, folder)
	if _, err := store.Put(t.Context(), "ns/a", strings.NewReader(strings.Repeat("x", 1<<20))); err != nil {
		t.Fatal(err)
	}
	if _, err := store.Copy(t.Context(), "ns/a", "ns/b"); !errors.Is(err, ErrUnavailable) {
		t.Errorf("Copy = %v", err)
	}
	if files := filesIn(t, folder); !slices.Equal(files, []string{"ns/a"}) {
		t.Errorf("files in the store: %v", files)
	}
}
