package webhook

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/util/workqueue"
	"k8s.io/utils/clock"

	"github.com/openplp/khocr/apigateway/fetch"
	"github.com/openplp/khocr/internal/archive"
	"github.com/openplp/khocr/internal/netguard"
	"github.com/openplp/khocr/internal/storage"
)

const (
	// attemptTime bounds one attempt, from the name's look-up to the answer's end.
	attemptTime = 15 * time.Second
	// answerBytes are read of an answer, so that the connection ends in order. Nothing of them is kept.
	answerBytes = 4 << 10
	// deliveriesAtOnce bounds all deliveries under way, and perNamespace those of an organization.
	deliveriesAtOnce = 32
	perNamespace     = 4
	// slowAtOnce bounds those of all organizations together whose receivers last kept a delivery until its time was over.
	slowAtOnce = deliveriesAtOnce / 2
	// reloadInterval is the time between two looks at the store, for messages that came while nobody was there to be woken.
	reloadInterval = 5 * time.Minute
	// troubleDelay is the time before the store or the API server is asked again after one of them has failed.
	troubleDelay = 30 * time.Second
)

// Deliverer posts the messages in the store.
type Deliverer struct {
	store   *storage.Store
	secrets Secrets
	client  *http.Client
	clock   clock.WithTicker
	log     *slog.Logger

	queue atomic.Pointer[queue]
}

type queue = workqueue.TypedDelayingInterface[string]

