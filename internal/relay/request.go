package relay

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"github.com/openplp/khocr/api/v1alpha1"
	"github.com/openplp/khocr/internal/relayport"
)

// quirks are what an endpoint has said that it does not take.
type quirks struct {
	// maxTokens: it wants max_completion_tokens.
	maxTokens bool
	// temperature: it has only its own.
	temperature bool
}

// What chat completions are asked with.
type (
	completion struct {
		Model               string        `json:"model"`
		Messages            []message     `json:"messages"`
		Temperature         *float64      `json:"temperature,omitempty"`
		MaxTokens           int           `json:"max_tokens,omitempty"`
		MaxCompletionTokens int           `json:"max_completion_tokens,omitempty"`
		Stream              bool          `json:"stream"`
		StreamOptions       streamOptions `json:"stream_options"`
	}
	streamOptions struct {
		IncludeUsage bool `json:"include_usage"`
	}
	message struct {
		Role    string `json:"role"`
		Content any    `json:"content"`
	}
	part struct {
		Type     string    `json:"type"`
		Text     string    `json:"text,omitempty"`
		ImageURL *imageURL `json:"image_url,omitempty"`
	}
	imageURL struct {
		URL string `json:"url"`
	}
)

// imagePlace stands for the image until the request is sent. No prompt holds it.
const imagePlace = "\x00"

// otherTemperature is that of questions which are asked once more: by 0 the answer would be the same.
const otherTemperature = 0.3

// encode makes the body of a request, and tells its length. The image becomes text only while it is sent: a page is held once.
func encode(spec *v1alpha1.OpenAIModel, q question, odd quirks) (io.Reader, int64, error) {
	system, user := prompts(q.kind, strings.ReplaceAll(spec.Prompt, imagePlace, ""))
	asked := completion{
		Model: spec.Model,
		Messages: []message{
			{Role: "system", Content: system},
			{Role: "user", Content: []part{
				{Type: "image_url", ImageURL: &imageURL{URL: "data:" + q.mediaType + ";base64," + imagePlace}},
				{Type: "text", Text: user},
			}},
		},
		Stream: true, StreamOptions: streamOptions{IncludeUsage: true},
	}
	most := spec.EffectiveMaxOutputTokens()
	if q.kind == relayport.KindLine {
		most = min(most, relayport.MaxLineTokens)
	}
	if odd.maxTokens {
		asked.MaxCompletionTokens = most
	} else {
		asked.MaxTokens = most
	}
	if !odd.temperature {
		temperature := 0.0
		if q.attempt > 1 {
			temperature = otherTemperature
		}
		asked.Temperature = &temperature
	}
	encoded, err := json.Marshal(asked)
	if err != nil {
		return nil, 0, fmt.Errorf("encode a question: %w", err)
	}
	before, after, _ := bytes.Cut(encoded, []byte(`\u0000`))
	length := int64(len(before)+len(after)) + int64(base64.StdEncoding.EncodedLen(len(q.image)))
	return io.MultiReader(bytes.NewReader(before), &encoder{rest: q.image}, bytes.NewReader(after)), length, nil
}

// encoder reads bytes in base64.
type encoder struct {
	rest []byte
	// piece that is encoded already.
	piece  []byte
	buffer [8 << 10]byte
}

func (e *encoder) Read(into []byte) (int, error) {
	if len(e.piece) == 0 {
		if len(e.rest) == 0 {
			return 0, io.EOF
		}
		// A multiple of 3, so that only the last one is padded.
		size := min(len(e.rest), len(e.buffer)/4*3)
		e.piece = e.buffer[:base64.StdEncoding.EncodedLen(size)]
		base64.StdEncoding.Encode(e.piece, e.rest[:size])
		e.rest = e.rest[size:]
	}
	n := copy(into, e.piece)
	e.piece = e.piece[n:]
	return n, nil
}
