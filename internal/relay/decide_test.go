package relay

import (
	"context"
	"crypto/sha256"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/openplp/khocr/api/v1alpha1"
	"github.com/openplp/khocr/internal/document"
	"github.com/openplp/khocr/internal/relayport"
	"github.com/openplp/khocr/internal/testenv"
)

func TestWhatIsTriedAgain(t *testing.T) {
	now := time.Date(2026, 8, 3, 10, 0, 0, 0, time.UTC)
	failed := trouble{again: true}
	for name, c := range map[string]struct {
		trouble trouble
		try     int
		left    time.Duration
		chance  float64
		pause   time.Duration
		again   bool
	}{
		"a failure":                       {failed, 1, time.Minute, 0.5, 500 * time.Millisecond, true},
		"by chance sooner":                {failed, 1, time.Minute, 0, 250 * time.Millisecond, true},
		"a second failure":                {failed, 2, time.Minute, 0.5, time.Second, true},
		"a third one of two retries":      {failed, 3, time.Minute, 0.5, 0, false},
		"one that will be the same again": {trouble{}, 1, time.Minute, 0.5, 0, false},
		"no time is left":                 {failed, 1, 400 * time.Millisecond, 0.5, 500 * time.Millisecond, false},
		"the endpoint wants a rest":       {trouble{again: true, after: "7"}, 1, time.Minute, 0.5, 7 * time.Second, true},
		"until a date":                    {trouble{again: true, after: "Mon, 03 Aug 2026 10:00:20 GMT"}, 1, time.Minute, 0.5, 20 * time.Second, true},
		"until a date that is over":       {trouble{again: true, after: "Mon, 03 Aug 2026 09:00:00 GMT"}, 1, time.Minute, 0.5, 500 * time.Millisecond, true},
		"a rest that is too long":         {trouble{again: true, after: "3600"}, 1, time.Minute, 0.5, time.Hour, false},
		"a rest of nonsense":              {trouble{again: true, after: "soon"}, 1, time.Minute, 0.5, 500 * time.Millisecond, true},
		"a rest before now":               {trouble{again: true, after: "-5"}, 1, time.Minute, 0.5, 500 * time.Millisecond, true},
	} {
		if pause, ok := again(&c.trouble, c.try, 2, c.left, now, c.chance); ok != c.again || ok && pause != c.pause {
			t.Errorf("%s: %v, %v", name, pause, ok)
		}
	}
	if pause, ok := again(&failed, 6, 9, time.Hour, now, 0.5); pause != longestPause || !ok {
		t.Errorf("the pauses grow to %v", pause)
	}
}

func TestWhatStatusesMean(t *testing.T) {
	for status, want := range map[int]trouble{
		400: {reason: document.AIEndpointError}, 401: {reason: document.AIUnauthorized}, 403: {reason: document.AIUnauthorized},
		404: {reason: document.AIEndpointError}, 302: {reason: document.AIEndpointError},
		408: {reason: document.AIEndpointError, again: true}, 429: {reason: document.AIRateLimited, again: true},
		500: {reason: document.AIEndpointError, again: true}, 503: {reason: document.AIEndpointError, again: true},
	} {
		if got := refusal(status, "", nil); got.reason != want.reason || got.again != want.again {
			t.Errorf("%d is %+v", status, got)
		}
	}
	const key = "sk-secret"
	if got := refusal(400, "", []byte(`{"error":{"code":"`+key+`","type":"`+key+`","message":"`+key+`"}}`)).detail; strings.Contains(got, key) {
		t.Error(got)
	}
	if got := refusal(404, "", []byte(`{"error":{"code":"model_not_found"}}`)).detail; got != "the endpoint answered with 404 model_not_found" {
		t.Error(got)
	}
}

