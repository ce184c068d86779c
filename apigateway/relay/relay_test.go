package relay

import (
	"context"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"net/textproto"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/openplp/khocr/api/v1alpha1"
	"github.com/openplp/khocr/internal/document"
	"github.com/openplp/khocr/internal/relayport"
)

const secret = "a-token-of-the-gateway"

// clientOf makes a client that trusts a server, with a token in a file.
func clientOf(t *testing.T, server *httptest.Server) (client *Client, tokenFile, authorityFile string) {
	t.Helper()
	folder := t.TempDir()
	tokenFile, authorityFile = filepath.Join(folder, "token"), filepath.Join(folder, "ca.crt")
	write(t, tokenFile, secret+"\n")
	write(t, authorityFile, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})))
	client, err := New(server.URL, "example.com", tokenFile, authorityFile) // a name in the certificate of httptest
	if err != nil {
		t.Fatal(err)
	}
	return client, tokenFile, authorityFile
}

func write(t *testing.T, file, content string) {
	t.Helper()
	if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

var question = Question{Model: "gemma", Organization: "acme", Kind: relayport.KindPage, Location: v1alpha1.LocationInCluster, Attempt: 2, MediaType: "image/png", Image: []byte("pixels")}

func TestAQuestionIsAskedByTheContract(t *testing.T) {
	want := relayport.Answer{Text: "សួស្តី\n", Spent: relayport.Spent{InputTokens: 7, OutputTokens: 3, Answers: 1, Tries: 2, Milliseconds: 40}}
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		asked := fmt.Sprint(r.Method, " ", r.URL.Path, " ", r.URL.Query(), " ", r.Header.Get("Content-Type"), " ", string(body), " ", err)
		if asked != "POST /relay/v1/models/gemma/read map[attempt:[2] kind:[page] location:[InCluster] organization:[acme]] image/png pixels <nil>" {
			t.Error(asked)
		}
		if r.Header.Get("Authorization") != "Bearer "+secret {
			t.Error("the token is not there")
		}
		_ = json.NewEncoder(w).Encode(want)
	}))
	defer server.Close()
	client, _, _ := clientOf(t, server)
	if got, err := client.Ask(t.Context(), question); err != nil || got != want {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestWhateverGoesWrongHasAReason(t *testing.T) {
	spent := `"input_tokens":7,"answers":1`
	for name, c := range map[string]struct {
		status         int
		header, answer string
		want           string
		tokens         int64
	}{
		"a failure of the model":             {502, "", `{"reason":"cut_off","detail":"x",` + spent + `}`, document.AICutOff, 7},
		"a model that is not there":          {404, "", `{"reason":"model_not_found"}`, document.AIModelNotFound, 0},
		"it does not let us in":              {401, "", `{"reason":"who are you"}`, document.AIUnavailable, 0},
		"a reason that we do not know":       {502, "", `{"reason":"new",` + spent + `}`, document.AIUnavailable, 7},
		"no reason":                          {500, "", `oops`, document.AIUnavailable, 0},
		"an answer that is none":             {200, "", `<html>`, document.AIUnavailable, 0},
		"another address, which is not gone": {307, "https://127.0.0.1:1/", ``, document.AIUnavailable, 0},
		"a text that is too long":            {200, "", `{"text":"` + strings.Repeat("x", relayport.MaxAnswerBytes+1) + `",` + spent + `}`, document.AITooLong, 7},
		"an answer without end":              {200, "", strings.Repeat(" ", maxAnswer+1), document.AITooLong, 0},
	} {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				if c.header != "" {
					w.Header().Set("Location", c.header)
				}
				w.WriteHeader(c.status)
				_, _ = io.WriteString(w, c.answer)
			}))
			defer server.Close()
			client, _, _ := clientOf(t, server)
			_, err := client.Ask(t.Context(), question)
			var failure *relayport.Failure
			if !errors.As(err, &failure) || failure.Reason != c.want || failure.InputTokens != c.tokens {
				t.Errorf("%v, want the reason %s and %d tokens", err, c.want, c.tokens)
			}
		})
	}
}

