// Command serve runs the endpoint of tests by itself, for tests on a cluster and for trying khocr's AI models out by hand.
//
//	serve [--listen ADDRESS] [--settings FILE]
//
// FILE has endpoint.Settings in JSON; PUT /control takes others later.
package main

import (
	"encoding/json"
	"flag"
	"log/slog"
	"net/http"
	"os"
	"time"

	"github.com/openplp/khocr/test/endpoint"
)

func main() {
	listen := flag.String("listen", "127.0.0.1:8000", "address to serve at")
	file := flag.String("settings", "", "file with the settings in JSON")
	flag.Parse()
	if err := serve(*listen, *file); err != nil {
		slog.Error("the endpoint ends", "err", err)
		os.Exit(1)
	}
}

func serve(listen, file string) error {
	settings := endpoint.Settings{Model: "test-vision"}
	if file != "" {
		content, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		if err := json.Unmarshal(content, &settings); err != nil {
			return err
		}
	}
	server := &http.Server{Addr: listen, Handler: endpoint.New(settings), ReadHeaderTimeout: 10 * time.Second}
	return server.ListenAndServe()
}
