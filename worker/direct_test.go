package worker

import (
	"encoding/json"
	"io"
	"log"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/openplp/khocr/internal/testlog"
	"github.com/openplp/khocr/internal/workerport"
)

const (
	storeName = "bucket.store.test"
	// signature is what nobody may see.
	signature = "X-Amz-Signature=5ec4e7"
)

// TestADocumentComesFromTheStoreOrThroughTheGateway has a gateway send the worker to a store that nobody can find by its name.
func TestADocumentComesFromTheStoreOrThroughTheGateway(t *testing.T) {
	hour := time.Now().Add(time.Hour)
	ours, stranger := newAuthority(t), newAuthority(t)
	closed := httptest.NewServer(nil)
	closed.Close()
	whole := func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "from the store") }

	tests := map[string]struct {
		serve        http.HandlerFunc
		signedBy     authority
		name         string
		direct       workerport.Direct // the store's own where it is empty
		location     string            // the same
		outOfReach   bool
		want, logged string
	}{
		"the store has it": {serve: whole, want: "from the store"},
		"its first address does not answer": {serve: whole, direct: workerport.Direct{
			Addresses: []string{closed.Listener.Addr().String(), "store"}, Authorities: ours.text}, want: "from the store"},
		"the worker may not reach it":                {serve: whole, outOfReach: true},
		"it refuses":                                 {serve: answering(http.StatusForbidden), logged: "status 403"},
		"it does not have it":                        {serve: answering(http.StatusNotFound), logged: "status 404"},
		"it sends elsewhere":                         {serve: answering(http.StatusMovedPermanently), logged: "status 301"},
		"no address answers":                         {serve: whole, direct: workerport.Direct{Addresses: []string{closed.Listener.Addr().String()}}, logged: "refused"},
		"there is no address":                        {serve: whole, direct: workerport.Direct{Addresses: []string{}, Authorities: ours.text}, logged: "no address"},
		"its authority is not the one that was told": {serve: whole, signedBy: stranger, logged: "unknown authority"},
		"its authority is no public one":             {serve: whole, direct: workerport.Direct{Addresses: []string{"store"}}, logged: "x509"},
		"it is another's":                            {serve: whole, name: "bucket.other.test", logged: "not " + storeName},
		"the authorities are none":                   {serve: whole, direct: workerport.Direct{Addresses: []string{"store"}, Authorities: "none"}, logged: "no certificates"},
		"it is to be reached in the clear":           {serve: whole, location: "http://" + storeName + "/document?" + signature, logged: "over TLS"},
		"it breaks off": {serve: func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "1000")
			_, _ = io.WriteString(w, "from")
		}, logged: "unexpected EOF"},
	}
	for what, test := range tests {
		t.Run(what, func(t *testing.T) {
			var asked atomic.Int32
			store := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				asked.Add(1)
				if r.Host != storeName || r.Header.Get("Authorization") != "" || r.URL.RawQuery != signature {
					t.Errorf("the store is asked for %s%s by %v", r.Host, r.URL, r.Header)
				}
				test.serve(w, r)
			}))
			store.Config.ErrorLog = log.New(io.Discard, "", 0)
			signer, name := test.signedBy, test.name
			if signer.key == nil {
				signer = ours
			}
			if name == "" {
				name = storeName
			}
			store.TLS = signer.serve(t, name, hour)
			store.StartTLS()
			defer store.Close()
			direct, location := test.direct, test.location
			if direct.Addresses == nil {
				direct = workerport.Direct{Addresses: []string{"store"}, Authorities: ours.text}
			}
			for i, address := range direct.Addresses {
				if address == "store" {
					direct.Addresses[i] = store.Listener.Addr().String()
				}
			}
			if location == "" {
				location = "https://" + storeName + "/document?" + signature
			}

			p := newPod(t, script{})
			p.config.StoreInReach = !test.outOfReach
			p.gateway.serveDocument = sendingOnce(location, direct)
			if test.outOfReach {
				p.gateway.serveDocument = func(w http.ResponseWriter, _ int) { _, _ = io.WriteString(w, "through the gateway") }
			}
			p.gateway.refuse = func(r *http.Request, try int) (int, string) {
				want := workerport.PathDocument
				if try == 1 && !test.outOfReach {
					want = workerport.PathDocumentDirect
				}
				if r.URL.RequestURI() != want {
					t.Errorf("try %d asks the gateway for %s", try, r.URL)
				}
				return 0, ""
			}
			told := new(testlog.Buffer)
			internal, err := newPort(p.config, slog.New(slog.NewTextHandler(told, nil)))
			if err != nil {
				t.Fatal(err)
			}
			path := filepath.Join(p.config.WorkDir, "document")
			if err := internal.document(t.Context(), path); err != nil {
				t.Fatal(err)
			}
			want := test.want
			if want == "" {
				want = "through the gateway"
			}
			if got, err := os.ReadFile(path); string(got) != want || err != nil {
				t.Errorf("the document is %q, %v, want the one %s", got, err, want)
			}
			if strings.Contains(told.String(), "5ec4e7") || strings.Contains(told.String(), "X-Amz") {
				t.Errorf("the log holds the URL: %s", told)
			}
			if strings.Contains(told.String(), "through the gateway") == (test.logged == "") || !strings.Contains(told.String(), test.logged) {
				t.Errorf("the log says %q, want %q", told, test.logged)
			}
			if test.want != "" && asked.Load() != 1 {
				t.Errorf("the store was asked %d times", asked.Load())
			}
		})
	}
}

