package internalport

import (
	"context"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"
	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/openplp/khocr/api/v1alpha1"
	"github.com/openplp/khocr/apigateway/fetch"
	"github.com/openplp/khocr/apigateway/gatewaytest"
	asker "github.com/openplp/khocr/apigateway/relay"
	"github.com/openplp/khocr/apigateway/spending"
	"github.com/openplp/khocr/internal/document"
	"github.com/openplp/khocr/internal/memory"
	"github.com/openplp/khocr/internal/money"
	"github.com/openplp/khocr/internal/relay"
	"github.com/openplp/khocr/internal/relayport"
	"github.com/openplp/khocr/internal/storage"
	"github.com/openplp/khocr/internal/workerport"
	"github.com/openplp/khocr/test/endpoint"
)

// readers is an internal port with a real relay and an endpoint behind it.
type readers struct {
	*port
	served   *Server
	endpoint *endpoint.Endpoint
	// relay is the client of a relay that is there, baseURL the endpoint's address.
	relay   *asker.Client
	baseURL string
}

func TestReadings(t *testing.T) {
	g := gatewaytest.Start(t)
	g.Organization(t, "acme", nil)
	r := &readers{port: &port{Gateway: g, namespace: "khocr-acme"}}
	for _, account := range []*corev1.ServiceAccount{
		{ObjectMeta: metav1.ObjectMeta{Name: workerport.ServiceAccount, Namespace: r.namespace}},
		{ObjectMeta: metav1.ObjectMeta{Name: "khocr-gateway", Namespace: "khocr-system"}},
	} {
		if err := g.Client.Create(t.Context(), account); err != nil {
			t.Fatal(err)
		}
	}
	r.endpoint, r.baseURL = endpoint.Start(t, endpoint.Settings{Model: "vision"})
	r.relay = r.startRelay(t)
	r.served = r.gateway(t, "one")
	r.url = r.serve(t, r.served)
	khmer := &v1alpha1.OcrModel{ObjectMeta: metav1.ObjectMeta{Name: "khmer"}, Spec: v1alpha1.OcrModelSpec{
		DisplayName: v1alpha1.LocalizedText{En: "Khmer"}, Engine: v1alpha1.EngineTesseract, Languages: []string{"km"},
		Tesseract: &v1alpha1.TesseractModel{TrainedData: "script/Khmer"},
	}}
	if err := g.Client.Create(t.Context(), khmer); err != nil {
		t.Fatal(err)
	}
	r.model(t, "gemma", nil)
	r.model(t, "hasty", func(m *v1alpha1.OpenAIModel) { m.TimeoutSeconds = new(int32(1)) })

	t.Run("Read", r.testRead)
	t.Run("Faults", r.testFaults)
	t.Run("Permission", r.testPermission)
	t.Run("Limit", r.testLimit)
	t.Run("Lines", r.testLines)
	t.Run("Race", r.testRace)
	t.Run("Gone", r.testGone)
	t.Run("RelayAway", r.testRelayAway)
	t.Run("Blank", r.testBlank)
	t.Run("Moved", r.testMoved)
	t.Run("NoMemory", r.testNoMemory)
	t.Run("Restart", r.testRestart)
	t.Run("Room", r.testRoom)
	t.Run("Refused", r.testRefused)
}

// startRelay runs a relay, and makes a client of it with a token of the gateway's account.
func (r *readers) startRelay(t *testing.T) *asker.Client {
	t.Helper()
	asked := relay.New(relay.Options{
		Models: r.Cached, Cluster: r.Client, Gateway: "system:serviceaccount:khocr-system:khocr-gateway", KeysDir: t.TempDir(),
		Allowed:    []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")},
		APIServers: func(context.Context) ([]netip.AddrPort, error) { return nil, nil },
		Log:        slog.New(slog.DiscardHandler),
	})
	server := httptest.NewTLSServer(asked.Handler())
	t.Cleanup(server.Close)
	request := &authenticationv1.TokenRequest{Spec: authenticationv1.TokenRequestSpec{Audiences: []string{relayport.Audience}}}
	account := &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Name: "khocr-gateway", Namespace: "khocr-system"}}
	if err := r.Client.SubResource("token").Create(t.Context(), account, request); err != nil {
		t.Fatal(err)
	}
	return clientOf(t, server, request.Status.Token)
}

