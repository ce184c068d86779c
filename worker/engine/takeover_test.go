package engine

import (
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/openplp/khocr/internal/document"
	"github.com/openplp/khocr/internal/workerport"
	"github.com/openplp/khocr/worker"
	"github.com/openplp/khocr/worker/confine"
	"github.com/openplp/khocr/worker/confine/attack"
	"github.com/openplp/khocr/worker/wire"
)

// enterAndAttack confines the engine and then tries what one would that the document has taken over. What it may not touch lies
// beside its program.
func enterAndAttack(room confine.Room) error {
	memory, err := strconv.ParseInt(os.Getenv(wire.EnvAddressSpace), 10, 64)
	if err != nil {
		return err
	}
	supervisor := os.Getppid()
	if err := confine.Enter(room); err != nil {
		return err
	}
	beside := filepath.Dir(os.Args[0])
	return attack.Run(attack.Place{
		Document: filepath.Join(beside, "document.pdf"), Work: room.Work,
		Secret: filepath.Join(beside, "secrets", "token"), Elsewhere: filepath.Join(beside, "elsewhere"),
		Supervisor: supervisor, MaxFileBytes: room.MaxFileBytes, AddressSpace: memory,
	})
}

// The supervisor, MuPDF and Tesseract are the real ones, and the page is read in spite of all.
func TestAnEngineThatIsTakenOverGetsNothing(t *testing.T) {
	if missing := confine.Missing(); len(missing) > 0 {
		t.Skipf("this kernel lacks %s", strings.Join(missing, "; "))
	}
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	content, err := os.ReadFile(filepath.Join(testdata, "sample.pdf"))
	if err != nil {
		t.Fatal(err)
	}
	beside, work := t.TempDir(), t.TempDir()
	engine, path := filepath.Join(beside, takenOverName), filepath.Join(beside, "document.pdf")
	write := func(data []byte, name ...string) error {
		return os.WriteFile(filepath.Join(append([]string{beside}, name...)...), data, 0o600)
	}
	if err := errors.Join(
		os.Symlink(program, engine), write(content, "document.pdf"),
		os.Mkdir(filepath.Join(beside, "secrets"), 0o700), write([]byte("secret"), "secrets", "token"),
		os.Mkdir(filepath.Join(beside, "elsewhere"), 0o700), write(nil, "elsewhere", "cut"), write(nil, "elsewhere", "lost"), write(nil, "elsewhere", "moved"),
	); err != nil {
		t.Fatal(err)
	}
	config := worker.Config{
		CPULimit: 1, MemoryLimit: 1 << 30, WorkDir: work, Engine: engine, TessdataPrefix: os.Getenv("TESSDATA_PREFIX"),
	}
	ticket := workerport.Ticket{Mode: "force", Model: "khocr", TrainedData: "khocr", MaxPages: 10, PageTimeoutSeconds: 300}
	var outcomes map[string]attack.Outcome
	err = worker.ReadLocal(t.Context(), config, ticket, path, slog.New(slog.NewTextHandler(t.Output(), nil)), func(page *document.Page, _ worker.Cost) error {
		if page.Error != nil || page.Text == "" {
			t.Errorf("the page was not read: %+v", page.Error)
		}
		var err error
		outcomes, err = attack.Outcomes(filepath.Join(work, "made"))
		return err
	}, nil)
	if err != nil || len(outcomes) == 0 {
		t.Fatalf("%d outcomes are known: %v", len(outcomes), err)
	}
	attack.Judge(t, outcomes)
}
