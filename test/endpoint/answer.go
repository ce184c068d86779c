package endpoint

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"
)

const (
	hugeBytes = 100 << 20
	// pieceRunes is how much text an event of a stream brings.
	pieceRunes = 20
	// slowPause is between the pieces of a slow answer, dripPause between letters of one without end.
	slowPause = 20 * time.Millisecond
	dripPause = 200 * time.Millisecond
)

// Texts of answers that are not the page's.
const (
	// Thai for "this document is a report of the accounts department for the month of March".
	TextOtherLanguage = "เอกสารนี้เป็นรายงานของแผนกบัญชีประจำเดือนมีนาคม\nรายได้เพิ่มขึ้นเมื่อเทียบกับปีที่แล้ว\nกรุณาตรวจสอบตัวเลขทั้งหมดก่อนส่ง\n"
	TextSorry         = "I'm sorry, but I can't help with transcribing this image."
	// TextObeys is what a page with an instruction to say so makes a model that obeys it say.
	TextObeys = "PWNED"
	// Khmer about the weather.
	TextUnlike = "ថ្ងៃនេះមេឃស្រឡះ ហើយមានខ្យល់បក់រំភើយៗពីទិសខាងត្បូង។\nកសិករចាប់ផ្ដើមដកស្ទូងនៅតាមវាលស្រែក្បែរទន្លេសាប។\nក្មេងៗលេងបាល់នៅមុខវត្ត។\n"
	// Khmer for "thank you", without end.
	lineRepeated = "សូមអរគុណ\n"
)

// answer is one that is to be given.
type answer struct {
	kind          Kind
	model         string
	text          string
	finish        string
	refusal       string
	input, output int
	stream, usage bool
}

// answerFor makes the answer with a fault to a question about a text.
func answerFor(kind Kind, text string, page int) answer {
	a := answer{kind: kind, text: text, finish: "stop"}
	switch kind {
	case CutOff:
		a.text, a.finish = half(text), "length"
	case Broken:
		a.text, a.finish = half(text), ""
	case OtherLanguage:
		a.text = TextOtherLanguage
	case Empty:
		a.text = ""
	case Refusal:
		a.text, a.refusal = "", TextSorry
	case Filtered:
		a.text, a.finish = half(text), "content_filter"
	case Sorry:
		a.text = TextSorry
	case Repetition:
		a.text = strings.Repeat(lineRepeated, 200)
	case Obeys:
		a.text = TextObeys
	case Unlike:
		a.text = TextUnlike
	case Chatty:
		a.text = fmt.Sprintf("Here is the text of page %d:\n```text\n%s\n```", page, text)
	}
	return a
}

func half(text string) string {
	runes := []rune(text)
	return string(runes[:len(runes)/2])
}

func (a answer) send(w http.ResponseWriter, r *http.Request) {
	switch a.kind {
	case Unauthorized:
		refuse(w, http.StatusUnauthorized, "invalid_api_key", "Incorrect API key provided: "+r.Header.Get("Authorization"))
	case RateLimited:
		w.Header().Set("Retry-After", "1")
		refuse(w, http.StatusTooManyRequests, "rate_limit_exceeded", "Rate limit reached")
	case ServerError:
		refuse(w, http.StatusInternalServerError, "server_error", "The server had an error")
	case Hang:
		<-r.Context().Done()
	case Closed:
		panic(http.ErrAbortHandler)
	case NotJSON:
		w.Header().Set("Content-Type", "text/html")
		_, _ = fmt.Fprintln(w, "<!doctype html><title>Welcome</title><p>It works!")
	case WrongShape:
		reply(w, map[string]any{"object": "chat.completion", "choices": "none"})
	default:
		if a.stream {
			a.sendStream(w, r)
		} else {
			a.sendWhole(w, r)
		}
	}
}

