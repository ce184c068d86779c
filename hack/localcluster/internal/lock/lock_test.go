package lock

import (
	"os"
	"path/filepath"
	"testing"
	"time"
)

func TestLockWaitsForItsHolderAndForANewFolder(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "state")
	release, err := Folder(folder)
	if err != nil {
		t.Fatal(err)
	}
	taken := make(chan struct{})
	go func() {
		defer close(taken)
		release, err := Folder(folder)
		if err != nil {
			t.Error(err)
			return
		}
		release()
	}()
	select {
	case <-taken:
		t.Fatal("two hold the lock")
	case <-time.After(50 * time.Millisecond):
	}
	// As down does it: the folder goes while it is locked.
	if err := os.RemoveAll(folder); err != nil {
		t.Fatal(err)
	}
	release()
	<-taken
	if _, err := os.Stat(folder); err != nil {
		t.Errorf("the lock is on a folder that is gone: %v", err)
	}
}
