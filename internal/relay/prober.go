package relay

import (
	"context"
	"crypto/sha256"
	"maps"
	"time"

	"golang.org/x/sync/errgroup"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	metaapply "k8s.io/client-go/applyconfigurations/meta/v1"
	coordinationv1 "k8s.io/client-go/kubernetes/typed/coordination/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/openplp/khocr/api/v1alpha1"
	apply "github.com/openplp/khocr/api/v1alpha1/applyconfiguration/api/v1alpha1"
	"github.com/openplp/khocr/internal/lease"
)

const (
	// LeaseName is the name of the Lease that the relay holds which looks at endpoints.
	LeaseName = "khocr-relay"
	// fieldManager of what the relay writes into a model's status.
	fieldManager = "khocr-relay"

	// lookAround is how often models and the files of keys are looked at, which costs no request.
	lookAround = time.Second
	// Times between two looks at an endpoint.
	reachableTime   = time.Minute
	unreachableTime = 15 * time.Second
	// nudgedTime where a question has failed meanwhile.
	nudgedTime = 5 * time.Second
	// noteTime is how long a finding that stays the same is not noted again. A model whose endpoint nobody has looked at for a
	// quarter of an hour is not ready.
	noteTime = 5 * time.Minute
	// probesAtOnce bounds the endpoints that are looked at together.
	probesAtOnce = 8
)

// view is what the prober has seen of a model.
type view struct {
	at time.Time
	// generation of the model, and the digest of its key, that it was seen with.
	generation int64
	key        [sha256.Size]byte
	finding    finding
	// noted is when the model's status was written.
	noted time.Time
}

// due tells whether an endpoint is to be looked at. The view is nil where nobody has.
func due(seen *view, generation int64, key [sha256.Size]byte, nudged bool, now time.Time) bool {
	if seen == nil || seen.generation != generation || seen.key != key {
		return true
	}
	pause := unreachableTime
	switch {
	case nudged:
		pause = nudgedTime
	case seen.finding.status() == metav1.ConditionTrue:
		pause = reachableTime
	}
	return now.Sub(seen.at) >= pause
}

// worthNoting tells whether a finding is written into the status that was seen.
func worthNoting(before *metav1.Condition, generation int64, f finding, noted, now time.Time) bool {
	return before == nil || before.Status != f.status() || before.Reason != f.reason || before.Message != f.message ||
		before.ObservedGeneration != generation || now.Sub(noted) >= noteTime
}

// Probe looks at the endpoints of all models whenever this relay, of the identity given, holds the Lease in the namespace, until ctx
// is done.
func (r *Relay) Probe(ctx context.Context, leases coordinationv1.LeasesGetter, namespace, identity string) error {
	return lease.Hold(ctx, leases, namespace, LeaseName, identity, func(leading context.Context) {
		r.Log.InfoContext(leading, "looking at endpoints begins", "identity", identity)
		r.watch(leading)
	}, func() {
		r.Log.InfoContext(ctx, "looking at endpoints is another relay's, or nobody's", "identity", identity)
	})
}

// nudge has a model's endpoint looked at soon: a question has failed.
func (r *Relay) nudge(model string) {
	select {
	case r.nudges <- model:
	default: // it is looked at in its time
	}
}

// watch looks at endpoints until ctx ends.
func (r *Relay) watch(ctx context.Context) {
	views, nudged := map[string]*view{}, map[string]bool{}
	ticker := time.NewTicker(lookAround)
	defer ticker.Stop()
	for {
		for len(r.nudges) > 0 {
			nudged[<-r.nudges] = true
		}
		r.look(ctx, views, nudged)
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

// look looks at the endpoints that are due, and keeps what it saw.
func (r *Relay) look(ctx context.Context, views map[string]*view, nudged map[string]bool) {
	var models v1alpha1.OcrModelList
	if err := r.Models.List(ctx, &models); err != nil {
		r.Log.ErrorContext(ctx, "the models cannot be listed", "err", err)
		return
	}
	there := map[string]bool{}
	looks := new(errgroup.Group)
	looks.SetLimit(probesAtOnce)
	for i := range models.Items {
		model := &models.Items[i]
		if !model.IsAI() {
			continue
		}
		there[model.Name] = true
		// An empty digest stands for a key that is missing.
		var digest [sha256.Size]byte
		if key, err := readKey(r.KeysDir, model.Spec.OpenAI.APIKeyName); err == nil {
			digest = sha256.Sum256([]byte(key))
		}
		seen := views[model.Name]
		if !due(seen, model.Generation, digest, nudged[model.Name], time.Now()) {
			continue
		}
		delete(nudged, model.Name)
		if seen == nil {
			seen = &view{}
			views[model.Name] = seen
		}
		looks.Go(func() error {
			seen.finding = r.probe(ctx, model.Spec.OpenAI)
			seen.at, seen.generation, seen.key = time.Now(), model.Generation, digest
			r.noteFinding(ctx, model, seen)
			return nil
		})
	}
	_ = looks.Wait()
	for name := range views {
		if !there[name] {
			delete(views, name)
		}
	}
	maps.DeleteFunc(nudged, func(name string, _ bool) bool { return !there[name] })
	r.forget(there)
}

// noteFinding writes what was seen into the model's status, where it is news.
func (r *Relay) noteFinding(ctx context.Context, model *v1alpha1.OcrModel, seen *view) {
	before := meta.FindStatusCondition(model.Status.Conditions, v1alpha1.ConditionReachable)
	now := metav1.Now()
	if ctx.Err() != nil || !worthNoting(before, model.Generation, seen.finding, seen.noted, now.Time) {
		return
	}
	since := now
	if before != nil && before.Status == seen.finding.status() {
		since = before.LastTransitionTime
	}
	status := apply.OcrModelStatus().WithProbedAt(now).WithConditions(metaapply.Condition().
		WithType(v1alpha1.ConditionReachable).WithStatus(seen.finding.status()).WithReason(seen.finding.reason).
		WithMessage(seen.finding.message).WithObservedGeneration(model.Generation).WithLastTransitionTime(since))
	err := r.Cluster.Status().Apply(ctx, apply.OcrModel(model.Name).WithStatus(status), client.FieldOwner(fieldManager), client.ForceOwnership)
	switch {
	case apierrors.IsNotFound(err): // deleted meanwhile
	case err != nil:
		// The next look writes it.
		r.Log.ErrorContext(ctx, "a model's status cannot be written", "model", model.Name, "err", err)
	default:
		seen.noted = now.Time
		if before == nil || before.Reason != seen.finding.reason {
			r.Log.InfoContext(ctx, "an endpoint was looked at", "model", model.Name, "reason", seen.finding.reason, "message", seen.finding.message)
		}
	}
}
