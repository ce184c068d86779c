package relay

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"strings"

	"github.com/openplp/khocr/internal/document"
	"github.com/openplp/khocr/internal/relayport"
)

const (
	// maxStreamBytes bounds a stream, in which each token has an event of some 300 bytes.
	maxStreamBytes = 64 << 20
	// maxLineBytes bounds an event of it.
	maxLineBytes = 1 << 20
	// maxWholeBytes bounds an answer in one piece: the text, escaped, and what stands around it.
	maxWholeBytes = 2*relayport.MaxAnswerBytes + 512<<10
	// maxTokens bounds the tokens that are believed of one answer.
	maxTokens = 10_000_000
)

// trouble says why there is no text.
type trouble struct {
	// reason is one of the AI reasons of package document, detail is for logs, in our own words.
	reason, detail string
	// again tells that the same may go well another time.
	again bool
	// after is how long the endpoint wants to be left alone.
	after string
}

// said is what an endpoint has answered.
type said struct {
	text          strings.Builder
	finish        string
	refused       bool
	input, output int64
	// something of the protocol has come.
	something bool
}

// What answers consist of. A stream has deltas, an answer in one piece a message.
type (
	chunk struct {
		Choices *choices `json:"choices"`
		Usage   *struct {
			PromptTokens     int64 `json:"prompt_tokens"`
			CompletionTokens int64 `json:"completion_tokens"`
		} `json:"usage"`
		Error json.RawMessage `json:"error"`
	}
	// choices, of which one was asked for: an array, because a list of empty ones would take a hundred times its length.
	choices [2]struct {
		Index        int     `json:"index"`
		Delta        content `json:"delta"`
		Message      content `json:"message"`
		FinishReason *string `json:"finish_reason"`
	}
	content struct {
		Content text   `json:"content"`
		Refusal string `json:"refusal"`
	}
	// text is a string, or a list of parts.
	text string
)

// UnmarshalJSON implements json.Unmarshaler.
func (t *text) UnmarshalJSON(encoded []byte) error {
	if len(encoded) > 0 && encoded[0] == '[' {
		var parts []struct {
			Text string `json:"text"`
		}
		if err := json.Unmarshal(encoded, &parts); err != nil {
			return err
		}
		var all strings.Builder
		for _, part := range parts {
			all.WriteString(part.Text)
		}
		*t = text(all.String())
		return nil
	}
	return json.Unmarshal(encoded, (*string)(t))
}

// listen reads an answer, whatever its form. The trouble is nil where it is whole and has a text.
func listen(contentType string, body io.Reader) (*said, *trouble) {
	s := &said{}
	read := s.readWhole
	if mediaType, _, _ := mime.ParseMediaType(contentType); mediaType == "text/event-stream" {
		read = s.readStream
	}
	if trouble := read(body); trouble != nil {
		return s, trouble
	}
	return s, s.judge()
}

func (s *said) readStream(body io.Reader) *trouble {
	limited := &io.LimitedReader{R: body, N: maxStreamBytes}
	lines := bufio.NewScanner(limited)
	lines.Buffer(make([]byte, 0, 4<<10), maxLineBytes)
	for lines.Scan() {
		data, ok := bytes.CutPrefix(lines.Bytes(), []byte("data:"))
		if !ok {
			// Remarks, names and numbers of events, and the ends of them.
			continue
		}
		if data = bytes.TrimSpace(data); string(data) == "[DONE]" {
			s.something = true
			return nil
		}
		if trouble := s.take(data); trouble != nil {
			return trouble
		}
	}
	err := lines.Err()
	switch {
	case errors.Is(err, bufio.ErrTooLong), limited.N == 0:
		return tooLong()
	case s.finish != "":
		return nil
	case err != nil:
		return broken(err)
	case s.something:
		return &trouble{reason: document.AICutOff, detail: "the stream ends before the answer does"}
	}
	return &trouble{reason: document.AIMalformed, detail: "the stream has no answer"}
}

func (s *said) readWhole(body io.Reader) *trouble {
	encoded, err := io.ReadAll(io.LimitReader(body, maxWholeBytes))
	switch {
	case err != nil:
		return broken(err)
	case len(encoded) == maxWholeBytes:
		return tooLong()
	}
	if trouble := s.take(encoded); trouble != nil {
		return trouble
	}
	if s.finish == "" {
		// An answer in one piece is whole, whether or not it says so.
		s.finish = "stop"
	}
	return nil
}

// take adds a piece of the answer.
func (s *said) take(encoded []byte) *trouble {
	var piece chunk
	if err := json.Unmarshal(encoded, &piece); err != nil {
		return &trouble{reason: document.AIMalformed, detail: "the answer is not the protocol's JSON"}
	}
	if len(piece.Error) > 0 && string(piece.Error) != "null" {
		return &trouble{reason: document.AIEndpointError, detail: "the endpoint failed in the middle: " + codeOf(encoded), again: true}
	}
	if piece.Choices == nil && piece.Usage == nil {
		return &trouble{reason: document.AIMalformed, detail: "the answer has no choices"}
	}
	s.something = true
	if piece.Usage != nil {
		// Some tell what it is so far with every piece.
		s.input, s.output = believed(piece.Usage.PromptTokens), believed(piece.Usage.CompletionTokens)
	}
	if piece.Choices == nil {
		piece.Choices = new(choices)
	}
	for _, choice := range piece.Choices {
		if choice.Index != 0 {
			continue
		}
		for _, part := range []content{choice.Delta, choice.Message} {
			s.text.WriteString(string(part.Content))
			s.refused = s.refused || part.Refusal != ""
		}
		if choice.FinishReason != nil && *choice.FinishReason != "" {
			s.finish = *choice.FinishReason
		}
	}
	if s.text.Len() > relayport.MaxAnswerBytes {
		return tooLong()
	}
	return nil
}

func believed(tokens int64) int64 { return max(0, min(tokens, maxTokens)) }

// judge tells what an answer that has come whole lacks.
func (s *said) judge() *trouble {
	switch {
	case s.refused:
		return &trouble{reason: document.AIRefused, detail: "the model refused"}
	case s.finish == "content_filter":
		return &trouble{reason: document.AIRefused, detail: "the endpoint's filter refused"}
	case s.finish == "length":
		return &trouble{reason: document.AICutOff, detail: "the answer reached the limit of its tokens"}
	case strings.TrimSpace(s.text.String()) == "":
		return &trouble{reason: document.AIEmpty, detail: "the answer has no text"}
	}
	return nil
}

func tooLong() *trouble {
	return &trouble{reason: document.AITooLong, detail: fmt.Sprintf("the answer has more than %d KB", relayport.MaxAnswerBytes>>10)}
}

// broken is the trouble of a connection that ended in the middle. What the error says may be the endpoint's words.
func broken(err error) *trouble {
	if trouble := interrupted(err); trouble != nil {
		return trouble
	}
	return &trouble{reason: document.AIUnreachable, detail: "the connection broke in the middle of the answer", again: true}
}
