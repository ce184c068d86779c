// Package changes tells whoever waits for a job that it may have changed, so that nobody has to ask again and again. It is fed
// by an informer, keeps no state of jobs, and never waits for those whom it tells.
package changes

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"k8s.io/apimachinery/pkg/types"
	toolscache "k8s.io/client-go/tools/cache"
	"sigs.k8s.io/controller-runtime/pkg/cache"

	"github.com/openplp/khocr/api/v1alpha1"
)

// PerNamespace is how many subscriptions there may be to the jobs of one namespace.
const PerNamespace = 100

// ErrTooMany: the namespace has as many subscriptions as it may.
var ErrTooMany = errors.New("too many subscriptions")

// Hub knows who waits for which job. Its methods may be called from many goroutines.
type Hub struct {
	lock       sync.Mutex
	closed     bool
	namespaces map[string]map[*Subscription]struct{}
	jobs       map[types.NamespacedName]map[*Subscription]struct{}
}

// Subscription is one wait for the changes of one job.
type Subscription struct {
	// Changed gets a value after the job was made, changed or deleted, one for all that happened since the last was taken: the
	// informer shows what happened by then. It is closed with the hub.
	Changed <-chan struct{}

	hub     *Hub
	job     types.NamespacedName
	changed chan struct{}
}

// New makes a Hub that Follow has to feed.
func New() *Hub {
	return &Hub{
		namespaces: map[string]map[*Subscription]struct{}{},
		jobs:       map[types.NamespacedName]map[*Subscription]struct{}{},
	}
}

// Follow feeds the hub by the informer of OcrJobs.
func (h *Hub) Follow(ctx context.Context, informers cache.Informers) error {
	informer, err := informers.GetInformer(ctx, &v1alpha1.OcrJob{}, cache.BlockUntilSynced(false))
	if err != nil {
		return fmt.Errorf("watch the jobs: %w", err)
	}
	_, err = informer.AddEventHandler(toolscache.ResourceEventHandlerFuncs{
		AddFunc:    h.tell,
		UpdateFunc: func(_, job any) { h.tell(job) },
		DeleteFunc: h.tell,
	})
	if err != nil {
		return fmt.Errorf("follow the changes of jobs: %w", err)
	}
	return nil
}

func (h *Hub) tell(job any) {
	name, err := toolscache.DeletionHandlingObjectToName(job)
	if err != nil {
		return // not from the informer of a kind
	}
	h.lock.Lock()
	defer h.lock.Unlock()
	for subscription := range h.jobs[name.AsNamespacedName()] {
		select {
		case subscription.changed <- struct{}{}:
		default: // it has one to take
		}
	}
}

// Subscribe begins to tell of a job, whether it exists or not, until the subscription is closed. It fails with ErrTooMany.
// Whoever looks at the job after that misses nothing.
func (h *Hub) Subscribe(job types.NamespacedName) (*Subscription, error) {
	h.lock.Lock()
	defer h.lock.Unlock()
	if len(h.namespaces[job.Namespace]) >= PerNamespace {
		return nil, ErrTooMany
	}
	changed := make(chan struct{}, 1)
	subscription := &Subscription{Changed: changed, hub: h, job: job, changed: changed}
	insert(h.namespaces, job.Namespace, subscription)
	if h.closed {
		close(changed)
	} else {
		insert(h.jobs, job, subscription)
	}
	return subscription, nil
}

// Close ends the subscription.
func (s *Subscription) Close() {
	s.hub.lock.Lock()
	defer s.hub.lock.Unlock()
	remove(s.hub.namespaces, s.job.Namespace, s)
	remove(s.hub.jobs, s.job, s)
}

// Close ends all waits, those to come included: the process is about to stop.
func (h *Hub) Close() {
	h.lock.Lock()
	defer h.lock.Unlock()
	if h.closed {
		return
	}
	h.closed = true
	for _, subscriptions := range h.jobs {
		for subscription := range subscriptions {
			close(subscription.changed)
		}
	}
	// Nothing is told any more.
	h.jobs = map[types.NamespacedName]map[*Subscription]struct{}{}
}

func insert[K comparable](sets map[K]map[*Subscription]struct{}, key K, subscription *Subscription) {
	if sets[key] == nil {
		sets[key] = map[*Subscription]struct{}{}
	}
	sets[key][subscription] = struct{}{}
}

func remove[K comparable](sets map[K]map[*Subscription]struct{}, key K, subscription *Subscription) {
	delete(sets[key], subscription)
	if len(sets[key]) == 0 {
		delete(sets, key)
	}
}
