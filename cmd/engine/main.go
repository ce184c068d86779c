// Command engine is the child of a worker that opens a document and recognises its pages; see worker/wire.
package main

import (
	"log/slog"
	"os"

	"github.com/openplp/khocr/worker/confine"
	"github.com/openplp/khocr/worker/engine"
	"github.com/openplp/khocr/worker/wire"
)

func main() {
	if err := run(); err != nil {
		slog.Error("engine failed", "error", err)
		os.Exit(1)
	}
}

func run() error {
	if err := confine.AddressSpace(os.Getenv(wire.EnvAddressSpace)); err != nil {
		return err
	}
	requests := os.NewFile(wire.RequestFD, "requests")
	responses := os.NewFile(wire.ResponseFD, "responses")
	return engine.Serve(requests, responses, os.Getenv("TESSDATA_PREFIX"), confine.Enter)
}