func clientOf(t *testing.T, server *httptest.Server, token string) *asker.Client {
	t.Helper()
	folder := t.TempDir()
	tokenFile, caFile := filepath.Join(folder, "token"), filepath.Join(folder, "ca.crt")
	for file, content := range map[string][]byte{
		tokenFile: []byte(token), caFile: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}),
	} {
		if err := os.WriteFile(file, content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	client, err := asker.New(server.URL, "example.com", tokenFile, caFile)
	if err != nil {
		t.Fatal(err)
	}
	return client
}

// gateway makes the internal port of a process.
func (r *readers) gateway(t *testing.T, process string) *Server {
	t.Helper()
	log := slog.New(slog.DiscardHandler)
	served := New(r.Cached, r.Live, r.Store, fetch.New(nil), log)
	served.Relay, served.Spending = r.relay, spending.New(r.Store, process, time.Now, log)
	return served
}

func (r *readers) serve(t *testing.T, served *Server) string {
	t.Helper()
	server := httptest.NewServer(served.Handler())
	t.Cleanup(server.Close)
	return server.URL
}

// model makes an OcrModel of the endpoint, once edit has changed what it likes, which the informers know.
func (r *readers) model(t *testing.T, name string, edit func(*v1alpha1.OpenAIModel)) {
	t.Helper()
	spec := &v1alpha1.OpenAIModel{
		BaseURL: r.baseURL, Model: "vision", Location: v1alpha1.LocationInCluster, Retries: new(int32(0)),
		Concurrency: new(int32(100)), MaxOutputTokens: new(int32(4000)), Image: &v1alpha1.ModelImage{MaxSide: new(int32(512))},
		Price: &v1alpha1.ModelPrice{PerPage: "0.001", PerMillionInputTokens: "0.5", PerMillionOutputTokens: "0.5"},
		Plans: []v1alpha1.ModelPlan{{Name: "tested"}},
	}
	if edit != nil {
		edit(spec)
	}
	model := &v1alpha1.OcrModel{ObjectMeta: metav1.ObjectMeta{Name: name}, Spec: v1alpha1.OcrModelSpec{
		DisplayName: v1alpha1.LocalizedText{En: name}, Engine: v1alpha1.EngineOpenAI, Languages: []string{"km"}, OpenAI: spec,
	}}
	if err := r.Client.Create(t.Context(), model); err != nil {
		t.Fatal(err)
	}
	gatewaytest.Eventually(t, "the informers know the model", func() bool {
		known, err := r.served.aiModel(t.Context(), name)
		return err == nil && known != nil
	})
}

// aiJob is a job whose pages an AI model reads, as the manager has admitted it.
func (r *readers) aiJob(t *testing.T, name, model string, fallback v1alpha1.Fallback) (*v1alpha1.OcrJob, string) {
	t.Helper()
	return r.admitted(t, name, v1alpha1.OcrJobSpec{Model: model, Fallback: fallback}, v1alpha1.OcrJobStatus{Model: model, Recognizer: "khmer"})
}

func (r *readers) admitted(t *testing.T, name string, spec v1alpha1.OcrJobSpec, status v1alpha1.OcrJobStatus) (*v1alpha1.OcrJob, string) {
	t.Helper()
	spec.Source = uploaded("0123456789ab")
	job := &v1alpha1.OcrJob{ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: r.namespace}, Spec: spec}
	if err := r.Client.Create(t.Context(), job); err != nil {
		t.Fatal(err)
	}
	worker := r.pod(t, name+"-0-1")
	status.Phase = v1alpha1.PhaseRunning
	status.Workers = []v1alpha1.WorkerStatus{{Part: 0, Attempt: 1, PodName: worker.Name, PodUID: worker.UID}}
	job.Status = status
	r.UpdateStatus(t, job)
	return job, r.token(t, workerport.ServiceAccount, worker, workerport.Audience)
}

// textOf a page: lines of Khmer, each page with other ones.
func textOf(page int) string {
	lines := []string{
		"សាលារៀននៅក្នុងភូមិរបស់យើង មានសិស្ស ២៥០ នាក់", "ប្រជាជនធ្វើស្រែចម្ការនៅតាមមាត់ទន្លេ", "កិច្ចប្រជុំប្រចាំឆ្នាំ បានធ្វើឡើងនៅទីក្រុងភ្នំពេញ",
		"លោកគ្រូអ្នកគ្រូបានបង្រៀនភាសាខ្មែរ និងគណិតវិទ្យា", "ផ្លូវថ្មីមួយខ្សែ ត្រូវបានសាងសង់រួចរាល់", "តម្លៃអង្ករនៅលើទីផ្សារបានឡើងបន្តិច", "ភ្ញៀវទេសចរមកពីប្រទេសជាច្រើន បានទស្សនាប្រាសាទបុរាណ",
	}
	var text []string
	for i := range 5 {
		text = append(text, fmt.Sprintf("%s %d", lines[(page+i)%len(lines)], 100*page+i))
	}
	return strings.Join(text, "\n")
}

// quickOf is a page as the recogniser has read it: a letter of each line is wrong.
func quickOf(number int) document.Page {
	page := document.Page{Number: number, Width: float64(endpoint.Width(number)), Height: endpoint.Height, Source: document.SourceOCR,
		Reason: "no_text_layer", Model: "khmer", DPI: 300, Milliseconds: 900}
	var lines []document.Line
	for i, text := range strings.Split(textOf(number), "\n") {
		text = strings.Replace(text, "រ", "វ", 1)
		top, left := 80+30*float64(i), 50.0
		line := document.Line{Text: text, Confidence: 80, FontSize: 12, Paragraph: 1}
		for _, word := range strings.Fields(text) {
			right := left + 6*float64(len([]rune(word)))
			line.Words = append(line.Words, document.Word{Text: word, Box: document.Box{left, top, right, top + 20}, Confidence: 80})
			left = right + 5
		}
		line.Box = document.Box{50, top, left - 5, top + 20}
		lines = append(lines, line)
	}
	return *page.WithLines(lines)
}

func imageOf(page int) named {
	return named{workerport.PartImage, string(endpoint.PageImage(page, 512, "image/jpeg"))}
}

func partOf(t *testing.T, page document.Page) named {
	t.Helper()
	encoded, err := json.Marshal(page)
	if err != nil {
		t.Fatal(err)
	}
	return named{workerport.PartPage, string(encoded)}
}

