package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/openplp/khocr/api/v1alpha1"
	"github.com/openplp/khocr/internal/document"
	"github.com/openplp/khocr/internal/money"
	"github.com/openplp/khocr/test/endpoint"
)

const (
	// endpointURL is where the local platform has the endpoint of tests.
	endpointURL = "http://10.96.0.82/v1"
	endpointKey = "e2e-key-0123456789"
	visionName  = "e2e-vision"
)

// guarded are what the guard may say of a text that is not the page's.
var guarded = []string{document.AIRefused, document.AIGuardForeign, document.AIGuardLength, document.AIGuardRepetition, document.AIGuardScript, document.AIGuardUnlike}

// outcomesOf are what may become of a page that has a fault each time it is asked about: used, or a reason.
var outcomesOf = map[endpoint.Kind][]string{
	endpoint.None:          {"used"},
	endpoint.Unauthorized:  {document.AIUnauthorized},
	endpoint.RateLimited:   {document.AIRateLimited},
	endpoint.ServerError:   {document.AIEndpointError},
	endpoint.Hang:          {document.AITimeout},
	endpoint.Slow:          {"used"},
	endpoint.CutOff:        {document.AICutOff},
	endpoint.Broken:        {document.AICutOff, document.AIMalformed, document.AIUnreachable},
	endpoint.Closed:        {document.AIUnreachable},
	endpoint.NotJSON:       {document.AIMalformed},
	endpoint.WrongShape:    {document.AIMalformed},
	endpoint.Huge:          {document.AITooLong},
	endpoint.OtherLanguage: guarded,
	endpoint.Empty:         {document.AIEmpty},
	endpoint.Refusal:       {document.AIRefused},
	endpoint.Filtered:      {document.AIRefused},
	endpoint.Sorry:         guarded,
	endpoint.Repetition:    guarded,
	endpoint.Obeys:         guarded,
	endpoint.Unlike:        guarded,
	endpoint.Chatty:        {"used"},
}

// control tells the endpoint what to answer.
func (p *platform) control(settings endpoint.Settings) {
	p.Helper()
	body, err := json.Marshal(settings)
	p.must(err)
	p.must(p.kube.CoreV1().RESTClient().Put().Namespace("khocr-samples").Resource("services").Name("khocr-endpoint:http").
		SubResource("proxy").Suffix("control").SetHeader("Content-Type", "application/json").Body(body).Do(p.Context()).Error())
}

// shapes are the settings for shapes20.pdf.
func (p *platform) shapes(faults ...endpoint.Kind) endpoint.Settings {
	p.Helper()
	settings := endpoint.Settings{Model: "test-vision", Key: endpointKey, Faults: faults, Seed: seedOf(p.T)}
	p.must(json.Unmarshal(testdata(p, "shapes20.json"), &settings.Pages))
	return settings
}

// keepModelKey puts the endpoint's key where the relay finds it.
func (p *platform) keepModelKey() {
	p.Helper()
	secret := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: systemNS, Name: v1alpha1.SecretModelKeys},
		StringData: map[string]string{"e2e": endpointKey}}
	if err := p.client.Create(p.Context(), secret); !apierrors.IsAlreadyExists(err) {
		p.must(err)
	}
	p.Cleanup(func() { _ = p.client.Delete(context.Background(), secret) })
}

// visionModel makes a model of the endpoint that goes with the test.
func (p *platform) visionModel(name, baseURL, plan string) {
	p.Helper()
	model := &v1alpha1.OcrModel{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Spec: v1alpha1.OcrModelSpec{
			DisplayName: v1alpha1.LocalizedText{En: "Vision", Km: "ចក្ខុវិញ្ញាណ"}, Engine: v1alpha1.EngineOpenAI, Languages: []string{"km", "en"},
			OpenAI: &v1alpha1.OpenAIModel{
				BaseURL: baseURL, Model: "test-vision", Location: v1alpha1.LocationInCluster, APIKeyName: "e2e",
				TimeoutSeconds: new(int32(10)), Retries: new(int32(1)), Concurrency: new(int32(3)),
				Price: &v1alpha1.ModelPrice{PerPage: "0.01", PerMillionInputTokens: "1", PerMillionOutputTokens: "2"},
				Plans: []v1alpha1.ModelPlan{{Name: plan, PagesPerPage: new(int32(2))}},
			},
		},
	}
	p.must(p.client.Create(p.Context(), model))
	p.Cleanup(func() { _ = p.client.Delete(context.Background(), model) })
}

// modelTold is what GET /models says of a model.
type modelTold struct {
	ID            string  `json:"id"`
	Type          string  `json:"type"`
	Ready         bool    `json:"ready"`
	Reason        *string `json:"reason"`
	LeavesCluster bool    `json:"leaves_cluster"`
	Allowed       bool    `json:"allowed"`
}

