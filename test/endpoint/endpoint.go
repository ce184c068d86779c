// Package endpoint is the endpoint of a vision language model for tests: it speaks the chat completions of OpenAI's API over real
// HTTP, streaming and not, and knows what it is shown by the shape of the image. What goes wrong with which page is a function of a
// seed, so a test can say what must come of every page. It is for tests only.
package endpoint

import (
	"bytes"
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"image"
	_ "image/jpeg" // images that it is shown
	_ "image/png"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"unicode/utf8"
)

// ImageTokens are what an image counts as in a question; an answer has a token for each character, and a question for each of its
// prompts', so that tests can tell what must have been spent.
const ImageTokens = 1000

// maxQuestion bounds what is read of a question.
const maxQuestion = 16 << 20

// Question is one that the endpoint was asked.
type Question struct {
	// Page of the image, 0 for that of a line or of no page that the endpoint knows.
	Page int  `json:"page"`
	Line bool `json:"line,omitempty"`
	// Fault that the answer had.
	Fault       Kind    `json:"fault,omitempty"`
	Stream      bool    `json:"stream"`
	Temperature float64 `json:"temperature"`
	// MaxTokens that were asked for, under either name.
	MaxTokens int `json:"max_tokens"`
	// Prompt is all text of the question.
	Prompt string `json:"prompt"`
	// MediaType, Width and Height of the image.
	MediaType string `json:"media_type"`
	Width     int    `json:"width"`
	Height    int    `json:"height"`
	// InputTokens and OutputTokens that were told.
	InputTokens  int `json:"input_tokens"`
	OutputTokens int `json:"output_tokens"`
}

// Endpoint is a running one. It is safe for use by several goroutines.
type Endpoint struct {
	mu        sync.Mutex
	settings  Settings
	asked     []Question
	times     map[int]int
	now, most int
}

// New makes an endpoint, which is a http.Handler of /v1/models and /v1/chat/completions, and of /control for those who run it as a
// program: GET answers its Settings, PUT takes others, GET /control/asked answers its Questions.
func New(settings Settings) *Endpoint {
	return &Endpoint{settings: settings, times: map[int]int{}}
}

// Start runs an endpoint until the test ends, and returns its base URL, too.
func Start(t testing.TB, settings Settings) (*Endpoint, string) {
	t.Helper()
	e := New(settings)
	server := httptest.NewServer(e)
	t.Cleanup(func() {
		// Whoever hangs is waited for by Close alone.
		server.CloseClientConnections()
		server.Close()
	})
	return e, server.URL + "/v1"
}

// Change changes the settings. The questions about each page are counted anew.
func (e *Endpoint) Change(change func(*Settings)) {
	e.mu.Lock()
	defer e.mu.Unlock()
	// Handlers read maps of the settings they began with.
	e.settings.Pages, e.settings.FaultsOf = maps.Clone(e.settings.Pages), maps.Clone(e.settings.FaultsOf)
	change(&e.settings)
	clear(e.times)
}

// Settings that hold now.
func (e *Endpoint) Settings() Settings {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.settings
}

// Asked are all questions so far, in the order in which they came.
func (e *Endpoint) Asked() []Question {
	e.mu.Lock()
	defer e.mu.Unlock()
	return slices.Clone(e.asked)
}

// AskedAtOnce is the largest number of questions that were open at the same time.
func (e *Endpoint) AskedAtOnce() int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.most
}

// ServeHTTP implements http.Handler.
func (e *Endpoint) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	settings := e.Settings()
	if after, ok := strings.CutPrefix(r.URL.Path, "/control"); ok {
		e.control(w, r, after)
		return
	}
	if settings.Away {
		panic(http.ErrAbortHandler)
	}
	given := r.Header.Get("Authorization")
	if settings.Key != "" && subtle.ConstantTimeCompare([]byte(given), []byte("Bearer "+settings.Key)) != 1 {
		refuse(w, http.StatusUnauthorized, "invalid_api_key", "Incorrect API key provided: "+given)
		return
	}
	switch {
	case r.Method == http.MethodGet && r.URL.Path == "/v1/models" && !settings.NoList:
		reply(w, map[string]any{"object": "list", "data": []any{
			map[string]any{"id": settings.Model, "object": "model", "created": 0, "owned_by": "test"},
		}})
	case r.Method == http.MethodPost && r.URL.Path == "/v1/chat/completions":
		e.complete(w, r, settings)
	default:
		refuse(w, http.StatusNotFound, "not_found", "there is no "+r.URL.Path)
	}
}

func (e *Endpoint) control(w http.ResponseWriter, r *http.Request, path string) {
	switch {
	case r.Method == http.MethodGet && path == "":
		reply(w, e.Settings())
	case r.Method == http.MethodGet && path == "/asked":
		reply(w, e.Asked())
	case r.Method == http.MethodPut && path == "":
		var settings Settings
		if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxQuestion)).Decode(&settings); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		e.Change(func(s *Settings) { *s = settings })
		w.WriteHeader(http.StatusNoContent)
	default:
		http.NotFound(w, r)
	}
}

