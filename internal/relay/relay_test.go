package relay

import (
	"bytes"
	"context"
	"crypto/x509"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/time/rate"
	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/openplp/khocr/api/v1alpha1"
	"github.com/openplp/khocr/internal/document"
	"github.com/openplp/khocr/internal/memory"
	"github.com/openplp/khocr/internal/netguard"
	"github.com/openplp/khocr/internal/relayport"
	"github.com/openplp/khocr/internal/testenv"
	"github.com/openplp/khocr/internal/testlog"
	"github.com/openplp/khocr/internal/workerport"
	"github.com/openplp/khocr/test/endpoint"
)

const (
	secretKey = "sk-khocr-test-0123456789"
	pageText  = "ព្រះរាជាណាចក្រកម្ពុជា\nជាតិ សាសនា ព្រះមហាក្សត្រ\nKingdom of Cambodia ២០២៦"
)

// world is a real API server, a relay that is served over HTTP, and an endpoint.
type world struct {
	*testenv.Environment
	relay    *Relay
	endpoint *endpoint.Endpoint
	// address of the endpoint, url of the relay.
	address, url string
	// token of the gateway.
	token string
	keys  string
	log   *testlog.Buffer
}

func newWorld(t *testing.T, environment *testenv.Environment, change func(*Options)) *world {
	t.Helper()
	w := &world{Environment: environment, keys: t.TempDir(), log: &testlog.Buffer{}}
	w.endpoint, w.address = endpoint.Start(t, endpoint.Settings{Model: "eyes", Key: secretKey, Pages: map[int]string{1: pageText, 2: pageText}})
	w.putKey(t, "eyes-key", secretKey)
	relay, err := client.New(testenv.As(w.Admin, "system:serviceaccount:khocr-system:khocr-relay"), client.Options{Scheme: testenv.Scheme()})
	if err != nil {
		t.Fatal(err)
	}
	servers := &netguard.APIServers{Slices: w.Client, Hosts: []string{w.Admin.Host}}
	options := Options{
		Models: relay, Cluster: relay, Gateway: "system:serviceaccount:khocr-system:khocr-gateway", KeysDir: w.keys,
		Allowed: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}, APIServers: servers.Addresses,
		Log: slog.New(slog.NewJSONHandler(w.log, nil)),
	}
	if change != nil {
		change(&options)
	}
	w.relay = New(options)
	server := httptest.NewServer(w.relay.Handler())
	t.Cleanup(server.Close)
	w.url = server.URL
	w.token = w.tokenOf(t, "khocr-gateway", relayport.Audience)
	return w
}

func (w *world) putKey(t *testing.T, name, key string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(w.keys, name), []byte(key+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
}

func (w *world) tokenOf(t *testing.T, account, audience string) string {
	t.Helper()
	owner := &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Name: account, Namespace: "khocr-system"}}
	_ = w.Client.Create(t.Context(), owner.DeepCopy())
	request := &authenticationv1.TokenRequest{Spec: authenticationv1.TokenRequestSpec{Audiences: []string{audience}}}
	if err := w.Client.SubResource("token").Create(t.Context(), owner, request); err != nil {
		t.Fatal(err)
	}
	return request.Status.Token
}

// model makes an OcrModel of the endpoint until the test ends.
func (w *world) model(t *testing.T, name string, change func(*v1alpha1.OpenAIModel)) *v1alpha1.OcrModel {
	t.Helper()
	model := &v1alpha1.OcrModel{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Spec: v1alpha1.OcrModelSpec{
			DisplayName: v1alpha1.LocalizedText{Km: "ភ្នែក", En: "Eyes"}, Engine: v1alpha1.EngineOpenAI, Languages: []string{"km"},
			OpenAI: &v1alpha1.OpenAIModel{
				BaseURL: w.address, Model: "eyes", Location: v1alpha1.LocationInCluster, APIKeyName: "eyes-key", Retries: new(int32(1)),
				Plans: []v1alpha1.ModelPlan{{Name: "free"}},
			},
		},
	}
	if change != nil {
		change(model.Spec.OpenAI)
	}
	if err := w.Client.Create(t.Context(), model); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = w.Client.Delete(context.Background(), model) })
	return model
}

// asking is a question to the relay, of page 1 where nothing else is said.
type asking struct {
	model, kind, organization, location, attempt, mediaType, token string
	image                                                          []byte
}

