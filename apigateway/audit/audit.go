// Package audit keeps who submitted, read, corrected, retried, cancelled and deleted what: a line in the log for each, and a line in the
// blob store, by organization and day. It never keeps a key, a query, or anything of a document.
package audit

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/openplp/khocr/apigateway/serving"
	"github.com/openplp/khocr/internal/storage"
)

const (
	// storeInterval is how much a process that is killed loses at the most of what is stored. Objects cannot be appended to, so
	// each time makes one more of every organization that did something.
	storeInterval = 10 * time.Second
	// stopTime bounds the last storing, of a process that is told to stop.
	stopTime = 8 * time.Second
	// maxWaiting bounds, in bytes, the lines that wait for a store which is away. Beyond that they stand in the log only.
	maxWaiting = 8 << 20
)

// Action is something that was done to a job.
type Action string

const (
	Submitted Action = "submitted"
	Retried   Action = "retried"
	Read      Action = "read"
	Cancelled Action = "cancelled"
	Deleted   Action = "deleted"
	Corrected Action = "corrected"
)

// line is what is kept of an action.
type line struct {
	Time         time.Time `json:"time"`
	Organization string    `json:"organization"`
	Key          string    `json:"key"`
	Action       Action    `json:"action"`
	Job          string    `json:"job"`
	// Of is the job that was retried.
	Of        string `json:"of,omitempty"`
	RequestID string `json:"request_id"`
}

// Trail keeps what was done. Its methods may be called from many goroutines.
type Trail struct {
	store *storage.Store
	log   *slog.Logger
	now   func() time.Time
	// writer is of this process alone, so that no two write the same object.
	writer string

	mu sync.Mutex
	// waiting are the lines that are not stored yet, by the prefix of their organization and day.
	waiting map[string][]byte
	size    int
	stored  int
}

// New makes a Trail over a store, which it writes to only while Run runs. The writer's name is one that no other process has
// or had, of lowercase letters, digits and hyphens.
func New(store *storage.Store, writer string, now func() time.Time, log *slog.Logger) *Trail {
	return &Trail{store: store, log: log, now: now, writer: writer, waiting: map[string][]byte{}}
}

// actionOf tells what a request did that was answered with a status; it is empty for what is not kept. A submission that
// only repeats an earlier one does nothing.
func actionOf(method, route string, status int, replayed bool) Action {
	switch {
	case method == http.MethodPost && status == http.StatusAccepted && replayed:
		return ""
	case method == http.MethodPost && status == http.StatusAccepted && route == "/api/v1/convert":
		return Submitted
	case method == http.MethodPost && status == http.StatusAccepted && route == "/api/v1/jobs/{id}/retry":
		return Retried
	case method == http.MethodDelete && status == http.StatusAccepted:
		return Cancelled
	case method == http.MethodPut && status == http.StatusOK && route == "/api/v1/jobs/{id}/pages/{n}/corrections":
		return Corrected
	case method == http.MethodGet && (status == http.StatusOK || status == http.StatusPartialContent) &&
		(strings.HasPrefix(route, "/api/v1/jobs/{id}/result") || strings.HasPrefix(route, "/api/v1/jobs/{id}/pages/")):
		return Read
	}
	return ""
}

// Handler keeps what the requests to next do. It stands within serving.Handler.
func (t *Trail) Handler(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		answer := &answer{ResponseWriter: w}
		// Of a result that broke off some pages were read.
		defer func() {
			request := serving.RequestFrom(r.Context())
			replayed := w.Header().Get("Idempotency-Replayed") != ""
			if action := actionOf(r.Method, request.Route, answer.status, replayed); action != "" {
				t.keep(r, request, action)
			}
		}()
		next.ServeHTTP(answer, r)
	})
}

// Keep keeps an action of a request as it happens, for what takes effect before it is answered. Handler keeps all others.
func (t *Trail) Keep(r *http.Request, action Action) {
	t.keep(r, serving.RequestFrom(r.Context()), action)
}

func (t *Trail) keep(r *http.Request, request *serving.Request, action Action) {
	namespace, job, _ := strings.Cut(request.Job, "/")
	kept := line{
		Time: t.now().UTC(), Organization: request.Organization, Key: request.Key, Action: action, Job: job, RequestID: request.ID,
	}
	if action == Retried {
		kept.Of = strings.TrimSuffix(strings.TrimPrefix(r.URL.Path, "/api/v1/jobs/"), "/retry")
	}
	t.log.InfoContext(r.Context(), "audit", "organization", kept.Organization, "key", kept.Key, "action", string(action),
		"job", request.Job, "of", kept.Of, "request_id", kept.RequestID)
	encoded, err := json.Marshal(kept)
	if err != nil {
		panic(fmt.Errorf("encode a line of the audit: %w", err)) // our own types encode
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.size+len(encoded) > maxWaiting {
		t.log.ErrorContext(r.Context(), "a line of the audit is in the log only", "request_id", kept.RequestID)
		return
	}
	prefix := storage.AuditPrefix(namespace) + kept.Time.Format(time.DateOnly) + "/"
	t.waiting[prefix] = append(append(t.waiting[prefix], encoded...), '\n')
	t.size += len(encoded) + 1
}

// Run stores what was kept every few seconds until ctx is done, and then once more.
func (t *Trail) Run(ctx context.Context) error {
	tick := time.NewTicker(storeInterval)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			if err := t.flush(ctx); err != nil {
				t.log.WarnContext(ctx, "the audit is stored later", "err", err)
			}
		case <-ctx.Done():
			last, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopTime)
			defer cancel()
			return t.flush(last)
		}
	}
}

// flush stores all that waits. What cannot be stored waits on.
func (t *Trail) flush(ctx context.Context) error {
	t.mu.Lock()
	taken := t.waiting
	t.waiting = map[string][]byte{}
	t.mu.Unlock()
	var problems error
	for prefix, lines := range taken {
		t.stored++ // only one flush at a time
		_, err := t.store.Put(ctx, fmt.Sprintf("%s%s-%d.jsonl", prefix, t.writer, t.stored), bytes.NewReader(lines))
		t.mu.Lock()
		if err != nil {
			problems = errors.Join(problems, err)
			t.waiting[prefix] = append(lines, t.waiting[prefix]...)
		} else {
			t.size -= len(lines)
		}
		t.mu.Unlock()
	}
	return problems
}

// answer notes the status of an answer.
type answer struct {
	http.ResponseWriter
	status int
}

func (a *answer) WriteHeader(status int) {
	if a.status == 0 && status >= http.StatusOK {
		a.status = status
	}
	a.ResponseWriter.WriteHeader(status)
}

func (a *answer) Write(p []byte) (int, error) {
	if a.status == 0 {
		a.status = http.StatusOK
	}
	return a.ResponseWriter.Write(p)
}

// Unwrap lets http.ResponseController reach the connection.
func (a *answer) Unwrap() http.ResponseWriter { return a.ResponseWriter }