// model is what the API and kubectl say of a model at present.
func (t *tenant) model(name string) (told modelTold, row string) {
	t.Helper()
	status, body, err := t.try(http.MethodGet, "/api/v1/models", nil, "")
	if err != nil || status != http.StatusOK {
		return modelTold{}, ""
	}
	var all struct {
		Models []modelTold `json:"models"`
	}
	t.must(json.Unmarshal(body, &all))
	at := slices.IndexFunc(all.Models, func(m modelTold) bool { return m.ID == name })
	if at < 0 {
		return modelTold{}, ""
	}
	for line := range strings.Lines(t.kubectl("get", "ocrmodels")) {
		if strings.HasPrefix(line, name+" ") {
			row = strings.TrimSpace(line)
		}
	}
	return all.Models[at], row
}

// awaitModel waits until a model is ready, or is not for a reason.
func (t *tenant) awaitModel(name, reason string) {
	t.Helper()
	t.until(fmt.Sprintf("the model %s is ready, or not for %q", name, reason), func() bool {
		told, row := t.model(name)
		is := told.Ready == (reason == "") && (told.Ready || told.Reason != nil && *told.Reason == reason)
		if is {
			t.Logf("GET /models: ready %v, reason %q; kubectl get ocrmodels: %s", told.Ready, reason, row)
		}
		return is && strings.Contains(row, map[bool]string{true: "True", false: "False"}[told.Ready])
	})
}

// The pages of a document are read by an AI model whose endpoint fails at nearly all of them in another way.
func TestAnAIModelReadsThroughEveryFault(t *testing.T) {
	p := connect(t)
	plan := p.newPlan(func(*v1alpha1.PlanSpec) {})
	org := p.newTenant(plan)
	faults := slices.DeleteFunc(append(endpoint.Kinds(), endpoint.None), func(kind endpoint.Kind) bool {
		return kind == endpoint.Drip || kind == endpoint.Filtered // the likes of hang and refusal
	})
	settings := p.shapes(faults...)
	p.control(settings)
	p.keepModelKey()
	p.visionModel(visionName, endpointURL, plan)
	org.awaitModel(visionName, "")

	id := org.submit(form{fileName: "shapes20.pdf", content: testdata(t, "shapes20.pdf"), fields: map[string]string{"model": visionName}})
	if job := org.await(id); job.Status != "COMPLETED" || job.Progress != 100 {
		t.Fatalf("job = %+v, error %+v", job, job.Error)
	}
	pages := org.jsonResult(id).Pages
	if len(pages) != len(settings.Pages) {
		t.Fatalf("%d pages", len(pages))
	}
	var table strings.Builder
	table.WriteString("| Page | Fault | How often | Model | Used | Reason | Answers | Tokens | Cost |\n|---|---|---|---|---|---|---|---|---|\n")
	var cost money.Amount
	used := 0
	for _, page := range pages {
		fault := settings.FaultOf(page.Number)
		ai := page.AI
		if page.Error != nil || page.Text == "" || ai == nil || ai.Model != visionName {
			t.Errorf("page %d with the fault %s: error %+v, %d bytes of text, AI %+v", page.Number, fault.Kind, page.Error, len(page.Text), ai)
			continue
		}
		got, model := ai.Reason, "khocr"
		if ai.Used {
			got, model = "used", visionName
			used++
		}
		allowed := outcomesOf[fault.Kind]
		if fault.Times > 0 {
			// The second answer is right, unless the first one was not worth a second question.
			allowed = append(slices.Clone(allowed), "used")
		}
		if page.Model != model || !slices.Contains(allowed, got) {
			t.Errorf("page %d with the fault %s %d times is of the model %s and %s, want one of %q", page.Number, fault.Kind, fault.Times, page.Model, got, allowed)
		}
		if rate := errorRate(page.Text, settings.Pages[page.Number]); rate > 0.1 || ai.Used && fault.Kind == endpoint.None && rate > 0 {
			t.Errorf("page %d: %.1f %% of the characters are wrong:\n%s", page.Number, 100*rate, page.Text)
		}
		cost += ai.Cost
		fmt.Fprintf(&table, "| %d | %s | %s | %s | %v | %s | %d | %d + %d | %s |\n", page.Number, fault.Kind, map[bool]string{true: "always", false: "once"}[fault.Times == 0],
			page.Model, ai.Used, ai.Reason, ai.Attempts, ai.InputTokens, ai.OutputTokens, ai.Cost)
	}
	if used == 0 || used == len(pages) || cost == 0 {
		t.Errorf("the model's text is that of %d pages, at a cost of %s", used, cost)
	}
	report(t, "faults", table.String())

	t.Run("the page that gives orders is read as it stands", func(t *testing.T) {
		if text := pages[6].Text; !strings.Contains(text, "PWNED") || len(pages[6].Lines) < 9 {
			t.Errorf("it says:\n%s", text)
		}
	})
	t.Run("every format has the whole text", func(t *testing.T) {
		org := org.at(t)
		for _, format := range []string{"text", "hocr", "alto", "docx", "pdf", "markdown"} {
			if len(org.result(id, format)) == 0 {
				t.Errorf("nothing comes as %s", format)
			}
		}
		if got := strings.Count(textOf(t, org.result(id, "pdf")), "\f"); got != len(pages) {
			t.Errorf("the searchable PDF has %d pages", got)
		}
	})
	t.Run("charged as the plan says", func(t *testing.T) {
		if charged, want := org.at(t).settledPages(id), int64(len(pages)+used); charged != want {
			t.Errorf("%d pages were charged, want %d: those of the model count twice", charged, want)
		}
	})
	t.Run("the month knows the cost", func(t *testing.T) {
		org := org.at(t)
		status, body, err := org.try(http.MethodGet, "/api/v1/usage", nil, "")
		org.must(err)
		var told struct {
			AI *struct {
				Cost  money.Amount `json:"cost"`
				Pages int          `json:"pages"`
			} `json:"ai"`
		}
		org.must(json.Unmarshal(body, &told))
		if status != http.StatusOK || told.AI == nil || told.AI.Cost != cost || told.AI.Pages != used {
			t.Errorf("%d %s, want %d pages for %s", status, body, used, cost)
		}
	})
	t.Run("the key is nowhere", func(t *testing.T) {
		for _, component := range []string{"gateway", "manager", "relay"} {
			logs := p.kubectl("logs", "--namespace", systemNS, "--selector", "app.kubernetes.io/component="+component, "--tail=-1")
			if strings.Contains(logs, endpointKey) {
				t.Errorf("it is in the logs of the %s", component)
			}
		}
		if objects := p.kubectl("get", "ocrmodels,ocrjobs,pods,events", "--all-namespaces", "--output=yaml"); strings.Contains(objects, endpointKey) {
			t.Error("it is in an object that is no Secret")
		}
	})
}

