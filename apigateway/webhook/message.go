// Package webhook posts the end of a job to the address that the job names, by the Standard Webhooks specification, until
// the receiver takes the message or the attempts are used up. What is still to be delivered is in the blob store, so that it
// survives any process. Receivers may be hostile: nothing inside the cluster or the machine is reached through an address of
// theirs, nothing they answer is kept, and no part of an address gets into an error or a log.
package webhook

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/openplp/khocr/api/v1alpha1"
	"github.com/openplp/khocr/internal/storage"
)

// Message is the end of a job on its way to a receiver.
type Message struct {
	// Job and UID are those of the OcrJob, in Namespace.
	Namespace string    `json:"namespace"`
	Job       string    `json:"job"`
	UID       types.UID `json:"uid"`
	// URL is the receiver's.
	URL string `json:"url"`
	// Secret names the organization's webhook secret that signs the message; the first one where it is empty.
	Secret string `json:"secret,omitempty"`
	// Body is the same in every attempt.
	Body json.RawMessage `json:"body"`
	// Attempts that have failed, and the time before which there is no other.
	Attempts int       `json:"attempts,omitempty"`
	NextAt   time.Time `json:"nextAt,omitzero"`
}

// body is what is posted.
type body struct {
	Type      string    `json:"type"`
	Timestamp time.Time `json:"timestamp"`
	Data      any       `json:"data"`
}

// types of the messages.
var messageTypes = map[v1alpha1.JobPhase]string{
	v1alpha1.PhaseCompleted: "job.completed",
	v1alpha1.PhaseFailed:    "job.failed",
	v1alpha1.PhaseCancelled: "job.cancelled",
}

// MessageOf is the message about the end of a job that asked for it. Data is what it tells.
func MessageOf(job *v1alpha1.OcrJob, data any) (*Message, error) {
	encoded, err := json.Marshal(body{messageTypes[job.Status.Phase], job.Status.CompletionTime.UTC(), data})
	if err != nil {
		return nil, fmt.Errorf("encode the message about job %s: %w", job.Name, err)
	}
	return &Message{
		Namespace: job.Namespace, Job: job.Name, UID: job.UID,
		URL: job.Spec.Callback.URL, Secret: job.Spec.Callback.Secret, Body: encoded,
	}, nil
}

// Keep puts a message into the store, from where it is delivered. It fails with storage.ErrExists where it is there already.
func Keep(ctx context.Context, store *storage.Store, message *Message) error {
	content, err := json.Marshal(message)
	if err != nil {
		return fmt.Errorf("encode a message: %w", err)
	}
	_, err = store.Put(ctx, storage.WebhookKey(message.Namespace, message.UID), bytes.NewReader(content))
	return err
}

// replace puts a message into the store in place of what it was.
func replace(ctx context.Context, store *storage.Store, message *Message) error {
	content, err := json.Marshal(message)
	if err != nil {
		return fmt.Errorf("encode a message: %w", err)
	}
	return store.Replace(ctx, storage.WebhookKey(message.Namespace, message.UID), content)
}

// read finds a message by its key, or fails with storage.ErrNotFound.
func read(ctx context.Context, store *storage.Store, key string) (*Message, error) {
	content, err := store.Get(ctx, key)
	if err != nil {
		return nil, err
	}
	defer content.Close()
	encoded, err := io.ReadAll(content)
	if err != nil {
		return nil, fmt.Errorf("%w: read a message: %w", storage.ErrUnavailable, err)
	}
	message := new(Message)
	if err := json.Unmarshal(encoded, message); err != nil {
		return nil, fmt.Errorf("decode the message %s: %w", key, err)
	}
	return message, nil
}
