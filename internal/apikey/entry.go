package apikey

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/openplp/khocr/api/v1alpha1"
)

// The rules of an Organization, which the API server would hold an entry against only after it was committed.
const (
	namePattern         = `^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$`
	maxName             = 63
	organizationPattern = `^[a-z0-9]([-a-z0-9]*[a-z0-9])?$`
	maxOrganization     = 57
)

var (
	nameForm         = regexp.MustCompile(namePattern)
	organizationForm = regexp.MustCompile(organizationPattern)
	daysForm         = regexp.MustCompile(`^[1-9][0-9]{0,4}d$`)
	scopes           = []v1alpha1.Scope{v1alpha1.ScopeConvert, v1alpha1.ScopeRead, v1alpha1.ScopeAdmin}
)

// CheckName tells what is wrong with the name of a key.
func CheckName(name string) error {
	if !nameForm.MatchString(name) || len(name) > maxName {
		return fmt.Errorf("a key's name has at most %d lowercase letters, digits, hyphens and dots, and neither begins nor ends with a hyphen or dot", maxName)
	}
	return nil
}

// CheckOrganization tells what is wrong with the name of an organization.
func CheckOrganization(name string) error {
	if !organizationForm.MatchString(name) || len(name) > maxOrganization {
		return fmt.Errorf("an organization's name has at most %d lowercase letters, digits and hyphens, and neither begins nor ends with a hyphen", maxOrganization)
	}
	return nil
}

// ParseScopes reads scopes between commas.
func ParseScopes(text string) ([]v1alpha1.Scope, error) {
	var parsed []v1alpha1.Scope
	for word := range strings.SplitSeq(text, ",") {
		scope := v1alpha1.Scope(strings.TrimSpace(word))
		if !slices.Contains(scopes, scope) {
			return nil, fmt.Errorf("there is no scope %q; name convert, read or admin, several with commas between them", scope)
		}
		if slices.Contains(parsed, scope) {
			return nil, fmt.Errorf("the scope %s is named twice", scope)
		}
		parsed = append(parsed, scope)
	}
	return parsed, nil
}

// ParseExpiry reads the moment from which a key is refused: a number of days from now, as 90d, or the beginning of a day
// in UTC, as 2027-01-31.
func ParseExpiry(text string, now time.Time) (metav1.Time, error) {
	if daysForm.MatchString(text) {
		days, err := strconv.Atoi(strings.TrimSuffix(text, "d"))
		return metav1.NewTime(now.UTC().AddDate(0, 0, days).Truncate(time.Second)), err
	}
	day, err := time.Parse(time.DateOnly, text)
	switch {
	case err != nil:
		return metav1.Time{}, fmt.Errorf("name a number of days, as 90d, or a date, as %s", now.UTC().AddDate(0, 3, 0).Format(time.DateOnly))
	case !day.After(now):
		return metav1.Time{}, fmt.Errorf("the date must be after today, %s in UTC", now.UTC().Format(time.DateOnly))
	}
	return metav1.NewTime(day), nil
}

// Manifest is the entry as an item of spec.apiKeys, indented as Kubernetes' own manifests are, with the remark behind it. It
// begins with the name and ends with the digest, between which a text tool finds all of it.
func Manifest(entry v1alpha1.APIKey, remark string) string {
	var text strings.Builder
	// Quoted, since YAML takes some names and digests for numbers.
	fmt.Fprintf(&text, "  - name: %q # %s\n", entry.Name, remark)
	if len(entry.Scopes) > 0 {
		words := make([]string, len(entry.Scopes))
		for i, scope := range entry.Scopes {
			words[i] = string(scope)
		}
		fmt.Fprintf(&text, "    scopes: [%s]\n", strings.Join(words, ", "))
	}
	if entry.ExpiresAt != nil {
		fmt.Fprintf(&text, "    expiresAt: %q\n", entry.ExpiresAt.UTC().Format(time.RFC3339))
	}
	fmt.Fprintf(&text, "    sha256: %q\n", entry.SHA256)
	return text.String()
}
