package apigateway

import (
	"net/http"

	"github.com/rs/cors"

	"github.com/openplp/khocr/apigateway/serving"
)

// preflightLasts is how long a browser may remember what it may send, in seconds. Chromium takes no more.
const preflightLasts = 7200

// crossOrigin lets pages of other origins use the API. Without origins browsers let none.
func crossOrigin(origins []string, next http.Handler) http.Handler {
	if len(origins) == 0 {
		return next // an empty list is any origin to the library
	}
	return cors.New(cors.Options{
		AllowedOrigins: origins,
		AllowedMethods: []string{http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodDelete},
		AllowedHeaders: []string{headerAPIKey, "Content-Type", "Idempotency-Key", "If-Match", "If-None-Match", "If-Range", "Range",
			"Last-Event-ID", serving.HeaderRequestID},
		ExposedHeaders: []string{"Location", "Retry-After", headerRateLimit, headerRateLimitPolicy, "ETag", serving.HeaderRequestID,
			"Content-Disposition", "Idempotency-Replayed"},
		MaxAge: preflightLasts,
		// The resource itself says what it takes, to whoever asks.
		OptionsPassthrough: true,
	}).Handler(next)
}
