package apigateway

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/openplp/khocr/api/v1alpha1"
	"github.com/openplp/khocr/apigateway/serving"
)

// health is the answer of GET /api/v1/health.
type health struct {
	Status     string            `json:"status"`
	Version    string            `json:"version"`
	Components map[string]string `json:"components"`
}

// probe is the answer of GET /api/v1/health/live and /api/v1/health/ready.
type probe struct {
	Status string `json:"status"`
}

const (
	stateOK          = "ok"
	stateUnavailable = "unavailable"
	// stateDegraded: it does its work less well, and documents are taken in all the same.
	stateDegraded = "degraded"
)

// components tells how what the gateway stands on is, and whether documents can be taken in. That the process answers at all
// means that its informers have synced.
func (s *Server) components(ctx context.Context) (states map[string]string, available bool) {
	states = map[string]string{"api": stateOK, "store": stateOK, "cluster": stateOK, "rate_limit": stateOK}
	available = true
	for name, check := range map[string]func(context.Context) error{"store": s.Store.Check, "cluster": s.checkCluster} {
		if check(ctx) != nil {
			states[name], available = stateUnavailable, false
		}
	}
	if s.LimiterAway != nil && s.LimiterAway() {
		states["rate_limit"] = stateDegraded
	}
	return states, available
}

// health tells whether documents can be taken in, and what keeps them out.
func (s *Server) health(w http.ResponseWriter, r *http.Request) error {
	states, available := s.components(r.Context())
	answer := health{Status: stateOK, Version: s.Version, Components: states}
	writeHealth(w, r, available, &answer.Status, &answer)
	return nil
}

// live tells that the process answers.
func (s *Server) live(w http.ResponseWriter, r *http.Request) error {
	answer := probe{Status: stateOK}
	writeHealth(w, r, true, &answer.Status, &answer)
	return nil
}

// ready tells whether documents can be taken in, and no more.
func (s *Server) ready(w http.ResponseWriter, r *http.Request) error {
	_, available := s.components(r.Context())
	answer := probe{Status: stateOK}
	writeHealth(w, r, available, &answer.Status, &answer)
	return nil
}

func writeHealth(w http.ResponseWriter, r *http.Request, available bool, state *string, answer any) {
	status := http.StatusOK
	if !available {
		*state, status = stateUnavailable, http.StatusServiceUnavailable
		w.Header().Set("Retry-After", serving.WholeSeconds(defaultRetry))
	}
	w.Header().Set("Cache-Control", "no-store")
	writeBody(w, r, status, "application/json", answer)
}

const (
	// clusterCheckLasts is how long an answer of the API server serves whoever asks: nobody needs a key for that.
	clusterCheckLasts = 5 * time.Second
	// clusterCheckTime is how long it may take.
	clusterCheckTime = 3 * time.Second
)

// clusterCheck is what the API server last answered.
type clusterCheck struct {
	lock  sync.Mutex
	until time.Time
	err   error
}

// checkCluster tells whether the API server answers: without it no job can be made.
func (s *Server) checkCluster(ctx context.Context) error {
	s.cluster.lock.Lock()
	defer s.cluster.lock.Unlock()
	if now := time.Now(); now.After(s.cluster.until) {
		// It is not this caller's check alone.
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), clusterCheckTime)
		defer cancel()
		s.cluster.err = s.Live.List(ctx, &v1alpha1.PlanList{}, client.Limit(1))
		if s.cluster.err != nil {
			s.cluster.err = fmt.Errorf("ask the API server: %w", s.cluster.err)
			s.Log.ErrorContext(ctx, "the API server does not answer", "err", s.cluster.err)
		}
		s.cluster.until = time.Now().Add(clusterCheckLasts)
	}
	return s.cluster.err
}