func TestListen(t *testing.T) {
	const stream, whole = "text/event-stream; charset=utf-8", "application/json"
	long := strings.Repeat("ក", relayport.MaxAnswerBytes/3+1)
	for name, c := range map[string]struct {
		contentType, body string
		reason, text      string
		output            int64
	}{
		"a stream": {stream, "data: {\"choices\":[{\"delta\":{\"role\":\"assistant\"}}]}\n\ndata: {\"choices\":[{\"delta\":{\"content\":\"សួស្តី\"}}]}\n\n" +
			"data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}]}\n\ndata: {\"choices\":[],\"usage\":{\"completion_tokens\":7}}\n\ndata: [DONE]\n\n", "", "សួស្តី", 7},
		"a stream with remarks, events and carriage returns": {stream, ": hello\r\nevent: message\r\nid: 1\r\ndata:{\"choices\":[{\"delta\":{\"content\":\"a\"},\"finish_reason\":\"stop\"}]}\r\n\r\ndata: [DONE]\r\n", "", "a", 0},
		"a stream that does not say that it is done":         {stream, "data: {\"choices\":[{\"delta\":{\"content\":\"a\"},\"finish_reason\":\"stop\"}]}\n", "", "a", 0},
		"a stream that ends in the middle":                   {stream, "data: {\"choices\":[{\"delta\":{\"content\":\"a\"}}]}\n", document.AICutOff, "a", 0},
		"a stream of nothing":                                {stream, "", document.AIMalformed, "", 0},
		"a stream of something else":                         {stream, "data: hello\n", document.AIMalformed, "", 0},
		"a stream with an error in it":                       {stream, "data: {\"error\":{\"message\":\"out of memory\"}}\n", document.AIEndpointError, "", 0},
		"a stream whose text is too long":                    {stream, "data: {\"choices\":[{\"delta\":{\"content\":\"" + long + "\"}}]}\n", document.AITooLong, long, 0},
		"a stream with a line that is too long":              {stream, "data: " + strings.Repeat(" ", maxLineBytes), document.AITooLong, "", 0},
		"a refusal":                                          {stream, "data: {\"choices\":[{\"delta\":{\"refusal\":\"No\"},\"finish_reason\":\"stop\"}]}\n", document.AIRefused, "", 0},
		"one piece":                                          {whole, `{"choices":[{"message":{"content":"a"},"finish_reason":"stop"}],"usage":{"completion_tokens":3}}`, "", "a", 3},
		"one piece of parts":                                 {whole, `{"choices":[{"message":{"content":[{"type":"text","text":"a"},{"type":"text","text":"b"}]}}]}`, "", "ab", 0},
		"one piece without a content type":                   {"", `{"choices":[{"message":{"content":"a"}}]}`, "", "a", 0},
		"a second choice":                                    {whole, `{"choices":[{"index":1,"message":{"content":"b"}},{"index":0,"message":{"content":"a"}}]}`, "", "a", 0},
		"one piece that is cut off":                          {whole, `{"choices":[{"message":{"content":"a"},"finish_reason":"length"}]}`, document.AICutOff, "a", 0},
		"one piece that was filtered":                        {whole, `{"choices":[{"message":{"content":"a"},"finish_reason":"content_filter"}]}`, document.AIRefused, "a", 0},
		"blanks":                                             {whole, `{"choices":[{"message":{"content":" \n"},"finish_reason":"stop"}]}`, document.AIEmpty, " \n", 0},
		"null":                                               {whole, `{"choices":[{"message":{"content":null},"finish_reason":"stop"}]}`, document.AIEmpty, "", 0},
		"no choice":                                          {whole, `{"choices":[],"usage":{"completion_tokens":1}}`, document.AIEmpty, "", 1},
		"another shape":                                      {whole, `{"choices":"none"}`, document.AIMalformed, "", 0},
		"no shape":                                           {whole, `{}`, document.AIMalformed, "", 0},
		"an error with status 200":                           {whole, `{"error":"busy"}`, document.AIEndpointError, "", 0},
		"a page for browsers":                                {"text/html", "<html>", document.AIMalformed, "", 0},
		"one piece that is too long":                         {whole, strings.Repeat(" ", maxWholeBytes), document.AITooLong, "", 0},
		"tokens that nobody believes":                        {whole, `{"choices":[{"message":{"content":"a"}}],"usage":{"prompt_tokens":-9,"completion_tokens":99999999999}}`, "", "a", maxTokens},
	} {
		s, trouble := listen(c.contentType, strings.NewReader(c.body))
		reason := ""
		if trouble != nil {
			reason = trouble.reason
		}
		if reason != c.reason || s.text.String() != c.text || s.output != c.output || s.input != 0 {
			t.Errorf("%s: %q, %.20q, %d tokens", name, reason, s.text.String(), s.output)
		}
	}
}

// endless is an answer without end, that counts how much of it was read.
type endless struct {
	before string
	piece  string
	read   int
}

func (e *endless) Read(buffer []byte) (int, error) {
	if e.before == "" {
		e.before = e.piece
	}
	n := copy(buffer, e.before)
	e.before = e.before[n:]
	e.read += n
	return n, nil
}

