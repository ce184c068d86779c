package apikey

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/yaml"

	"github.com/openplp/khocr/api/v1alpha1"
)

// noon is 7 o'clock in the evening in Phnom Penh.
var noon = time.Date(2026, 11, 22, 12, 0, 0, 500, time.UTC)

func TestNamesFollowTheRulesOfTheResource(t *testing.T) {
	for name, good := range map[string]bool{
		"ci": true, "ci-2026.11": true, "7": true, strings.Repeat("a", 63): true,
		"": false, "CI": false, "ci_1": false, "-ci": false, "ci.": false, "ci\n": false, "ក": false, strings.Repeat("a", 64): false,
	} {
		if err := CheckName(name); (err == nil) != good {
			t.Errorf("a key of the name %q: %v", name, err)
		}
	}
	for name, good := range map[string]bool{
		"moj": true, "moj-2": true, strings.Repeat("a", 57): true,
		"": false, "Moj": false, "moj.gov": false, "moj-": false, strings.Repeat("a", 58): false,
	} {
		if err := CheckOrganization(name); (err == nil) != good {
			t.Errorf("an organization of the name %q: %v", name, err)
		}
	}
}

func TestTheRulesAreThoseOfTheResource(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("..", "..", "config", "crd", "bases", "ocr.openplp.com_organizations.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	var definition struct {
		Spec struct {
			Versions []struct {
				Schema struct{ OpenAPIV3Schema schema }
			}
		}
	}
	if err := yaml.Unmarshal(text, &definition); err != nil {
		t.Fatal(err)
	}
	organization := definition.Spec.Versions[0].Schema.OpenAPIV3Schema
	entry := organization.Properties["spec"].Properties["apiKeys"].Items
	if name := entry.Properties["name"]; name.Pattern != namePattern || name.MaxLength != maxName {
		t.Errorf("a key's name matches %s and has %d characters at most", name.Pattern, name.MaxLength)
	}
	if known := entry.Properties["scopes"].Items.Enum; !slices.Equal(known, scopes) {
		t.Errorf("the scopes are %s, not %s", known, scopes)
	}
	if rules := fmt.Sprint(organization.Validations); !strings.Contains(rules, fmt.Sprintf("size(self.metadata.name) <= %d", maxOrganization)) {
		t.Errorf("an organization's name follows %s", rules)
	}
}

// schema is what the test reads of a resource's definition.
type schema struct {
	Properties  map[string]schema
	Items       *schema
	Pattern     string
	MaxLength   int
	Enum        []v1alpha1.Scope
	Validations []struct{ Rule string } `json:"x-kubernetes-validations"`
}

func TestScopesAreReadBetweenCommas(t *testing.T) {
	for text, want := range map[string]string{
		"read": "[read]", "convert,read": "[convert read]", "convert, read": "[convert read]", "admin": "[admin]",
		"": "", "write": "", "read,read": "", "read,": "", "READ": "",
	} {
		got, err := ParseScopes(text)
		if (err == nil) != (want != "") || err == nil && fmt.Sprint(got) != want {
			t.Errorf("ParseScopes(%q) = %v, %v, want %s", text, got, err, want)
		}
	}
}

func TestAnExpiryIsANumberOfDaysOrADate(t *testing.T) {
	for text, want := range map[string]string{
		"1d":         "2026-11-23T12:00:00Z",
		"90d":        "2027-02-20T12:00:00Z",
		"2026-11-23": "2026-11-23T00:00:00Z",
		"2027-01-31": "2027-01-31T00:00:00Z",
		"":           "", "0d": "", "-1d": "", "90": "", "90h": "", "3m": "", "123456d": "",
		"2026-11-22": "", "2025-01-31": "", "2027-02-30": "", "31.1.2027": "", "2027-01-31T00:00:00Z": "",
	} {
		got, err := ParseExpiry(text, noon)
		if (err == nil) != (want != "") || err == nil && got.UTC().Format(time.RFC3339Nano) != want {
			t.Errorf("ParseExpiry(%q) = %s, %v, want %s", text, got, err, want)
		}
	}
}

func TestAManifestIsAnItemOfAPIKeys(t *testing.T) {
	expiry := metav1.NewTime(time.Date(2027, 1, 31, 7, 0, 0, 0, time.FixedZone("Phnom Penh", 7*60*60)))
	for name, entry := range map[string]v1alpha1.APIKey{
		"with everything":                   {Name: "ci", SHA256: Hash("a"), Scopes: []v1alpha1.Scope{"convert", "read"}, ExpiresAt: &expiry},
		"with what is required":             {Name: "ci-2026.11", SHA256: Hash("b")},
		"of a name that reads as a number":  {Name: "1e5", SHA256: strings.Repeat("0", 62) + "e5"},
		"of a name that reads as a boolean": {Name: "true", SHA256: strings.Repeat("1", 64)},
	} {
		t.Run(name, func(t *testing.T) {
			text := "spec:\n  apiKeys:\n" + Manifest(entry, "made for the test")
			var read v1alpha1.Organization
			if err := yaml.UnmarshalStrict([]byte(text), &read); err != nil {
				t.Fatalf("reading\n%s: %v", text, err)
			}
			if len(read.Spec.APIKeys) != 1 {
				t.Fatalf("%d entries in\n%s", len(read.Spec.APIKeys), text)
			}
			got := read.Spec.APIKeys[0]
			if got.Name != entry.Name || got.SHA256 != entry.SHA256 || fmt.Sprint(got.Scopes) != fmt.Sprint(entry.Scopes) || !got.ExpiresAt.Equal(entry.ExpiresAt) {
				t.Errorf("got %+v from\n%s", got, text)
			}
		})
	}
}
