// Package web is the page for people: it uses the public API as any program does, with the caller's own key. It is embedded as it
// is written, needs no build and nothing from elsewhere, and gets no right that the API does not give.
package web

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"strings"
	"sync"
	"time"
)

//go:embed page
var embedded embed.FS

// policy lets the page have what is served beside it, and pictures that it was sent as data. No text can become a script: there
// are no inline ones, and the browser takes strings for markup nowhere.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; font-src 'self'; img-src 'self' blob:; connect-src 'self'; " +
	"base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'"

// versionMark stands in index.html for the folder of the other files.
const versionMark = "VERSION"

// Files are the handlers of GET by path. The page itself is asked for anew each time; all else lies in a folder that is named by
// the content, and never changes.
var Files = sync.OnceValue(func() map[string]http.Handler {
	contents := map[string][]byte{}
	digest := sha256.New()
	err := fs.WalkDir(embedded, "page", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || path.Ext(name) == ".md" {
			return err
		}
		content, err := embedded.ReadFile(name)
		contents[strings.TrimPrefix(name, "page/")] = content
		fmt.Fprintf(digest, "%s %d\n%s", name, len(content), content) // a hash takes everything
		return err
	})
	if err != nil {
		panic(fmt.Errorf("read the embedded page: %w", err)) // it is part of the program
	}
	version := hex.EncodeToString(digest.Sum(nil)[:8])
	files := map[string]http.Handler{}
	for name, content := range contents {
		if name == "index.html" {
			files["/"] = file(name, bytes.ReplaceAll(content, []byte(versionMark), []byte(version)), "no-cache")
			continue
		}
		files["/web/"+version+"/"+name] = file(name, content, "public, max-age=31536000, immutable")
	}
	return files
})

// file serves a content, compressed where that helps and is taken.
func file(name string, content []byte, caching string) http.Handler {
	sum := sha256.Sum256(content)
	etag := hex.EncodeToString(sum[:16])
	packed := zipped(content)
	if len(packed) > len(content)*9/10 {
		packed = nil // fonts are compressed in themselves
	}
	contentType := mediaType(name)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		header := w.Header()
		header.Set("Content-Type", contentType)
		header.Set("Cache-Control", caching)
		header.Set("Content-Security-Policy", policy)
		header.Set("X-Content-Type-Options", "nosniff")
		header.Set("Referrer-Policy", "no-referrer")
		header.Set("Cross-Origin-Opener-Policy", "same-origin")
		header.Set("Cross-Origin-Resource-Policy", "same-origin")
		body := content
		if packed != nil {
			header.Set("Vary", "Accept-Encoding")
			if takesGzip(r) {
				header.Set("Content-Encoding", "gzip")
				body = packed
			}
		}
		if header.Get("Content-Encoding") == "" {
			header.Set("ETag", `"`+etag+`"`)
		} else {
			header.Set("ETag", `"`+etag+`-gzip"`)
		}
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(body))
	})
}

func zipped(content []byte) []byte {
	var packed bytes.Buffer
	writer, err := gzip.NewWriterLevel(&packed, gzip.BestCompression)
	if err == nil {
		_, err = writer.Write(content)
	}
	if err == nil {
		err = writer.Close()
	}
	if err != nil {
		panic(fmt.Errorf("compress a part of the page: %w", err)) // memory takes everything
	}
	return packed.Bytes()
}

// takesGzip tells whether a caller names gzip and does not refuse it. Whoever ranks it otherwise gets what is not compressed.
func takesGzip(r *http.Request) bool {
	for _, coding := range strings.Split(strings.Join(r.Header.Values("Accept-Encoding"), ","), ",") {
		if strings.TrimSpace(coding) == "gzip" {
			return true
		}
	}
	return false
}

// mediaType is told by the ending, whatever the machine's own list says.
func mediaType(name string) string {
	switch path.Ext(name) {
	case ".js":
		return "text/javascript; charset=utf-8"
	case ".woff2":
		return "font/woff2"
	}
	return mime.TypeByExtension(path.Ext(name))
}
