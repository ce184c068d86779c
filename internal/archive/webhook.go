package archive

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/openplp/khocr/internal/storage"
)

// Webhook is what became of the message about a job's end.
type Webhook struct {
	// Attempts that were made, from 1.
	Attempts int `json:"attempts"`
	// DeliveredAt is when the receiver took the message; zero while it has not.
	DeliveredAt time.Time `json:"deliveredAt,omitzero"`
	// LastError says in a few words why the last attempt failed. It holds no part of an address.
	LastError string `json:"lastError,omitempty"`
	// Final: no further attempt is made.
	Final bool `json:"final,omitempty"`
}

// WriteWebhook keeps what became of the message about the end of a job. It lies with the job's results and goes with them,
// so that whoever deletes a job and whoever delivers its message never write the same key.
func WriteWebhook(ctx context.Context, store *storage.Store, namespace string, job types.UID, webhook *Webhook) error {
	content, err := json.Marshal(webhook)
	if err != nil {
		return fmt.Errorf("encode what became of a webhook: %w", err)
	}
	return store.Replace(ctx, storage.WebhookOutcomeKey(namespace, job), content)
}

// ReadWebhook finds what became of the message about the end of a job, nil where no attempt was made.
func ReadWebhook(ctx context.Context, store *storage.Store, namespace string, job types.UID) (*Webhook, error) {
	webhook := new(Webhook)
	err := read(ctx, store, storage.WebhookOutcomeKey(namespace, job), webhook)
	if errors.Is(err, storage.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read what became of the webhook of job %s: %w", job, err)
	}
	return webhook, nil
}
