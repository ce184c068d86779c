package tenants

import (
	"errors"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/openplp/khocr/api/v1alpha1"
	"github.com/openplp/khocr/internal/apikey"
)

func organization(name string, hashes ...string) v1alpha1.Organization {
	o := v1alpha1.Organization{ObjectMeta: metav1.ObjectMeta{Name: name}}
	for i, hash := range hashes {
		o.Spec.APIKeys = append(o.Spec.APIKeys, v1alpha1.APIKey{Name: string(rune('a' + i)), SHA256: hash})
	}
	return o
}

func TestOwner(t *testing.T) {
	ours, theirs := apikey.Hash("khocr_ours"), apikey.Hash("khocr_theirs")
	for name, c := range map[string]struct {
		among []v1alpha1.Organization
		want  string
	}{
		"nobody":                           {nil, ""},
		"an organization with another key": {[]v1alpha1.Organization{organization("one", theirs)}, ""},
		"the second of two keys":           {[]v1alpha1.Organization{organization("one", theirs, ours)}, "one/b"},
		"the same digest in two organizations": {
			[]v1alpha1.Organization{organization("one", ours), organization("two", ours)}, ""},
		"the same digest twice in one organization": {[]v1alpha1.Organization{organization("one", ours, ours)}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			found, key, err := owner(c.among, ours)
			got := ""
			if err == nil {
				got = found.Name + "/" + key.Name
			} else if !errors.Is(err, ErrUnknownKey) {
				t.Fatal(err)
			}
			if got != c.want {
				t.Errorf("owner is %q, want %q", got, c.want)
			}
		})
	}
}

func TestAKeyIsRefusedFromTheMomentOfItsExpiry(t *testing.T) {
	moment := metav1.NewTime(time.Date(2026, 8, 1, 0, 0, 0, 0, time.UTC))
	key := &v1alpha1.APIKey{ExpiresAt: &moment}
	if Expired(key, moment.Add(-time.Nanosecond)) || !Expired(key, moment.Time) {
		t.Error("the key does not expire at its moment")
	}
	if Expired(&v1alpha1.APIKey{}, moment.Time) {
		t.Error("a key without an expiry expired")
	}
}

func TestAllows(t *testing.T) {
	type scopes = []v1alpha1.Scope
	for name, c := range map[string]struct {
		granted              scopes
		convert, read, admin bool
	}{
		"none named": {nil, true, true, false},
		"convert":    {scopes{v1alpha1.ScopeConvert}, true, false, false},
		"read":       {scopes{v1alpha1.ScopeRead}, false, true, false},
		"admin":      {scopes{v1alpha1.ScopeAdmin}, true, true, true},
	} {
		t.Run(name, func(t *testing.T) {
			key := &v1alpha1.APIKey{Scopes: c.granted}
			for scope, want := range map[v1alpha1.Scope]bool{
				v1alpha1.ScopeConvert: c.convert, v1alpha1.ScopeRead: c.read, v1alpha1.ScopeAdmin: c.admin,
			} {
				if Allows(key, scope) != want {
					t.Errorf("%s allowed: %v, want %v", scope, !want, want)
				}
			}
		})
	}
}
