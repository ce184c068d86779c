package apigateway

import (
	"fmt"
	"net/http"

	"github.com/klauspost/compress/gzhttp"

	"github.com/openplp/khocr/internal/document"
)

// compressed sends answers with gzip where the caller takes it and it is worth it: not what is compressed in itself, and not
// parts of a result. A compressed result has an entity tag of its own.
func compressed(next http.Handler) http.Handler {
	wrap, err := gzhttp.NewWrapper(
		gzhttp.EnableZstd(false),
		gzhttp.SuffixETag(gzipSuffix),
		gzhttp.ExceptContentTypes([]string{document.FormatDocx.ContentType(), document.FormatPDF.ContentType(), previewType}),
	)
	if err != nil {
		panic(fmt.Errorf("set the compression up: %w", err)) // only for options that contradict one another
	}
	return wrap(next)
}
