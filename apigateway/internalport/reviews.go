package internalport

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"golang.org/x/time/rate"
	authenticationv1 "k8s.io/api/authentication/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/openplp/khocr/internal/workerport"
)

const (
	// reviewTime is how long a review stands. A pod that was deleted is served that much longer at most.
	reviewTime = 10 * time.Second
	maxReviews = 4096
	// reviewsASecond leaves the API server, and this process's share of it, to others whatever tokens come: it is enough for a thousand
	// workers.
	reviewsASecond = 100
)

// Keys of what the API server says of a token that is bound to a pod.
const (
	extraPodName = "authentication.kubernetes.io/pod-name"
	extraPodUID  = "authentication.kubernetes.io/pod-uid"
)

// errNoWorker: the token is not one of a worker pod.
var errNoWorker = errors.New("not the token of a worker pod")

// pod is the worker pod that a token is bound to.
type pod struct {
	namespace, name string
	uid             types.UID
}

// reviews has the API server tell what tokens are, and remembers it for a moment by the tokens' digests.
type reviews struct {
	client  client.Client
	recent  *cache.LRUExpireCache
	allowed *rate.Limiter
}

func newReviews(c client.Client) *reviews {
	return &reviews{client: c, recent: cache.NewLRUExpireCache(maxReviews), allowed: rate.NewLimiter(reviewsASecond, 2*reviewsASecond)}
}

type verdict struct {
	pod pod
	err error
}

// podOf finds the worker pod that a token is bound to, or fails with errNoWorker. The API server is asked if permit does not
// fail.
func (v *reviews) podOf(ctx context.Context, token string, permit func() error) (pod, error) {
	digest := sha256.Sum256([]byte(token))
	if known, ok := v.recent.Get(digest); ok {
		recent := known.(verdict)
		return recent.pod, recent.err
	}
	if err := permit(); err != nil {
		return pod{}, err
	}
	if !v.allowed.Allow() {
		return pod{}, errors.New("too many tokens that are not known")
	}
	review := &authenticationv1.TokenReview{Spec: authenticationv1.TokenReviewSpec{
		Token:     token,
		Audiences: []string{workerport.Audience},
	}}
	if err := v.client.Create(ctx, review); err != nil {
		return pod{}, fmt.Errorf("have a token reviewed: %w", err)
	}
	found, err := workerPod(&review.Status)
	v.recent.Add(digest, verdict{found, err}, reviewTime)
	return found, err
}

// workerPod reads a review: it must be about our audience, a worker's account and a pod.
func workerPod(status *authenticationv1.TokenReviewStatus) (pod, error) {
	if !status.Authenticated || !slices.Contains(status.Audiences, workerport.Audience) {
		return pod{}, errNoWorker
	}
	account, ok := strings.CutPrefix(status.User.Username, "system:serviceaccount:")
	namespace, name, found := strings.Cut(account, ":")
	if !ok || !found || name != workerport.ServiceAccount {
		return pod{}, fmt.Errorf("%w: its account is another", errNoWorker)
	}
	names, uids := status.User.Extra[extraPodName], status.User.Extra[extraPodUID]
	if len(names) != 1 || len(uids) != 1 || uids[0] == "" {
		return pod{}, fmt.Errorf("%w: it is bound to no pod", errNoWorker)
	}
	return pod{namespace: namespace, name: names[0], uid: types.UID(uids[0])}, nil
}
