package e2e

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/api/meta"

	"github.com/openplp/khocr/api/v1alpha1"
	"github.com/openplp/khocr/internal/document"
)

// Strings of the contract's error table.
const (
	khmerBadRequest   = "សំណើមិនត្រឹមត្រូវ"
	khmerUnauthorized = "កូដ API មិនត្រឹមត្រូវ"
)

func TestBadSubmissionsAreRefused(t *testing.T) {
	p := connect(t)
	org := p.newTenant("enterprise")
	good := testdata(t, "native.pdf")
	tests := map[string]struct {
		form   form
		key    string
		status int
		code   string
		khmer  string
	}{
		"not a PDF":               {form: form{fileName: "a.pdf", content: testdata(t, "not-a-pdf.txt")}, status: 400, code: "invalid_file", khmer: khmerBadRequest},
		"empty":                   {form: form{fileName: "a.pdf", content: []byte{}}, status: 400, code: "empty_file", khmer: khmerBadRequest},
		"over 50 MB":              {form: form{fileName: "a.pdf", content: append(bytes.Clone(good), make([]byte, 50<<20)...)}, status: 400, code: "file_too_large", khmer: khmerBadRequest},
		"in no known format":      {form: form{fileName: "a.pdf", content: good, fields: map[string]string{"output_format": "odt"}}, status: 400, khmer: khmerBadRequest},
		"with no known parameter": {form: form{fileName: "a.pdf", content: good, fields: map[string]string{"colour": "red"}}, status: 400, khmer: khmerBadRequest},
		"of no priority":          {form: form{fileName: "a.pdf", content: good, fields: map[string]string{"priority": "urgent"}}, status: 400, khmer: khmerBadRequest},
		"with a muddled force":    {form: form{fileName: "a.pdf", content: good, fields: map[string]string{"force_ocr": "perhaps"}}, status: 400, khmer: khmerBadRequest},
		"without a file":          {form: form{fields: map[string]string{"output_format": "json"}}, status: 400, khmer: khmerBadRequest},
		"without a key":           {form: form{fileName: "a.pdf", content: good}, key: "none", status: 401, khmer: khmerUnauthorized},
		"with a wrong key":        {form: form{fileName: "a.pdf", content: good}, key: "khocr_wrong", status: 401, khmer: khmerUnauthorized},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			here := org.at(t)
			switch test.key {
			case "none":
				here.key = ""
			case "":
			default:
				here.key = test.key
			}
			body, contentType := test.form.encode()
			status, answer, err := here.try(http.MethodPost, "/api/v1/convert", body, contentType)
			here.must(err)
			var got problem
			here.must(json.Unmarshal(answer, &got))
			if status != test.status || got.Status != test.status || got.MessageKm != test.khmer || got.Message == "" || got.Code == "" || got.RequestID == "" {
				t.Errorf("status %d: %s", status, answer)
			}
			if test.code != "" && got.Code != test.code {
				t.Errorf("code %s, want %s", got.Code, test.code)
			}
		})
	}
	t.Run("and leave no job behind", func(t *testing.T) {
		jobs := &v1alpha1.OcrJobList{}
		p.must(p.client.List(t.Context(), jobs, inNamespace(org)))
		if len(jobs.Items) != 0 {
			t.Errorf("%d jobs", len(jobs.Items))
		}
	})
}

func TestDocumentsThatOnlyAWorkerCanJudgeFailWithTheReason(t *testing.T) {
	p := connect(t)
	org := p.newTenant("standard")
	for name, want := range map[string]struct{ code, reason string }{
		"password.pdf":  {"password_protected", v1alpha1.ReasonPasswordProtected},
		"truncated.pdf": {"invalid_document", v1alpha1.ReasonInvalidDocument},
	} {
		t.Run(name, func(t *testing.T) {
			here := org.at(t)
			id := here.submit(form{fileName: name, content: testdata(t, name)})
			job := here.await(id)
			if job.Status != "FAILED" || job.Error == nil || job.Error.Code != want.code || job.Error.Message == "" || job.Error.MessageKm == "" {
				t.Errorf("job = %+v, error %+v", job, job.Error)
			}
			condition := meta.FindStatusCondition(here.job(id).Status.Conditions, v1alpha1.ConditionFailed)
			if condition == nil || condition.Reason != want.reason {
				t.Errorf("condition %+v", condition)
			}
			if story := here.kubectl("describe", "ocrjob", id, "-n", here.namespace()); !strings.Contains(story, want.reason) {
				t.Errorf("kubectl describe does not tell why:\n%s", story)
			}
			status, answer, err := here.try(http.MethodGet, "/api/v1/jobs/"+id+"/result", nil, "")
			here.must(err)
			if status != http.StatusConflict {
				t.Errorf("result: status %d: %s", status, answer)
			}
		})
	}
}

func TestAPageThatCrashesTheEngineFailsAlone(t *testing.T) {
	p := connect(t)
	org := p.newTenant("standard")
	id := org.submit(form{fileName: "crash.pdf", content: testdata(t, "crash.pdf")})
	if job := org.await(id); job.Status != "COMPLETED" {
		t.Fatalf("job = %+v, error %+v", job, job.Error)
	}
	pages := org.jsonResult(id).Pages
	if len(pages) != 3 {
		t.Fatalf("%d pages", len(pages))
	}
	for i, page := range pages {
		failed := page.Error != nil
		if failed != (i == 1) || failed && page.Error.Code != document.PageErrorCrashed || !failed && page.Text == "" {
			t.Errorf("page %d: error %+v, %d bytes of text", page.Number, page.Error, len(page.Text))
		}
	}
	counts := org.job(id).Status.Pages
	if counts == nil || counts.Failed != 1 || counts.Done != 3 {
		t.Errorf("pages = %+v", counts)
	}
	if usage := org.settledPages(id); usage != 2 {
		t.Errorf("%d pages were charged, want the 2 that have a result", usage)
	}
}

func TestUnknownAddressesAndMethodsAreRefusedAsProblems(t *testing.T) {
	p := connect(t)
	for path, want := range map[string]struct {
		method string
		status int
	}{
		"/api/v1/nothing": {http.MethodGet, http.StatusNotFound},
		"/api/v1/convert": {http.MethodDelete, http.StatusMethodNotAllowed},
	} {
		request, err := http.NewRequestWithContext(t.Context(), want.method, p.url+path, nil)
		p.must(err)
		response, err := http.DefaultClient.Do(request)
		p.must(err)
		answer, err := io.ReadAll(response.Body)
		p.must(err)
		_ = response.Body.Close()
		if response.StatusCode != want.status || response.Header.Get("Content-Type") != "application/problem+json" {
			t.Errorf("%s %s: %d %s: %s", want.method, path, response.StatusCode, response.Header.Get("Content-Type"), answer)
		}
	}
}
