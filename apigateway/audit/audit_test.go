package audit

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/openplp/khocr/apigateway/gatewaytest"
	"github.com/openplp/khocr/apigateway/serving"
)

func TestActionOf(t *testing.T) {
	const job, result, page = "/api/v1/jobs/{id}", "/api/v1/jobs/{id}/result", "/api/v1/jobs/{id}/pages/{n}"
	for name, c := range map[string]struct {
		method, route string
		status        int
		replayed      bool
		want          Action
	}{
		"a submission":               {"POST", "/api/v1/convert", 202, false, Submitted},
		"one that is refused":        {"POST", "/api/v1/convert", 400, false, ""},
		"one that was made before":   {"POST", "/api/v1/convert", 202, true, ""},
		"a retry":                    {"POST", "/api/v1/jobs/{id}/retry", 202, false, Retried},
		"a retry that was made":      {"POST", "/api/v1/jobs/{id}/retry", 202, true, ""},
		"a result":                   {"GET", result, 200, false, Read},
		"a part of one":              {"GET", result, 206, false, Read},
		"one that has not changed":   {"GET", result, 304, false, ""},
		"one that is not there":      {"GET", result, 409, false, ""},
		"its headers":                {"HEAD", result, 200, false, ""},
		"a page":                     {"GET", page, 200, false, Read},
		"how a job stands":           {"GET", job, 200, false, ""},
		"a job that is cancelled":    {"DELETE", job, 202, false, Cancelled},
		"a deletion, kept before":    {"DELETE", job, 200, false, ""},
		"a job that was deleted":     {"DELETE", job, 410, false, ""},
		"a token for events":         {"POST", "/api/v1/jobs/{id}/events", 201, false, ""},
		"a path that is no resource": {"GET", "", 404, false, ""},
	} {
		if got := actionOf(c.method, c.route, c.status, c.replayed); got != c.want {
			t.Errorf("%s is %q, want %q", name, got, c.want)
		}
	}
}

func TestWhatWasDoneIsKept(t *testing.T) {
	folder := t.TempDir()
	var log bytes.Buffer
	now := time.Date(2026, 8, 1, 16, 59, 0, 0, time.UTC)
	trail := New(gatewaytest.OpenStore(t, folder), "gateway", func() time.Time { return now }, slog.New(slog.NewJSONHandler(&log, nil)))
	handler := serving.Handler(slog.New(slog.DiscardHandler), trail.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		request := serving.RequestFrom(r.Context())
		request.Organization, request.Key, request.Job, request.Route = "moj", "main", "khocr-moj/new", "/api/v1/jobs/{id}/retry"
		w.WriteHeader(http.StatusAccepted)
	})), serving.Refusals{})
	do := func() {
		request := httptest.NewRequest(http.MethodPost, "/api/v1/jobs/old/retry?api_key=khocr_hidden", nil)
		request.Header.Set("X-API-Key", "khocr_hidden")
		request.Header.Set("X-Request-Id", "r1")
		handler.ServeHTTP(httptest.NewRecorder(), request)
	}
	do()
	do()
	flush := func() {
		if err := trail.flush(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	flush()
	flush()
	now = now.Add(10 * time.Hour)
	do()
	// Told to stop, it stores what it has.
	stopped, stop := context.WithCancel(t.Context())
	stop()
	if err := trail.Run(stopped); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"khocr-moj/audit/2026-08-01/gateway-1.jsonl", "khocr-moj/audit/2026-08-02/gateway-2.jsonl"}, gatewaytest.Files(t, folder)); diff != "" {
		t.Fatal(diff)
	}
	content, err := os.ReadFile(filepath.Join(folder, "khocr-moj/audit/2026-08-01/gateway-1.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	const want = `{"time":"2026-08-01T16:59:00Z","organization":"moj","key":"main","action":"retried","job":"new","of":"old","request_id":"r1"}` + "\n"
	if string(content) != want+want {
		t.Errorf("kept is %s", content)
	}
	if strings.Count(log.String(), `"msg":"audit"`) != 3 || strings.Contains(log.String()+string(content), "hidden") {
		t.Errorf("the log is %s", log.String())
	}
}

func TestWhatCannotBeStoredWaits(t *testing.T) {
	folder := t.TempDir()
	trail := New(gatewaytest.OpenStore(t, folder), "gateway", time.Now, slog.New(slog.DiscardHandler))
	request := httptest.NewRequest(http.MethodDelete, "/api/v1/jobs/a", nil)
	keep := func(id string) {
		trail.keep(request, &serving.Request{ID: id, Organization: "moj", Job: "khocr-moj/a"}, Deleted)
	}
	// A file is where a folder has to be.
	if err := os.WriteFile(filepath.Join(folder, "khocr-moj"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	keep("first")
	if err := trail.flush(t.Context()); err == nil {
		t.Fatal("it is stored")
	}
	keep("second")
	if err := os.Remove(filepath.Join(folder, "khocr-moj")); err != nil {
		t.Fatal(err)
	}
	if err := trail.flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	files := gatewaytest.Files(t, folder)
	if len(files) != 1 || trail.size != 0 {
		t.Fatalf("stored are %v, waiting are %d bytes", files, trail.size)
	}
	content, err := os.ReadFile(filepath.Join(folder, files[0]))
	if err != nil {
		t.Fatal(err)
	}
	var ids []string
	for text := range strings.Lines(string(content)) {
		var one line
		if err := json.Unmarshal([]byte(text), &one); err != nil {
			t.Fatal(err)
		}
		ids = append(ids, one.RequestID)
	}
	if diff := cmp.Diff([]string{"first", "second"}, ids); diff != "" {
		t.Error(diff)
	}
}