func (w *world) ask(t *testing.T, a asking) (int, relayport.Answer, relayport.Failure) {
	t.Helper()
	status, body := w.post(t, t.Context(), a)
	var answer relayport.Answer
	var failure relayport.Failure
	var err error
	if status == http.StatusOK {
		err = json.Unmarshal(body, &answer)
	} else {
		err = json.Unmarshal(body, &failure)
	}
	if err != nil {
		t.Errorf("%d %s: %v", status, body, err)
	}
	if bytes.Contains(body, []byte(secretKey)) {
		t.Errorf("the answer holds the key: %s", body)
	}
	return status, answer, failure
}

// locationOf a model as the gateway knows it, which is in the cluster where there is none.
func (w *world) locationOf(t *testing.T, name string) string {
	t.Helper()
	var model v1alpha1.OcrModel
	if err := w.Client.Get(t.Context(), client.ObjectKey{Name: name}, &model); err != nil || !model.IsAI() {
		return string(v1alpha1.LocationInCluster)
	}
	return string(model.Spec.OpenAI.Location)
}

func (w *world) post(t *testing.T, ctx context.Context, a asking) (int, []byte) {
	t.Helper()
	or := func(given, otherwise string) string {
		if given == "" {
			return otherwise
		}
		return given
	}
	if a.image == nil {
		a.image = endpoint.PageImage(1, 400, "image/jpeg")
	}
	query := url.Values{}
	query.Set(relayport.QueryOrganization, or(a.organization, "acme"))
	query.Set(relayport.QueryKind, or(a.kind, relayport.KindPage))
	query.Set(relayport.QueryLocation, or(a.location, w.locationOf(t, or(a.model, "eyes"))))
	query.Set(relayport.QueryAttempt, or(a.attempt, "1"))
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, w.url+relayport.ReadPath(or(a.model, "eyes"))+"?"+query.Encode(), bytes.NewReader(a.image))
	if err != nil {
		t.Error(err)
		return 0, nil
	}
	request.Header.Set("Content-Type", or(a.mediaType, "image/jpeg"))
	request.Header.Set("Authorization", "Bearer "+or(a.token, w.token))
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		if ctx.Err() == nil {
			t.Error(err)
		}
		return 0, nil
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Error(err)
	}
	return answer.StatusCode, body
}

// TestRelay asks a relay over HTTP, which reads models and reviews tokens at a real API server, and asks a real endpoint.
func TestRelay(t *testing.T) {
	environment := testenv.Start(t)
	for name, test := range map[string]func(*testing.T, *testenv.Environment){
		"callers": testCallers, "answers": testAnswers, "faults": testFaults, "keys": testKeys, "addresses": testAddresses,
		"moved": testMoved, "turns": testTurns, "prober": testProber,
	} {
		t.Run(name, func(t *testing.T) { test(t, environment) })
	}
}

func testCallers(t *testing.T, environment *testenv.Environment) {
	w := newWorld(t, environment, nil)
	w.model(t, "eyes", nil)
	tesseract := &v1alpha1.OcrModel{ObjectMeta: metav1.ObjectMeta{Name: "khm-relay"}, Spec: v1alpha1.OcrModelSpec{
		DisplayName: v1alpha1.LocalizedText{Km: "ខ្មែរ", En: "Khmer"}, Engine: v1alpha1.EngineTesseract, Languages: []string{"km"},
		Tesseract: &v1alpha1.TesseractModel{TrainedData: "khm"}}}
	if err := w.Client.Create(t.Context(), tesseract); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = w.Client.Delete(context.Background(), tesseract) })
	for name, c := range map[string]struct {
		asking asking
		status int
		reason string
	}{
		"the gateway":                   {asking{}, 200, ""},
		"somebody":                      {asking{token: "nonsense"}, 401, document.AIUnavailable},
		"the gateway's other token":     {asking{token: w.tokenOf(t, "khocr-gateway", "khocr")}, 401, document.AIUnavailable},
		"the manager":                   {asking{token: w.tokenOf(t, "khocr-manager", relayport.Audience)}, 403, document.AIUnavailable},
		"a model that is not there":     {asking{model: "ears"}, 404, document.AIModelNotFound},
		"a model of Tesseract":          {asking{model: "khm-relay"}, 404, document.AIModelNotFound},
		"another kind of image":         {asking{kind: "word"}, 400, document.AIUnavailable},
		"another type of image":         {asking{mediaType: "image/gif"}, 400, document.AIUnavailable},
		"no attempt":                    {asking{attempt: "0"}, 400, document.AIUnavailable},
		"an organization of no name":    {asking{organization: "../x"}, 400, document.AIUnavailable},
		"an image that is too large":    {asking{image: make([]byte, workerport.MaxImageBytes+1)}, 413, document.AIUnavailable},
		"an empty image":                {asking{image: []byte{}}, 400, document.AIUnavailable},
		"what is no image for the eyes": {asking{image: []byte("text")}, 502, document.AIEndpointError},
	} {
		if status, answer, failure := w.ask(t, c.asking); status != c.status || failure.Reason != c.reason || (status == 200) != (answer.Text == pageText) {
			t.Errorf("%s: %d, %+v, %+v", name, status, answer, failure)
		}
	}
	if said := w.log.String(); strings.Contains(said, w.token) || strings.Contains(said, secretKey) || strings.Contains(said, "Cambodia") {
		t.Errorf("the log tells too much: %s", said)
	}
}

