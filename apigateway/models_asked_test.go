package apigateway

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/openplp/khocr/api/v1alpha1"
	"github.com/openplp/khocr/apigateway/gatewaytest"
)

// aiModel is one that organizations of the plans may use.
func aiModel(name string, location v1alpha1.ModelLocation, plans ...string) v1alpha1.OcrModel {
	model := v1alpha1.OcrModel{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Spec: v1alpha1.OcrModelSpec{
			DisplayName: v1alpha1.LocalizedText{En: "Model " + name}, Engine: v1alpha1.EngineOpenAI, Languages: []string{"km"},
			OpenAI: &v1alpha1.OpenAIModel{BaseURL: "https://models.example.test/v1", Model: "m", Location: location},
		},
	}
	for _, plan := range plans {
		model.Spec.OpenAI.Plans = append(model.Spec.OpenAI.Plans, v1alpha1.ModelPlan{Name: plan, PagesPerPage: new(int32(2))})
	}
	return model
}

func TestJudgeModels(t *testing.T) {
	ready := func(model v1alpha1.OcrModel) v1alpha1.OcrModel {
		model.Status.Conditions = []metav1.Condition{{Type: v1alpha1.ConditionReady, Status: metav1.ConditionTrue, Reason: "Available"}}
		return model
	}
	tesseract := v1alpha1.OcrModel{ObjectMeta: metav1.ObjectMeta{Name: "khmer"}, Spec: v1alpha1.OcrModelSpec{Engine: v1alpha1.EngineTesseract}}
	inside, outside := aiModel("inside", v1alpha1.LocationInCluster, "gold"), aiModel("outside", v1alpha1.LocationExternal, "gold")
	both := []v1alpha1.OcrModel{ready(tesseract), ready(inside), ready(outside)}
	away := []v1alpha1.OcrModel{tesseract, inside, outside}
	external := []v1alpha1.OcrModel{ready(tesseract), ready(outside)}
	organization := func(plan string, opted bool) *v1alpha1.Organization {
		return &v1alpha1.Organization{Spec: v1alpha1.OrganizationSpec{PlanRef: plan, AI: &v1alpha1.AISettings{AllowExternal: &opted}}}
	}
	type spec = v1alpha1.OcrJobSpec
	const corrects, strict = v1alpha1.CorrectAI, v1alpha1.FallbackNone
	for name, c := range map[string]struct {
		models []v1alpha1.OcrModel
		by     *v1alpha1.Organization
		asked  spec
		want   string
	}{
		"nothing is named":                        {both, organization("free", false), spec{}, ""},
		"a recogniser":                            {both, organization("free", false), spec{Model: "khmer"}, ""},
		"a recogniser that is not ready":          {away, organization("free", false), spec{Model: "khmer"}, "model_not_ready"},
		"a model that is not there":               {both, organization("gold", true), spec{Model: "gone"}, "unknown_model"},
		"an AI model":                             {both, organization("gold", false), spec{Model: "inside"}, ""},
		"of another plan":                         {both, organization("free", true), spec{Model: "inside"}, "model_not_allowed"},
		"outside":                                 {both, organization("gold", true), spec{Model: "outside"}, ""},
		"outside, without leave":                  {both, organization("gold", false), spec{Model: "outside"}, "external_model_not_allowed"},
		"outside, of an organization that is new": {both, &v1alpha1.Organization{Spec: v1alpha1.OrganizationSpec{PlanRef: "gold"}}, spec{Model: "outside"}, "external_model_not_allowed"},
		"an endpoint that is away":                {away, organization("gold", false), spec{Model: "inside"}, ""},
		"and nobody who stands by":                {away, organization("gold", false), spec{Model: "inside", Fallback: strict}, "model_not_ready"},
		"nobody stands by":                        {both, organization("gold", false), spec{Model: "inside", Fallback: strict}, ""},
		"not allowed comes before not ready":      {away, organization("free", false), spec{Model: "inside", Fallback: strict}, "model_not_allowed"},
		"none instead of a recogniser":            {both, organization("gold", false), spec{Model: "khmer", Fallback: strict}, "invalid_parameter"},
		"none without a model":                    {both, organization("gold", false), spec{Fallback: strict}, "invalid_parameter"},
		"none of a corrector":                     {both, organization("gold", false), spec{Model: "inside", Correct: corrects, Fallback: strict}, "invalid_parameter"},
		"a corrector":                             {both, organization("gold", false), spec{Correct: corrects}, ""},
		"a corrector beside a recogniser":         {both, organization("gold", false), spec{Model: "khmer", Correct: corrects}, ""},
		"a corrector that is away":                {away, organization("gold", false), spec{Correct: corrects}, ""},
		"a corrector by its name":                 {both, organization("gold", true), spec{Model: "outside", Correct: corrects}, ""},
		"a corrector by its name, without leave":  {both, organization("gold", false), spec{Model: "outside", Correct: corrects}, "external_model_not_allowed"},
		"only one outside corrects":               {external, organization("gold", false), spec{Correct: corrects}, "external_model_not_allowed"},
		"nobody corrects for this plan":           {both, organization("free", true), spec{Correct: corrects}, "model_not_allowed"},
		"nobody corrects at all":                  {both[:1], organization("gold", true), spec{Correct: corrects}, "model_not_allowed"},
	} {
		t.Run(name, func(t *testing.T) {
			err := judgeModels(c.models, c.by, &c.asked)
			problem := new(problemError)
			switch {
			case err == nil:
			case !errors.As(err, &problem):
				t.Fatal(err)
			case problem.detail == "" || !isKhmer(problem.detailKm):
				t.Errorf("%+v does not say it in both languages", problem)
			}
			if problem.Code != c.want {
				t.Errorf("got %q, want %q", problem.Code, c.want)
			}
		})
	}
}

