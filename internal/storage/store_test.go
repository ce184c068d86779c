package storage

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/iotest"

	"github.com/openplp/khocr/internal/document"
)

func openAt(t *testing.T, folder string) *Store {
	t.Helper()
	store, err := Open(t.Context(), "file://"+folder)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	return store
}

// filesIn lists all files below a folder.
func filesIn(t *testing.T, folder string) []string {
	t.Helper()
	var files []string
	err := filepath.WalkDir(folder, func(path string, entry fs.DirEntry, err error) error {
		if err == nil && !entry.IsDir() {
			files = append(files, strings.TrimPrefix(path, folder+"/"))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func TestWhatWasPutIsReadBack(t *testing.T) {
	folder := t.TempDir()
	store := openAt(t, folder)
	content := strings.Repeat("ភាសាខ្មែរ", 100_000)
	key := UploadKey("khocr-acme", "a1b2c3d4e5f6")

	size, err := store.Put(t.Context(), key, strings.NewReader(content))
	if err != nil || size != int64(len(content)) {
		t.Fatalf("Put = %d, %v; want %d bytes", size, err, len(content))
	}
	stored, err := store.Get(t.Context(), key)
	if err != nil {
		t.Fatal(err)
	}
	defer stored.Close()
	got, err := io.ReadAll(stored)
	if err != nil || string(got) != content || stored.Size != size {
		t.Errorf("read %d bytes, Size %d, %v; want the %d that were put", len(got), stored.Size, err, size)
	}
	if files, want := filesIn(t, folder), []string{key}; !slices.Equal(files, want) {
		t.Errorf("files in the store: %v, want %v and nothing beside", files, want)
	}
}

func TestAnEmptyBlobIsStored(t *testing.T) {
	store := openAt(t, t.TempDir())
	if _, err := store.Put(t.Context(), "ns/empty", strings.NewReader("")); err != nil {
		t.Fatal(err)
	}
	if exists, err := store.Exists(t.Context(), "ns/empty"); !exists || err != nil {
		t.Errorf("Exists = %v, %v", exists, err)
	}
}

func TestOfManyWritersOfOneKeyExactlyOneSucceedsAndItsContentStands(t *testing.T) {
	const writers, rounds = 16, 20
	folder := t.TempDir()
	// Stores of their own, as two processes have.
	stores := make([]*Store, writers)
	for i := range stores {
		stores[i] = openAt(t, folder)
	}
	for round := range rounds {
		key := fmt.Sprintf("ns/once-%d", round)
		var winners atomic.Int32
		var winner atomic.Value
		var written, all sync.WaitGroup
		written.Add(writers)
		for i, store := range stores {
			all.Go(func() {
				content := bytes.Repeat([]byte{byte('a' + i)}, 1<<10)
				// Nobody finishes before everybody has written.
				together := readerFunc(func([]byte) (int, error) {
					written.Done()
					written.Wait()
					return 0, io.EOF
				})
				_, err := store.Put(t.Context(), key, io.MultiReader(bytes.NewReader(content), together))
				switch {
				case err == nil:
					winners.Add(1)
					winner.Store(content)
				case !errors.Is(err, ErrExists):
					t.Errorf("Put = %v, want ErrExists", err)
				}
			})
		}
		all.Wait()
		if n := winners.Load(); n != 1 {
			t.Fatalf("%d writers succeeded, want 1", n)
		}
		got, err := os.ReadFile(filepath.Join(folder, key))
		if err != nil || !bytes.Equal(got, winner.Load().([]byte)) {
			t.Errorf("the winner's content does not stand (%v)", err)
		}
	}
	if files := filesIn(t, folder); len(files) != rounds {
		t.Errorf("files left behind: %v", files)
	}
}

func TestAReaderThatFailsLeavesNothing(t *testing.T) {
	folder := t.TempDir()
	store := openAt(t, folder)
	cut := errors.New("the line went dead")
	_, err := store.Put(t.Context(), "ns/cut", io.MultiReader(strings.NewReader("%PDF-"), iotest.ErrReader(cut)))
	if !errors.Is(err, cut) || errors.Is(err, ErrUnavailable) {
		t.Errorf("Put = %v, want the reader's error and no blame on the store", err)
	}
	if files := filesIn(t, folder); len(files) != 0 {
		t.Errorf("files left behind: %v", files)
	}
}

func TestAPutThatIsCalledOffLeavesNothing(t *testing.T) {
	folder := t.TempDir()
	store := openAt(t, folder)
	ctx, cancel := context.WithCancel(t.Context())
	content := readerFunc(func(p []byte) (int, error) {
		cancel()
		return 0, context.Cause(ctx)
	})
	if _, err := store.Put(ctx, "ns/off", content); !errors.Is(err, context.Canceled) {
		t.Errorf("Put = %v, want context.Canceled", err)
	}
	if files := filesIn(t, folder); len(files) != 0 {
		t.Errorf("files left behind: %v", files)
	}
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

func TestWhatIsNotThere(t *testing.T) {
	store := openAt(t, t.TempDir())
	if _, err := store.Get(t.Context(), "ns/nothing"); !errors.Is(err, ErrNotFound) {
		t.Errorf("Get = %v, want ErrNotFound", err)
	}
	if exists, err := store.Exists(t.Context(), "ns/nothing"); exists || err != nil {
		t.Errorf("Exists = %v, %v; want false", exists, err)
	}
	if err := store.Delete(t.Context(), "ns/nothing"); err != nil {
		t.Errorf("Delete = %v, want nil", err)
	}
}

func TestAKeyCanBePutAgainOnceDeleted(t *testing.T) {
	store := openAt(t, t.TempDir())
	for range 2 {
		if _, err := store.Put(t.Context(), "ns/again", strings.NewReader("x")); err != nil {
			t.Fatal(err)
		}
		if err := store.Delete(t.Context(), "ns/again"); err != nil {
			t.Fatal(err)
		}
	}
}

func TestWhatIsNoKeyIsRefused(t *testing.T) {
	folder := t.TempDir()
	store := openAt(t, folder)
	for _, key := range []string{"", ".", "../outside", "ns/../../outside", "/ns", "ns/", "ns//id", "ns/\x00", "ns/ខ្មែរ"} {
		if _, err := store.Put(t.Context(), key, strings.NewReader("x")); err == nil {
			t.Errorf("Put took %q", key)
		}
	}
	if files := filesIn(t, folder); len(files) != 0 {
		t.Errorf("files left behind: %v", files)
	}
}

func TestPagesComeInOrderAndNothingElseDoes(t *testing.T) {
	folder := t.TempDir()
	store := openAt(t, folder)
	for _, number := range []int{10, 2, 1} {
		body := strings.NewReader(fmt.Sprintf(`{"page":%d,"text":"ទំព័រ"}`, number))
		if _, err := store.Put(t.Context(), PageKey("ns", "uid", number), body); err != nil {
			t.Fatal(err)
		}
	}
	// What a killed process leaves of a page, and what is no page at all.
	for _, stray := range []string{"000003.json.1a2b.tmp", "notes.txt", "4.json"} {
		if err := os.WriteFile(filepath.Join(folder, "ns/jobs/uid/pages", stray), []byte("{"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	numbers, err := store.PageNumbers(t.Context(), "ns", "uid")
	if want := []int{1, 2, 10}; err != nil || !slices.Equal(numbers, want) {
		t.Errorf("PageNumbers = %v, %v; want %v", numbers, err, want)
	}
	var pages []*document.Page
	for page, err := range store.Pages(t.Context(), "ns", "uid", numbers) {
		if err != nil {
			t.Fatal(err)
		}
		pages = append(pages, page)
	}
	if len(pages) != 3 || pages[1].Number != 2 || pages[1].Text != "ទំព័រ" {
		t.Errorf("Pages gave %d pages, the second %+v", len(pages), pages)
	}
}

func TestAJobWithoutPagesHasNone(t *testing.T) {
	numbers, err := openAt(t, t.TempDir()).PageNumbers(t.Context(), "ns", "uid")
	if err != nil || len(numbers) != 0 {
		t.Errorf("PageNumbers = %v, %v; want none", numbers, err)
	}
}

func TestADamagedPageEndsTheSequenceWithAnError(t *testing.T) {
	store := openAt(t, t.TempDir())
	for number, content := range map[int]string{1: `{"page":1}`, 2: `{"page":`, 3: `{"page":3}`} {
		if _, err := store.Put(t.Context(), PageKey("ns", "uid", number), strings.NewReader(content)); err != nil {
			t.Fatal(err)
		}
	}
	var steps int
	var last error
	for _, err := range store.Pages(t.Context(), "ns", "uid", []int{1, 2, 3}) {
		steps, last = steps+1, err
	}
	if steps != 2 || last == nil {
		t.Errorf("the sequence took %d steps and ended with %v, want 2 and an error", steps, last)
	}
}

func TestAStoreThatCannotWriteSaysSo(t *testing.T) {
	for name, c := range map[string]struct {
		flags   uintptr
		options string
		cause   error
	}{
		"read-only": {flags: syscall.MS_RDONLY, cause: syscall.EROFS},
		"full":      {options: "size=64k", cause: syscall.ENOSPC},
	} {
		t.Run(name, func(t *testing.T) {
			folder := t.TempDir()
			if err := syscall.Mount("tmpfs", folder, "tmpfs", c.flags, c.options); err != nil {
				t.Skipf("mounting a small file system needs more rights: %v", err)
			}
			t.Cleanup(func() { _ = syscall.Unmount(folder, syscall.MNT_DETACH) })
			store := openAt(t, folder)
			_, err := store.Put(t.Context(), "ns/large", bytes.NewReader(make([]byte, 1<<20)))
			if !errors.Is(err, ErrUnavailable) || !errors.Is(err, c.cause) {
				t.Errorf("Put = %v, want ErrUnavailable because of %v", err, c.cause)
			}
			if files := filesIn(t, folder); len(files) != 0 {
				t.Errorf("files left behind: %v", files)
			}
		})
	}
}

func TestAStoreWhoseFolderWentAwayIsUnavailable(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "store")
	if err := os.Mkdir(folder, 0o750); err != nil {
		t.Fatal(err)
	}
	store := openAt(t, folder)
	if err := store.Check(t.Context()); err != nil {
		t.Fatalf("Check = %v before", err)
	}
	if err := os.Remove(folder); err != nil {
		t.Fatal(err)
	}
	if err := store.Check(t.Context()); !errors.Is(err, ErrUnavailable) {
		t.Errorf("Check = %v, want ErrUnavailable", err)
	}
}

func TestOpenRefusesWhatIsNoStore(t *testing.T) {
	for name, address := range map[string]string{
		"a folder that does not exist": "file://" + t.TempDir() + "/missing",
		"a scheme without a driver":    "ftp://host/bucket",
		"no address at all":            "",
	} {
		t.Run(name, func(t *testing.T) {
			if store, err := Open(t.Context(), address); err == nil {
				_ = store.Close()
				t.Error("Open succeeded")
			}
		})
	}
}

func TestPagesInMemoryAreBounded(t *testing.T) {
	store := openAt(t, t.TempDir())
	first, err := store.HoldPage(t.Context(), "moj", pagesOfOne)
	if err != nil {
		t.Fatal(err)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := store.HoldPage(ended, "moj", 1); !errors.Is(err, context.Canceled) {
		t.Errorf("a page was taken into memory that is full: %v", err)
	}
	for _, other := range []string{"moh", "mof", "mot"} {
		release, err := store.HoldPage(t.Context(), other, pagesOfOne)
		if err != nil {
			t.Fatalf("%s has no memory: %v", other, err)
		}
		defer release()
	}
	if _, err := store.HoldPage(ended, "moc", 1); !errors.Is(err, context.Canceled) {
		t.Errorf("a page was taken into memory that is full: %v", err)
	}
	first()
	again, err := store.HoldPage(t.Context(), "moj", 100*pagesInMemory)
	if err != nil {
		t.Fatalf("memory was not given back: %v", err)
	}
	again()
}
