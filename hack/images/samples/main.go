// Command samples serves the documents in /srv on port 8080, so that OcrJobs with a URL source can be tried in a cluster
// that reaches no other server. What is posted below /received/ it keeps in memory, for webhooks to be tried: GET of the same
// path shows it. It is for trials only and is no part of a deployment.
package main

import (
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"os"
	"strconv"
	"sync"
	"time"
)

func main() {
	http.Handle("/", http.FileServer(http.Dir("/srv")))
	http.Handle("/received/", &mailbox{messages: map[string][]message{}})
	server := &http.Server{Addr: ":8080", ReadHeaderTimeout: 10 * time.Second}
	if err := server.ListenAndServe(); err != nil {
		slog.Error("serving samples failed", "error", err)
		os.Exit(1)
	}
}

// message is one request as it came.
type message struct {
	Header http.Header `json:"header"`
	Body   string      `json:"body"`
	// Status that was answered.
	Status int `json:"status"`
}

// mailbox keeps the last messages to each path.
type mailbox struct {
	lock     sync.Mutex
	messages map[string][]message
}

const (
	maxMessage  = 64 << 10
	maxMessages = 20
	maxPaths    = 100
)

// ServeHTTP keeps a message, and answers with the status that ?status= names. The query ?times= says how many messages to a
// path are answered so; later ones are answered with 204.
func (m *mailbox) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	m.lock.Lock()
	defer m.lock.Unlock()
	if r.Method != http.MethodPost {
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(m.messages[r.URL.Path])
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxMessage))
	known := m.messages[r.URL.Path]
	if err != nil || len(known) >= maxMessages || known == nil && len(m.messages) >= maxPaths {
		w.WriteHeader(http.StatusInsufficientStorage)
		return
	}
	query := r.URL.Query()
	status, err := strconv.Atoi(query.Get("status"))
	if err != nil || status < 200 || status > 599 {
		status = http.StatusNoContent
	}
	if times, err := strconv.Atoi(query.Get("times")); err == nil && len(known) >= times {
		status = http.StatusNoContent
	}
	m.messages[r.URL.Path] = append(known, message{Header: r.Header, Body: string(body), Status: status})
	w.WriteHeader(status)
}
