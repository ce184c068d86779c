package serving

import (
	"bytes"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestRequestIDsOfCallersAreKeptWhereTheyAreHarmless(t *testing.T) {
	for given, kept := range map[string]bool{
		"a1-b2_c3.d4:e5": true, "": false, strings.Repeat("a", 64): true, strings.Repeat("a", 65): false, "a b": false, "a\nb": false, "ក": false,
	} {
		got := requestID(given)
		if (got == given) != kept || got == "" {
			t.Errorf("requestID(%q) = %q", given, got)
		}
	}
}

// serveOnce serves a handler on a real connection and returns the access log.
func serveOnce(t *testing.T, handler http.HandlerFunc) (*http.Response, []byte, map[string]any, error) {
	t.Helper()
	log := new(bytes.Buffer)
	server := httptest.NewServer(Handler(slog.New(slog.NewJSONHandler(log, nil)), handler, Refusals{Panicked: func(w http.ResponseWriter, _ *http.Request) {
		http.Error(w, "sorry", http.StatusInternalServerError)
	}}))
	server.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelInfo)
	response, err := http.Get(server.URL + "/path?api_key=khocr_secret")
	var body []byte
	if err == nil {
		body, err = io.ReadAll(response.Body)
		_ = response.Body.Close()
	}
	server.Close() // waits for the handler, and so for the log
	lines := strings.Split(strings.TrimSpace(log.String()), "\n")
	var access map[string]any
	if err := json.Unmarshal([]byte(lines[len(lines)-1]), &access); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(log.String(), "khocr_secret") {
		t.Errorf("the log holds the query: %s", log)
	}
	return response, body, access, err
}

func TestTheAccessLogTellsWhatWasAnswered(t *testing.T) {
	response, body, access, err := serveOnce(t, func(w http.ResponseWriter, r *http.Request) {
		request := RequestFrom(r.Context())
		request.Route, request.Organization, request.Key = "/path", "acme", "main"
		w.WriteHeader(http.StatusTeapot)
		_, _ = w.Write([]byte("tea"))
	})
	if err != nil || string(body) != "tea" {
		t.Fatalf("%q %v", body, err)
	}
	for field, want := range map[string]any{
		"method": "GET", "route": "/path", "status": 418.0, "bytes": 3.0, "organization": "acme", "key": "main",
		"request_id": response.Header.Get(HeaderRequestID),
	} {
		if access[field] != want {
			t.Errorf("%s is %v, want %v", field, access[field], want)
		}
	}
}

func TestAPanicIsAnsweredBeforeAnAnswerHasBegun(t *testing.T) {
	response, body, access, err := serveOnce(t, func(http.ResponseWriter, *http.Request) { panic("secret") })
	if err != nil || response.StatusCode != 500 || strings.TrimSpace(string(body)) != "sorry" || access["status"] != 500.0 {
		t.Errorf("%v %q %v %v", response, body, err, access)
	}
}

func TestAPanicBreaksOffAnAnswerThatHasBegun(t *testing.T) {
	_, _, access, err := serveOnce(t, func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write(make([]byte, 1<<16))
		panic("secret")
	})
	if err == nil || access["aborted"] != true {
		t.Errorf("the caller saw a whole answer (%v); log %v", err, access)
	}
}
