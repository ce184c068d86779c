package endpoint

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"reflect"
	"strings"
	"testing"
)

func TestEveryPageIsKnownByItsShape(t *testing.T) {
	for page := 1; page <= MaxPage; page++ {
		for _, side := range []int{256, 2048} {
			for _, mediaType := range []string{"image/jpeg", "image/png"} {
				var q Question
				if err := q.look(dataURL(PageImage(page, side, mediaType), mediaType)); err != nil || q.Page != page || q.Line {
					t.Errorf("page %d of %d pixels as %s is taken for %+v: %v", page, side, mediaType, q, err)
				}
			}
		}
	}
}

func TestFaultsAreDealtOutBySeed(t *testing.T) {
	settings := Settings{Faults: append(Kinds(), None), Seed: 7}
	seen := map[Kind]int{}
	var first []Fault
	for page := 1; page <= len(settings.Faults); page++ {
		first = append(first, settings.FaultOf(page))
		seen[first[page-1].Kind]++
	}
	if len(seen) != len(settings.Faults) {
		t.Errorf("%d pages have %d kinds of faults", len(first), len(seen))
	}
	again, other := []Fault{}, []Fault{}
	for page := range first {
		again = append(again, settings.FaultOf(page+1))
		other = append(other, Settings{Faults: settings.Faults, Seed: 8}.FaultOf(page+1))
	}
	if !reflect.DeepEqual(first, again) || reflect.DeepEqual(first, other) {
		t.Error("faults are no function of the seed")
	}
}

func TestAnswers(t *testing.T) {
	const text = "សួស្តី ពិភពលោក\nHello"
	e, address := Start(t, Settings{Model: "eyes", Key: "k-1", Pages: map[int]string{3: text}, Lines: []Line{{10, "long"}, {3, "short"}}})

	for name, c := range map[string]struct {
		image    []byte
		settings func(*Settings)
		stream   bool
		status   int
		holds    []string
	}{
		"a page":                 {PageImage(3, 500, "image/jpeg"), nil, false, 200, []string{`"finish_reason":"stop"`, `Hello"`, `"prompt_tokens":1005`}},
		"a page as a stream":     {PageImage(3, 500, "image/jpeg"), nil, true, 200, []string{`"finish_reason":"stop"`, `Hello"`, `"prompt_tokens":1005`, "[DONE]"}},
		"a line":                 {LineImage(9, "image/jpeg"), nil, false, 200, []string{`"long"`}},
		"another line":           {LineImage(3.2, "image/jpeg"), nil, false, 200, []string{`"short"`}},
		"one that ignores it":    {PageImage(3, 500, "image/jpeg"), func(s *Settings) { s.IgnoreStream = true }, true, 200, []string{`"object":"chat.completion"`}},
		"a key that is repeated": {PageImage(3, 500, "image/jpeg"), func(s *Settings) { s.Key = "k-2" }, false, 401, []string{"k-1"}},
		"cut off":                {PageImage(3, 500, "image/jpeg"), func(s *Settings) { s.FaultsOf = map[int]Fault{3: {Kind: CutOff}} }, true, 200, []string{`"finish_reason":"length"`}},
		"too many":               {PageImage(3, 500, "image/jpeg"), func(s *Settings) { s.FaultsOf = map[int]Fault{3: {Kind: RateLimited}} }, true, 429, nil},
		"no image":               {[]byte("text"), nil, false, 400, nil},
	} {
		t.Run(name, func(t *testing.T) {
			before := e.Settings()
			defer e.Change(func(s *Settings) { *s = before })
			if c.settings != nil {
				e.Change(c.settings)
			}
			status, body := post(t, address, "k-1", question(c.image, c.stream))
			if status != c.status {
				t.Fatalf("%d %s", status, body)
			}
			for _, part := range c.holds {
				if !strings.Contains(body, part) {
					t.Errorf("%s does not hold %s", body, part)
				}
			}
		})
	}
}

func TestAFaultOfTheFirstTimeIsGoneTheSecond(t *testing.T) {
	e, address := Start(t, Settings{Model: "eyes", Pages: map[int]string{1: "text"}, FaultsOf: map[int]Fault{1: {ServerError, 1}}})
	for _, want := range []int{500, 200, 200} {
		if status, body := post(t, address, "", question(PageImage(1, 500, "image/png"), false)); status != want {
			t.Errorf("%d in place of %d: %s", status, want, body)
		}
	}
	if asked := e.Asked(); len(asked) != 3 || asked[0].Fault != ServerError || asked[1].Fault != None || asked[1].OutputTokens != 4 {
		t.Errorf("%+v", asked)
	}
}

func TestItIsControlledOverHTTP(t *testing.T) {
	e, address := Start(t, Settings{Model: "eyes"})
	encoded, err := json.Marshal(Settings{Model: "ears", FaultsOf: map[int]Fault{2: {Kind: Empty}}})
	if err != nil {
		t.Fatal(err)
	}
	request, _ := http.NewRequest(http.MethodPut, strings.TrimSuffix(address, "/v1")+"/control", bytes.NewReader(encoded))
	answer, err := http.DefaultClient.Do(request)
	if err != nil || answer.StatusCode != http.StatusNoContent {
		t.Fatal(answer, err)
	}
	answer.Body.Close()
	if got := e.Settings(); got.Model != "ears" || got.FaultOf(2).Kind != Empty {
		t.Errorf("%+v", got)
	}
}

func question(image []byte, stream bool) map[string]any {
	mediaType := http.DetectContentType(image)
	return map[string]any{"model": "eyes", "stream": stream, "stream_options": map[string]any{"include_usage": true}, "messages": []any{
		map[string]any{"role": "user", "content": []any{
			map[string]any{"type": "image_url", "image_url": map[string]any{"url": dataURL(image, mediaType)}},
			map[string]any{"type": "text", "text": "Read!"},
		}},
	}}
}

func dataURL(image []byte, mediaType string) string {
	return "data:" + mediaType + ";base64," + base64.StdEncoding.EncodeToString(image)
}

func post(t *testing.T, address, key string, body any) (int, string) {
	t.Helper()
	encoded, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	request, err := http.NewRequest(http.MethodPost, address+"/chat/completions", bytes.NewReader(encoded))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+key)
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer.StatusCode, string(text)
}
