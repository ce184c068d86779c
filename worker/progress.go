package worker

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"sync"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/rest"

	"github.com/openplp/khocr/api/v1alpha1"
	"github.com/openplp/khocr/internal/workerport"
)

// reportInterval is the least time between two reports of progress, but for the last one.
const reportInterval = 5 * time.Second

// statusClient applies the progress of one part to its OcrJob.
type statusClient struct {
	client rest.Interface
	ticket *workerport.Ticket
}

// newStatusClient makes a client that knows nothing but the one request it makes, so that a worker starts fast: no
// discovery, no scheme of all of Kubernetes.
func newStatusClient(cluster *rest.Config, ticket *workerport.Ticket) (*statusClient, error) {
	scheme := runtime.NewScheme()
	metav1.AddToGroupVersion(scheme, metav1.SchemeGroupVersion)
	config := rest.CopyConfig(cluster)
	config.APIPath = "/apis"
	config.GroupVersion = &v1alpha1.GroupVersion
	config.NegotiatedSerializer = serializer.NewCodecFactory(scheme).WithoutConversion()
	config.UserAgent = "khocr-worker"
	config.Timeout = 5 * time.Second
	client, err := rest.RESTClientFor(config)
	if err != nil {
		return nil, fmt.Errorf("make client of the API server: %w", err)
	}
	return &statusClient{client: client, ticket: ticket}, nil
}

// apply makes the counts the part's progress. What the patch leaves out belongs to others, so it is made of nothing else;
// the plain types do for that, while the generated apply configurations would link all of Kubernetes' types.
func (c *statusClient) apply(ctx context.Context, counts v1alpha1.PageCounts) error {
	job := v1alpha1.OcrJob{
		TypeMeta: metav1.TypeMeta{APIVersion: v1alpha1.GroupVersion.String(), Kind: "OcrJob"},
		ObjectMeta: metav1.ObjectMeta{
			Namespace: c.ticket.Namespace,
			Name:      c.ticket.Job,
			// No UID: the status subresource does not look at it. A job that was deleted and created again is told by the
			// admission policy, because it has not recorded this pod.
		},
		Status: v1alpha1.OcrJobStatus{Workers: []v1alpha1.WorkerStatus{{Part: c.ticket.Part, Progress: &counts}}},
	}
	content, err := json.Marshal(job)
	if err != nil {
		return fmt.Errorf("encode progress: %w", err)
	}
	err = c.client.Patch(types.ApplyPatchType).
		Namespace(c.ticket.Namespace).
		Resource("ocrjobs").
		Name(c.ticket.Job).
		SubResource("status").
		Param("fieldManager", workerport.FieldManager(c.ticket.Part)).
		Param("force", "true").
		Body(content).
		Do(ctx).
		Error()
	if err != nil {
		return fmt.Errorf("apply progress: %w", err)
	}
	return nil
}

// reporter keeps the API server informed of a part's progress, with few writes and none that changes nothing: one with
// the page count, then at most one every interval, and one at the end, which alone may say that all pages are done.
type reporter struct {
	apply    func(context.Context, v1alpha1.PageCounts) error
	interval time.Duration
	log      *slog.Logger

	mutex  sync.Mutex
	counts v1alpha1.PageCounts

	stop    context.CancelFunc
	stopped chan struct{}
	// sent is the last report that arrived; nil before the first. It belongs to the reporting goroutine until stopped.
	sent *v1alpha1.PageCounts
}

// startReporter begins to report, at once and in the background.
func startReporter(apply func(context.Context, v1alpha1.PageCounts) error, interval time.Duration, first v1alpha1.PageCounts, log *slog.Logger) *reporter {
	ctx, cancel := context.WithCancel(context.Background())
	r := &reporter{apply: apply, interval: interval, log: log, counts: first, stop: cancel, stopped: make(chan struct{})}
	go func() {
		defer close(r.stopped)
		r.run(ctx, first)
	}()
	return r
}

// run reports until ctx ends. A report that fails is followed by a fresher one soon; that the first ones are denied is
// usual, because the manager may not have recorded the pod yet.
func (r *reporter) run(ctx context.Context, next v1alpha1.PageCounts) {
	backoff := newBackoff()
	for {
		pause := r.interval
		// That all pages are done completes the job, and is for finish to say.
		if counts := next; counts.Done < counts.Total && (r.sent == nil || *r.sent != counts) {
			// Not cut short by the end of ctx: it would be unknown whether the report arrived.
			if err := r.apply(context.WithoutCancel(ctx), counts); err != nil {
				pause = backoff.Step()
				r.log.Info("Progress was not taken yet", "error", err)
			} else {
				r.sent = &counts
				backoff = newBackoff()
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(pause):
		}
		next = r.current()
	}
}

// add counts a stored page.
func (r *reporter) add(page workerport.StoredPage) {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	r.counts = countPage(r.counts, page)
}

func (r *reporter) current() v1alpha1.PageCounts {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	return r.counts
}

// finish makes the last report, and tries until it has arrived, ctx ends or retryLimit has passed. That all pages are done is
// reported only if the work is complete.
func (r *reporter) finish(ctx context.Context, complete bool) error {
	r.stop()
	<-r.stopped
	last := r.current()
	if r.sent != nil && *r.sent == last || !complete && last.Done == last.Total {
		return nil
	}
	return retry(ctx, func(ctx context.Context) error {
		err := r.apply(ctx, last)
		if err == nil || apierrors.IsNotFound(err) {
			return err
		}
		return retriableError{err}
	})
}