func testAnswers(t *testing.T, environment *testenv.Environment) {
	w := newWorld(t, environment, nil)
	w.model(t, "eyes", func(m *v1alpha1.OpenAIModel) { m.MaxOutputTokens = new(int32(999)) })
	w.model(t, "told", func(m *v1alpha1.OpenAIModel) { m.Prompt = "Only the title." })
	w.endpoint.Change(func(s *endpoint.Settings) { s.Lines = []endpoint.Line{{Aspect: 10, Text: "a line"}} })

	last := func() endpoint.Question {
		asked := w.endpoint.Asked()
		return asked[len(asked)-1]
	}
	_, answer, _ := w.ask(t, asking{})
	if q := last(); answer.Text != pageText || answer.Answers != 1 || answer.Tries != 1 || answer.InputTokens != int64(q.InputTokens) ||
		answer.OutputTokens != int64(q.OutputTokens) || q.MaxTokens != 999 || q.Temperature != 0 || !q.Stream ||
		!strings.Contains(q.Prompt, "never an instruction") || !strings.Contains(q.Prompt, "column") || q.Height != 400 {
		t.Errorf("%+v of %+v", answer, q)
	}
	w.ask(t, asking{attempt: "2", mediaType: "image/png", image: endpoint.PageImage(2, 300, "image/png")})
	if q := last(); q.Temperature != otherTemperature || q.MediaType != "image/png" || q.Page != 2 {
		t.Errorf("the second attempt is %+v", q)
	}
	_, answer, _ = w.ask(t, asking{kind: relayport.KindLine, image: endpoint.LineImage(10, "image/jpeg")})
	if q := last(); answer.Text != "a line" || !q.Line || q.MaxTokens != 999 || !strings.Contains(q.Prompt, "one line") {
		t.Errorf("the line is %+v of %+v", answer, q)
	}
	w.ask(t, asking{model: "told", kind: relayport.KindLine, image: endpoint.LineImage(10, "image/jpeg")})
	if q := last(); q.MaxTokens != relayport.MaxLineTokens || strings.Contains(q.Prompt, "title") {
		t.Errorf("the line is %+v", q)
	}
	w.ask(t, asking{model: "told"})
	if q := last(); !strings.Contains(q.Prompt, "Only the title.") || strings.Contains(q.Prompt, "column") || !strings.Contains(q.Prompt, "never an instruction") {
		t.Errorf("the operator's prompt is %q", q.Prompt)
	}
	// An endpoint that has its own ways is found out once.
	w.endpoint.Change(func(s *endpoint.Settings) { s.CompletionTokens, s.IgnoreStream = true, true })
	for range 2 {
		if status, answer, _ := w.ask(t, asking{}); status != 200 || answer.Text != pageText || answer.Tries != 1 || last().MaxTokens != 999 {
			t.Errorf("%d %+v", status, answer)
		}
	}
}

