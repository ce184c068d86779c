// Command samples serves the documents in /srv on port 8080, so that OcrJobs with a URL source can be tried in a cluster
// that reaches no other server. It is for trials only and is no part of a deployment.
package main

import (
	"log/slog"
	"net/http"
	"os"
	"time"
)

func main() {
	server := &http.Server{
		Addr:              ":8080",
		Handler:           http.FileServer(http.Dir("/srv")),
		ReadHeaderTimeout: 10 * time.Second,
	}
	if err := server.ListenAndServe(); err != nil {
		slog.Error("serving samples failed", "error", err)
		os.Exit(1)
	}
}
