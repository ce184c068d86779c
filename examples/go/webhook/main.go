// Command webhook is told of the end of jobs: it takes what khocr posts, looks at the signature, and prints a line for each job.
// Put a proxy with TLS in front of it.
//
// Usage: KHOCR_WEBHOOK_SECRET=whsec_... webhook HOST:PORT
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"github.com/openplp/khocr/client"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: webhook HOST:PORT")
		os.Exit(2)
	}
	if err := serve(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func serve(address string) error {
	secret := os.Getenv("KHOCR_WEBHOOK_SECRET")
	if strings.TrimPrefix(secret, "whsec_") == "" {
		return errors.New("KHOCR_WEBHOOK_SECRET is empty: anybody could sign with that")
	}
	verifier, err := standardwebhooks.NewWebhook(secret)
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return err
	}
	fmt.Printf("listening at http://%s\n", listener.Addr())
	server := &http.Server{Handler: &receiver{verifier: verifier}, ReadTimeout: 15 * time.Second}
	return server.Serve(listener)
}

// receiver takes messages.
type receiver struct {
	verifier *standardwebhooks.Webhook
	seen     sync.Map // a service of yours keeps them where a restart does not lose them
}

// largest bounds a message.
const largest = 1 << 20

func (r *receiver) ServeHTTP(w http.ResponseWriter, request *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, request.Body, largest))
	if err != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	// It also refuses what was signed more than five minutes ago.
	if err := r.verifier.Verify(body, request.Header); err != nil {
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	// The same message may come more than once.
	if _, again := r.seen.LoadOrStore(request.Header.Get("webhook-id"), true); !again {
		var message struct {
			Type string     `json:"type"`
			Data client.Job `json:"data"`
		}
		if err := json.Unmarshal(body, &message); err != nil {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		fmt.Println(message.Type, message.Data.Id, message.Data.Status)
	}
	w.WriteHeader(http.StatusNoContent)
}