// post sends a page with images, and decodes the answer if that is one.
func (r *readers) post(t *testing.T, ctx context.Context, token string, number int, parts ...named) (status int, page *document.Page, body, retryAfter string) {
	t.Helper()
	contentType, form := formOf(t, parts...)
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, r.url+workerport.ReadingPath(number), strings.NewReader(form))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+token)
	request.Header.Set("Content-Type", contentType)
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		if ctx.Err() == nil {
			t.Error(err)
		}
		return 0, nil, "", ""
	}
	defer response.Body.Close()
	content, err := io.ReadAll(response.Body)
	if err != nil {
		t.Error(err)
	}
	if response.StatusCode == http.StatusOK || response.StatusCode == http.StatusCreated {
		page = new(document.Page)
		if err := document.Decode(content, page); err != nil {
			t.Errorf("the answer is no page: %v: %s", err, content)
		}
	}
	return response.StatusCode, page, string(content), response.Header.Get("Retry-After")
}

// read has a page read, and comes again as long as the gateway has no room.
func (r *readers) read(t *testing.T, token string, number int) *document.Page {
	t.Helper()
	for {
		status, page, body, _ := r.post(t, t.Context(), token, number, partOf(t, quickOf(number)), imageOf(number))
		switch status {
		case http.StatusCreated, http.StatusOK:
			return page
		case http.StatusServiceUnavailable:
			continue
		}
		t.Errorf("page %d: status %d: %s", number, status, body)
		return &document.Page{AI: &document.AI{}}
	}
}

// readAll has the first pages of a document read, as many at once as a worker may.
func (r *readers) readAll(t *testing.T, token string, pages int) []*document.Page {
	t.Helper()
	read := make([]*document.Page, pages)
	var group errgroup.Group
	group.SetLimit(readings.atOnce)
	for i := range read {
		group.Go(func() error {
			read[i] = r.read(t, token, i+1)
			return nil
		})
	}
	_ = group.Wait()
	return read
}

// asked is what the endpoint says that was spent.
func (r *readers) asked() (input, output int64) {
	for _, question := range r.endpoint.Asked() {
		input += int64(question.InputTokens)
		output += int64(question.OutputTokens)
	}
	return input, output
}

// spent by the organization, as a process that has just come finds it.
func (r *readers) spent(t *testing.T) spending.Sums {
	t.Helper()
	sums, err := spending.New(r.Store, "reader", time.Now, slog.New(slog.DiscardHandler)).Read(t.Context(), r.namespace, r.month(t))
	if err != nil {
		t.Fatal(err)
	}
	return sums
}

func (r *readers) month(t *testing.T) string {
	t.Helper()
	return time.Now().In(time.FixedZone("Phnom Penh", 7*3600)).Format("2006-01")
}

func (r *readers) set(fault endpoint.Kind, times int) {
	r.endpoint.Change(func(s *endpoint.Settings) {
		s.Pages, s.FaultsOf = map[int]string{}, map[int]endpoint.Fault{}
		for page := range 41 {
			if page > 0 {
				s.Pages[page] = textOf(page)
			}
			s.FaultsOf[page] = endpoint.Fault{Kind: fault, Times: times}
		}
	})
}

func (r *readers) testRead(t *testing.T) {
	r.set(endpoint.None, 0)
	_, token := r.aiJob(t, "read", "gemma", "")
	var ticket workerport.Ticket
	_, body := r.do(t, http.MethodGet, workerport.PathTicket, token, "")
	if err := json.Unmarshal([]byte(body), &ticket); err != nil || ticket.Model != "khmer" || ticket.TrainedData != "script/Khmer" ||
		ticket.AI == nil || *ticket.AI != (workerport.AITask{Role: "reader", MaxSide: 512, MediaType: "image/jpeg", TimeoutSeconds: 570, AtOnce: 4}) {
		t.Fatalf("ticket %s, %v", body, err)
	}
	status, page, body, _ := r.post(t, t.Context(), token, 1, partOf(t, quickOf(1)), imageOf(1))
	if status != http.StatusCreated {
		t.Fatalf("status %d: %s", status, body)
	}
	input, output := r.asked()
	want := document.AI{Model: "gemma", Role: "reader", Used: true, Attempts: 1, InputTokens: input, OutputTokens: output,
		Cost: money.Amount(1000 + (input+1)/2 + (output+1)/2), Milliseconds: page.AI.Milliseconds}
	if page.Model != "gemma" || *page.AI != want || page.Source != document.SourceOCR || page.Reason != "no_text_layer" || page.Error != nil {
		t.Errorf("page of %s, %+v; want %+v", page.Model, *page.AI, want)
	}
	if page.Text != textOf(1) {
		t.Errorf("text %q", page.Text)
	}
	for i, line := range page.Lines {
		if line.Box != quickOf(1).Lines[i].Box || len(line.Words) != len(quickOf(1).Lines[i].Words) {
			t.Errorf("line %d is in %v with %d words", i, line.Box, len(line.Words))
		}
	}
	spent := r.spent(t)["gemma"]
	if spent != (spending.Sum{Pages: 1, Answers: 1, InputTokens: input, OutputTokens: output, Cost: want.Cost, Milliseconds: want.Milliseconds}) {
		t.Errorf("spent %+v", spent)
	}

	t.Run("the first result stands, and nobody is asked again", func(t *testing.T) {
		before := len(r.endpoint.Asked())
		status, _, again, _ := r.post(t, t.Context(), token, 1, partOf(t, quickOf(1)), imageOf(2))
		if status != http.StatusOK || again != body || len(r.endpoint.Asked()) != before {
			t.Errorf("status %d: %s", status, again)
		}
		if status, _ := r.put(t, token, 1, quickOf(1)); status != http.StatusOK {
			t.Errorf("PUT: status %d", status)
		}
		_, stored := r.do(t, http.MethodGet, workerport.PagePath(1), token, "")
		if stored != body || r.spent(t)["gemma"] != spent {
			t.Error("another page is stored, or more is spent")
		}
	})

	t.Run("the next attempt knows whose the text is", func(t *testing.T) {
		if status, body := r.put(t, token, 2, quickOf(2)); status != http.StatusCreated {
			t.Fatalf("status %d: %s", status, body)
		}
		_, body := r.do(t, http.MethodGet, workerport.PathTicket, token, "")
		if err := json.Unmarshal([]byte(body), &ticket); err != nil || len(ticket.Stored) != 2 || !ticket.Stored[0].AI || ticket.Stored[1].AI {
			t.Errorf("ticket %s, %v", body, err)
		}
	})
}

