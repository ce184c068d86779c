package main

import (
	"reflect"
	"testing"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	toolscache "k8s.io/client-go/tools/cache"
)

func TestSlim(t *testing.T) {
	object := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{
		Name: "a", Annotations: map[string]string{corev1.LastAppliedConfigAnnotation: "long", "kept": "yes"},
		Labels: map[string]string{"kept": "yes"}, ManagedFields: []metav1.ManagedFieldsEntry{{Manager: "kubectl"}}}}
	want := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{
		Name: "a", Annotations: map[string]string{"kept": "yes"}, Labels: map[string]string{"kept": "yes"}}}
	if got, err := slim(object); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("a slim object is %+v (%v)", got, err)
	}
	gone := toolscache.DeletedFinalStateUnknown{Key: "a"}
	if got, err := slim(gone); err != nil || got != gone {
		t.Errorf("the last state of what is gone is %+v (%v)", got, err)
	}
}

func TestPoliciesOfOneSpecShareIt(t *testing.T) {
	policy := func(port networkingv1.PolicyType) *networkingv1.NetworkPolicy {
		return &networkingv1.NetworkPolicy{Spec: networkingv1.NetworkPolicySpec{
			PolicyTypes: []networkingv1.PolicyType{port}, Egress: []networkingv1.NetworkPolicyEgressRule{{}}}}
	}
	share := shareSpecs()
	a, b, other, none := policy("Egress"), policy("Egress"), policy("Ingress"), &networkingv1.NetworkPolicy{}
	for _, p := range []*networkingv1.NetworkPolicy{a, b, none, other, a} {
		before := p.DeepCopy()
		if _, err := share(p); err != nil || !reflect.DeepEqual(p, before) {
			t.Errorf("a policy has become %+v (%v), want %+v", p, err, before)
		}
	}
	if &a.Spec.Egress[0] != &b.Spec.Egress[0] {
		t.Error("two policies of one spec hold two of them")
	}
}