// NewDeliverer makes a Deliverer that connects to public addresses only, and to the ranges allowed.
func NewDeliverer(store *storage.Store, secrets Secrets, allowed []netip.Prefix, clock clock.WithTicker, log *slog.Logger) *Deliverer {
	return &Deliverer{store: store, secrets: secrets, clock: clock, log: log, client: &http.Client{
		Transport: fetch.Transport(allowed),
		Timeout:   attemptTime,
		// A redirect is an answer like any other: the address is the organization's to keep right.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// Wake has a message delivered that was put into the store. Where no deliverer runs, the next that does finds it.
func (d *Deliverer) Wake(namespace string, job types.UID) {
	if queue := d.queue.Load(); queue != nil {
		(*queue).Add(storage.WebhookKey(namespace, job))
	}
}

// Run delivers messages until ctx is done. Only one process may run one at a time: two would deliver everything twice.
func (d *Deliverer) Run(ctx context.Context) error {
	queue := workqueue.NewTypedDelayingQueueWithConfig(workqueue.TypedDelayingQueueConfig[string]{Clock: d.clock})
	d.queue.Store(&queue)
	defer d.queue.Store(nil)
	stop := context.AfterFunc(ctx, queue.ShutDown)
	defer stop()
	defer queue.ShutDown()

	turns := newTurns(perNamespace, slowAtOnce)
	workers := new(errgroup.Group)
	for range deliveriesAtOnce {
		workers.Go(func() error {
			for d.workOnce(ctx, queue, turns) {
			}
			return nil
		})
	}
	err := d.follow(ctx, queue)
	queue.ShutDown()
	return errors.Join(err, workers.Wait())
}

// follow queues what is in the store, now and from time to time, until ctx is done. A message that another process puts there
// just when this one takes over is not woken.
func (d *Deliverer) follow(ctx context.Context, queue queue) error {
	ticker := d.clock.NewTicker(reloadInterval)
	defer ticker.Stop()
	for {
		if err := d.load(ctx, queue); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C():
		}
	}
}

// load queues what is in the store.
func (d *Deliverer) load(ctx context.Context, queue queue) error {
	for namespace, err := range d.store.Folders(ctx, "") {
		if err != nil {
			return err
		}
		for listed, err := range d.store.List(ctx, storage.WebhooksPrefix(namespace)) {
			if err != nil {
				return err
			}
			if strings.HasSuffix(listed.Key, ".json") {
				queue.Add(listed.Key)
			}
		}
	}
	return nil
}

// workOnce takes one key off the queue, and tells whether there will be another.
func (d *Deliverer) workOnce(ctx context.Context, queue queue, turns *turns) bool {
	key, down := queue.Get()
	if down {
		return false
	}
	defer queue.Done(key)
	namespace, _, _ := strings.Cut(key, "/")
	turn, ok := turns.take(namespace, key)
	if !ok {
		return true
	}
	begun := d.clock.Now()
	delay, err := d.deliver(ctx, key)
	for _, waiting := range turns.done(turn, d.clock.Since(begun) >= attemptTime) {
		queue.Add(waiting)
	}
	if err != nil && ctx.Err() == nil {
		d.log.WarnContext(ctx, "a webhook is delivered later", "key", key, "err", err)
		delay = troubleDelay
	}
	if delay > 0 {
		queue.AddAfter(key, delay)
	}
	return true
}

// deliver makes one attempt at a message if it is due, and tells the delay before the next one; 0 for none. An error means
// that no attempt could be made, or that it could not be put on record.
func (d *Deliverer) deliver(ctx context.Context, key string) (time.Duration, error) {
	message, err := read(ctx, d.store, key)
	if errors.Is(err, storage.ErrNotFound) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	record, err := archive.Read(ctx, d.store, message.Namespace, message.Job)
	switch {
	case errors.Is(err, storage.ErrNotFound):
		// The record comes a moment after the message. If it does not, nothing needs the message any more, and it goes.
		return troubleDelay, nil
	case err != nil:
		return 0, err
	case isPurged(record, message):
		return 0, d.store.Delete(ctx, key)
	}
	if early := message.NextAt.Sub(d.clock.Now()); early > 0 {
		return early, nil
	}

	got, err := d.attempt(ctx, message)
	if err != nil {
		return 0, err
	}
	// An attempt that was made is put on record even by a process that is about to stop: it would be made once more.
	ctx = context.WithoutCancel(ctx)
	message.Attempts++
	outcome, delay := next(message.Attempts, got, d.clock.Now())
	count(outcome)
	if record.Job.UID == message.UID && record.Deleted == "" {
		if err := archive.WriteWebhook(ctx, d.store, message.Namespace, message.UID, &outcome); err != nil {
			// The results may be going in this moment. Nobody is told twice for that.
			d.log.WarnContext(ctx, "what became of a webhook is not on record", "key", key, "err", err)
		}
	}
	d.log.InfoContext(ctx, "webhook", "job", message.Namespace+"/"+message.Job, "attempt", outcome.Attempts,
		"delivered", !outcome.DeliveredAt.IsZero(), "final", outcome.Final, "problem", outcome.LastError)
	if outcome.Final {
		return 0, errors.Join(d.store.Delete(ctx, key), d.followPurge(ctx, message, key))
	}
	delay = jittered(delay)
	message.NextAt = d.clock.Now().Add(delay).UTC()
	if err := replace(ctx, d.store, message); err != nil {
		return 0, err
	}
	return delay, d.followPurge(ctx, message, key)
}

// followPurge deletes what an attempt has written of a job that was deleted while it was made: the deletion did not find it.
func (d *Deliverer) followPurge(ctx context.Context, message *Message, key string) error {
	record, err := archive.Read(ctx, d.store, message.Namespace, message.Job)
	if errors.Is(err, storage.ErrNotFound) || err == nil && !isPurged(record, message) {
		return nil
	}
	if err != nil {
		return err
	}
	if _, err := d.store.DeleteAll(ctx, storage.JobPrefix(message.Namespace, message.UID)); err != nil {
		return err
	}
	return d.store.Delete(ctx, key)
}

// isPurged tells that the job of a message was deleted. Nobody is told of it then.
func isPurged(record *archive.Record, message *Message) bool {
	return record.Job.UID == message.UID && record.Deleted == archive.Purged
}

// attempt posts a message. It fails only where that could not be tried.
func (d *Deliverer) attempt(ctx context.Context, message *Message) (result, error) {
	secret, err := d.secrets.find(ctx, message.Namespace, message.Secret)
	var problem *secretProblem
	if errors.As(err, &problem) {
		return result{problem: problem.reason}, nil
	}
	if err != nil {
		return result{}, err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, message.URL, bytes.NewReader(message.Body))
	if err != nil {
		return result{problem: "the address is none"}, nil
	}
	id, now := "msg_"+string(message.UID), d.clock.Now()
	for name, value := range map[string]string{
		"Content-Type":  "application/json",
		"User-Agent":    "khocr",
		headerID:        id,
		headerTimestamp: strconv.FormatInt(now.Unix(), 10),
		headerSignature: signature(secret, id, now, message.Body),
	} {
		request.Header.Set(name, value)
	}
	response, err := d.client.Do(request)
	if ctx.Err() != nil {
		return result{}, fmt.Errorf("post a message: %w", ctx.Err())
	}
	if err != nil {
		return result{problem: transportProblem(err)}, nil
	}
	defer response.Body.Close()
	_, _ = io.CopyN(io.Discard, response.Body, answerBytes)
	return result{status: response.StatusCode}, nil
}

// transportProblem says why there was no answer. The error's own text would repeat the address.
func transportProblem(err error) string {
	var timeout net.Error
	switch {
	case errors.Is(err, netguard.ErrRefused):
		return "the address is not allowed"
	case errors.As(err, &timeout) && timeout.Timeout():
		return "the receiver did not answer in time"
	default:
		return "the receiver could not be reached"
	}
}
