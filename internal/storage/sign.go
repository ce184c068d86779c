package storage

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"gocloud.dev/blob"
)

// SignedLife is for how long a URL of SignedURL lets a read begin. It leaves room for clocks that differ by some minutes.
const SignedLife = 5 * time.Minute

// SignedURL makes a URL with which whoever has it reads what is stored under the key, and nothing else, for SignedLife. It is
// nil where the store cannot sign. It is a secret: it must not be logged or kept.
func (s *Store) SignedURL(ctx context.Context, key string) (*url.URL, error) {
	if s.objects == nil {
		return nil, nil
	}
	signed, err := s.bucket.SignedURL(ctx, key, &blob.SignedURLOptions{Method: http.MethodGet, Expiry: SignedLife})
	if err != nil {
		return nil, unavailable(fmt.Errorf("sign a URL for %s: %w", key, err))
	}
	// An error of url.Parse would repeat it.
	parsed, err := url.Parse(signed)
	if err != nil {
		return nil, unavailable(errors.New("the driver has signed what is no URL"))
	}
	return parsed, nil
}
