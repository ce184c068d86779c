// Package tenants finds organizations by their keys and namespaces, and the limits that they are held to. It only reads,
// from informers' indexes, and never keeps or logs a key.
package tenants

import (
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/openplp/khocr/api/v1alpha1"
)

var (
	// ErrUnknownKey: no organization has the key, or more than one does, and then it cannot be told whose it is.
	ErrUnknownKey = errors.New("unknown key")
	// ErrNotReady: the organization's namespace is not there yet.
	ErrNotReady = errors.New("organization not ready")
	// ErrNoPlan: the organization's plan is not there.
	ErrNoPlan = errors.New("no plan")
)

// Names of the indexes over Organizations.
const (
	indexKeyHash   = "spec.apiKeys.sha256"
	indexNamespace = "status.namespace"
)

// AddIndexes makes the indexes that a Directory needs, before the informers start.
func AddIndexes(ctx context.Context, indexer client.FieldIndexer) error {
	for name, values := range map[string]client.IndexerFunc{indexKeyHash: keyHashes, indexNamespace: namespaces} {
		if err := indexer.IndexField(ctx, &v1alpha1.Organization{}, name, values); err != nil {
			return fmt.Errorf("index organizations by %s: %w", name, err)
		}
	}
	return nil
}

func keyHashes(object client.Object) []string {
	keys := object.(*v1alpha1.Organization).Spec.APIKeys
	hashes := make([]string, 0, len(keys))
	for _, key := range keys {
		hashes = append(hashes, key.SHA256)
	}
	return hashes
}

// namespaces goes by what the manager has given: any organization may claim a namespace, and one has it.
func namespaces(object client.Object) []string {
	if namespace := object.(*v1alpha1.Organization).Status.Namespace; namespace != "" {
		return []string{namespace}
	}
	return nil
}

// Directory looks organizations up in a cache that has the indexes of AddIndexes. What it finds is the cache's own and must
// never be changed: an organization carries its ledger, and copying that for every request would take most of its time.
type Directory struct {
	Reader client.Reader
}

// ByDigest finds whose key has the digest, as apikey.Hash makes it, expired or not, or fails with ErrUnknownKey.
func (d Directory) ByDigest(ctx context.Context, digest string) (*v1alpha1.Organization, *v1alpha1.APIKey, error) {
	var found v1alpha1.OrganizationList
	if err := d.Reader.List(ctx, &found, client.MatchingFields{indexKeyHash: digest}, client.UnsafeDisableDeepCopy); err != nil {
		return nil, nil, fmt.Errorf("look up a key: %w", err)
	}
	return owner(found.Items, digest)
}

// owner picks the one key of that digest. A digest that stands twice is refused, in one organization as in two: whose
// pages and whose scopes it is about would be a matter of chance.
func owner(organizations []v1alpha1.Organization, hash string) (*v1alpha1.Organization, *v1alpha1.APIKey, error) {
	var organization *v1alpha1.Organization
	var key *v1alpha1.APIKey
	for i := range organizations {
		for j := range organizations[i].Spec.APIKeys {
			candidate := &organizations[i].Spec.APIKeys[j]
			if subtle.ConstantTimeCompare([]byte(candidate.SHA256), []byte(hash)) != 1 {
				continue
			}
			if key != nil {
				return nil, nil, fmt.Errorf("%w: its digest stands in %s and in %s",
					ErrUnknownKey, organization.Name, organizations[i].Name)
			}
			organization, key = &organizations[i], candidate
		}
	}
	if key == nil {
		return nil, nil, ErrUnknownKey
	}
	return organization, key, nil
}

// ByNamespace finds the organization that owns a namespace, or fails with ErrNotReady.
func (d Directory) ByNamespace(ctx context.Context, namespace string) (*v1alpha1.Organization, error) {
	var found v1alpha1.OrganizationList
	if err := d.Reader.List(ctx, &found, client.MatchingFields{indexNamespace: namespace}, client.UnsafeDisableDeepCopy); err != nil {
		return nil, fmt.Errorf("look up the organization of namespace %s: %w", namespace, err)
	}
	if len(found.Items) != 1 {
		return nil, fmt.Errorf("%w: %d organizations have namespace %s", ErrNotReady, len(found.Items), namespace)
	}
	return &found.Items[0], nil
}

// Plan finds the plan of an organization, or fails with ErrNoPlan.
func (d Directory) Plan(ctx context.Context, organization *v1alpha1.Organization) (*v1alpha1.Plan, error) {
	plan := new(v1alpha1.Plan)
	err := d.Reader.Get(ctx, client.ObjectKey{Name: organization.Spec.PlanRef}, plan, client.UnsafeDisableDeepCopy)
	if apierrors.IsNotFound(err) {
		return nil, fmt.Errorf("%w: there is no plan %s", ErrNoPlan, organization.Spec.PlanRef)
	}
	if err != nil {
		return nil, fmt.Errorf("look up plan %s: %w", organization.Spec.PlanRef, err)
	}
	return plan, nil
}

// Expired tells whether a key is refused at that moment.
func Expired(key *v1alpha1.APIKey, now time.Time) bool {
	return key.ExpiresAt != nil && !now.Before(key.ExpiresAt.Time)
}

// unscoped is what a key may do that names no scopes.
var unscoped = []v1alpha1.Scope{v1alpha1.ScopeConvert, v1alpha1.ScopeRead}

// Scopes are those that a key has. One that names none may convert and read.
func Scopes(key *v1alpha1.APIKey) []v1alpha1.Scope {
	if len(key.Scopes) == 0 {
		return unscoped
	}
	return key.Scopes
}

// Allows tells whether a key has a scope, admin being all of them.
func Allows(key *v1alpha1.APIKey, scope v1alpha1.Scope) bool {
	for _, has := range Scopes(key) {
		if has == scope || has == v1alpha1.ScopeAdmin {
			return true
		}
	}
	return false
}
