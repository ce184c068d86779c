// Package internalport serves worker pods: each its own ticket, its own document and what is stored of it. What a pod
// is comes from its pod-bound token alone, so a worker that was taken over by a hostile document can ask for nothing but
// what it has already. It never trusts a name or a number that a worker sends.
package internalport

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"time"

	"github.com/gorilla/mux"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/openplp/khocr/apigateway/fetch"
	"github.com/openplp/khocr/apigateway/ratelimit"
	"github.com/openplp/khocr/apigateway/relay"
	"github.com/openplp/khocr/apigateway/serving"
	"github.com/openplp/khocr/apigateway/spending"
	"github.com/openplp/khocr/apigateway/transfers"
	"github.com/openplp/khocr/internal/clock"
	"github.com/openplp/khocr/internal/memory"
	"github.com/openplp/khocr/internal/seal"
	"github.com/openplp/khocr/internal/storage"
	"github.com/openplp/khocr/internal/workerport"
)

// Server serves the internal port, by the contract of package workerport.
type Server struct {
	// Client reads from informers with the indexes of tenants.AddIndexes, and has tokens reviewed.
	Client client.Client
	// Live reads from the API server itself.
	Live    client.Reader
	Store   *storage.Store
	Fetcher *fetch.Fetcher
	Log     *slog.Logger
	// Seal opens the passwords of documents. Without it a document has none.
	Seal *seal.Key
	// StoreAuthorities are the PEM certificates that the store's is signed by; empty for the public ones.
	StoreAuthorities string
	// Relay asks AI models, nil where there are none, and Spending keeps account of what they cost.
	Relay    *relay.Client
	Spending *spending.Book
	// Now tells the time by which months begin.
	Now func() time.Time

	fetches fetches
	reviews *reviews
	// underWay are requests that are being answered, by allowance and worker.
	underWay map[allowance]*transfers.Bound
	// received is what has come of them, by worker.
	received *memory.Pool
	// waiting is what is held of pages while AI models are asked about them.
	waiting *memory.Pool
	// asked are requests, by who sends them.
	asked ratelimit.Limiter
	// kept is what the pages of each job take.
	kept *sums
}

// New makes the server of the internal port.
func New(c client.Client, live client.Reader, store *storage.Store, fetcher *fetch.Fetcher, log *slog.Logger) *Server {
	return &Server{
		Client: c, Live: live, Store: store, Fetcher: fetcher, Log: log, Now: clock.Now, reviews: newReviews(c),
		underWay: map[allowance]*transfers.Bound{
			pages: transfers.New(pages.atOnce, underWayAll), wholes: transfers.New(wholes.atOnce, underWayAll),
			readings: transfers.New(readings.atOnce, underWayAll),
		},
		received: memory.New(receivedInMemory, maxReading), waiting: memory.New(waitingInMemory, waitingOfOne),
		asked: ratelimit.NewMemory(time.Now), kept: newSums(store),
	}
}

// workerFunc answers a worker's request, or returns the refusal that is to be answered.
type workerFunc func(w http.ResponseWriter, r *http.Request, work assignment) error

// Handler serves the routes of package workerport.
func (s *Server) Handler() http.Handler {
	router := mux.NewRouter().SkipClean(true)
	for _, route := range []struct {
		method, path string
		allowed      allowance
		serve        workerFunc
	}{
		{http.MethodGet, workerport.PathTicket, wholes, s.ticket},
		{http.MethodGet, workerport.PathDocument, wholes, s.document},
		{http.MethodGet, workerport.PathPages, wholes, s.storedPages},
		{http.MethodGet, workerport.PathPage, pages, s.storedPage},
		{http.MethodPut, workerport.PathPage, pages, s.page},
		{http.MethodPut, workerport.PathPreview, pages, s.preview},
		{http.MethodPost, workerport.PathReading, readings, s.reading},
		{http.MethodPut, workerport.PathSearchable, wholes, s.searchable},
	} {
		router.Handle(route.path, s.assigned(route.path, route.allowed, route.serve)).Methods(route.method)
	}
	router.NotFoundHandler = s.refusing(http.StatusNotFound, "NotFound")
	router.MethodNotAllowedHandler = s.refusing(http.StatusMethodNotAllowed, "MethodNotAllowed")
	return serving.Handler(s.Log, router, serving.Refusals{
		Panicked: s.refusing(http.StatusInternalServerError, "InternalError"), Busy: s.refusing(http.StatusServiceUnavailable, "Busy"),
	})
}

// assigned serves requests of workers that have an assignment.
func (s *Server) assigned(route string, allowed allowance, serve workerFunc) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		request := serving.RequestFrom(r.Context())
		request.Route = route
		work, err := s.assignmentOf(r, allowed)
		if err == nil {
			request.Job = work.job.Namespace + "/" + work.job.Name
			err = s.within(allowed, work, func() error { return serve(w, r, work) })
		}
		if err != nil {
			writeRefusal(w, r, s.refusalOf(r.Context(), err))
		}
	})
}

// within does what a worker asks for, unless it has as much under way as it may. So one that sends and reads slowly has few of the
// connections and little of the disk that everybody shares.
func (s *Server) within(allowed allowance, work assignment, do func() error) error {
	end, err := s.underWay[allowed].Begin(work.owner())
	if err != nil {
		return busy(err)
	}
	defer end()
	return do()
}

func (s *Server) refusing(status int, reason string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		writeRefusal(w, r, &refusal{status: status, reason: reason, message: http.StatusText(status)})
	}
}

// refusal is an error answer on its way to a worker.
type refusal struct {
	status          int
	reason, message string
	cause           error
}

func (r *refusal) Error() string {
	if r.cause != nil {
		return r.reason + ": " + r.message + ": " + r.cause.Error()
	}
	return r.reason + ": " + r.message
}

func (r *refusal) Unwrap() error { return r.cause }

// refusalOf finds what the worker is told of an error, and logs what is for us.
func (s *Server) refusalOf(ctx context.Context, err error) *refusal {
	var known *refusal
	var unfetched *fetch.Error
	var over tooMany
	switch {
	case errors.As(err, &known):
	case errors.As(err, &over):
		known = &refusal{http.StatusTooManyRequests, "TooManyRequests", "no worker needs to ask so often", err}
	case errors.As(err, &unfetched) && unfetched.Final:
		known = &refusal{http.StatusUnprocessableEntity, unfetched.Reason, unfetched.Message, err}
	case errors.As(err, &unfetched):
		known = &refusal{http.StatusBadGateway, unfetched.Reason, unfetched.Message, err}
	default:
		known = &refusal{http.StatusServiceUnavailable, "Unavailable", "the gateway cannot serve this at present", err}
	}
	level := slog.LevelInfo
	if known.status >= http.StatusInternalServerError {
		level = slog.LevelError
	}
	s.Log.Log(ctx, level, "worker refused", "request_id", serving.RequestFrom(ctx).ID, "status", known.status, "err", known)
	return known
}

func writeRefusal(w http.ResponseWriter, r *http.Request, refused *refusal) {
	serving.RequestFrom(r.Context()).Code = refused.reason
	if over := (tooMany{}); errors.As(refused, &over) {
		w.Header().Set("Retry-After", serving.WholeSeconds(max(over.after, time.Second)))
	}
	writeJSON(w, refused.status, workerport.Refusal{Reason: refused.reason, Message: refused.message})
}

func writeJSON(w http.ResponseWriter, status int, value any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	// A worker that went away before the answer cannot be told so.
	_ = json.NewEncoder(w).Encode(value)
}
