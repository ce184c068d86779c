package relay

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/openplp/khocr/api/v1alpha1"
	"github.com/openplp/khocr/internal/document"
	"github.com/openplp/khocr/internal/relayport"
)

const (
	// The first pause between tries, and the longest that is not the endpoint's wish.
	firstPause   = 500 * time.Millisecond
	longestPause = 10 * time.Second
	// maxErrorBytes are read of an error that an endpoint answers with.
	maxErrorBytes = 16 << 10
)

// ask asks the question of an endpoint until there is an answer, within the model's time and retries.
func (r *Relay) ask(ctx context.Context, l *lane, spec *v1alpha1.OpenAIModel, q question) (string, relayport.Spent, *trouble) {
	began := time.Now()
	ctx, cancel := context.WithDeadline(ctx, began.Add(spec.Timeout()))
	defer cancel()
	spent := relayport.Spent{}
	for {
		spent.Tries++
		s, t := r.try(ctx, l, spec, q)
		if s.something {
			spent.Answers++
			spent.InputTokens += s.input
			spent.OutputTokens += s.output
		}
		if t != nil {
			if pause, ok := again(t, spent.Tries, spec.EffectiveRetries(), spec.Timeout()-time.Since(began), time.Now(), rand.Float64()); ok {
				if sleep(ctx, pause) == nil {
					continue
				}
			}
		}
		spent.Milliseconds = time.Since(began).Milliseconds()
		return s.text.String(), spent, t
	}
}

// again tells whether a question that had trouble with its nth try is tried again, and after which pause: the endpoint's wish, or one
// that grows, of a length by chance so that not all come back at once. left is what there is of the time, chance below 1.
func again(t *trouble, try, retries int, left time.Duration, now time.Time, chance float64) (time.Duration, bool) {
	if !t.again || try > retries {
		return 0, false
	}
	pause := min(longestPause, firstPause<<(try-1))
	pause = pause/2 + time.Duration(chance*float64(pause))
	pause = max(pause, retryAfter(t.after, now))
	return pause, pause < left
}

// retryAfter reads a Retry-After, of seconds or a date; what is neither says nothing.
func retryAfter(header string, now time.Time) time.Duration {
	if seconds, err := strconv.ParseInt(header, 10, 32); err == nil {
		return time.Duration(max(0, seconds)) * time.Second
	}
	if date, err := http.ParseTime(header); err == nil {
		return max(0, date.Sub(now))
	}
	return 0
}

