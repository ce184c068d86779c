package storage

import (
	"bufio"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestAKilledWriterLeavesNothingForLong kills a process in the middle of a Put and has what it left removed.
func TestAKilledWriterLeavesNothingForLong(t *testing.T) {
	const key = "ns/uploads/0123456789ab"
	if folder := os.Getenv("KHOCR_STORE_TEST"); folder != "" {
		store := openAt(t, folder)
		content := readerFunc(func(p []byte) (int, error) {
			if len(filesIn(t, folder)) == 0 {
				return 0, io.ErrUnexpectedEOF
			}
			_, _ = os.Stdout.WriteString("writing\n")
			_, _ = io.Copy(io.Discard, os.Stdin) // until it is killed
			return 0, io.ErrUnexpectedEOF
		})
		_, err := store.Put(t.Context(), key, io.MultiReader(strings.NewReader("%PDF-1.7"), content))
		t.Fatal(err)
	}
	folder := t.TempDir()
	command := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestAKilledWriterLeavesNothingForLong$")
	command.Env = append(os.Environ(), "KHOCR_STORE_TEST="+folder)
	output, err := command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := command.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	if line, err := bufio.NewReader(output).ReadString('\n'); line != "writing\n" {
		t.Errorf("the writer says %q, %v", line, err)
	}
	if err := command.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = command.Wait()

	store := openAt(t, folder)
	left := filesIn(t, folder)
	if len(left) != 1 || !leftover.MatchString(left[0]) {
		t.Fatalf("left behind: %v, want a temporary file", left)
	}
	if exists, err := store.Exists(t.Context(), key); exists || err != nil {
		t.Errorf("half a document is stored: %v, %v", exists, err)
	}
	if _, err := store.Put(t.Context(), "ns/jobs/uid/pages/000001.json", strings.NewReader("{}")); err != nil {
		t.Fatal(err)
	}
	if deleted, err := store.DeleteLeftovers(t.Context(), time.Now().Add(-time.Hour)); deleted != 0 || err != nil {
		t.Errorf("%d files went that may still be written, %v", deleted, err)
	}
	if deleted, err := store.DeleteLeftovers(t.Context(), time.Now().Add(time.Hour)); deleted != 1 || err != nil {
		t.Errorf("%d leftovers were deleted, %v", deleted, err)
	}
	if left := filesIn(t, folder); len(left) != 1 || left[0] != "ns/jobs/uid/pages/000001.json" {
		t.Errorf("what is left is %v", left)
	}
}

func TestDeletingAllLeavesNoFolder(t *testing.T) {
	folder := t.TempDir()
	store := openAt(t, folder)
	for _, number := range []int{1, 2} {
		if _, err := store.Put(t.Context(), PageKey("ns", "gone", number), strings.NewReader("{}")); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := store.Put(t.Context(), PageKey("ns", "stays", 1), strings.NewReader("{}")); err != nil {
		t.Fatal(err)
	}
	if deleted, err := store.DeleteAll(t.Context(), JobPrefix("ns", "gone")); deleted != 2 || err != nil {
		t.Errorf("DeleteAll = %d, %v", deleted, err)
	}
	if _, err := os.Stat(filepath.Join(folder, "ns/jobs/gone")); !os.IsNotExist(err) {
		t.Errorf("the folder is there: %v", err)
	}
	if left := filesIn(t, folder); len(left) != 1 {
		t.Errorf("what is left is %v", left)
	}
	if deleted, err := store.DeleteAll(t.Context(), JobPrefix("ns", "gone")); deleted != 0 || err != nil {
		t.Errorf("again: %d, %v", deleted, err)
	}
}
