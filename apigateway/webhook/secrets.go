package webhook

import (
	"context"
	"errors"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/openplp/khocr/api/v1alpha1"
	"github.com/openplp/khocr/apigateway/tenants"
)

// secretKey is the key of a Secret that holds a webhook secret.
const secretKey = "secret"

// Secrets finds what messages are signed with, in the Secrets that organizations name. It keeps none.
type Secrets struct {
	Tenants tenants.Directory
	// Live reads from the API server itself: an informer would need the right to list Secrets.
	Live client.Reader
}

// secretProblem says, for people, why there is nothing to sign with.
type secretProblem struct{ reason string }

func (p *secretProblem) Error() string { return p.reason }

// find reads the webhook secret of that name, the first one where it is empty, of the organization that owns the namespace.
// It fails with a secretProblem where somebody has to put something right.
func (s *Secrets) find(ctx context.Context, namespace, name string) ([]byte, error) {
	organization, err := s.Tenants.ByNamespace(ctx, namespace)
	if errors.Is(err, tenants.ErrNotReady) {
		return nil, &secretProblem{"the organization is gone"}
	}
	if err != nil {
		return nil, err
	}
	named := pick(organization.Spec.WebhookSecrets, name)
	if named == nil {
		return nil, &secretProblem{"the organization has no such webhook secret"}
	}
	secret := new(corev1.Secret)
	err = s.Live.Get(ctx, client.ObjectKey{Namespace: namespace, Name: named.SecretName}, secret)
	switch {
	case apierrors.IsNotFound(err):
		return nil, &secretProblem{"the Secret of the webhook secret " + named.Name + " does not exist"}
	case apierrors.IsForbidden(err):
		return nil, &secretProblem{"the Secret of the webhook secret " + named.Name + " may not be read yet"}
	case err != nil:
		return nil, fmt.Errorf("read a webhook secret: %w", err)
	}
	key, err := parseSecret(string(secret.Data[secretKey]))
	if err != nil {
		return nil, &secretProblem{"the webhook secret " + named.Name + " is no Standard Webhooks secret: " + err.Error()}
	}
	return key, nil
}

func pick(secrets []v1alpha1.WebhookSecret, name string) *v1alpha1.WebhookSecret {
	for i := range secrets {
		if name == "" || secrets[i].Name == name {
			return &secrets[i]
		}
	}
	return nil
}
