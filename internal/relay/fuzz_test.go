package relay

import (
	"strings"
	"testing"

	"github.com/openplp/khocr/internal/document"
	"github.com/openplp/khocr/internal/relayport"
)

// FuzzListen hears what an endpoint may answer: it is either a text within bounds or a reason that people are told.
func FuzzListen(f *testing.F) {
	for _, body := range []string{
		"data: {\"choices\":[{\"delta\":{\"content\":\"សួស្តី\"},\"finish_reason\":\"stop\"}],\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":-7}}\n\ndata: [DONE]\n\n",
		"data: {\"choices\":[{\"delta\":{\"content\":[{\"text\":\"a\"}],\"refusal\":\"no\"}}]}\n", ": remark\n\ndata:\n", "data: {\"error\":{\"code\":7}}\n",
		`{"choices":[{"message":{"content":"a"},"finish_reason":"length"}],"usage":null}`, `{"choices":[{"message":null}]}`, `{"choices":null,"error":""}`, "",
	} {
		f.Add(true, body)
		f.Add(false, body)
	}
	f.Fuzz(func(t *testing.T, stream bool, body string) {
		s, trouble := listen(map[bool]string{true: "text/event-stream", false: "application/json"}[stream], strings.NewReader(body))
		if s.input < 0 || s.output < 0 || s.input > maxTokens || s.output > maxTokens {
			t.Errorf("%d and %d tokens", s.input, s.output)
		}
		if trouble != nil {
			if document.AIReasons()[trouble.reason] == "" || trouble.detail == "" {
				t.Errorf("%+v", trouble)
			}
			return
		}
		if text := s.text.String(); strings.TrimSpace(text) == "" || len(text) > relayport.MaxAnswerBytes || !s.something {
			t.Errorf("a text of %d bytes", len(text))
		}
	})
}