// answering repeats what it was asked for, as stores do.
func answering(status int) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Location", "https://"+r.Host+r.URL.String())
		w.WriteHeader(status)
		_, _ = io.WriteString(w, r.URL.String())
	}
}

// sendingOnce answers the first request by a redirection, and the next ones by the document.
func sendingOnce(location string, direct workerport.Direct) func(http.ResponseWriter, int) {
	return func(w http.ResponseWriter, try int) {
		if try > 1 {
			_, _ = io.WriteString(w, "through the gateway")
			return
		}
		w.Header().Set("Location", location)
		w.WriteHeader(http.StatusTemporaryRedirect)
		_ = json.NewEncoder(w).Encode(direct)
	}
}

func TestAStoreThatAnswersNobodyIsNotWaitedForTwice(t *testing.T) {
	// It takes connections, and never speaks.
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	p := newPod(t, script{})
	p.config.StoreInReach = true
	p.gateway.serveDocument = sendingOnce("https://"+storeName+"/?"+signature, workerport.Direct{Addresses: []string{silent.Addr().String()}})
	internal, err := newPort(p.config, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(p.config.WorkDir, "document")
	if err := internal.document(t.Context(), path); err != nil {
		t.Fatal(err)
	}
	if got, err := os.ReadFile(path); string(got) != "through the gateway" || err != nil {
		t.Errorf("the document is %q, %v", got, err)
	}
}

type transport func(*http.Request) (*http.Response, error)

func (f transport) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// TestTheGatewayIsAskedHoweverLongTheStoreTook has what leads to the store stand still for longer than anything is tried again.
func TestTheGatewayIsAskedHoweverLongTheStoreTook(t *testing.T) {
	p := newPod(t, script{})
	p.config.StoreInReach = true
	synctest.Test(t, func(t *testing.T) {
		internal, err := newPort(p.config, slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		tries := 0
		internal.client.Transport = transport(func(r *http.Request) (*http.Response, error) {
			tries++
			status, body := http.StatusOK, io.Reader(strings.NewReader("through the gateway"))
			switch {
			case r.URL.RequestURI() == workerport.PathDocumentDirect:
				status, body = http.StatusTemporaryRedirect, readerFunc(func([]byte) (int, error) {
					time.Sleep(retryLimit + time.Minute)
					return 0, io.ErrUnexpectedEOF
				})
			case tries == 2: // The gateway may be away, too.
				return nil, io.ErrUnexpectedEOF
			}
			return &http.Response{StatusCode: status, Header: http.Header{}, Body: io.NopCloser(body), Request: r}, nil
		})
		path := filepath.Join(p.config.WorkDir, "document")
		if err := internal.document(t.Context(), path); err != nil {
			t.Fatal(err)
		}
		if got, err := os.ReadFile(path); string(got) != "through the gateway" || err != nil || tries != 3 {
			t.Errorf("the document is %q after %d tries, %v", got, tries, err)
		}
	})
}
