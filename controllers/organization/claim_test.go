package organization

import (
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/openplp/khocr/api/v1alpha1"
)

var noon = time.Date(2026, 8, 1, 12, 0, 0, 0, time.UTC)

func organization(name string, age time.Duration, keys ...v1alpha1.APIKey) v1alpha1.Organization {
	return v1alpha1.Organization{
		ObjectMeta: metav1.ObjectMeta{Name: name, UID: types.UID(name), Generation: 2, CreationTimestamp: metav1.NewTime(noon.Add(-age))},
		Spec:       v1alpha1.OrganizationSpec{PlanRef: "free", Namespace: "shared", APIKeys: keys},
	}
}

func TestDecideClaim(t *testing.T) {
	old, young, twin := organization("old", time.Hour), organization("young", time.Minute), organization("twin", time.Hour)
	elsewhere := organization("elsewhere", 2*time.Hour)
	elsewhere.Spec.Namespace = "another"
	all := []v1alpha1.Organization{old, young, twin}
	ownedBy := func(o v1alpha1.Organization) *corev1.Namespace { return newNamespace(&o) }
	mentioned := ownedBy(old)
	mentioned.OwnerReferences[0].Controller = nil
	leaving := ownedBy(old)
	leaving.DeletionTimestamp = new(metav1.NewTime(noon))
	foreignLeaving := ownedBy(young)
	foreignLeaving.DeletionTimestamp = new(metav1.NewTime(noon))
	recreated := old
	recreated.UID = "old-2"

	tests := map[string]struct {
		organization v1alpha1.Organization
		others       []v1alpha1.Organization
		namespace    *corev1.Namespace
		want         claim
	}{
		"a namespace that nobody else names is free":                       {young, []v1alpha1.Organization{young, elsewhere}, nil, claimFree},
		"the oldest that names a namespace makes it":                       {old, all, nil, claimFree},
		"a younger one does not":                                           {young, all, nil, claimRefused},
		"of two of the same second the first name makes it":                {twin, all, nil, claimRefused},
		"an owner's namespace is its own":                                  {old, all, ownedBy(old), claimOwned},
		"an owner stays one although an older one names it":                {young, all, ownedBy(young), claimOwned},
		"an older one does not take what is owned":                         {old, all, ownedBy(young), claimRefused},
		"an owner's namespace that is being deleted is no place to work":   {old, all, leaving, claimLeaving},
		"another's namespace that is being deleted is waited for":          {old, all, foreignLeaving, claimAwaited},
		"a namespace without an owner is left alone":                       {old, all, &corev1.Namespace{}, claimRefused},
		"a namespace that only mentions it is left alone":                  {old, all, mentioned, claimRefused},
		"the namespace of an organization of the same name is not its own": {recreated, all, ownedBy(old), claimRefused},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got, problem := decideClaim(&test.organization, test.others, test.namespace)
			if got != test.want {
				t.Errorf("the claim is %d, want %d", got, test.want)
			}
			if (problem != "") != (got == claimRefused || got == claimAwaited || got == claimLeaving) {
				t.Errorf("the problem is %q", problem)
			}
		})
	}
}
