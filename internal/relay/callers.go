package relay

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/singleflight"
	"golang.org/x/time/rate"
	authenticationv1 "k8s.io/api/authentication/v1"
	"k8s.io/apimachinery/pkg/util/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/openplp/khocr/internal/relayport"
)

const (
	// reviewTime is how long a review of a token stands.
	reviewTime = 10 * time.Second
	maxReviews = 256
	// reviewLimit bounds a review.
	reviewLimit = 10 * time.Second
	// reviewsASecond leaves the API server to others whatever tokens come. The gateways have few.
	reviewsASecond = 10
)

var (
	errNoToken       = errors.New("there is no token of the relay's audience")
	errNotTheGateway = errors.New("the token is not the gateway's")
)

// callers has the API server tell whose tokens are, and remembers it for a moment by the tokens' digests.
type callers struct {
	cluster client.Client
	account string
	recent  *cache.LRUExpireCache
	allowed *rate.Limiter
	// underWay are the reviews that have not ended, by the tokens' digests.
	underWay singleflight.Group
}

func newCallers(cluster client.Client, account string) *callers {
	return &callers{cluster: cluster, account: account, recent: cache.NewLRUExpireCache(maxReviews),
		allowed: rate.NewLimiter(reviewsASecond, 2*reviewsASecond)}
}

type verdict struct{ err error }

// check fails with errNoToken or errNotTheGateway for those who may not ask, otherwise where nobody can tell.
func (c *callers) check(ctx context.Context, request *http.Request) error {
	token, ok := strings.CutPrefix(request.Header.Get("Authorization"), "Bearer ")
	if !ok || token == "" {
		return errNoToken
	}
	digest := sha256.Sum256([]byte(token))
	if known, ok := c.recent.Get(digest); ok {
		return known.(verdict).err
	}
	// Many questions may come together when the last review has grown old: one review is for all of them.
	reviewed := c.underWay.DoChan(string(digest[:]), func() (any, error) {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), reviewLimit)
		defer cancel()
		return nil, c.review(ctx, token, digest)
	})
	select {
	case <-ctx.Done():
		return ctx.Err()
	case result := <-reviewed:
		return result.Err
	}
}

// review has the API server tell whose a token is.
func (c *callers) review(ctx context.Context, token string, digest [sha256.Size]byte) error {
	if known, ok := c.recent.Get(digest); ok {
		return known.(verdict).err // it came a moment ago
	}
	if !c.allowed.Allow() {
		return errors.New("too many tokens that are not known")
	}
	review := &authenticationv1.TokenReview{Spec: authenticationv1.TokenReviewSpec{Token: token, Audiences: []string{relayport.Audience}}}
	if err := c.cluster.Create(ctx, review); err != nil {
		return fmt.Errorf("have a token reviewed: %w", err)
	}
	err := c.judge(&review.Status)
	c.recent.Add(digest, verdict{err}, reviewTime)
	return err
}

func (c *callers) judge(status *authenticationv1.TokenReviewStatus) error {
	switch {
	case !status.Authenticated || !slices.Contains(status.Audiences, relayport.Audience):
		return errNoToken
	case status.User.Username != c.account:
		return errNotTheGateway
	}
	return nil
}
