package backup

import (
	"context"
	"fmt"
	"path"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/openplp/khocr/api/v1alpha1"
)

// lookAround fails where khocr is at work: what a restore makes beside others would be taken up before it is whole, and what has
// gone on since an earlier restore would be put back.
func lookAround(ctx context.Context, cluster client.Client, all *resources) error {
	if len(all.Organizations) == 0 && len(all.Jobs) == 0 {
		return nil // nobody would take anything up
	}
	for _, kind := range []string{"Organization", "OcrJob"} {
		var there metav1.PartialObjectMetadataList
		there.SetGroupVersionKind(v1alpha1.GroupVersion.WithKind(kind + "List"))
		if err := cluster.List(ctx, &there); err != nil {
			return fmt.Errorf("look for what exists already: %w", err)
		}
		if name, found := stranger(all, there.Items); found {
			return fmt.Errorf("%s %s is not from this backup, which is restored into an empty cluster: nothing was changed", kind, name)
		}
	}
	for i := range all.Organizations {
		name := all.Organizations[i].Status.Namespace
		if name == "" {
			continue
		}
		var namespace corev1.Namespace
		err := cluster.Get(ctx, client.ObjectKey{Name: name}, &namespace)
		if err != nil && !apierrors.IsNotFound(err) {
			return fmt.Errorf("look for namespace %s: %w", name, err)
		}
		// A restore labels none, and a manager does so at once.
		if _, completed := namespace.Labels[v1alpha1.LabelOrganization]; completed {
			return fmt.Errorf("khocr has taken up namespace %s already, and a backup is restored before that: nothing was changed", name)
		}
	}
	return nil
}

// stranger finds one of those that are there that no restore of this backup has made.
func stranger(all *resources, there []metav1.PartialObjectMetadata) (name string, found bool) {
	own := map[types.UID]bool{}
	for i := range all.Organizations {
		own[all.Organizations[i].UID] = true
	}
	for i := range all.Jobs {
		own[all.Jobs[i].UID] = true
	}
	for i := range there {
		if !own[types.UID(there[i].Annotations[annotationRestoredFrom])] {
			return path.Join(there[i].Namespace, there[i].Name), true
		}
	}
	return "", false
}
