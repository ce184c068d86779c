// Package apigateway is the public API: it turns requests into OcrJobs and stored documents, and stored pages into
// results. Nothing that must last is in its memory, so any number of gateways may stand beside one another. It never opens a
// customer's document beyond the first bytes that tell its type, and never writes a status.
package apigateway

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/gorilla/mux"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/openplp/khocr/apigateway/audit"
	"github.com/openplp/khocr/apigateway/changes"
	"github.com/openplp/khocr/apigateway/keyuse"
	"github.com/openplp/khocr/apigateway/openapi"
	"github.com/openplp/khocr/apigateway/ratelimit"
	"github.com/openplp/khocr/apigateway/serving"
	"github.com/openplp/khocr/apigateway/spending"
	"github.com/openplp/khocr/apigateway/tenants"
	"github.com/openplp/khocr/apigateway/transfers"
	"github.com/openplp/khocr/apigateway/web"
	"github.com/openplp/khocr/internal/netguard"
	"github.com/openplp/khocr/internal/seal"
	"github.com/openplp/khocr/internal/storage"
)

// Server serves the public API.
type Server struct {
	// Client reads from informers with the indexes of tenants.AddIndexes, and writes to the API server.
	Client client.Client
	// Live reads from the API server itself, for what the informers may not have seen yet.
	Live  client.Reader
	Store *storage.Store
	// Limiter counts the requests of organizations.
	Limiter ratelimit.Limiter
	// LimiterAway tells whether the limits are kept less well than they should be; nil where that cannot be.
	LimiterAway func() bool
	// Changes tells of changes of jobs.
	Changes *changes.Hub
	// Seal is the platform's key.
	Seal *seal.Key
	// Guard decides which addresses callbacks may have.
	Guard netguard.Guard
	// CORSOrigins are the origins, or *, whose pages may use the API in a browser.
	CORSOrigins []string
	// Currency of prices, as USD.
	Currency string
	// KeyUse notes when keys are used.
	KeyUse *keyuse.Recorder
	// Spending keeps account of what AI models cost.
	Spending *spending.Book
	// Audit keeps who did what.
	Audit *audit.Trail
	Log   *slog.Logger
	// Now is the clock.
	Now func() time.Time
	// NewID makes up the id of a job, or of a document: 12 random hexadecimal digits.
	NewID func() string
	// Version of the platform, for health.
	Version string

	line    line
	cluster clusterCheck
	// uploads and downloads under way, by organization.
	uploads, downloads *transfers.Bound
}

// handlerFunc answers a request, or returns the problem that is to be answered.
type handlerFunc func(w http.ResponseWriter, r *http.Request) error

// methods are the handlers of a resource by HTTP method. GET serves HEAD, too.
type methods map[string]handlerFunc