func TestFilesAreReadWhenTheyAreNeeded(t *testing.T) {
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_ = json.NewEncoder(w).Encode(relayport.Answer{Text: r.Header.Get("Authorization")})
	}))
	defer server.Close()
	client, tokenFile, authorityFile := clientOf(t, server)
	authority, err := os.ReadFile(authorityFile)
	if err != nil {
		t.Fatal(err)
	}
	unavailable := func(what string) {
		t.Helper()
		_, err := client.Ask(t.Context(), question)
		var failure *relayport.Failure
		if !errors.As(err, &failure) || failure.Reason != document.AIUnavailable {
			t.Errorf("%s: %v", what, err)
		}
		if strings.Contains(fmt.Sprint(err), secret) {
			t.Errorf("%s: the error has the token: %v", what, err)
		}
	}
	if err := os.Remove(authorityFile); err != nil {
		t.Fatal(err)
	}
	unavailable("no authority yet")
	write(t, authorityFile, "nothing")
	unavailable("no certificate in it")
	write(t, authorityFile, strings.Replace(string(authority), "A", "B", 3))
	unavailable("a damaged one")
	write(t, authorityFile, string(authority))
	for _, token := range []string{"first", "second"} {
		write(t, tokenFile, token)
		if answer, err := client.Ask(t.Context(), question); err != nil || answer.Text != "Bearer "+token {
			t.Errorf("%+v, %v", answer, err)
		}
	}
	write(t, tokenFile, "\n")
	unavailable("an empty token")
	write(t, tokenFile, "two\nlines")
	unavailable("what is no token")
	write(t, tokenFile, secret)
	server.Close()
	unavailable("the relay is away")
}

func TestARelayOfAnotherNameIsNotTrusted(t *testing.T) {
	server := httptest.NewTLSServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("it is asked") }))
	defer server.Close()
	_, tokenFile, authorityFile := clientOf(t, server)
	client, err := New(server.URL, "another name", tokenFile, authorityFile)
	if err != nil {
		t.Fatal(err)
	}
	_, err = client.Ask(t.Context(), question)
	var failure *relayport.Failure
	if !errors.As(err, &failure) || failure.Reason != document.AIUnavailable {
		t.Errorf("%v", err)
	}
}

func TestWhoDoesNotWaitGetsHisOwnError(t *testing.T) {
	asked := make(chan struct{})
	server := httptest.NewTLSServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		close(asked)
		<-r.Context().Done()
	}))
	defer server.Close()
	client, _, _ := clientOf(t, server)
	ctx, stop := context.WithCancel(t.Context())
	go func() { <-asked; stop() }()
	if _, err := client.Ask(ctx, question); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
}

func TestWhatTheEndpointIsAskedIsHeardToTheEnd(t *testing.T) {
	asked, gone := make(chan struct{}), make(chan struct{})
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.WriteHeader(relayport.StatusAsked)
		close(asked)
		<-gone
		w.WriteHeader(http.StatusBadGateway)
		_ = json.NewEncoder(w).Encode(relayport.Failure{Reason: document.AICutOff, Spent: relayport.Spent{InputTokens: 7, Answers: 1}})
	}))
	defer server.Close()
	client, _, _ := clientOf(t, server)
	ctx, stop := context.WithCancel(t.Context())
	heard := make(chan struct{})
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{Got1xxResponse: func(int, textproto.MIMEHeader) error {
		close(heard)
		return nil
	}})
	go func() { <-asked; <-heard; stop(); close(gone) }()
	_, err := client.Ask(ctx, question)
	var failure *relayport.Failure
	if !errors.As(err, &failure) || failure.Reason != document.AICutOff || failure.InputTokens != 7 {
		t.Errorf("%v", err)
	}
	if _, err := client.Ask(ctx, question); !errors.Is(err, context.Canceled) {
		t.Errorf("who is not there any more asks: %v", err)
	}
}

func TestAddressesThatAreNoRelays(t *testing.T) {
	for _, address := range []string{"", "http://relay:8443", "relay:8443", "https://", "https://relay/path", "https://u:p@relay", "https://relay?x=1", "https://relay:x"} {
		if _, err := New(address, "khocr-relay.khocr-system.svc", "t", "c"); err == nil {
			t.Errorf("%q is taken", address)
		}
	}
	if _, err := New("https://10.96.0.83:8443", "khocr-relay.khocr-system.svc", "t", "c"); err != nil {
		t.Error(err)
	}
}

func TestARelayOfAnotherNameIsNotAsked(t *testing.T) {
	server := httptest.NewTLSServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("it was asked") }))
	defer server.Close()
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	_, tokenFile, authorityFile := clientOf(t, server)
	client, err := New(server.URL, "khocr-relay.khocr-system.svc", tokenFile, authorityFile)
	if err != nil {
		t.Fatal(err)
	}
	var failure *relayport.Failure
	if _, err := client.Ask(t.Context(), question); !errors.As(err, &failure) || failure.Reason != document.AIUnavailable {
		t.Errorf("the answer is %v", err)
	}
}
