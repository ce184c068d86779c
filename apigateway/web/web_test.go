package web

import (
	"bytes"
	"compress/gzip"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
)

func get(t *testing.T, path string, header http.Header) *httptest.ResponseRecorder {
	t.Helper()
	handler := Files()[path]
	if handler == nil {
		t.Fatalf("there is no %s", path)
	}
	request := httptest.NewRequest(http.MethodGet, path, nil)
	request.Header = header
	recorder := httptest.NewRecorder()
	handler.ServeHTTP(recorder, request)
	return recorder
}

func TestEveryFileThatThePageNamesIsThere(t *testing.T) {
	reference := regexp.MustCompile(`(?:from|import|src=|href=|url\()\s*["']?((?:\./|\.\./|/web/)[^"')\s>]+)`)
	named := 0
	for path := range Files() {
		answer := get(t, path, nil)
		if strings.HasSuffix(path, ".woff2") {
			continue
		}
		for _, match := range reference.FindAllStringSubmatch(answer.Body.String(), -1) {
			named++
			target := match[1]
			if !strings.HasPrefix(target, "/") {
				base, err := http.NewRequest(http.MethodGet, "http://gateway"+path, nil)
				if err != nil {
					t.Fatal(err)
				}
				resolved, err := base.URL.Parse(target)
				if err != nil {
					t.Fatal(err)
				}
				target = resolved.Path
			}
			if Files()[target] == nil {
				t.Errorf("%s names %s, which is not there", path, target)
			}
		}
	}
	if named < 10 {
		t.Errorf("only %d references were found", named)
	}
}

func TestThePageIsAskedForAnewAndAllElseIsKept(t *testing.T) {
	for path := range Files() {
		answer := get(t, path, nil)
		want := "public, max-age=31536000, immutable"
		if path == "/" {
			want = "no-cache"
		}
		if got := answer.Header().Get("Cache-Control"); got != want {
			t.Errorf("%s: Cache-Control %q, want %q", path, got, want)
		}
		again := get(t, path, http.Header{"If-None-Match": {answer.Header().Get("ETag")}})
		if again.Code != http.StatusNotModified || again.Body.Len() != 0 {
			t.Errorf("%s: asked again with its tag: status %d with %d bytes", path, again.Code, again.Body.Len())
		}
	}
}

func TestNothingIsScriptButThePagesOwnFiles(t *testing.T) {
	for path := range Files() {
		header := get(t, path, nil).Header()
		for _, part := range []string{"default-src 'none'", "script-src 'self'", "style-src 'self'", "require-trusted-types-for 'script'", "trusted-types 'none'", "frame-ancestors 'none'"} {
			if !strings.Contains(header.Get("Content-Security-Policy"), part) {
				t.Errorf("%s: the policy %q lacks %s", path, header.Get("Content-Security-Policy"), part)
			}
		}
		if header.Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%s may be sniffed", path)
		}
	}
	page := get(t, "/", nil).Body.String()
	for name, inline := range map[string]string{
		"a script": `(?i)<script(?:\s[^>]*)?>\s*[^<\s]`, "a style": `(?i)<style|\sstyle=`, "a handler": `(?i)\son[a-z]+=`, "another host": `(?i)(?:src|href)=["']?(?:https?:)?//`,
	} {
		if found := regexp.MustCompile(inline).FindString(page); found != "" {
			t.Errorf("the page has %s: %s", name, found)
		}
	}
}

func TestCompressedIsTheSameAndSmall(t *testing.T) {
	total := 0
	for path := range Files() {
		plain := get(t, path, nil)
		packed := get(t, path, http.Header{"Accept-Encoding": {"br, gzip"}})
		total += packed.Body.Len()
		if packed.Header().Get("Content-Encoding") == "" {
			if !strings.HasSuffix(path, ".woff2") && plain.Body.Len() > 1000 {
				t.Errorf("%s is not compressed", path)
			}
			continue
		}
		if packed.Header().Get("ETag") == plain.Header().Get("ETag") {
			t.Errorf("%s has the same tag in both forms", path)
		}
		reader, err := gzip.NewReader(packed.Body)
		if err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		content, err := io.ReadAll(reader)
		if err != nil || !bytes.Equal(content, plain.Body.Bytes()) {
			t.Errorf("%s is another one when it is compressed: %v", path, err)
		}
	}
	const most = 200_000 // what the page may take until it is there
	if total > most {
		t.Errorf("all files together are %d bytes, more than %d", total, most)
	}
	t.Logf("all files together are %d bytes", total)
}