func sleep(ctx context.Context, long time.Duration) error {
	timer := time.NewTimer(long)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

// try asks once; and once more at once each time the endpoint says that it does not take a parameter.
func (r *Relay) try(ctx context.Context, l *lane, spec *v1alpha1.OpenAIModel, q question) (*said, *trouble) {
	for {
		l.mu.Lock()
		odd := l.quirks
		l.mu.Unlock()
		s, t, learned := r.once(ctx, spec, q, odd)
		if learned == odd {
			return s, t
		}
		l.mu.Lock()
		l.quirks = learned
		l.mu.Unlock()
	}
}

// once asks once, and returns the quirks that are known then.
func (r *Relay) once(ctx context.Context, spec *v1alpha1.OpenAIModel, q question, odd quirks) (*said, *trouble, quirks) {
	body, length, err := encode(spec, q, odd)
	if err != nil {
		return &said{}, &trouble{reason: document.AIEndpointError, detail: err.Error()}, odd
	}
	ctx, watch := watchSilence(ctx, r.idleTime)
	defer watch.end()
	answer, t := r.send(ctx, spec, http.MethodPost, "/chat/completions", body, length)
	if t != nil {
		return &said{}, t, odd
	}
	defer answer.Body.Close()
	heard := watch.listen(answer.Body)
	if answer.StatusCode == http.StatusOK {
		s, t := listen(answer.Header.Get("Content-Type"), heard)
		return s, t, odd
	}
	told, _ := io.ReadAll(io.LimitReader(heard, maxErrorBytes))
	if answer.StatusCode == http.StatusBadRequest {
		if learned := learn(odd, told); learned != odd {
			return &said{}, nil, learned
		}
	}
	return &said{}, refusal(answer.StatusCode, answer.Header.Get("Retry-After"), told), odd
}

// send makes a request of an endpoint, with its key.
func (r *Relay) send(ctx context.Context, spec *v1alpha1.OpenAIModel, method, path string, body io.Reader, length int64) (*http.Response, *trouble) {
	key, err := readKey(r.KeysDir, spec.APIKeyName)
	if err != nil {
		return nil, &trouble{reason: document.AIKeyMissing, detail: err.Error()}
	}
	request, err := http.NewRequestWithContext(ctx, method, strings.TrimSuffix(spec.BaseURL, "/")+path, body)
	if err != nil {
		return nil, &trouble{reason: document.AIEndpointError, detail: "the base URL is none"}
	}
	request.ContentLength = length
	request.Header.Set("User-Agent", "khocr-relay")
	if body != nil {
		request.Header.Set("Content-Type", "application/json")
	}
	if key != "" {
		request.Header.Set("Authorization", "Bearer "+key)
	}
	client := r.external
	if spec.Location == v1alpha1.LocationInCluster {
		client = r.inCluster
	}
	answer, err := client.Do(request)
	if err != nil {
		return nil, unconnected(ctx, err)
	}
	return answer, nil
}

// refusal is the trouble of an answer with a status other than 200.
func refusal(status int, after string, told []byte) *trouble {
	t := &trouble{reason: document.AIEndpointError, after: after, detail: fmt.Sprintf("the endpoint answered with %d %s", status, codeOf(told))}
	t.detail = strings.TrimSpace(t.detail)
	switch {
	case status == http.StatusUnauthorized, status == http.StatusForbidden:
		t.reason = document.AIUnauthorized
	case status == http.StatusTooManyRequests:
		t.reason, t.again = document.AIRateLimited, true
	case status == http.StatusRequestTimeout, status >= 500:
		t.again = true
	}
	return t
}

// told is the part of an error that endpoints have in common.
type told struct {
	Error struct {
		Code    any    `json:"code"`
		Type    string `json:"type"`
		Param   string `json:"param"`
		Message string `json:"message"`
	} `json:"error"`
}

// codes of errors that are repeated in logs. Others are not: an endpoint may put anything there, the key too.
var codes = []string{
	"invalid_api_key", "model_not_found", "rate_limit_exceeded", "insufficient_quota", "context_length_exceeded", "unsupported_parameter",
	"unsupported_value", "invalid_request_error", "invalid_value", "invalid_image", "image_parse_error", "content_policy_violation",
	"server_error", "overloaded_error", "not_found", "NotFoundError", "BadRequestError", "InternalServerError",
}

// codeOf is the code of an error if it is a known one.
func codeOf(encoded []byte) string {
	var t told
	if json.Unmarshal(encoded, &t) != nil {
		return ""
	}
	for _, given := range []any{t.Error.Code, t.Error.Type} {
		if text, ok := given.(string); ok && slices.Contains(codes, text) {
			return text
		}
	}
	return ""
}

// learn adds what an endpoint says that it does not take.
func learn(odd quirks, encoded []byte) quirks {
	var t told
	if json.Unmarshal(encoded, &t) != nil {
		return odd
	}
	if t.Error.Param == "max_tokens" || strings.Contains(t.Error.Message, "max_completion_tokens") {
		odd.maxTokens = true
	}
	if t.Error.Param == "temperature" || bytes.Contains(encoded, []byte("'temperature'")) {
		odd.temperature = true
	}
	return odd
}

// used is what a question is taken to have used of the tokens per minute: what the endpoint told, or a guess where it told nothing.
func used(spent relayport.Spent, text string) int64 {
	if told := spent.InputTokens + spent.OutputTokens; told > 0 || spent.Answers == 0 {
		return told
	}
	const image = 1000
	return image*int64(spent.Answers) + int64(utf8.RuneCountInString(text))
}