// testFaults has pages go wrong in every way that there is, all at once, with and without a fallback.
func (r *readers) testFaults(t *testing.T) {
	r.faulty(t, "gemma", []fault{
		{endpoint.None, 0, "", 1},
		{endpoint.Unauthorized, 0, document.AIUnauthorized, 1},
		{endpoint.RateLimited, 0, document.AIRateLimited, 1},
		{endpoint.ServerError, 0, document.AIEndpointError, 1},
		{endpoint.CutOff, 0, document.AICutOff, 2},
		{endpoint.CutOff, 1, "", 2},
		{endpoint.Closed, 0, document.AIUnreachable, 1},
		{endpoint.NotJSON, 0, document.AIMalformed, 2},
		{endpoint.WrongShape, 0, document.AIMalformed, 2},
		{endpoint.Huge, 0, document.AITooLong, 2},
		{endpoint.Huge, 1, "", 2},
		{endpoint.OtherLanguage, 0, document.AIGuardScript, 2},
		{endpoint.Empty, 0, document.AIEmpty, 2},
		{endpoint.Empty, 1, "", 2},
		{endpoint.Refusal, 0, document.AIRefused, 2},
		{endpoint.Filtered, 0, document.AIRefused, 2},
		{endpoint.Sorry, 0, document.AIRefused, 2},
		{endpoint.Sorry, 1, "", 2},
		{endpoint.Repetition, 0, document.AIGuardRepetition, 2},
		{endpoint.Obeys, 0, document.AIGuardUnlike, 2},
		{endpoint.Unlike, 0, document.AIGuardUnlike, 2},
		{endpoint.Unlike, 1, "", 2},
	})
	// A model that may take a second for a question.
	r.faulty(t, "hasty", []fault{{endpoint.Hang, 0, document.AITimeout, 1}, {endpoint.Drip, 0, document.AITimeout, 1}})
}

// fault is what goes wrong with a page, and what must come of that.
type fault struct {
	kind  endpoint.Kind
	times int
	// reason in the end, none where the model's text is used.
	reason   string
	attempts int
}

func (r *readers) faulty(t *testing.T, model string, wants []fault) {
	t.Helper()
	r.set(endpoint.None, 0)
	for _, fallback := range []v1alpha1.Fallback{v1alpha1.FallbackDefault, v1alpha1.FallbackNone} {
		r.endpoint.Change(func(s *endpoint.Settings) {
			for i, want := range wants {
				s.FaultsOf[i+1] = endpoint.Fault{Kind: want.kind, Times: want.times}
			}
		})
		before := r.spent(t)[model]
		inputBefore, outputBefore := r.asked()
		job, token := r.aiJob(t, "faults-"+model+"-"+string(fallback), model, fallback)
		pages := r.readAll(t, token, len(wants))
		var cost money.Amount
		for i, want := range wants {
			page := pages[i]
			name := fmt.Sprintf("%s, %d times, fallback %s", want.kind, want.times, fallback)
			cost += page.AI.Cost
			if page.AI.Reason != want.reason || page.AI.Attempts != want.attempts || page.AI.Used != (want.reason == "") ||
				page.AI.Message != document.AIReasons()[want.reason] || page.AI.Model != model {
				t.Errorf("%s: %+v, want %q after %d attempts", name, *page.AI, want.reason, want.attempts)
				continue
			}
			switch {
			case want.reason == "":
				if page.Model != model || page.Text != textOf(i+1) || page.Error != nil {
					t.Errorf("%s: read by %s: %s", name, page.Model, page.Text)
				}
			case fallback == v1alpha1.FallbackNone:
				if page.Error == nil || page.Error.Code != document.PageErrorNotRead || page.Error.Message != page.AI.Message || page.Text != "" ||
					len(page.Lines) > 0 || page.Model != "" || page.Source != document.SourceNone {
					t.Errorf("%s: %+v", name, page)
				}
			default:
				quick := quickOf(i + 1)
				if page.Model != "khmer" || page.Text != quick.Text || len(page.Lines) != len(quick.Lines) || page.Error != nil {
					t.Errorf("%s: read by %s: %s", name, page.Model, page.Text)
				}
			}
		}
		numbers, err := r.Store.PageNumbers(t.Context(), r.namespace, job.UID)
		if err != nil || len(numbers) != len(wants) {
			t.Errorf("stored pages %v, %v", numbers, err)
		}
		used := int64(0)
		for _, want := range wants {
			if want.reason == "" {
				used++
			}
		}
		after := r.spent(t)[model]
		if after.Pages-before.Pages != used || after.Fallbacks-before.Fallbacks != int64(len(wants))-used || after.Cost-before.Cost != cost {
			t.Errorf("%+v, and then %+v; the pages cost %s", before, after, cost)
		}
		input, output := r.asked()
		t.Logf("%d pages: %d read by the model, %d not; tokens %d/%d of %d/%d that the endpoint told, cost %s", len(wants), used, int64(len(wants))-used,
			after.InputTokens-before.InputTokens, after.OutputTokens-before.OutputTokens, input-inputBefore, output-outputBefore, cost)
	}
}

