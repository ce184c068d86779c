package apigateway

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/openplp/khocr/api/v1alpha1"
	"github.com/openplp/khocr/apigateway/serving"
	"github.com/openplp/khocr/apigateway/tenants"
	"github.com/openplp/khocr/internal/apikey"
)

const (
	headerAPIKey = "X-API-Key"
	queryAPIKey  = "api_key"
)

// caller is who sends an admitted request, and what they are held to.
type caller struct {
	organization *v1alpha1.Organization
	key          *v1alpha1.APIKey
	terms        terms
	// until is when the caller's event token ends, and job the one that it is for; zero with a key.
	until time.Time
	job   types.UID
}

type callerKey struct{}

// callerOf finds who sends a request; only within admitted.
func callerOf(ctx context.Context) *caller { return ctx.Value(callerKey{}).(*caller) }

// access is what a resource asks of a caller.
type access struct {
	// scope that the key must have.
	scope v1alpha1.Scope
	// submits tells that the requests are submissions: they are counted by the minute, need a plan, and are closed to
	// organizations that are suspended or on their way out. All others count as reads.
	submits bool
}

var (
	submitting = access{scope: v1alpha1.ScopeConvert, submits: true}
	reading    = access{scope: v1alpha1.ScopeRead}
	// deleting is what DELETE asks of a caller: whoever could submit a document may take it back, whatever has become of the
	// organization since.
	deleting = access{scope: v1alpha1.ScopeConvert}
	// correcting changes what others read, and has no document read: it is open to whoever may still read.
	correcting = access{scope: v1alpha1.ScopeConvert}
)

// admitted lets requests through that have the access, as many as the organization's plan allows. It does not touch the
// body.
func (s *Server) admitted(access access, handle handlerFunc) handlerFunc {
	return s.admittedBy(s.authenticate, access, handle)
}

// admittedBy is admitted with another way to find out who is calling.
func (s *Server) admittedBy(authenticate func(*http.Request) (*caller, error), access access, handle handlerFunc) handlerFunc {
	return func(w http.ResponseWriter, r *http.Request) error {
		by, err := authenticate(r)
		if err != nil {
			return err
		}
		if err := admit(by, access); err != nil {
			return err
		}
		// Who has no plan may read what is there already.
		if by.terms, err = s.termsOf(r.Context(), by.organization); err != nil && access.submits {
			return err
		}
		s.KeyUse.Note(by.organization.JobNamespace(), by.key.Name, s.Now())
		if err := s.count(w, r, by, access.submits); err != nil {
			return err
		}
		return handle(w, r.WithContext(context.WithValue(r.Context(), callerKey{}, by)))
	}
}

// authenticate finds whose key a request has.
func (s *Server) authenticate(r *http.Request) (*caller, error) {
	secret := r.Header.Get(headerAPIKey)
	if secret == "" {
		secret = r.URL.Query().Get(queryAPIKey)
	}
	if secret == "" {
		return nil, missingAPIKey.because(nil)
	}
	return s.callerByDigest(r.Context(), apikey.Hash(secret))
}

// callerByDigest finds who has the key of a digest.
func (s *Server) callerByDigest(ctx context.Context, digest string) (*caller, error) {
	organization, key, err := tenants.Directory{Reader: s.Client}.ByDigest(ctx, digest)
	if errors.Is(err, tenants.ErrUnknownKey) {
		return nil, invalidAPIKey.because(err)
	}
	if err != nil {
		return nil, err
	}
	request := serving.RequestFrom(ctx)
	request.Organization, request.Key = organization.Name, key.Name
	if tenants.Expired(key, s.Now()) {
		return nil, keyExpired.because(nil)
	}
	return &caller{organization: organization, key: key}, nil
}

// admit decides whether a caller has the access.
func admit(by *caller, access access) error {
	organization := by.organization
	switch {
	case access.submits && !organization.DeletionTimestamp.IsZero():
		return organizationClosed.because(nil)
	case access.submits && organization.IsSuspended():
		return organizationSuspended.because(nil)
	case !tenants.Allows(by.key, access.scope):
		return insufficientScope.detailed("This needs an API key with the scope %s.", access.scope)
	// A namespace that the manager has not taken into possession could be another organization's.
	case organization.Status.Namespace != organization.JobNamespace():
		return organizationNotReady.because(nil)
	}
	return nil
}

// termsOf finds what an organization is held to now.
func (s *Server) termsOf(ctx context.Context, organization *v1alpha1.Organization) (terms, error) {
	plan, err := tenants.Directory{Reader: s.Client}.Plan(ctx, organization)
	if err != nil {
		return terms{}, err
	}
	return termsOf(organization, plan, s.Now())
}

// onlyQuery refuses query parameters that a resource does not know, and any that is there twice. A known one that ends in a
// dot stands for all that begin with it.
func onlyQuery(r *http.Request, known ...string) error {
	query, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return malformedQuery.because(err)
	}
	for name, values := range query {
		isKnown := name == queryAPIKey || slices.ContainsFunc(known, func(one string) bool {
			return name == one || strings.HasSuffix(one, ".") && strings.HasPrefix(name, one)
		})
		if !isKnown {
			return unknownParameter.detailed("The query parameter %s is not known.", shown(name)).
				khmer("មិនស្គាល់ប៉ារ៉ាម៉ែត្រ %s នៃអាសយដ្ឋាន (query) ទេ។", shown(name))
		}
		if len(values) > 1 {
			return duplicateParameter.detailed("The query parameter %s is there %d times.", shown(name), len(values))
		}
	}
	return nil
}
