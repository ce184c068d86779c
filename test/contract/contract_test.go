package contract

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/pb33f/libopenapi"
	"github.com/pb33f/libopenapi-validator/schema_validation"

	"github.com/openplp/khocr/apigateway/openapi"
)

func TestTheDocumentIsOpenAPI(t *testing.T) {
	document, err := libopenapi.NewDocument(openapi.YAML())
	if err != nil {
		t.Fatal(err)
	}
	if ok, mismatches := schema_validation.ValidateOpenAPIDocument(document); !ok {
		t.Error(joined(mismatches))
	}
}

// TestMismatchesAreFound tries the check itself: each case is an answer that differs from the document in one thing.
func TestMismatchesAreFound(t *testing.T) {
	document, err := Load()
	if err != nil {
		t.Fatal(err)
	}
	const accepted = `{"job_id":"a1b2c3d4e5f6","status":"queued","message":"PDF submitted for processing","message_km":"ឯកសារ PDF បានដាក់សម្រាប់ដំណើរការ"}`
	const problem = `{"type":"tag:openplp.com,2026:khocr/problems/missing_file","title":"a","status":400,"detail":"a","detail_km":"a",` +
		`"code":"missing_file","message":"a","message_km":"a","request_id":"r"}`
	exchange := func(status int, contentType, body string) *Exchange {
		request := httptest.NewRequest(http.MethodPost, "/api/v1/convert", nil)
		header := http.Header{"Content-Type": {contentType}, "X-Request-Id": {"r"}, "Location": {"/api/v1/jobs/a1b2c3d4e5f6"}}
		if status != http.StatusAccepted {
			header.Del("Location")
		}
		return &Exchange{Request: request, Status: status, Header: header, ResponseBody: []byte(body)}
	}
	form := func(fields ...string) func(*Exchange) {
		return func(e *Exchange) {
			var body strings.Builder
			for i := 0; i < len(fields); i += 2 {
				body.WriteString("--b\r\nContent-Disposition: form-data; name=\"" + fields[i] + "\"\r\n\r\n" + fields[i+1] + "\r\n")
			}
			e.Request.Header.Set("Content-Type", "multipart/form-data; boundary=b")
			e.Request.Header.Set("X-API-Key", "khocr_0")
			e.RequestBody = []byte(body.String() + "--b--\r\n")
		}
	}
	const taken, refused = "application/json", "application/problem+json"
	for name, c := range map[string]struct {
		status            int
		contentType, body string
		change            func(*Exchange)
		want              string
	}{
		"an answer as it is described":         {202, taken, accepted, nil, ""},
		"a problem as it is described":         {400, refused, problem, nil, ""},
		"a form as it is described":            {202, taken, accepted, form("file", "%PDF-", "output_format", "docx", "force_ocr", "on"), ""},
		"a field too many":                     {202, taken, strings.Replace(accepted, "{", `{"more":1,`, 1), nil, "more"},
		"a field too few":                      {202, taken, strings.Replace(accepted, `"status":"queued",`, "", 1), nil, "status"},
		"a value of another type":              {202, taken, strings.Replace(accepted, `"a1b2c3d4e5f6"`, "7", 1), nil, "job_id"},
		"a fixed text that is another":         {202, taken, strings.Replace(accepted, "ដំណើរការ", "", 1), nil, "message_km"},
		"a status that is not described":       {201, taken, accepted, nil, "no answer 201"},
		"a media type that is not described":   {202, "text/html", accepted, nil, "text/html"},
		"no JSON at all":                       {202, taken, accepted[1:], nil, "decode"},
		"a header too few":                     {202, taken, accepted, func(e *Exchange) { e.Header.Del("Location") }, "Location"},
		"a header too many":                    {202, taken, accepted, func(e *Exchange) { e.Header.Set("X-Powered-By", "a") }, "X-Powered-By"},
		"a header of another form":             {202, taken, accepted, func(e *Exchange) { e.Header.Set("Location", "http://elsewhere.test/") }, "elsewhere.test"},
		"a code that is none":                  {400, refused, strings.ReplaceAll(problem, "missing_file", "odd"), nil, "odd"},
		"a code of another answer":             {400, refused, strings.ReplaceAll(problem, "missing_file", "rate_limited"), nil, "rate_limited"},
		"a status in the body that is another": {400, refused, strings.Replace(problem, "400", "401", 1), nil, "another one"},
		"a path that is not described":         {202, taken, accepted, func(e *Exchange) { e.Request.URL.Path = "/api/v1/more" }, "no such operation"},
		"a form with a field too many":         {202, taken, accepted, form("file", "%PDF-", "colour", "red"), "colour"},
		"a form with a value out of its list":  {202, taken, accepted, form("file", "%PDF-", "priority", "urgent"), "priority"},
		"a form without the file":              {202, taken, accepted, form("priority", "low"), "file"},
	} {
		t.Run(name, func(t *testing.T) {
			e := exchange(c.status, c.contentType, c.body)
			if c.change != nil {
				c.change(e)
			}
			err := document.Check(e)
			if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
				t.Errorf("error %v, want %q in it", err, c.want)
			}
		})
	}
}