func (r *readers) testPermission(t *testing.T) {
	r.set(endpoint.None, 0)
	r.model(t, "elsewhere", func(m *v1alpha1.OpenAIModel) {
		m.Location, m.BaseURL = v1alpha1.LocationExternal, "https://127.0.0.1:1/v1"
	})
	r.model(t, "enterprise", func(m *v1alpha1.OpenAIModel) { m.Plans = []v1alpha1.ModelPlan{{Name: "other"}} })
	asked := len(r.endpoint.Asked())
	for name, c := range map[string]struct{ model, reason string }{
		"not-opted-in": {"elsewhere", document.AINotOptedIn},
		"not-allowed":  {"enterprise", document.AINotAllowed},
		"gone":         {"no-such-model", document.AIModelNotFound},
		"not-ai":       {"khmer", document.AIModelNotFound},
	} {
		_, token := r.aiJob(t, name, c.model, "")
		if page := r.read(t, token, 1); page.AI.Reason != c.reason || page.Model != "khmer" || page.AI.Attempts != 0 || page.AI.Cost != 0 {
			t.Errorf("%s: %+v by %s", name, *page.AI, page.Model)
		}
	}
	_, token := r.aiJob(t, "unseen", "gemma", "")
	if status, page, body, _ := r.post(t, t.Context(), token, 1, partOf(t, quickOf(1))); status != http.StatusCreated || page.AI.Reason != document.AINoImage {
		t.Errorf("status %d: %s", status, body)
	}
	if len(r.endpoint.Asked()) != asked {
		t.Error("the endpoint was asked")
	}
}

// testLimit has many pages of an organization read at once whose money does not suffice for all of them.
func (r *readers) testLimit(t *testing.T) {
	r.set(endpoint.None, 0)
	r.Organization(t, "thrifty", func(o *v1alpha1.Organization) { o.Spec.AI = &v1alpha1.AISettings{MonthlyCostLimit: "0.05"} })
	thrifty := &readers{port: &port{Gateway: r.Gateway, url: r.url, namespace: "khocr-thrifty"}, served: r.served, endpoint: r.endpoint}
	account := &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Name: workerport.ServiceAccount, Namespace: thrifty.namespace}}
	if err := r.Client.Create(t.Context(), account); err != nil {
		t.Fatal(err)
	}
	const limit = money.Unit / 20
	const workers, each = 4, 30
	pages := make([][]*document.Page, workers)
	var all sync.WaitGroup
	for i := range workers {
		_, token := thrifty.aiJob(t, fmt.Sprint("limited-", i), "gemma", "")
		all.Go(func() { pages[i] = thrifty.readAll(t, token, each) })
	}
	all.Wait()
	read, refused := 0, 0
	for _, page := range slices.Concat(pages...) {
		switch page.AI.Reason {
		case "":
			read++
		case document.AICostLimit:
			refused++
		default:
			t.Errorf("%+v", *page.AI)
		}
	}
	spent := thrifty.spent(t)["gemma"]
	if spent.Cost > limit || spent.Pages != int64(read) || spent.Fallbacks != int64(refused) {
		t.Errorf("spent %+v with %d pages read and %d refused", spent, read, refused)
	}
	if read == 0 || refused == 0 {
		t.Errorf("%d pages were read and %d refused", read, refused)
	}
	t.Logf("of %d pages, %d at a time, %d are read for %s of %s", workers*each, workers*readings.atOnce, read, spent.Cost, limit)
}

func (r *readers) testLines(t *testing.T) {
	right := strings.Split(textOf(1), "\n")
	r.set(endpoint.None, 0)
	r.endpoint.Change(func(s *endpoint.Settings) {
		s.Lines = []endpoint.Line{{Aspect: 6, Text: right[0]}, {Aspect: 12, Text: endpoint.TextUnlike}}
	})
	image := func(line int, aspect float64) named {
		return named{workerport.LinePart(line), string(endpoint.LineImage(aspect, "image/png"))}
	}
	corrector := func(name string) string {
		_, token := r.admitted(t, name, v1alpha1.OcrJobSpec{Correct: v1alpha1.CorrectAI, Fallback: v1alpha1.FallbackNone},
			v1alpha1.OcrJobStatus{Model: "khmer", Corrector: "gemma"})
		return token
	}
	token := corrector("corrected")
	quick := quickOf(1)
	for i := range quick.Lines {
		quick.Lines[i].Confidence = 60
		for j := range quick.Lines[i].Words {
			quick.Lines[i].Words[j].Confidence = 60
		}
	}
	status, page, body, _ := r.post(t, t.Context(), token, 1, partOf(t, quick), image(0, 6), image(3, 6.4))
	if status != http.StatusCreated || !page.AI.Used || page.AI.Lines != 2 || page.AI.LinesCorrected != 1 || page.AI.Reason != "" || page.AI.Attempts != 2 ||
		page.AI.Role != document.RoleCorrector || page.Model != "khmer" {
		t.Fatalf("status %d: %s", status, body)
	}
	for i, line := range page.Lines {
		want := quick.Lines[i].Text
		if i == 0 {
			want = right[0]
		}
		if line.Text != want || !strings.Contains(page.Text, want) || line.Box != quick.Lines[i].Box {
			t.Errorf("line %d: %q, want %q", i, line.Text, want)
		}
	}

	t.Run("a corrector that is away changes nothing, whatever the fallback is", func(t *testing.T) {
		r.set(endpoint.Unauthorized, 0)
		before := len(r.endpoint.Asked())
		_, page, body, _ := r.post(t, t.Context(), token, 2, partOf(t, quickOf(2)), image(0, 6), image(1, 6), image(2, 6), image(3, 6), image(4, 6))
		if page == nil || page.AI.Used || page.AI.Reason != document.AIUnauthorized || page.Text != quickOf(2).Text || page.Error != nil {
			t.Errorf("%s", body)
		}
		if asked := len(r.endpoint.Asked()) - before; asked > linesAtOnce {
			t.Errorf("it was asked about %d lines", asked)
		}
		if _, page, body, _ := r.post(t, t.Context(), token, 3, partOf(t, quickOf(3))); page == nil || page.AI.Reason != document.AINoImage {
			t.Errorf("%s", body)
		}
	})
}