func testFaults(t *testing.T, environment *testenv.Environment) {
	w := newWorld(t, environment, nil)
	w.relay.idleTime = time.Hour
	w.model(t, "eyes", func(m *v1alpha1.OpenAIModel) { m.TimeoutSeconds = new(int32(4)) })
	for kind, want := range map[endpoint.Kind]struct {
		reason string
		tries  int
		// again tells that a fault of the first time is made up for by a second try.
		again bool
	}{
		endpoint.Unauthorized: {document.AIUnauthorized, 1, false}, endpoint.RateLimited: {document.AIRateLimited, 2, true},
		endpoint.ServerError: {document.AIEndpointError, 2, true}, endpoint.Hang: {document.AITimeout, 1, false},
		endpoint.Slow: {"", 1, true}, endpoint.Drip: {document.AITimeout, 1, false}, endpoint.CutOff: {document.AICutOff, 1, false},
		endpoint.Broken: {document.AIUnreachable, 2, true}, endpoint.Closed: {document.AIUnreachable, 2, true},
		endpoint.NotJSON: {document.AIMalformed, 1, false}, endpoint.WrongShape: {document.AIMalformed, 1, false},
		endpoint.Huge: {document.AITooLong, 1, false}, endpoint.OtherLanguage: {"", 1, true}, endpoint.Empty: {document.AIEmpty, 1, false},
		endpoint.Refusal: {document.AIRefused, 1, false}, endpoint.Filtered: {document.AIRefused, 1, false}, endpoint.Sorry: {"", 1, true},
		endpoint.Repetition: {"", 1, true}, endpoint.Obeys: {"", 1, true}, endpoint.Unlike: {"", 1, true}, endpoint.Chatty: {"", 1, true},
	} {
		for _, whole := range []bool{false, true} {
			for _, times := range []int{0, 1} {
				name := string(kind) + map[bool]string{true: " in one piece"}[whole] + map[int]string{1: " the first time"}[times]
				if times == 1 && !want.again {
					continue
				}
				w.endpoint.Change(func(s *endpoint.Settings) {
					s.IgnoreStream, s.FaultsOf = whole, map[int]endpoint.Fault{1: {Kind: kind, Times: times}}
				})
				status, answer, failure := w.ask(t, asking{})
				reason, tries := want.reason, want.tries
				if times == 1 {
					reason = ""
				}
				if failure.Reason != reason || max(answer.Tries, failure.Tries) != tries || (status == 200) != (reason == "") || (failure.Detail == "") != (reason == "") {
					t.Errorf("%s: %d, %+v, %+v", name, status, answer, failure)
				}
				if status == 200 && answer.OutputTokens == 0 {
					t.Errorf("%s: no tokens are told", name)
				}
			}
		}
	}
	if said := w.log.String(); strings.Contains(said, secretKey) || strings.Contains(said, "Cambodia") {
		t.Error("the log tells too much")
	}

	t.Run("silence in the middle", func(t *testing.T) {
		silent := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body)
			w.Header().Set("Content-Type", "text/event-stream")
			_, _ = io.WriteString(w, "data: {\"choices\":[{\"delta\":{\"content\":\"a\"}}]}\n\n")
			_ = http.NewResponseController(w).Flush()
			<-r.Context().Done()
		}))
		defer silent.Close()
		w := newWorld(t, environment, nil)
		w.relay.idleTime = 100 * time.Millisecond
		w.model(t, "silent", func(m *v1alpha1.OpenAIModel) { m.BaseURL = silent.URL })
		if status, _, failure := w.ask(t, asking{model: "silent"}); status != 502 || failure.Reason != document.AITimeout || failure.Tries != 2 {
			t.Errorf("%d %+v", status, failure)
		}
	})
	t.Run("a redirect", func(t *testing.T) {
		w := newWorld(t, environment, nil)
		moved := httptest.NewServer(http.RedirectHandler(w.address+"/chat/completions", http.StatusTemporaryRedirect))
		defer moved.Close()
		w.model(t, "moved", func(m *v1alpha1.OpenAIModel) { m.BaseURL = moved.URL })
		if status, _, failure := w.ask(t, asking{model: "moved"}); status != 502 || failure.Reason != document.AIEndpointError || len(w.endpoint.Asked()) != 0 {
			t.Errorf("%d %+v", status, failure)
		}
	})
}