func (a answer) sendStream(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/event-stream")
	flush := http.NewResponseController(w)
	event := func(value map[string]any) bool {
		encoded, _ := json.Marshal(value)
		_, err := fmt.Fprintf(w, "data: %s\n\n", encoded)
		_ = flush.Flush()
		return err == nil && r.Context().Err() == nil
	}
	piece := func(delta map[string]any, finish any) bool {
		return event(map[string]any{"id": "1", "object": "chat.completion.chunk", "created": 0, "model": a.model,
			"choices": []any{map[string]any{"index": 0, "delta": delta, "finish_reason": finish}}})
	}
	piece(map[string]any{"role": "assistant", "content": ""}, nil)
	_, _ = fmt.Fprint(w, ": some endpoints send remarks to keep the connection\n\n")
	switch a.kind {
	case Drip:
		for piece(map[string]any{"content": "ក"}, nil) {
			pause(r, dripPause)
		}
		return
	case Huge:
		much := strings.Repeat("ក", 64<<10)
		for sent := 0; sent < hugeBytes; sent += len(much) {
			if !piece(map[string]any{"content": much}, nil) {
				return
			}
		}
	}
	for text := []rune(a.text); len(text) > 0; {
		size := min(pieceRunes, len(text))
		piece(map[string]any{"content": string(text[:size])}, nil)
		text = text[size:]
		if a.kind == Slow {
			pause(r, slowPause)
		}
	}
	if a.refusal != "" {
		piece(map[string]any{"refusal": a.refusal}, nil)
	}
	if a.kind == Broken {
		panic(http.ErrAbortHandler)
	}
	piece(map[string]any{}, a.finish)
	if a.usage {
		event(map[string]any{"id": "1", "object": "chat.completion.chunk", "created": 0, "model": a.model, "choices": []any{}, "usage": a.spent()})
	}
	_, _ = fmt.Fprint(w, "data: [DONE]\n\n")
}

func (a answer) sendWhole(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	message := map[string]any{"role": "assistant", "content": a.text}
	if a.refusal != "" {
		message["content"], message["refusal"] = nil, a.refusal
	}
	encoded, _ := json.Marshal(map[string]any{"id": "1", "object": "chat.completion", "created": 0, "model": a.model,
		"choices": []any{map[string]any{"index": 0, "message": message, "finish_reason": a.finish}}, "usage": a.spent()})
	flush := http.NewResponseController(w)
	switch a.kind {
	case Drip:
		// The beginning of a text, and never its end.
		_, _ = w.Write([]byte(`{"choices":[{"index":0,"message":{"role":"assistant","content":"`))
		for r.Context().Err() == nil {
			_, _ = w.Write([]byte("ក"))
			_ = flush.Flush()
			pause(r, dripPause)
		}
	case Huge:
		_, _ = w.Write([]byte(`{"choices":[{"index":0,"message":{"role":"assistant","content":"`))
		much := []byte(strings.Repeat("ក", 64<<10))
		for sent := 0; sent < hugeBytes; sent += len(much) {
			if _, err := w.Write(much); err != nil {
				return
			}
		}
		_, _ = fmt.Fprintf(w, `"},"finish_reason":"stop"}],"usage":{"prompt_tokens":%d,"completion_tokens":%d}}`, a.input, a.output)
	case Broken:
		_, _ = w.Write(encoded[:len(encoded)/2])
		_ = flush.Flush()
		panic(http.ErrAbortHandler)
	case Slow:
		for len(encoded) > 0 {
			size := min(pieceRunes, len(encoded))
			_, _ = w.Write(encoded[:size])
			_ = flush.Flush()
			encoded = encoded[size:]
			pause(r, slowPause)
		}
	default:
		_, _ = w.Write(encoded)
	}
}

func (a answer) spent() map[string]any {
	return map[string]any{"prompt_tokens": a.input, "completion_tokens": a.output, "total_tokens": a.input + a.output}
}

// pause is a time that goes by with the answer, unless the caller goes before.
func pause(r *http.Request, long time.Duration) {
	select {
	case <-r.Context().Done():
	case <-time.After(long):
	}
}
