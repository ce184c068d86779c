package worker

import (
	"encoding/json"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/openplp/khocr/internal/workerport"
)

func TestFailLeavesATermination(t *testing.T) {
	for name, test := range map[string]struct {
		err    error
		code   int
		reason string
	}{
		"of a bad document":               {badDocument("InvalidDocument", "It is broken."), workerport.ExitBadDocument, "InvalidDocument"},
		"of a worker that may come again": {temporary("Terminated", "Stopped.", errors.New("x")), workerport.ExitTemporary, "Terminated"},
		"of a pod that is not set up":     {errors.New("no token"), workerport.ExitTemporary, reasonMisconfigured},
		"of at most 4096 bytes":           {badDocument("InvalidDocument", strings.Repeat("\x00", 9000)), workerport.ExitBadDocument, "InvalidDocument"},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "termination")
			if got := Fail(path, test.err, slog.New(slog.DiscardHandler)); got != test.code {
				t.Errorf("exit code = %d, want %d", got, test.code)
			}
			content, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			var got workerport.Termination
			if err := json.Unmarshal(content, &got); err != nil || got.Reason != test.reason || len(content) > 4096 {
				t.Errorf("termination = %d bytes, %+v, %v", len(content), got, err)
			}
		})
	}
}
