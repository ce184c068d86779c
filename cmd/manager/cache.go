package main

import (
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	networkingv1 "k8s.io/api/networking/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/selection"
	toolscache "k8s.io/client-go/tools/cache"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/openplp/khocr/api/v1alpha1"
	"github.com/openplp/khocr/controllers/certs"
)

// cacheOptions keep out of memory what is none of khocr's business: the manager watches a whole cluster's kinds.
func cacheOptions(o options) cache.Options {
	owned := cache.ByObject{Label: has(v1alpha1.LabelOrganization)}
	return cache.Options{
		DefaultTransform: slim,
		ByObject: map[client.Object]cache.ByObject{
			&corev1.Pod{}:                 {Label: has(v1alpha1.LabelJob)},
			&corev1.ServiceAccount{}:      owned,
			&rbacv1.Role{}:                owned,
			&rbacv1.RoleBinding{}:         owned,
			&networkingv1.NetworkPolicy{}: {Label: owned.Label, Transform: shareSpecs()},
			&corev1.Secret{}:              {Namespaces: map[string]cache.Config{o.namespace: named(certs.SecretName)}},
			&corev1.Service{}: {Namespaces: map[string]cache.Config{
				metav1.NamespaceDefault: named("kubernetes"),
				o.gateway.Namespace:     named(o.gateway.Name),
			}},
			&discoveryv1.EndpointSlice{}: {Namespaces: map[string]cache.Config{
				metav1.NamespaceDefault: {LabelSelector: labels.SelectorFromSet(labels.Set{discoveryv1.LabelServiceName: "kubernetes"})},
			}},
		},
	}
}

// slim drops from an object what no controller reads. It writes nothing into one that is slim already, as that may be in
// use: caches transform what they have once more when they resynchronise.
func slim(o any) (any, error) {
	object, err := meta.Accessor(o)
	if err != nil {
		return o, nil // the last known state of what is gone
	}
	if object.GetManagedFields() != nil {
		object.SetManagedFields(nil)
	}
	if annotations := object.GetAnnotations(); annotations[corev1.LastAppliedConfigAnnotation] != "" {
		delete(annotations, corev1.LastAppliedConfigAnnotation)
	}
	return o, nil
}

// shareSpecs makes a transformation that has network policies share one spec in memory: those of all organizations are
// alike, and are what the manager would hold most of.
func shareSpecs() toolscache.TransformFunc {
	var shared networkingv1.NetworkPolicySpec
	return func(o any) (any, error) {
		policy, ok := o.(*networkingv1.NetworkPolicy)
		if !ok || len(policy.Spec.Egress) == 0 {
			return slim(o)
		}
		switch {
		case !equality.Semantic.DeepEqual(policy.Spec, shared):
			shared = policy.Spec
		case &policy.Spec.Egress[0] != &shared.Egress[0]:
			policy.Spec = shared
		}
		return slim(o)
	}
}

func named(name string) cache.Config {
	return cache.Config{FieldSelector: fields.OneTermEqualSelector("metadata.name", name)}
}

func has(label string) labels.Selector {
	requirement, err := labels.NewRequirement(label, selection.Exists, nil)
	if err != nil {
		panic(err) // the label is a constant
	}
	return labels.NewSelector().Add(*requirement)
}