// testRace has two workers send the same page.
func (r *readers) testRace(t *testing.T) {
	r.set(endpoint.Slow, 0)
	job, first := r.aiJob(t, "raced", "gemma", "")
	worker := r.pod(t, "raced-1-1")
	job.Status.Workers = append(job.Status.Workers, v1alpha1.WorkerStatus{Part: 1, Attempt: 1, PodName: worker.Name, PodUID: worker.UID})
	r.UpdateStatus(t, job)
	second := r.token(t, workerport.ServiceAccount, worker, workerport.Audience)
	gatewaytest.Eventually(t, "the second worker is known", func() bool {
		status, _ := r.do(t, http.MethodGet, workerport.PathTicket, second, "")
		return status == http.StatusOK
	})
	before := r.spent(t)["gemma"]
	inputBefore, outputBefore := r.asked()
	var all sync.WaitGroup
	statuses, bodies := make([]int, 2), make([]string, 2)
	for i, token := range []string{first, second} {
		all.Go(func() {
			statuses[i], _, bodies[i], _ = r.post(t, t.Context(), token, 1, partOf(t, quickOf(1)), imageOf(1))
		})
	}
	all.Wait()
	if statuses[0]+statuses[1] != http.StatusCreated+http.StatusOK || bodies[0] != bodies[1] || bodies[0] == "" {
		t.Errorf("the answers are %v: %s\n%s", statuses, bodies[0], bodies[1])
	}
	after := r.spent(t)["gemma"]
	input, output := r.asked()
	if after.InputTokens-before.InputTokens != input-inputBefore || after.OutputTokens-before.OutputTokens != output-outputBefore {
		t.Errorf("spent %+v, and then %+v, of %d and %d tokens", before, after, input-inputBefore, output-outputBefore)
	}
}

// testGone has workers and jobs end while the model is asked.
func (r *readers) testGone(t *testing.T) {
	begun := func(before int) {
		gatewaytest.Eventually(t, "the endpoint is asked", func() bool { return len(r.endpoint.Asked()) > before })
	}
	stored := func(job *v1alpha1.OcrJob) int {
		numbers, err := r.Store.PageNumbers(t.Context(), r.namespace, job.UID)
		if err != nil {
			t.Fatal(err)
		}
		return len(numbers)
	}
	r.set(endpoint.Hang, 0)

	t.Run("a job that is cancelled takes no page more", func(t *testing.T) {
		job, token := r.aiJob(t, "cancelled", "hasty", "")
		before := len(r.endpoint.Asked())
		answered := make(chan int, 1)
		go func() {
			status, _, _, _ := r.post(t, t.Context(), token, 1, partOf(t, quickOf(1)), imageOf(1))
			answered <- status
		}()
		begun(before)
		job.Status.Phase = v1alpha1.PhaseCancelled
		r.UpdateStatus(t, job)
		if status := <-answered; status != http.StatusGone || stored(job) != 0 {
			t.Errorf("status %d, and %d pages are stored", status, stored(job))
		}
	})

	t.Run("a worker that goes leaves its page to the next attempt", func(t *testing.T) {
		job, token := r.aiJob(t, "left", "hasty", "")
		before := len(r.endpoint.Asked())
		ctx, leave := context.WithCancel(t.Context())
		go func() {
			begun(before)
			leave()
		}()
		if status, _, _, _ := r.post(t, ctx, token, 1, partOf(t, quickOf(1)), imageOf(1)); status != 0 {
			t.Errorf("status %d", status)
		}
		gatewaytest.Eventually(t, "nobody waits any more", func() bool {
			end, err := r.served.underWay[readings].Begin("khocr-acme/left/0")
			if err == nil {
				end()
			}
			release, err := r.served.waiting.TryHold("khocr-acme/left/0", waitingOfOne)
			if err == nil {
				release()
			}
			return err == nil
		})
		if stored(job) != 0 {
			t.Error("a page is stored that was not read")
		}
		r.set(endpoint.None, 0)
		if page := r.read(t, token, 1); !page.AI.Used {
			t.Errorf("%+v", *page.AI)
		}
	})

	t.Run("an answer that is under way is paid and kept, whether or not the worker waits", func(t *testing.T) {
		r.set(endpoint.Slow, 0)
		job, token := r.aiJob(t, "impatient", "gemma", "")
		asked, before := len(r.endpoint.Asked()), r.spent(t)["gemma"]
		ctx, leave := context.WithCancel(t.Context())
		go func() {
			begun(asked)
			leave()
		}()
		if status, _, _, _ := r.post(t, ctx, token, 1, partOf(t, quickOf(1)), imageOf(1)); status != 0 {
			t.Fatalf("status %d", status)
		}
		gatewaytest.Eventually(t, "the page is stored", func() bool { return stored(job) == 1 })
		after := r.spent(t)["gemma"]
		page := r.read(t, token, 1)
		if !page.AI.Used || page.AI.Cost == 0 || after.Cost-before.Cost != page.AI.Cost || after.Pages != before.Pages+1 {
			t.Errorf("%+v; spent %+v, and then %+v", *page.AI, before, after)
		}
		if more := len(r.endpoint.Asked()) - asked; more != 1 {
			t.Errorf("the endpoint was asked %d times", more)
		}
	})
}