// testKeys has the file of a key come, change and go.
func testKeys(t *testing.T, environment *testenv.Environment) {
	w := newWorld(t, environment, nil)
	w.model(t, "eyes", nil)
	w.model(t, "elsewhere", func(m *v1alpha1.OpenAIModel) { m.APIKeyName = "other..key" })
	want := func(reason string) {
		t.Helper()
		if _, _, failure := w.ask(t, asking{}); failure.Reason != reason {
			t.Errorf("%+v in place of %q", failure, reason)
		}
	}
	want("")
	w.putKey(t, "eyes-key", "sk-another")
	want(document.AIUnauthorized)
	if err := os.Remove(filepath.Join(w.keys, "eyes-key")); err != nil {
		t.Fatal(err)
	}
	want(document.AIKeyMissing)
	for _, useless := range []string{"", "two\nlines"} {
		w.putKey(t, "eyes-key", useless)
		want(document.AIKeyMissing)
	}
	w.putKey(t, "eyes-key", secretKey)
	want("")
	if _, err := readKey(w.keys, "../"+filepath.Base(w.keys)+"/eyes-key"); err == nil {
		t.Error("a key was read from outside of the folder")
	}
}

func testAddresses(t *testing.T, environment *testenv.Environment) {
	tlsEndpoint := httptest.NewTLSServer(endpoint.New(endpoint.Settings{Model: "eyes", Key: secretKey, Pages: map[int]string{1: pageText}}))
	defer tlsEndpoint.Close()
	roots := x509.NewCertPool()
	roots.AddCert(tlsEndpoint.Certificate())
	w := newWorld(t, environment, func(o *Options) { o.Roots = roots })
	closed := newWorld(t, environment, func(o *Options) { o.Allowed, o.Roots = nil, roots })
	distrustful := newWorld(t, environment, nil)
	port := w.Admin.Host[strings.LastIndex(w.Admin.Host, ":"):]
	for i, c := range []struct {
		name     string
		world    *world
		address  string
		location v1alpha1.ModelLocation
		reason   string
	}{
		{"the API server", w, w.Admin.Host, v1alpha1.LocationInCluster, document.AIAddressRefused},
		{"the API server by a name", w, "https://localhost" + port, v1alpha1.LocationInCluster, document.AIAddressRefused},
		{"the API server for an external one", w, w.Admin.Host, v1alpha1.LocationExternal, document.AIAddressRefused},
		{"the metadata address", w, "http://169.254.169.254/latest", v1alpha1.LocationInCluster, document.AIAddressRefused},
		{"the metadata address for an external one", w, "https://169.254.169.254/latest", v1alpha1.LocationExternal, document.AIAddressRefused},
		{"a kubelet", w, "https://127.0.0.1:10250", v1alpha1.LocationInCluster, document.AIAddressRefused},
		{"an external one", w, tlsEndpoint.URL + "/v1/", v1alpha1.LocationExternal, ""},
		{"one whose certificate nobody knows", distrustful, tlsEndpoint.URL + "/v1", v1alpha1.LocationExternal, document.AIUnreachable},
		{"this machine", closed, tlsEndpoint.URL + "/v1", v1alpha1.LocationInCluster, document.AIAddressRefused},
		{"this machine for an external one", closed, tlsEndpoint.URL + "/v1", v1alpha1.LocationExternal, document.AIAddressRefused},
		{"a name that there is not", w, "http://vllm.invalid:8000/v1", v1alpha1.LocationInCluster, document.AIUnreachable},
		{"nobody", w, "http://127.0.0.1:1/v1", v1alpha1.LocationInCluster, document.AIUnreachable},
	} {
		name := "at-" + strconv.Itoa(i)
		c.world.model(t, name, func(m *v1alpha1.OpenAIModel) { m.BaseURL, m.Location, m.Retries = c.address, c.location, new(int32(0)) })
		_, answer, failure := c.world.ask(t, asking{model: name})
		if failure.Reason != c.reason || (c.reason == "") != (answer.Text == pageText) {
			t.Errorf("%s: %+v, %+v", c.name, answer, failure)
		}
		if address, err := url.Parse(c.address); err != nil || strings.Contains(failure.Detail, address.Hostname()) {
			t.Errorf("%s: the detail holds the address: %s", c.name, failure.Detail)
		}
	}
}

func testMoved(t *testing.T, environment *testenv.Environment) {
	w := newWorld(t, environment, nil)
	w.model(t, "eyes", nil)
	if status, _, failure := w.ask(t, asking{location: string(v1alpha1.LocationExternal)}); status != 502 || failure.Reason != document.AIUnavailable {
		t.Errorf("%d %+v", status, failure)
	}
	if asked := w.endpoint.Asked(); len(asked) != 0 {
		t.Errorf("it was asked: %+v", asked)
	}
}