// testAIModels asks for AI models over HTTP.
func testAIModels(t *testing.T, g *gatewaytest.Gateway) {
	const namespace = "khocr-reading-ai"
	key := g.Organization(t, "reading-ai", nil)
	free := makeModel(t, g, aiModel("vision-free", v1alpha1.LocationInCluster, "tested"), metav1.ConditionFalse, "Unreachable")
	makeModel(t, g, aiModel("vision-hosted", v1alpha1.LocationExternal, "tested"), metav1.ConditionTrue, "Available")
	makeModel(t, g, aiModel("vision-other", v1alpha1.LocationInCluster, "another-plan"), metav1.ConditionTrue, "Available")
	a := serve(t, g, func(s *Server) { s.Client = strictClient{s.Client, t} })
	fields := func(given ...string) []part {
		parts := []part{pdf("a.pdf", 99)}
		for _, one := range given {
			name, value, _ := strings.Cut(one, "=")
			parts = append(parts, part{name: name, content: value})
		}
		return parts
	}

	a.convert(t, key, fields("model=vision-hosted")...).wantProblem(t, 403, "external_model_not_allowed")
	a.convert(t, key, fields("model=vision-other", "fallback=none")...).wantProblem(t, 403, "model_not_allowed")
	a.convert(t, key, fields("fallback=none")...).wantProblem(t, 400, "invalid_parameter")
	a.convert(t, key, fields("fallback=auto")...).wantProblem(t, 400, "invalid_parameter")
	if got := a.convert(t, key, fields("model=vision-free", "fallback=none")...); got.wantProblem(t, 503, "model_not_ready").Code == "" || got.Header.Get("Retry-After") == "" {
		t.Error("no Retry-After")
	}
	if jobs := g.Jobs(t, namespace); len(jobs) != 0 {
		t.Fatalf("%d jobs were made of what was refused", len(jobs))
	}

	corrected := jobOf(t, a, namespace, a.convert(t, key, fields("correct=ai")...))
	if corrected.Spec.Correct != v1alpha1.CorrectAI || corrected.Spec.Model != "" {
		t.Errorf("spec %+v", corrected.Spec)
	}
	read := jobOf(t, a, namespace, a.convert(t, key, fields("model=vision-free", "fallback=default")...))
	if read.Spec.Model != free.Name || read.Spec.Fallback != v1alpha1.FallbackDefault {
		t.Errorf("spec %+v", read.Spec)
	}

	// Once the manager has admitted them, they tell which AI model has to do with them.
	read.Status = v1alpha1.OcrJobStatus{Phase: v1alpha1.PhaseRunning, Model: "vision-free", Recognizer: "khmer",
		Pages: &v1alpha1.PageCounts{Total: 3, Done: 2, Recognized: 2, AI: 1}}
	g.UpdateStatus(t, read)
	corrected.Status = v1alpha1.OcrJobStatus{Phase: v1alpha1.PhaseRunning, Model: "khmer", Corrector: "gone"}
	g.UpdateStatus(t, corrected)
	for job, want := range map[string]string{
		read.Name:      `"ai":{"model":"vision-free","role":"reader","leaves_cluster":false}`,
		corrected.Name: `"ai":{"model":"gone","role":"corrector"}`,
	} {
		gatewaytest.Eventually(t, "the job tells of "+want, func() bool {
			got := a.get(t, "/api/v1/jobs/"+job, key)
			return got.StatusCode == http.StatusOK && strings.Contains(string(got.body), want)
		})
	}
	if got := a.get(t, "/api/v1/jobs/"+read.Name, key); !strings.Contains(string(got.body), `"recognized":2,"failed":0,"ai":1}`) ||
		!strings.Contains(string(got.body), `"fallback":"default"`) {
		t.Errorf("%s", got.body)
	}

	// A retry asks for the same, and is held to what holds now.
	read.Status.Phase = v1alpha1.PhaseFailed
	g.UpdateStatus(t, read)
	again := jobOf(t, a, namespace, a.retry(t, key, read.Name, ""))
	if again.Spec.Model != read.Spec.Model || again.Spec.Fallback != read.Spec.Fallback {
		t.Errorf("the retry asks for %+v", again.Spec)
	}
	free.Spec.OpenAI.Plans = []v1alpha1.ModelPlan{{Name: "another-plan"}}
	if err := g.Client.Update(t.Context(), free); err != nil {
		t.Fatal(err)
	}
	gatewaytest.Eventually(t, "the plan has lost the model", func() bool {
		return strings.Contains(string(a.get(t, "/api/v1/models", key).body), `"id":"vision-free","name":"Model vision-free","name_km":"Model vision-free","type":"ai","engine":"openai","languages":["km"],"default":false,"leaves_cluster":false,"allowed":false`)
	})
	a.retry(t, key, read.Name, "").wantProblem(t, 403, "model_not_allowed")
}