func TestAnAnswerWithoutEndIsNotHeardOut(t *testing.T) {
	event := "data: {\"choices\":[{\"delta\":{\"content\":\"ក\"}}]}\n\n"
	for name, c := range map[string]struct {
		contentType string
		body        endless
		most        int
	}{
		"a stream of letters":       {"text/event-stream", endless{piece: event}, 2 * relayport.MaxAnswerBytes / 3 * len(event)},
		"a stream of one line":      {"text/event-stream", endless{before: "data: ", piece: "ក"}, 2 * maxLineBytes},
		"a stream of remarks":       {"text/event-stream", endless{piece: ": still here\n\n"}, maxStreamBytes},
		"one piece without an end":  {"application/json", endless{before: `{"choices":[{"message":{"content":"`, piece: "ក"}, maxWholeBytes},
		"something else altogether": {"text/html", endless{piece: "<p>"}, maxWholeBytes},
	} {
		if _, trouble := listen(c.contentType, &c.body); trouble == nil || trouble.reason != document.AITooLong || c.body.read > c.most {
			t.Errorf("%s: %+v after %d bytes", name, trouble, c.body.read)
		}
	}
}

func TestAnAnswerTakesFewTimesItsLengthInMemory(t *testing.T) {
	for name, answer := range map[string]string{
		"choices": `{"choices":[` + strings.Repeat("{},", 300_000) + `{}]}`,
		"parts":   `{"choices":[{"message":{"content":[` + strings.Repeat(`{"text":""},`, 80_000) + `{"text":"a"}]}}]}`,
	} {
		result := testing.Benchmark(func(b *testing.B) {
			for b.Loop() {
				_, _ = listen("application/json", strings.NewReader(answer))
			}
		})
		// Buffers grow by doubling.
		if most := int64(20 * len(answer)); result.AllocedBytesPerOp() > most {
			t.Errorf("%s: %d bytes are allocated for %d", name, result.AllocedBytesPerOp(), len(answer))
		}
		t.Logf("%s: %d bytes for %d", name, result.AllocedBytesPerOp(), len(answer))
	}
}

func TestTheImageIsEncodedAsItIsSent(t *testing.T) {
	spec := &v1alpha1.OpenAIModel{Model: "eyes", Prompt: "Read \x00 \"this\""}
	for size := range 7000 {
		if size%997 > 3 {
			continue
		}
		q := question{kind: relayport.KindPage, attempt: 1, mediaType: "image/png", image: []byte(strings.Repeat("x", size))}
		body, length, err := encode(spec, q, quirks{})
		if err != nil {
			t.Fatal(err)
		}
		encoded, err := io.ReadAll(body)
		if err != nil || int64(len(encoded)) != length {
			t.Fatalf("%d of %d bytes for %d: %v", len(encoded), length, size, err)
		}
		if !strings.Contains(string(encoded), `Read  \"this\"`) {
			t.Fatal("the prompt is another")
		}
	}
}

func TestTurnsAreFair(t *testing.T) {
	var turns turns
	if err := turns.take(t.Context(), "first", 1); err != nil {
		t.Fatal(err)
	}
	got := make(chan string)
	wait := func(organization string) {
		before := turns.queued()
		go func() {
			if turns.take(t.Context(), organization, 1) == nil {
				got <- organization
			}
		}()
		testenv.Await(t, organization+" waits", func() bool { return turns.queued() > before })
	}
	for range 3 {
		wait("crowd")
	}
	wait("other")
	// Whoever gives up is nobody's turn.
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if turns.take(ctx, "third", 1) == nil {
		t.Error("a turn was given that is not free")
	}
	var order []string
	for range 4 {
		turns.done(1)
		order = append(order, <-got)
	}
	if want := []string{"crowd", "other", "crowd", "crowd"}; !slices.Equal(order, want) {
		t.Errorf("the turns were %v", order)
	}
	turns.done(1)
	if turns.taken != 0 || len(turns.order) != 0 || len(turns.waiting) != 0 {
		t.Errorf("left over: %+v", &turns)
	}
}

func (t *turns) queued() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	sum := 0
	for _, queue := range t.waiting {
		sum += len(queue)
	}
	return sum
}

func TestTurnsAreGivenOnceEach(t *testing.T) {
	var turns turns
	const most = 3
	now, over := make(chan struct{}, most), make(chan bool, 200)
	for i := range 200 {
		ctx, cancel := context.WithCancel(t.Context())
		if i%3 == 0 {
			go cancel()
		}
		go func() {
			defer cancel()
			if turns.take(ctx, string(rune('a'+i%7)), most) == nil {
				select {
				case now <- struct{}{}:
					<-now
				default:
					t.Error("more turns than there are")
				}
				turns.done(most)
			}
			over <- true
		}()
	}
	for range 200 {
		<-over
	}
	if turns.taken != 0 || len(turns.order) != 0 {
		t.Errorf("left over: %+v", &turns)
	}
}

