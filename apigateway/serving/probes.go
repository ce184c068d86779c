package serving

import (
	"context"
	"log/slog"
	"net/http"
)

// Check tells what keeps the process from serving, or nil.
type Check func(ctx context.Context) error

// Probes answers the kubelet: /livez as long as the process answers at all, /readyz while every check passes. What fails
// is told by name, and in full in the log.
func Probes(log *slog.Logger, checks map[string]Check) http.Handler {
	probes := http.NewServeMux()
	probes.HandleFunc("GET /livez", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte("ok\n"))
	})
	probes.HandleFunc("GET /readyz", func(w http.ResponseWriter, r *http.Request) {
		for name, check := range checks {
			if err := check(r.Context()); err != nil {
				log.WarnContext(r.Context(), "not ready", "check", name, "err", err)
				http.Error(w, name+" is not ready", http.StatusServiceUnavailable)
				return
			}
		}
		_, _ = w.Write([]byte("ok\n"))
	})
	return probes
}