func (r *readers) testRelayAway(t *testing.T) {
	r.set(endpoint.None, 0)
	none := r.gateway(t, "without")
	none.Relay = nil
	away := httptest.NewTLSServer(nil)
	closed := r.gateway(t, "away")
	closed.Relay = clientOf(t, away, "token")
	away.Close()
	for name, c := range map[string]struct {
		served   *Server
		attempts int
	}{"none": {none, 0}, "away": {closed, 2}} {
		at := &readers{port: &port{Gateway: r.Gateway, url: r.serve(t, c.served), namespace: r.namespace}, served: c.served, endpoint: r.endpoint}
		for _, fallback := range []v1alpha1.Fallback{v1alpha1.FallbackDefault, v1alpha1.FallbackNone} {
			_, token := at.aiJob(t, "relay-"+name+"-"+string(fallback), "gemma", fallback)
			page := at.read(t, token, 1)
			if page.AI.Reason != document.AIUnavailable || page.AI.Attempts != c.attempts || (page.Error != nil) != (fallback == v1alpha1.FallbackNone) {
				t.Errorf("%s: %+v, %+v", name, *page.AI, page.Error)
			}
		}
	}
}

// testBlank has a page read on which there is nothing to read.
func (r *readers) testBlank(t *testing.T) {
	r.set(endpoint.Empty, 0)
	blank := quickOf(1)
	blank = *blank.WithLines(nil)
	for _, fallback := range []v1alpha1.Fallback{v1alpha1.FallbackDefault, v1alpha1.FallbackNone} {
		_, token := r.aiJob(t, "blank-"+string(fallback), "gemma", fallback)
		status, page, body, _ := r.post(t, t.Context(), token, 1, partOf(t, blank), imageOf(1))
		if status != http.StatusCreated || page.Error != nil || !page.AI.Used || page.AI.Reason != "" || page.AI.Attempts != 1 || page.Text != "" {
			t.Errorf("fallback %s: status %d: %s", fallback, status, body)
		}
	}
}

// testMoved has a model be moved out of the cluster after a page has come for it.
func (r *readers) testMoved(t *testing.T) {
	r.set(endpoint.None, 0)
	r.model(t, "moving", nil)
	job, _ := r.aiJob(t, "moved", "moving", "")
	asked, err := r.served.inquiryOf(t.Context(), assignment{job: job}, 1)
	if err != nil {
		t.Fatal(err)
	}
	image := imageOf(1).content
	asked.incoming = &incoming{page: []byte(partOf(t, quickOf(1)).content), images: map[int]picture{wholePage: {"image/jpeg", []byte(image), 512, 512}}}
	model, err := r.served.aiModel(t.Context(), "moving")
	if err != nil {
		t.Fatal(err)
	}
	model = model.DeepCopy()
	model.Spec.OpenAI.Location, model.Spec.OpenAI.BaseURL = v1alpha1.LocationExternal, "https://127.0.0.1:1/v1"
	if err := r.Client.Update(t.Context(), model); err != nil {
		t.Fatal(err)
	}
	gatewaytest.Eventually(t, "the informers know where it is", func() bool {
		known, err := r.served.aiModel(t.Context(), "moving")
		return err == nil && known.LeavesCluster()
	})
	if found, err := r.served.askPage(t.Context(), asked); err != nil || found.reason != document.AINotOptedIn || found.next != fallBack {
		t.Errorf("%+v, %v", found, err)
	}
}

// testNoMemory has the memory for decoded pages be gone when the answer has come.
func (r *readers) testNoMemory(t *testing.T) {
	r.set(endpoint.None, 0)
	job, token := r.aiJob(t, "squeezed", "gemma", "")
	asked, err := r.served.inquiryOf(t.Context(), assignment{job: job}, 1)
	if err != nil {
		t.Fatal(err)
	}
	asked.incoming = &incoming{page: []byte(partOf(t, quickOf(1)).content)}
	before := r.spent(t)["gemma"]
	over, cancel := context.WithCancel(t.Context())
	cancel()
	request := httptest.NewRequest(http.MethodPost, "/", nil).WithContext(over)
	found := finding{text: textOf(1), attempts: 1, spent: relayport.Spent{InputTokens: 1000, OutputTokens: 100, Answers: 1}}
	if _, err := r.served.storeReading(request, asked, found); err == nil {
		t.Fatal("the page is stored")
	}
	// It is stored with what is noted next.
	r.read(t, token, 2)
	if after := r.spent(t)["gemma"]; after.Answers != before.Answers+2 || after.InputTokens < before.InputTokens+1000 {
		t.Errorf("spent %+v, and then %+v", before, after)
	}
}