func TestBudget(t *testing.T) {
	begin := time.Date(2026, 8, 3, 10, 0, 0, 0, time.UTC)
	var b budget
	perMinute := int64(600)
	for _, step := range []struct {
		after time.Duration
		spend int64
		wait  time.Duration
	}{
		{0, 0, 0},
		{0, 500, 0},
		// It runs into debt, and ten tokens come a second.
		{0, 400, 30100 * time.Millisecond},
		{10 * time.Second, 0, 20100 * time.Millisecond},
		{31 * time.Second, 0, 0},
		// No more than a minute's worth is saved.
		{time.Hour, 600, 100 * time.Millisecond},
	} {
		b.spend(&perMinute, step.spend, begin.Add(step.after))
		if wait := b.wait(perMinute, begin.Add(step.after)); wait.Round(time.Millisecond) != step.wait {
			t.Errorf("after %v and %d tokens it waits %v", step.after, step.spend, wait)
		}
	}
}

func TestWhenEndpointsAreLookedAt(t *testing.T) {
	now := time.Date(2026, 8, 3, 10, 0, 0, 0, time.UTC)
	key := sha256.Sum256([]byte("key"))
	ago := func(long time.Duration, reason string) *view {
		return &view{at: now.Add(-long), generation: 2, key: key, finding: finding{reason: reason}}
	}
	for name, c := range map[string]struct {
		seen       *view
		generation int64
		key        [sha256.Size]byte
		nudged     bool
		want       bool
	}{
		"never seen":                          {nil, 2, key, false, true},
		"just seen":                           {ago(time.Second, v1alpha1.ReasonReachable), 2, key, false, false},
		"reachable a while ago":               {ago(59*time.Second, v1alpha1.ReasonReachable), 2, key, false, false},
		"reachable a minute ago":              {ago(time.Minute, v1alpha1.ReasonReachable), 2, key, false, true},
		"unreachable a while ago":             {ago(14*time.Second, v1alpha1.ReasonUnreachable), 2, key, false, false},
		"unreachable a quarter minute ago":    {ago(15*time.Second, v1alpha1.ReasonUnreachable), 2, key, false, true},
		"a question failed":                   {ago(6*time.Second, v1alpha1.ReasonReachable), 2, key, true, true},
		"a question failed just after a look": {ago(time.Second, v1alpha1.ReasonReachable), 2, key, true, false},
		"the model has changed":               {ago(time.Second, v1alpha1.ReasonReachable), 3, key, false, true},
		"the key has changed":                 {ago(time.Second, v1alpha1.ReasonReachable), 2, sha256.Sum256(nil), false, true},
	} {
		if got := due(c.seen, c.generation, c.key, c.nudged, now); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
	noted := metav1.Condition{Status: metav1.ConditionTrue, Reason: v1alpha1.ReasonReachable, Message: "m", ObservedGeneration: 2}
	same := finding{v1alpha1.ReasonReachable, "m"}
	for name, c := range map[string]struct {
		before  *metav1.Condition
		finding finding
		ago     time.Duration
		want    bool
	}{
		"nothing is noted":          {nil, same, 0, true},
		"the same":                  {&noted, same, 299 * time.Second, false},
		"the same for five minutes": {&noted, same, 300 * time.Second, true},
		"another reason":            {&noted, finding{v1alpha1.ReasonUnreachable, "m"}, 0, true},
		"another message":           {&noted, finding{v1alpha1.ReasonReachable, "n"}, 0, true},
		"of the model as it was":    {&metav1.Condition{Status: metav1.ConditionTrue, Reason: v1alpha1.ReasonReachable, Message: "m", ObservedGeneration: 1}, same, 0, true},
	} {
		if got := worthNoting(c.before, 2, c.finding, now.Add(-c.ago), now); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

func TestWhichModelsAreListed(t *testing.T) {
	for list, want := range map[string]string{
		`{"data":[{"id":"a"},{"id":"eyes"}]}`: v1alpha1.ReasonReachable,
		`{"data":[{"id":"eyes:latest"}]}`:     v1alpha1.ReasonReachable,
		`{"data":[{"id":"models/eyes"}]}`:     v1alpha1.ReasonReachable,
		`{"data":[{"id":"eyes:70b"}]}`:        v1alpha1.ReasonModelMissing,
		`{"data":[]}`:                         v1alpha1.ReasonModelMissing,
		`{}`:                                  v1alpha1.ReasonEndpointError,
		`<html>`:                              v1alpha1.ReasonEndpointError,
		`{"data":[{"id":"` + strings.Repeat("x", 99) + `"`: v1alpha1.ReasonEndpointError,
	} {
		if got := listed(strings.NewReader(list), "eyes"); got.reason != want {
			t.Errorf("%s is %+v", list, got)
		}
	}
}
