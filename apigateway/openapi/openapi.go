// Package openapi is the description of the public API: for programs as OpenAPI 3.1, and for people as a page that needs
// neither scripts nor anything from elsewhere.
package openapi

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"fmt"
	"net/http"
	"sync"
	"time"

	"sigs.k8s.io/yaml"
)

//go:embed openapi.yaml
var document []byte

//go:embed style.css
var style []byte

// YAML is the document as it is written.
func YAML() []byte { return document }

// JSON is the same document.
var JSON = sync.OnceValue(func() []byte {
	converted, err := yaml.YAMLToJSON(document)
	if err != nil {
		panic(fmt.Errorf("convert the OpenAPI document: %w", err)) // it is part of the program
	}
	return converted
})

// Files are the handlers of GET by path.
func Files() map[string]http.Handler {
	return map[string]http.Handler{
		"/openapi.json":   file("application/openapi+json", JSON()),
		"/openapi.yaml":   file("application/openapi+yaml", YAML()),
		"/docs":           file("text/html; charset=utf-8", page()),
		"/docs/style.css": file("text/css; charset=utf-8", style),
	}
}

// policy lets the page have its own style sheet and nothing else.
const policy = "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

func file(contentType string, content []byte) http.Handler {
	digest := sha256.Sum256(content)
	etag := `"` + hex.EncodeToString(digest[:16]) + `"`
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		header := w.Header()
		header.Set("Content-Type", contentType)
		header.Set("ETag", etag)
		header.Set("Cache-Control", "no-cache")
		header.Set("Content-Security-Policy", policy)
		header.Set("X-Content-Type-Options", "nosniff")
		header.Set("Referrer-Policy", "no-referrer")
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(content))
	})
}
