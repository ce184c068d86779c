package worker

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/openplp/khocr/internal/document"
	"github.com/openplp/khocr/internal/testlog"
	"github.com/openplp/khocr/internal/workerport"
	"github.com/openplp/khocr/worker/wire"
)

// local is a document of the test engine on a machine without a cluster.
type local struct {
	config Config
	ticket workerport.Ticket
	path   string
	log    *testlog.Buffer
}

func newLocal(t *testing.T, script script) *local {
	t.Helper()
	content, err := json.Marshal(script)
	if err != nil {
		t.Fatal(err)
	}
	binary, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	folder := t.TempDir()
	l := &local{
		config: Config{CPULimit: 2, MemoryLimit: 2 << 30, WorkDir: t.TempDir(), Engine: filepath.Join(folder, "engine")},
		ticket: workerport.Ticket{Mode: "auto", Model: "khmer", TrainedData: "script/Khmer", MaxPages: 100, PageTimeoutSeconds: 60},
		path:   filepath.Join(folder, "document"),
		log:    new(testlog.Buffer),
	}
	if err := errors.Join(os.WriteFile(l.path, content, 0o600), os.Symlink(binary, l.config.Engine)); err != nil {
		t.Fatal(err)
	}
	return l
}

func (l *local) read(ctx context.Context, handOut func(*document.Page, Cost) error) error {
	return ReadLocal(ctx, l.config, l.ticket, l.path, slog.New(slog.NewTextHandler(l.log, nil)), handOut, nil)
}

func TestPagesAreHandedOutInOrderWithTheirCost(t *testing.T) {
	l := newLocal(t, script{Pages: 4, CrashOnce: []int{1}, Native: []int{2}, Eat: map[int]int64{3: 64 << 20}})
	var numbers []int
	costs := make(map[int]Cost)
	err := l.read(t.Context(), func(page *document.Page, cost Cost) error {
		numbers, costs[page.Number] = append(numbers, page.Number), cost
		return nil
	})
	if err != nil {
		t.Fatalf("%v; log:\n%s", err, l.log)
	}
	if !slices.Equal(numbers, []int{1, 2, 3, 4}) {
		t.Errorf("pages = %v, want 1 to 4", numbers)
	}
	for number, cost := range costs {
		if cost.CPU <= 0 || cost.PeakMemory <= 0 {
			t.Errorf("page %d cost %+v", number, cost)
		}
	}
	if costs[3].PeakMemory < 64<<20 {
		t.Errorf("the page that took 64 MiB had a peak of %d", costs[3].PeakMemory)
	}
}

func TestAPageThatNoEngineCanDoIsHandedOutAsFailed(t *testing.T) {
	l := newLocal(t, script{Pages: 2, Crash: []int{1}})
	codes := make(map[int]string)
	err := l.read(t.Context(), func(page *document.Page, _ Cost) error {
		if page.Error != nil {
			codes[page.Number] = page.Error.Code
		}
		return nil
	})
	if err != nil || len(codes) != 1 || codes[1] != document.PageErrorCrashed {
		t.Errorf("errors of pages = %v, %v", codes, err)
	}
}

func TestOnlyThePagesOfTheTicketAreRead(t *testing.T) {
	l := newLocal(t, script{Pages: 9})
	l.ticket.Pages = "7,2-3"
	var numbers []int
	err := l.read(t.Context(), func(page *document.Page, _ Cost) error {
		numbers = append(numbers, page.Number)
		return nil
	})
	if err != nil || !slices.Equal(numbers, []int{2, 3, 7}) {
		t.Errorf("pages = %v, %v", numbers, err)
	}
}

func TestAReadingThatCannotBeDoneSaysWhy(t *testing.T) {
	stop := errors.New("no more of it")
	for name, test := range map[string]struct {
		spoil   func(*local)
		handOut error
		want    string
	}{
		"a document with a password": {func(l *local) { l.ticket.Password = "wrong" }, nil, "PasswordProtected"},
		"pages that are not there":   {func(l *local) { l.ticket.Pages = "9" }, nil, "PagesOutOfRange"},
		"an engine that is missing":  {func(l *local) { l.config.Engine += "less" }, nil, "EngineUnavailable"},
		"a callback that has enough": {func(*local) {}, stop, stop.Error()},
	} {
		t.Run(name, func(t *testing.T) {
			l := newLocal(t, script{Pages: 3})
			test.spoil(l)
			err := l.read(t.Context(), func(*document.Page, Cost) error { return test.handOut })
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("error = %v, want one with %q", err, test.want)
			}
		})
	}
}

func TestAReadingEndsWithItsContext(t *testing.T) {
	l := newLocal(t, script{Pages: 2, Hang: []int{2}})
	ctx, stop := context.WithCancel(t.Context())
	err := l.read(ctx, func(*document.Page, Cost) error {
		stop()
		return nil
	})
	if err == nil {
		t.Error("a reading that was stopped has no error")
	}
}

func TestAReadingMayMakeTheDocumentSearchableAndLeavesNothing(t *testing.T) {
	l := newLocal(t, script{Pages: 2})
	var part, content string
	err := ReadLocal(t.Context(), l.config, l.ticket, l.path, slog.New(slog.NewTextHandler(l.log, nil)),
		func(*document.Page, Cost) error { return nil },
		func(of, path string) error {
			made, err := os.ReadFile(path)
			part, content = of, string(made)
			return err
		})
	if err != nil || part != workerport.Appendix || content != "1:auto script/Khmer 2:auto script/Khmer " {
		t.Errorf("part %q is %q, %v; log:\n%s", part, content, err, l.log)
	}
	for _, name := range []string{"results", "made"} {
		if _, err := os.Stat(filepath.Join(l.config.WorkDir, name)); !os.IsNotExist(err) {
			t.Errorf("%s is left: %v", name, err)
		}
	}
}

func TestResultsAreKeptAsLongAsThereIsRoom(t *testing.T) {
	s := &supervisor{config: Config{WorkDir: t.TempDir()}}
	keep := func(number int) error {
		return s.remember(&document.Page{Number: number, Source: document.SourceOCR})
	}
	if err := errors.Join(os.Mkdir(s.results(), 0o700), keep(1)); err != nil {
		t.Fatal(err)
	}
	s.kept.Store(resultsRoom - 1)
	if err := keep(2); err != nil {
		t.Errorf("a page whose result has no room fails: %v", err)
	}
	entries, err := os.ReadDir(s.results())
	if err != nil || len(entries) != 1 || entries[0].Name() != wire.ResultName(1) {
		t.Errorf("kept are %v, %v; want the first alone", entries, err)
	}
	if _, err := s.trySearchable(t.Context(), nil); !errors.Is(err, errNoRoom) {
		t.Errorf("the PDF is made of some of the results: %v", err)
	}
	s.stored = func(_ context.Context, _ int, path string) error { return os.WriteFile(path, []byte("{}"), 0o600) }
	if err := s.fetchResults(t.Context(), []int{3}); !errors.Is(err, errNoRoom) {
		t.Errorf("more is fetched than there is room for: %v", err)
	}
}