// testRestart has a gateway go in the middle of a document, and another one go on.
func (r *readers) testRestart(t *testing.T) {
	r.set(endpoint.None, 0)
	_, token := r.aiJob(t, "restarted", "gemma", "")
	first := httptest.NewServer(r.gateway(t, "first").Handler())
	at := &readers{port: &port{Gateway: r.Gateway, url: first.URL, namespace: r.namespace}, endpoint: r.endpoint}
	for number := 1; number <= 3; number++ {
		at.read(t, token, number)
	}
	before := r.spent(t)["gemma"]
	// It has no chance to say anything more.
	first.CloseClientConnections()
	first.Close()
	asked := len(r.endpoint.Asked())
	at.url = r.serve(t, r.gateway(t, "second"))
	for number := 1; number <= 5; number++ {
		if page := at.read(t, token, number); !page.AI.Used || page.Text != textOf(number) {
			t.Errorf("page %d: %+v", number, *page.AI)
		}
	}
	if more := len(r.endpoint.Asked()) - asked; more != 2 {
		t.Errorf("%d pages are read again", more-2)
	}
	if after := r.spent(t)["gemma"]; after.Pages != before.Pages+2 || after.Answers != before.Answers+2 || after.Cost <= before.Cost {
		t.Errorf("spent %+v, and then %+v", before, after)
	}
}

// testRoom has the pages that wait for a model take all the memory that they may.
func (r *readers) testRoom(t *testing.T) {
	r.set(endpoint.Hang, 0)
	full := r.gateway(t, "full")
	full.waiting = memory.New(8<<10, 8<<10)
	at := &readers{port: &port{Gateway: r.Gateway, url: r.serve(t, full), namespace: r.namespace}, endpoint: r.endpoint}
	_, token := at.aiJob(t, "crowded", "hasty", "")
	before := len(r.endpoint.Asked())
	ctx, leave := context.WithCancel(t.Context())
	var all sync.WaitGroup
	all.Go(func() { at.post(t, ctx, token, 1, partOf(t, quickOf(1)), imageOf(1)) })
	gatewaytest.Eventually(t, "the endpoint is asked", func() bool { return len(r.endpoint.Asked()) > before })
	status, _, body, after := at.post(t, t.Context(), token, 2, partOf(t, quickOf(2)), imageOf(2))
	if status != http.StatusServiceUnavailable || after != "5" || !strings.Contains(body, "Busy") {
		t.Errorf("status %d, Retry-After %q: %s", status, after, body)
	}
	if status, body := at.put(t, token, 3, quickOf(3)); status != http.StatusCreated {
		t.Errorf("a page that needs no model: status %d: %s", status, body)
	}
	leave()
	all.Wait()
	r.set(endpoint.None, 0)
	gatewaytest.Eventually(t, "the model's time for the page is over", func() bool {
		release, err := full.waiting.TryHold("khocr-acme/crowded/0", 8<<10)
		if err == nil {
			release()
		}
		return err == nil
	})
	if page := at.read(t, token, 2); !page.AI.Used {
		t.Errorf("%+v", *page.AI)
	}
}

// testRefused has a worker that was taken over try what it may not.
func (r *readers) testRefused(t *testing.T) {
	r.set(endpoint.None, 0)
	job, token := r.aiJob(t, "hostile", "gemma", "")
	_, plain := r.job(t, "plain", uploaded("0123456789ab"))
	changed := func(change func(*document.Page)) document.Page {
		page := quickOf(1)
		change(&page)
		return page
	}
	asked := len(r.endpoint.Asked())
	for name, c := range map[string]struct {
		token  string
		number int
		parts  []named
		status int
	}{
		"a job without a model": {plain, 1, []named{partOf(t, quickOf(1)), imageOf(1)}, 400},
		"another page":          {token, 1, []named{partOf(t, quickOf(2)), imageOf(1)}, 400},
		"page 0":                {token, 0, []named{partOf(t, quickOf(1)), imageOf(1)}, 400},
		"a page that was read by the model already": {token, 1, []named{partOf(t, changed(func(p *document.Page) { p.AI = &document.AI{Model: "gemma", Used: true} })), imageOf(1)}, 400},
		"a page of the model":                       {token, 1, []named{partOf(t, changed(func(p *document.Page) { p.Model = "gemma" })), imageOf(1)}, 400},
		"a failed page":                             {token, 1, []named{partOf(t, changed(func(p *document.Page) { p.Error = &document.PageError{Code: "page_crashed"} })), imageOf(1)}, 400},
		"an image of a line":                        {token, 1, []named{partOf(t, quickOf(1)), {"line-0", imageOf(1).content}}, 400},
		"an image that is too large":                {token, 1, []named{partOf(t, quickOf(1)), {"image", string(endpoint.PageImage(1, 600, "image/jpeg"))}}, 400},
		"too many bytes":                            {token, 1, []named{partOf(t, quickOf(1)), {"image", strings.Repeat("x", maxReading)}}, 413},
	} {
		if status, _, body, _ := r.post(t, t.Context(), c.token, c.number, c.parts...); status != c.status {
			t.Errorf("%s: status %d, want %d: %s", name, status, c.status, body)
		}
	}
	for name, change := range map[string]func(*document.Page){
		"PUT, and says that the model has read it": func(p *document.Page) { p.Model = "gemma" },
		"PUT, and says what it cost":               func(p *document.Page) { p.AI = &document.AI{Model: "gemma", Used: true} },
	} {
		if status, body := r.put(t, token, 1, changed(change)); status != http.StatusBadRequest {
			t.Errorf("%s: status %d: %s", name, status, body)
		}
	}
	if exists, err := r.Store.Exists(t.Context(), storage.PageKey(r.namespace, job.UID, 1)); exists || err != nil {
		t.Errorf("something is stored: %v, %v", exists, err)
	}
	if len(r.endpoint.Asked()) != asked {
		t.Error("the endpoint was asked")
	}
	job.Status.Phase = v1alpha1.PhaseFailed
	r.UpdateStatus(t, job)
	if status, _, _, _ := r.post(t, t.Context(), token, 1, partOf(t, quickOf(1)), imageOf(1)); status != http.StatusGone {
		t.Errorf("an ended job: status %d", status)
	}
}