func testTurns(t *testing.T, environment *testenv.Environment) {
	t.Run("no more at a time than the model takes", func(t *testing.T) {
		w := newWorld(t, environment, nil)
		w.model(t, "eyes", func(m *v1alpha1.OpenAIModel) { m.Concurrency = new(int32(3)) })
		w.endpoint.Change(func(s *endpoint.Settings) { s.FaultsOf = map[int]endpoint.Fault{1: {Kind: endpoint.Slow}} })
		var group sync.WaitGroup
		for i := range 20 {
			group.Go(func() {
				if status, body := w.post(t, t.Context(), asking{organization: "o" + strconv.Itoa(i%4)}); status != 200 {
					t.Errorf("%d %s", status, body)
				}
			})
		}
		group.Wait()
		if most := w.endpoint.AskedAtOnce(); most != 3 {
			t.Errorf("it was asked %d questions at once", most)
		}
	})
	t.Run("who waits too long is told so, and who goes makes room", func(t *testing.T) {
		w := newWorld(t, environment, nil)
		w.relay.turnTime = 50 * time.Millisecond
		w.model(t, "eyes", func(m *v1alpha1.OpenAIModel) { m.Concurrency = new(int32(1)) })
		w.endpoint.Change(func(s *endpoint.Settings) { s.FaultsOf = map[int]endpoint.Fault{1: {Kind: endpoint.Hang, Times: 1}} })
		leaving, leave := context.WithCancel(t.Context())
		var group sync.WaitGroup
		group.Go(func() { w.post(t, leaving, asking{}) })
		testenv.Await(t, "the model is asked", func() bool { return len(w.endpoint.Asked()) == 1 })
		if status, _, failure := w.ask(t, asking{}); status != 502 || failure.Reason != document.AIBusy || failure.Tries != 0 {
			t.Errorf("%d %+v", status, failure)
		}
		leave()
		group.Wait()
		testenv.Await(t, "there is room", func() bool {
			status, _ := w.post(t, t.Context(), asking{})
			return status == 200
		})
		testenv.Await(t, "it is logged", func() bool { return strings.Contains(w.log.String(), resultGone) })
	})
	t.Run("images that take an organization's memory leave that of others", func(t *testing.T) {
		w := newWorld(t, environment, nil)
		w.relay.turnTime = 50 * time.Millisecond
		size := int64(len(endpoint.PageImage(1, 400, "image/jpeg")))
		w.relay.images = memory.New(2*size, size)
		w.model(t, "eyes", func(m *v1alpha1.OpenAIModel) { m.Concurrency = new(int32(100)) })
		w.endpoint.Change(func(s *endpoint.Settings) { s.FaultsOf = map[int]endpoint.Fault{1: {Kind: endpoint.Hang, Times: 1}} })
		leaving, leave := context.WithCancel(t.Context())
		var group sync.WaitGroup
		group.Go(func() { w.post(t, leaving, asking{}) })
		testenv.Await(t, "the model is asked", func() bool { return len(w.endpoint.Asked()) == 1 })
		if status, _, failure := w.ask(t, asking{}); status != 502 || failure.Reason != document.AIBusy {
			t.Errorf("%d %+v", status, failure)
		}
		if status, _, failure := w.ask(t, asking{organization: "other"}); status != 200 {
			t.Errorf("%d %+v", status, failure)
		}
		leave()
		group.Wait()
		testenv.Await(t, "there is room", func() bool {
			status, _ := w.post(t, t.Context(), asking{})
			return status == 200
		})
	})
	t.Run("one review is for all who come with a token", func(t *testing.T) {
		w := newWorld(t, environment, nil)
		w.model(t, "eyes", nil)
		w.relay.callers.allowed = rate.NewLimiter(0, 1)
		var group sync.WaitGroup
		for range 50 {
			group.Go(func() {
				if status, body := w.post(t, t.Context(), asking{}); status != 200 {
					t.Errorf("%d %s", status, body)
				}
			})
		}
		group.Wait()
	})
	t.Run("tokens of a minute", func(t *testing.T) {
		w := newWorld(t, environment, nil)
		w.relay.turnTime = 50 * time.Millisecond
		w.model(t, "eyes", func(m *v1alpha1.OpenAIModel) { m.TokensPerMinute = new(int64(10)) })
		if status, _, _ := w.ask(t, asking{}); status != 200 {
			t.Fatalf("the first is answered with %d", status)
		}
		if status, _, failure := w.ask(t, asking{}); status != 502 || failure.Reason != document.AIBusy {
			t.Errorf("%d %+v", status, failure)
		}
	})
}
