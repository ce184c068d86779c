package certs

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"

	"github.com/openplp/khocr/internal/seal"
)

const (
	// KeySecretName is the Secret with the platform's key, which the gateways seal and sign with.
	KeySecretName = "khocr-gateway-key"

	keyOfPlatform = "key"
)

// +kubebuilder:rbac:groups="",namespace=khocr-system,resources=secrets,resourceNames=khocr-gateway-key,verbs=get

// keepKey makes the platform's key where there is none. Whatever is there stays: what a key has sealed, no other opens.
func (r *Reconciler) keepKey(ctx context.Context) error {
	secret, err := r.read(ctx, KeySecretName)
	if err != nil {
		return err
	}
	if secret.ResourceVersion == "" {
		secret.Type = corev1.SecretTypeOpaque
		secret.Immutable = new(true)
		secret.Data = map[string][]byte{keyOfPlatform: seal.Random()}
		return r.write(ctx, secret)
	}
	if _, err := seal.NewKey(secret.Data[keyOfPlatform]); err != nil {
		return fmt.Errorf("reading the key %q of Secret %s, which is left as it is: %w", keyOfPlatform, KeySecretName, err)
	}
	return nil
}
