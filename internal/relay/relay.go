// Package relay asks the endpoints of AI models on behalf of the gateway. It alone holds their keys and may reach them. A model's
// resource says where its endpoint is; callers name models and no addresses. What an endpoint answers is a stranger's: it is bounded,
// and nothing of it but the text goes any further.
package relay

import (
	"context"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/netip"
	"regexp"
	"strconv"
	"sync"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/openplp/khocr/api/v1alpha1"
	"github.com/openplp/khocr/internal/document"
	"github.com/openplp/khocr/internal/memory"
	"github.com/openplp/khocr/internal/relayport"
	"github.com/openplp/khocr/internal/workerport"
)

const (
	// turnTime is how long a question waits for its turn.
	turnTime = 5 * time.Minute
	// idleTime is how long an endpoint may be silent in the middle of an answer.
	idleTime = time.Minute
	// bodyTime is how long a caller may take for the image.
	bodyTime = 30 * time.Second
	// imagesInMemory bounds, in bytes, the images that are being asked about, imagesOfOne those of an organization: endpoints that answer
	// slowly, however many of them, do not end the relay, nor keep it from others.
	imagesInMemory = 96 << 20
	imagesOfOne    = imagesInMemory / 4
)

// Options of a relay. All but Roots and Allowed must be there.
type Options struct {
	// Models reads OcrModels, and is asked for each question.
	Models client.Reader
	// Cluster reviews tokens, and takes what the prober finds.
	Cluster client.Client
	// Gateway is the user name of the service account that may ask.
	Gateway string
	// KeysDir is the folder with a file for each key.
	KeysDir string
	// Allowed ranges may have endpoints in addition: see netguard.Endpoint.
	Allowed []netip.Prefix
	// APIServers tells where the API server is, which is no endpoint.
	APIServers func(context.Context) ([]netip.AddrPort, error)
	// Roots are the authorities of endpoints' certificates; the system's where it is nil.
	Roots *x509.CertPool
	Log   *slog.Logger
}

// Relay asks endpoints. Its methods may be called from many goroutines.
type Relay struct {
	Options
	callers *callers
	images  *memory.Pool
	// inCluster and external connect to endpoints of these locations.
	inCluster, external *http.Client
	// nudges are names of models to be looked at soon.
	nudges chan string
	// turnTime and idleTime are the constants, but for tests.
	turnTime, idleTime time.Duration

	mu    sync.Mutex
	lanes map[string]*lane
}

// New makes a Relay.
func New(options Options) *Relay {
	return &Relay{
		Options: options, callers: newCallers(options.Cluster, options.Gateway), images: memory.New(imagesInMemory, imagesOfOne),
		nudges:    make(chan string, 64),
		inCluster: options.httpClient(true), external: options.httpClient(false),
		turnTime: turnTime, idleTime: idleTime, lanes: map[string]*lane{},
	}
}

// lane is what is kept of a model between questions.
type lane struct {
	turns  turns
	budget budget

	mu     sync.Mutex
	quirks quirks
}

// lane of the model of a name.
func (r *Relay) lane(model string) *lane {
	r.mu.Lock()
	defer r.mu.Unlock()
	l := r.lanes[model]
	if l == nil {
		l = &lane{}
		r.lanes[model] = l
	}
	return l
}

// forget what is kept of models that are not there any more.
func (r *Relay) forget(there map[string]bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for name := range r.lanes {
		if !there[name] {
			delete(r.lanes, name)
			forgetMetrics(name)
		}
	}
}

// Handler serves relayport.
func (r *Relay) Handler() http.Handler {
	routes := http.NewServeMux()
	routes.HandleFunc("POST "+relayport.PathRead, r.read)
	return routes
}

// question about an image.
type question struct {
	organization string
	kind         string
	location     v1alpha1.ModelLocation
	attempt      int
	mediaType    string
	image        []byte
}

func (r *Relay) read(w http.ResponseWriter, request *http.Request) {
	ctx := request.Context()
	if err := r.callers.check(ctx, request); err != nil {
		status := http.StatusServiceUnavailable
		switch {
		case errors.Is(err, errNoToken):
			status = http.StatusUnauthorized
		case errors.Is(err, errNotTheGateway):
			status = http.StatusForbidden
		}
		r.Log.WarnContext(ctx, "a caller is refused", "err", err)
		refuse(w, request, status, document.AIUnavailable, err.Error())
		return
	}
	q, err := parse(request)
	if err != nil {
		refuse(w, request, http.StatusBadRequest, document.AIUnavailable, err.Error())
		return
	}
	model := &v1alpha1.OcrModel{}
	err = r.Models.Get(ctx, client.ObjectKey{Name: request.PathValue("model")}, model)
	switch {
	case apierrors.IsNotFound(err), err == nil && !model.IsAI():
		refuse(w, request, http.StatusNotFound, document.AIModelNotFound, "there is no such model of an endpoint")
		return
	case err != nil:
		r.Log.ErrorContext(ctx, "a model cannot be read", "model", request.PathValue("model"), "err", err)
		refuse(w, request, http.StatusServiceUnavailable, document.AIUnavailable, "the model cannot be read")
		return
	}
	if model.Spec.OpenAI.Location != q.location {
		// It was changed a moment ago, and the gateway does not know yet: whoever has not allowed it must not be asked for.
		refuse(w, request, http.StatusBadGateway, document.AIUnavailable, "the model is elsewhere than the gateway takes it to be")
		return
	}
	r.answer(w, request, model, q)
}