func TestAnEndpointComesAndGoes(t *testing.T) {
	p := connect(t)
	plan := p.newPlan(func(*v1alpha1.PlanSpec) {})
	org := p.newTenant(plan)
	settings := p.shapes()
	away := settings
	away.Away = true
	p.control(away)
	p.keepModelKey()
	const name = "e2e-comes-and-goes"
	p.visionModel(name, endpointURL, plan)
	shapes := testdata(t, "shapes20.pdf")

	org.awaitModel(name, "unreachable")
	t.Run("a document that nothing else shall read is not taken", func(t *testing.T) {
		org := org.at(t)
		body, contentType := form{fileName: "shapes20.pdf", content: shapes,
			fields: map[string]string{"model": name, "pages": "1-2", "fallback": "none"}}.encode()
		a, err := org.send(http.MethodPost, "/api/v1/convert", body, contentType)
		org.must(err)
		if told := a.problem(); a.status != http.StatusServiceUnavailable || told.Code != "model_not_ready" || told.MessageKm == "" {
			t.Errorf("%d %s", a.status, a.body)
		}
	})
	t.Run("another one is read by the recogniser", func(t *testing.T) {
		org := org.at(t)
		id := org.submit(form{fileName: "shapes20.pdf", content: shapes, fields: map[string]string{"model": name, "pages": "1-2"}})
		if job := org.await(id); job.Status != "COMPLETED" {
			t.Fatalf("job = %+v, error %+v", job, job.Error)
		}
		for _, page := range org.jsonResult(id).Pages {
			if page.AI == nil || page.AI.Used || page.AI.Reason != document.AIUnreachable || page.Model != "khocr" || page.Text == "" {
				t.Errorf("page %d: model %s, AI %+v", page.Number, page.Model, page.AI)
			}
		}
	})
	p.control(settings)
	org.awaitModel(name, "")
	t.Run("a corrector is asked about unsure lines alone", func(t *testing.T) {
		org := org.at(t)
		id := org.submit(form{fileName: "pages3.tiff", content: testdata(t, "pages3.tiff"), fields: map[string]string{"correct": "ai"}})
		if job := org.await(id); job.Status != "COMPLETED" {
			t.Fatalf("job = %+v, error %+v", job, job.Error)
		}
		if corrector := org.job(id).Status.Corrector; corrector != name {
			t.Errorf("the corrector is %q", corrector)
		}
		for _, page := range org.jsonResult(id).Pages {
			if page.Model != "khocr" || page.AI == nil || page.AI.Role != document.RoleCorrector || page.AI.Lines == 0 || page.AI.Lines >= len(page.Lines) {
				t.Errorf("page %d: model %s, %d lines, AI %+v", page.Number, page.Model, len(page.Lines), page.AI)
			}
		}
	})
	wrong := settings
	wrong.Key = "another"
	p.control(wrong)
	org.awaitModel(name, "unauthorized")
	p.control(away)
	org.awaitModel(name, "unreachable")
}

func TestAnEndpointMayNotBeTheClusterItself(t *testing.T) {
	p := connect(t)
	plan := p.newPlan(func(*v1alpha1.PlanSpec) {})
	org := p.newTenant(plan)
	p.keepModelKey()
	for i, baseURL := range []string{"https://10.96.0.1/v1", "http://169.254.169.254/v1", "http://127.0.0.1:8081/v1"} {
		name := "e2e-guarded-" + strconv.Itoa(i)
		p.visionModel(name, baseURL, plan)
		org.awaitModel(name, "address_refused")
	}
}
