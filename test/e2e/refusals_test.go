package e2e

import (
	"encoding/json"
	"net/http"
	"testing"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/openplp/khocr/api/v1alpha1"
	"github.com/openplp/khocr/internal/apikey"
)

// khmerForbidden is the contract's string for status 403.
const khmerForbidden = "សិទ្ធិមិនគ្រប់គ្រាន់"

func TestWhatAnOrganizationMayNotDoIsRefusedAtTheDoor(t *testing.T) {
	p := connect(t)
	org := p.newTenant(p.newPlan(func(plan *v1alpha1.PlanSpec) {
		plan.Limits.Priorities = []v1alpha1.Priority{v1alpha1.PriorityNormal}
	}))
	reader, writer := org.withKey("reader", v1alpha1.ScopeRead), org.withKey("writer", v1alpha1.ScopeConvert)
	document := form{fileName: "one.pdf", content: nativePDF("refusals", 1)}
	urgent := document
	urgent.fields = map[string]string{"priority": "high"}

	reader.refuses("a document by a key that may only read", http.MethodPost, "/api/v1/convert", document, "insufficient_scope")
	writer.refuses("a question by a key that may only submit", http.MethodGet, "/api/v1/jobs/000000000000", form{}, "insufficient_scope")
	org.refuses("a priority that the plan does not have", http.MethodPost, "/api/v1/convert", urgent, "priority_not_allowed")
	if jobs := org.jobs(); len(jobs) != 0 {
		t.Errorf("%d jobs were made", len(jobs))
	}
	id := writer.submit(document)
	if job := reader.await(id); job.Status != "COMPLETED" {
		t.Errorf("job = %+v, error %+v", job, job.Error)
	}

	org.change(func(spec *v1alpha1.OrganizationSpec) { spec.Suspended = new(true) })
	org.refuses("a document of a suspended organization", http.MethodPost, "/api/v1/convert", document, "organization_suspended")
	if pages := org.jsonResult(id).Pages; len(pages) != 1 {
		t.Errorf("a suspended organization reads %d pages of its result", len(pages))
	}
	org.change(func(spec *v1alpha1.OrganizationSpec) { spec.Suspended = nil })
	org.until("it may submit again", func() bool {
		_, err := org.trySubmit(document)
		return err == nil
	})
	org.change(func(spec *v1alpha1.OrganizationSpec) { spec.APIKeys = spec.APIKeys[:1] })
	reader.until("a key that was taken away is unknown", func() bool {
		status, body, err := reader.try(http.MethodGet, "/api/v1/jobs/"+id, nil, "")
		return err == nil && status == http.StatusUnauthorized && answer{body: body}.problem().Code == "invalid_api_key"
	})
}

// withKey gives the organization one more key.
func (t *tenant) withKey(name string, scopes ...v1alpha1.Scope) *tenant {
	t.Helper()
	key := apikey.Generate()
	t.change(func(spec *v1alpha1.OrganizationSpec) {
		spec.APIKeys = append(spec.APIKeys, v1alpha1.APIKey{Name: name, SHA256: apikey.Hash(key), Scopes: scopes})
	})
	other := &tenant{platform: t.platform, name: t.name, key: key}
	t.until("the key "+name+" is known", func() bool {
		status, _, err := other.try(http.MethodGet, "/api/v1/jobs/000000000000", nil, "")
		return err == nil && status != http.StatusUnauthorized
	})
	return other
}

// change changes what is asked of the organization, as its operator does.
func (t *tenant) change(change func(*v1alpha1.OrganizationSpec)) {
	t.Helper()
	organization := &v1alpha1.Organization{}
	t.must(t.client.Get(t.Context(), client.ObjectKey{Name: t.name}, organization))
	before := organization.DeepCopy()
	change(&organization.Spec)
	t.must(t.client.Patch(t.Context(), organization, client.MergeFrom(before)))
}

// refuses waits until a request is refused as forbidden, which takes as long as the gateway needs to hear of a change.
func (t *tenant) refuses(what, method, path string, f form, code string) {
	t.Helper()
	t.until(what+" is refused", func() bool {
		body, contentType := f.encode()
		status, content, err := t.try(method, path, body, contentType)
		t.must(err)
		if status != http.StatusForbidden {
			return false
		}
		var told problem
		t.must(json.Unmarshal(content, &told))
		if told.Code != code || told.MessageKm != khmerForbidden || told.Detail == "" {
			t.Errorf("%s is refused with %s", what, content)
		}
		return true
	})
}