// answer asks a model when it is the question's turn. The image is read no earlier, so that those who wait hold no memory.
func (r *Relay) answer(w http.ResponseWriter, request *http.Request, model *v1alpha1.OcrModel, q question) {
	ctx := request.Context()
	lane, spec := r.lane(model.Name), model.Spec.OpenAI
	size := request.ContentLength
	if size < 0 || size > workerport.MaxImageBytes {
		size = workerport.MaxImageBytes
	}
	done, err := r.await(ctx, lane, model, q.organization, size)
	if err != nil {
		r.note(ctx, model, q, document.AIBusy, relayport.Spent{}, err)
		refuse(w, request, http.StatusBadGateway, document.AIBusy, "no turn came in time")
		return
	}
	defer done()
	_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(bodyTime))
	q.image, err = io.ReadAll(io.LimitReader(request.Body, workerport.MaxImageBytes+1))
	_ = http.NewResponseController(w).SetReadDeadline(time.Time{})
	switch {
	case err != nil || len(q.image) == 0:
		refuse(w, request, http.StatusBadRequest, document.AIUnavailable, "the image has not come")
		return
	case len(q.image) > workerport.MaxImageBytes:
		refuse(w, request, http.StatusRequestEntityTooLarge, document.AIUnavailable, "the image is too large")
		return
	}
	w.WriteHeader(relayport.StatusAsked)
	text, spent, trouble := r.ask(ctx, lane, spec, q)
	lane.budget.spend(spec.TokensPerMinute, used(spent, text), time.Now())
	count(model.Name, spent)
	if trouble == nil {
		r.note(ctx, model, q, "", spent, nil)
		reply(w, http.StatusOK, relayport.Answer{Text: text, Spent: spent})
		return
	}
	r.note(ctx, model, q, trouble.reason, spent, errors.New(trouble.detail))
	if trouble.reason == document.AIUnreachable || trouble.reason == document.AIUnauthorized {
		r.nudge(model.Name)
	}
	reply(w, http.StatusBadGateway, relayport.Failure{Reason: trouble.reason, Detail: trouble.detail, Spent: spent})
}

// await waits until the model may be asked about an image of so many bytes.
func (r *Relay) await(ctx context.Context, l *lane, model *v1alpha1.OcrModel, organization string, size int64) (done func(), err error) {
	ctx, cancel := context.WithTimeout(ctx, r.turnTime)
	defer cancel()
	queue := waiting.WithLabelValues(model.Name)
	queue.Inc()
	defer queue.Dec()
	most := model.Spec.OpenAI.EffectiveConcurrency()
	if err := l.turns.take(ctx, organization, most); err != nil {
		return nil, err
	}
	if err := l.budget.await(ctx, model.Spec.OpenAI.TokensPerMinute); err != nil {
		l.turns.done(most)
		return nil, err
	}
	forget, err := r.images.Hold(ctx, organization, size)
	if err != nil {
		l.turns.done(most)
		return nil, err
	}
	return func() {
		forget()
		l.turns.done(most)
	}, nil
}

// organizationName is what a name in Kubernetes may be.
var organizationName = regexp.MustCompile(`^[a-z0-9]([-.a-z0-9]{0,251}[a-z0-9])?$`)

// parse reads all of a request but the image.
func parse(request *http.Request) (question, error) {
	query := request.URL.Query()
	q := question{organization: query.Get(relayport.QueryOrganization), kind: query.Get(relayport.QueryKind),
		location: v1alpha1.ModelLocation(query.Get(relayport.QueryLocation)), mediaType: request.Header.Get("Content-Type")}
	var err error
	if q.attempt, err = strconv.Atoi(query.Get(relayport.QueryAttempt)); err != nil || q.attempt < 1 {
		return q, fmt.Errorf("%s must be a number from 1 on", relayport.QueryAttempt)
	}
	switch {
	case !organizationName.MatchString(q.organization):
		return q, fmt.Errorf("%s must be the name of one", relayport.QueryOrganization)
	case q.kind != relayport.KindPage && q.kind != relayport.KindLine:
		return q, fmt.Errorf("%s must be %s or %s", relayport.QueryKind, relayport.KindPage, relayport.KindLine)
	case q.mediaType != "image/jpeg" && q.mediaType != "image/png":
		return q, errors.New("the image must be a JPEG or a PNG")
	}
	return q, nil
}

// note counts and logs what became of a question.
func (r *Relay) note(ctx context.Context, model *v1alpha1.OcrModel, q question, reason string, spent relayport.Spent, err error) {
	result, level := reason, slog.LevelWarn
	switch {
	case reason == "":
		result, level = "ok", slog.LevelInfo
	case ctx.Err() != nil:
		result, level = resultGone, slog.LevelInfo
	}
	asked.WithLabelValues(model.Name, result).Inc()
	durations.WithLabelValues(model.Name).Observe(float64(spent.Milliseconds) / 1000)
	attributes := []any{"model", model.Name, "organization", q.organization, "kind", q.kind, "attempt", q.attempt, "result", result,
		"tries", spent.Tries, "ms", spent.Milliseconds, "input_tokens", spent.InputTokens, "output_tokens", spent.OutputTokens}
	if err != nil {
		attributes = append(attributes, "err", err)
	}
	r.Log.Log(ctx, level, "question", attributes...)
}

// refuse answers a request whose body may not have come yet. Ordinary clients read no answer before they have sent everything, so
// what they send is thrown away.
func refuse(w http.ResponseWriter, request *http.Request, status int, reason, detail string) {
	_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(bodyTime))
	_, _ = io.CopyN(io.Discard, request.Body, workerport.MaxImageBytes+1)
	reply(w, status, relayport.Failure{Reason: reason, Detail: detail})
}

func reply(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body)
}