// completion is what of a request is looked at.
type completion struct {
	Model    string `json:"model"`
	Messages []struct {
		Role    string          `json:"role"`
		Content json.RawMessage `json:"content"`
	} `json:"messages"`
	Stream        bool `json:"stream"`
	StreamOptions struct {
		IncludeUsage bool `json:"include_usage"`
	} `json:"stream_options"`
	Temperature         float64 `json:"temperature"`
	MaxTokens           int     `json:"max_tokens"`
	MaxCompletionTokens int     `json:"max_completion_tokens"`
}

type part struct {
	Type     string `json:"type"`
	Text     string `json:"text"`
	ImageURL struct {
		URL string `json:"url"`
	} `json:"image_url"`
}

func (e *Endpoint) complete(w http.ResponseWriter, r *http.Request, settings Settings) {
	var asked completion
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxQuestion)).Decode(&asked); err != nil {
		refuse(w, http.StatusBadRequest, "invalid_request_error", err.Error())
		return
	}
	switch {
	case asked.Model != settings.Model:
		refuse(w, http.StatusNotFound, "model_not_found", "The model does not exist: "+asked.Model)
		return
	case settings.CompletionTokens && asked.MaxTokens != 0:
		refuse(w, http.StatusBadRequest, "unsupported_parameter",
			"Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead.")
		return
	}
	question, err := read(&asked)
	if err != nil {
		refuse(w, http.StatusBadRequest, "invalid_request_error", err.Error())
		return
	}
	text := settings.Pages[question.Page]
	if question.Line {
		text = settings.line(float64(question.Width) / float64(question.Height))
	}
	answer := answerFor(e.begin(&question, settings), text, question.Page)
	defer e.end()
	answer.input, answer.output = question.InputTokens, utf8.RuneCountInString(answer.text)
	if answer.kind == Huge {
		answer.output = hugeBytes
	}
	question.OutputTokens = answer.output
	e.note(question)

	answer.model = settings.Model
	answer.stream = asked.Stream && !settings.IgnoreStream
	answer.usage = !answer.stream || asked.StreamOptions.IncludeUsage
	answer.send(w, r)
}

// begin counts a question, and tells what is to go wrong with it.
func (e *Endpoint) begin(question *Question, settings Settings) Kind {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.now++
	e.most = max(e.most, e.now)
	e.times[question.Page]++
	fault := settings.FaultOf(question.Page)
	if fault.Times == 0 || e.times[question.Page] <= fault.Times {
		question.Fault = fault.Kind
	}
	return question.Fault
}

func (e *Endpoint) note(question Question) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.asked = append(e.asked, question)
}

func (e *Endpoint) end() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.now--
}

// read finds out what is asked.
func read(asked *completion) (Question, error) {
	question := Question{Stream: asked.Stream, Temperature: asked.Temperature, MaxTokens: max(asked.MaxTokens, asked.MaxCompletionTokens)}
	var prompts []string
	for _, message := range asked.Messages {
		var whole string
		if json.Unmarshal(message.Content, &whole) == nil {
			prompts = append(prompts, whole)
			continue
		}
		var parts []part
		if err := json.Unmarshal(message.Content, &parts); err != nil {
			return question, fmt.Errorf("read the content of a message: %w", err)
		}
		for _, part := range parts {
			switch part.Type {
			case "text":
				prompts = append(prompts, part.Text)
			case "image_url":
				if err := question.look(part.ImageURL.URL); err != nil {
					return question, err
				}
			}
		}
	}
	if question.MediaType == "" {
		return question, fmt.Errorf("there is no image")
	}
	question.Prompt = strings.Join(prompts, "\n")
	question.InputTokens = ImageTokens + utf8.RuneCountInString(question.Prompt)
	return question, nil
}

// look reads the size of an image in a data URL.
func (q *Question) look(address string) error {
	mediaType, encoded, ok := strings.Cut(strings.TrimPrefix(address, "data:"), ";base64,")
	if !ok {
		return fmt.Errorf("the image is no data URL")
	}
	decoded, err := base64.StdEncoding.DecodeString(encoded)
	if err != nil {
		return fmt.Errorf("decode the image: %w", err)
	}
	config, format, err := image.DecodeConfig(bytes.NewReader(decoded))
	if err != nil {
		return fmt.Errorf("read the image: %w", err)
	}
	if mediaType != "image/"+format {
		return fmt.Errorf("the image is said to be %s, and is %s", mediaType, format)
	}
	q.MediaType, q.Width, q.Height = mediaType, config.Width, config.Height
	if q.Line = config.Width > lineAspect*config.Height; !q.Line {
		q.Page = pageOf(config.Width, config.Height)
	}
	return nil
}

func reply(w http.ResponseWriter, value any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(value)
}

func refuse(w http.ResponseWriter, status int, code, message string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]any{"error": map[string]any{"message": message, "type": code, "code": code}})
}
