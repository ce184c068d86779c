package apigateway

import "net/http"

// health is the answer of GET /api/v1/health.
type health struct {
	Status     string            `json:"status"`
	Version    string            `json:"version"`
	Components map[string]string `json:"components"`
}

// health tells whether documents can be stored. That the process answers at all means that its informers have synced.
func (s *Server) health(w http.ResponseWriter, r *http.Request) error {
	answer := health{Status: "ok", Version: s.Version, Components: map[string]string{"api": "ok", "store": "ok"}}
	status := http.StatusOK
	if err := s.Store.Check(r.Context()); err != nil {
		answer.Status, answer.Components["store"], status = "unavailable", "unavailable", http.StatusServiceUnavailable
		w.Header().Set("Retry-After", "10")
	}
	w.Header().Set("Cache-Control", "no-store")
	writeBody(w, r, status, "application/json", answer)
	return nil
}
