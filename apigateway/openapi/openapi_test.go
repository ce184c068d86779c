package openapi

import (
	"encoding/json"
	"maps"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"testing"
)

func get(t *testing.T, path string, header http.Header) *httptest.ResponseRecorder {
	t.Helper()
	handler := Files()[path]
	if handler == nil {
		t.Fatalf("nothing is served at %s", path)
	}
	request := httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, nil)
	maps.Copy(request.Header, header)
	answer := httptest.NewRecorder()
	handler.ServeHTTP(answer, request)
	return answer
}

func TestFilesAreSentOnce(t *testing.T) {
	for path, contentType := range map[string]string{
		"/openapi.json": "application/openapi+json", "/openapi.yaml": "application/openapi+yaml",
		"/docs": "text/html; charset=utf-8", "/docs/style.css": "text/css; charset=utf-8",
	} {
		first := get(t, path, nil)
		etag := first.Header().Get("ETag")
		if first.Code != http.StatusOK || first.Header().Get("Content-Type") != contentType || etag == "" || first.Body.Len() == 0 {
			t.Errorf("%s: status %d, headers %v, %d bytes", path, first.Code, first.Header(), first.Body.Len())
		}
		again := get(t, path, http.Header{"If-None-Match": {etag}})
		if again.Code != http.StatusNotModified || again.Body.Len() != 0 {
			t.Errorf("%s: status %d with %d bytes for who has it", path, again.Code, again.Body.Len())
		}
	}
}

func TestTheJSONIsTheYAML(t *testing.T) {
	var document struct {
		OpenAPI string
		Paths   map[string]any
	}
	if err := json.Unmarshal(JSON(), &document); err != nil || document.OpenAPI != "3.1.0" || document.Paths["/convert"] == nil {
		t.Errorf("%v: OpenAPI %q with %d paths", err, document.OpenAPI, len(document.Paths))
	}
}

// reference finds what makes a browser load or open something else.
var reference = regexp.MustCompile(`(?i)(?:href|src|srcset|action|data|poster|cite|background)\s*=\s*["']?([^"'\s>]*)|url\(([^)]*)\)|@import`)

func TestThePageNeedsNothingFromElsewhere(t *testing.T) {
	answer := get(t, "/docs", nil)
	text := answer.Body.String()
	served := slices.Collect(maps.Keys(Files()))
	for _, match := range reference.FindAllStringSubmatch(text+string(style), -1) {
		target := match[1]
		if fragment, ok := strings.CutPrefix(target, "#"); ok {
			if !strings.Contains(text, `id="`+fragment+`"`) {
				t.Errorf("the link %q leads nowhere", match[0])
			}
		} else if !slices.Contains(served, target) {
			t.Errorf("%q is not served by the gateway", match[0])
		}
	}
	for _, forbidden := range []string{"<script", "<style", " style=", "javascript:", "<iframe", "<object", "<embed"} {
		if strings.Contains(text, forbidden) {
			t.Errorf("the page has %q", forbidden)
		}
	}
	if got := answer.Header().Get("Content-Security-Policy"); !strings.HasPrefix(got, "default-src 'none'; style-src 'self';") || strings.Contains(got, "unsafe") {
		t.Errorf("Content-Security-Policy %q", got)
	}
}

func TestThePageTellsOfEverything(t *testing.T) {
	text := string(page())
	for _, want := range []string{
		"/api/v1/convert", "/api/v1/jobs/{id}/pages/{n}", `id="jobEnded"`, "Idempotency-Key", "X-API-Key", `id="code-rate_limited"`,
		"at most 255 characters", "ឯកសារ PDF បានដាក់សម្រាប់ដំណើរការ",
		`curl -X POST https://HOST/api/v1/convert -H &#34;X-API-Key: khocr_your_key&#34; -F &#34;file=@document.pdf&#34;`,
	} {
		if !strings.Contains(text, want) {
			t.Errorf("the page does not tell of %s", want)
		}
	}
}
