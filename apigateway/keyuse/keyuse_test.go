package keyuse

import (
	"context"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"testing"

	"github.com/openplp/khocr/internal/storage"
)

func open(t *testing.T, folder string) *storage.Store {
	t.Helper()
	store, err := storage.Open(t.Context(), "file://"+folder)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	return store
}

func recorder(t *testing.T, folder string) *Recorder {
	t.Helper()
	return New(open(t, folder), slog.New(slog.DiscardHandler))
}

func (r *Recorder) mustFlush(t *testing.T) {
	t.Helper()
	if err := r.flush(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func wantTimes(t *testing.T, r *Recorder, namespace string, want Times) {
	t.Helper()
	if got, err := r.Read(t.Context(), namespace); err != nil || !maps.Equal(got, want) {
		t.Errorf("read %v, %v; want %v", got, err, want)
	}
}

func TestUseIsKnownAtOnceHereAndElsewhereOnceItIsStored(t *testing.T) {
	folder := t.TempDir()
	here, elsewhere := recorder(t, folder), recorder(t, folder)
	here.Note("khocr-acme", "main", at(100))
	here.Note("khocr-acme", "main", at(99))
	here.Note("khocr-other", "main", at(7))
	wantTimes(t, here, "khocr-acme", Times{"main": at(100)})
	wantTimes(t, elsewhere, "khocr-acme", Times{})
	here.mustFlush(t)
	wantTimes(t, elsewhere, "khocr-acme", Times{"main": at(100)})
	wantTimes(t, elsewhere, "khocr-other", Times{"main": at(7)})
}

func TestWhatAnotherGatewayOverwroteIsWrittenAgain(t *testing.T) {
	folder := t.TempDir()
	one, two := recorder(t, folder), recorder(t, folder)
	one.Note("khocr-acme", "main", at(1))
	one.mustFlush(t)
	// The other one has read the object before the first one wrote it.
	if err := two.store.Replace(t.Context(), storage.KeyUseKey("khocr-acme"), []byte(`{"ci":"1970-01-01T00:00:02Z"}`)); err != nil {
		t.Fatal(err)
	}
	one.mustFlush(t)
	wantTimes(t, two, "khocr-acme", Times{"main": at(1), "ci": at(2)})
}

func TestNothingStaysInMemoryOnceItIsSeenInTheStore(t *testing.T) {
	r := recorder(t, t.TempDir())
	r.Note("khocr-acme", "main", at(1))
	r.mustFlush(t)
	r.mustFlush(t)
	if len(r.noted) != 0 {
		t.Errorf("noted are still %v", r.noted)
	}
	wantTimes(t, r, "khocr-acme", Times{"main": at(1)})
}

func TestAStoreThatIsAwayLosesNothing(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "store")
	if err := os.Mkdir(folder, 0o750); err != nil {
		t.Fatal(err)
	}
	r := recorder(t, folder)
	// Where the organization's folder should be, there is a file.
	blocking := filepath.Join(folder, "khocr-acme")
	if err := os.WriteFile(blocking, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	r.Note("khocr-acme", "main", at(1))
	if err := r.flush(t.Context()); err == nil {
		t.Fatal("a flush to a store that is away succeeded")
	}
	if err := os.Remove(blocking); err != nil {
		t.Fatal(err)
	}
	r.mustFlush(t)
	wantTimes(t, recorder(t, folder), "khocr-acme", Times{"main": at(1)})
}

func TestAnObjectThatIsDamagedIsReplaced(t *testing.T) {
	r := recorder(t, t.TempDir())
	if err := r.store.Replace(t.Context(), storage.KeyUseKey("khocr-acme"), []byte(`{"main":`)); err != nil {
		t.Fatal(err)
	}
	r.Note("khocr-acme", "ci", at(5))
	r.mustFlush(t)
	wantTimes(t, r, "khocr-acme", Times{"ci": at(5)})
}

func TestWhatWasNotedIsStoredWhenTheGatewayStops(t *testing.T) {
	folder := t.TempDir()
	r := recorder(t, folder)
	r.Note("khocr-acme", "main", at(1))
	ended, stop := context.WithCancel(t.Context())
	stop()
	if err := r.Run(ended); err != nil {
		t.Fatal(err)
	}
	wantTimes(t, recorder(t, folder), "khocr-acme", Times{"main": at(1)})
}
