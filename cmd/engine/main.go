// Command engine is the child of a worker that opens a document and recognises its pages; see worker/wire.
package main

import (
	"log/slog"
	"os"

	"github.com/openplp/khocr/worker/confine"
	"github.com/openplp/khocr/worker/engine"
)

func main() {
	if err := engine.Main(confine.Enter); err != nil {
		slog.Error("engine failed", "error", err)
		os.Exit(1)
	}
}