// Handler serves /api/v1, what describes it, and the page for people.
func (s *Server) Handler() http.Handler {
	s.uploads, s.downloads = transfers.New(transfersEach, transfersAll), transfers.New(transfersEach, transfersAll)
	router := mux.NewRouter().SkipClean(true)
	for path, resource := range map[string]methods{
		"/api/v1/convert":             {http.MethodPost: s.admitted(submitting, s.convert)},
		"/api/v1/jobs":                {http.MethodGet: s.admitted(reading, s.jobs)},
		"/api/v1/jobs/{id}":           {http.MethodGet: s.admitted(reading, s.job), http.MethodDelete: s.admitted(deleting, s.deleteJob)},
		"/api/v1/jobs/{id}/pages/{n}": {http.MethodGet: s.admitted(reading, s.page)},
		"/api/v1/jobs/{id}/pages/{n}/corrections": {
			http.MethodGet: s.admitted(reading, s.corrections), http.MethodPut: s.admitted(correcting, s.correct),
		},
		"/api/v1/jobs/{id}/pages/{n}/preview": {http.MethodGet: s.admitted(reading, s.preview)},
		"/api/v1/jobs/{id}/result":            {http.MethodGet: s.admitted(reading, s.result)},
		"/api/v1/jobs/{id}/retry":             {http.MethodPost: s.admitted(submitting, s.retry)},
		"/api/v1/models":                      {http.MethodGet: s.admitted(reading, s.models)},
		"/api/v1/usage":                       {http.MethodGet: s.admitted(reading, s.usage)},
		"/api/v1/health":                      {http.MethodGet: s.health},
		"/api/v1/health/live":                 {http.MethodGet: s.live},
		"/api/v1/health/ready":                {http.MethodGet: s.ready},
	} {
		router.Handle(path, compressed(s.resource(path, resource)))
	}
	// Events go out as they come, and a compressor would hold them back.
	const events = "/api/v1/jobs/{id}/events"
	router.Handle(events, s.resource(events, methods{
		http.MethodGet:  s.admittedBy(s.authenticateEvents, reading, s.events),
		http.MethodPost: s.admitted(reading, s.makeEventToken),
	}))
	for _, files := range []map[string]http.Handler{openapi.Files(), web.Files()} {
		for path, file := range files {
			router.Handle(path, s.resource(path, methods{http.MethodGet: func(w http.ResponseWriter, r *http.Request) error {
				file.ServeHTTP(w, r)
				return nil
			}}))
		}
	}
	router.NotFoundHandler = s.answering(func(http.ResponseWriter, *http.Request) error {
		return notFound.because(nil)
	})
	return serving.Handler(s.Log, crossOrigin(s.CORSOrigins, s.Audit.Handler(router)), serving.Refusals{
		Panicked: func(w http.ResponseWriter, r *http.Request) { writeProblem(w, r, internalError.because(nil)) },
		Busy:     func(w http.ResponseWriter, r *http.Request) { writeProblem(w, r, serviceUnavailable.because(nil)) },
	})
}

// resource picks the handler of a method.
func (s *Server) resource(path string, resource methods) http.Handler {
	allowed := append(slices.Collect(maps.Keys(resource)), http.MethodOptions)
	if resource[http.MethodGet] != nil {
		allowed = append(allowed, http.MethodHead)
	}
	slices.Sort(allowed)
	return s.answering(func(w http.ResponseWriter, r *http.Request) error {
		serving.RequestFrom(r.Context()).Route = path
		method := r.Method
		switch method {
		case http.MethodHead:
			method = http.MethodGet
		case http.MethodOptions:
			w.Header().Set("Allow", strings.Join(allowed, ", "))
			w.WriteHeader(http.StatusNoContent)
			return nil
		}
		handle := resource[method]
		if handle == nil {
			w.Header().Set("Allow", strings.Join(allowed, ", "))
			return methodNotAllowed.detailed("This address takes %s.", strings.Join(allowed, ", "))
		}
		return handle(w, r)
	})
}

// answering turns the error of a handler into its answer.
func (s *Server) answering(handle handlerFunc) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		err := handle(w, r)
		if err == nil {
			return
		}
		writeProblem(w, r, s.problemOf(r.Context(), err))
	})
}

// problemOf finds what the caller is told of an error, and logs what is for us.
func (s *Server) problemOf(ctx context.Context, err error) *problemError {
	var problem *problemError
	if !errors.As(err, &problem) {
		switch {
		case errors.Is(err, storage.ErrUnavailable):
			problem = storeUnavailable.because(err)
		case errors.Is(err, tenants.ErrNoPlan):
			problem = planNotFound.because(err)
		case errors.Is(err, tenants.ErrNotReady):
			problem = organizationNotReady.because(err)
		default:
			problem = internalError.because(err)
		}
	}
	switch {
	case ctx.Err() != nil:
		// Whoever has gone away makes everything fail, and reads no answer.
		s.Log.InfoContext(ctx, "the caller went away", "request_id", serving.RequestFrom(ctx).ID, "code", problem.Code, "err", problem)
	case problem.Status >= http.StatusInternalServerError:
		s.Log.ErrorContext(ctx, "request failed", "request_id", serving.RequestFrom(ctx).ID, "code", problem.Code, "err", problem)
	}
	return problem
}
