package apigateway

import (
	"context"
	"errors"
	"net/http"

	"github.com/openplp/khocr/api/v1alpha1"
	"github.com/openplp/khocr/apigateway/serving"
	"github.com/openplp/khocr/apigateway/tenants"
)

const (
	headerAPIKey = "X-API-Key"
	queryAPIKey  = "api_key"
)

// caller is who sends an authenticated request.
type caller struct {
	organization *v1alpha1.Organization
	key          *v1alpha1.APIKey
}

type callerKey struct{}

// callerOf finds who sends a request; only within authorized.
func callerOf(ctx context.Context) caller { return ctx.Value(callerKey{}).(caller) }

// authorized lets callers through whose key has the scope. It does not touch the body.
func (s *Server) authorized(scope v1alpha1.Scope, handle handlerFunc) handlerFunc {
	return func(w http.ResponseWriter, r *http.Request) error {
		key := r.Header.Get(headerAPIKey)
		if key == "" {
			key = r.URL.Query().Get(queryAPIKey)
		}
		if key == "" {
			return missingAPIKey.because(nil)
		}
		organization, found, err := tenants.Directory{Reader: s.Client}.ByKey(r.Context(), key)
		if errors.Is(err, tenants.ErrUnknownKey) {
			return invalidAPIKey.because(err)
		}
		if err != nil {
			return err
		}
		request := serving.RequestFrom(r.Context())
		request.Organization, request.Key = organization.Name, found.Name
		if err := s.admit(organization, found, scope); err != nil {
			return err
		}
		return handle(w, r.WithContext(context.WithValue(r.Context(), callerKey{}, caller{organization, found})))
	}
}

// admit decides whether a known key may do what a scope stands for.
func (s *Server) admit(organization *v1alpha1.Organization, key *v1alpha1.APIKey, scope v1alpha1.Scope) error {
	switch {
	case tenants.Expired(key, s.Now()):
		return keyExpired.because(nil)
	case scope == v1alpha1.ScopeConvert && organization.IsSuspended():
		return organizationSuspended.because(nil)
	case !tenants.Allows(key, scope):
		return insufficientScope.detailed("This needs an API key with the scope %s.", scope)
	// A namespace that the manager has not taken into possession could be another organization's.
	case organization.Status.Namespace != organization.JobNamespace():
		return organizationNotReady.because(nil)
	}
	return nil
}

// onlyQuery refuses query parameters that a resource does not know, and any that is there twice.
func onlyQuery(r *http.Request, known ...string) error {
	for name, values := range r.URL.Query() {
		isKnown := name == queryAPIKey
		for _, one := range known {
			isKnown = isKnown || name == one
		}
		if !isKnown {
			return unknownParameter.detailed("The query parameter %s is not known.", shown(name))
		}
		if len(values) > 1 {
			return duplicateParameter.detailed("The query parameter %s is there %d times.", shown(name), len(values))
		}
	}
	return nil
}
