package ocrjob

import (
	"slices"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/openplp/khocr/api/v1alpha1"
)

func TestTheRecognizerIsTheOneThatIsNamedOrTheBest(t *testing.T) {
	model := func(name string, isDefault bool, age time.Duration, languages ...string) v1alpha1.OcrModel {
		return v1alpha1.OcrModel{
			ObjectMeta: metav1.ObjectMeta{Name: name, CreationTimestamp: metav1.NewTime(start.Add(-age))},
			Spec:       v1alpha1.OcrModelSpec{Default: &isDefault, Languages: languages},
			Status: v1alpha1.OcrModelStatus{Conditions: []metav1.Condition{
				{Type: v1alpha1.ConditionReady, Status: metav1.ConditionTrue}}},
		}
	}
	models := []v1alpha1.OcrModel{
		model("eng", false, 0, "en"), model("khm-eng", false, 0, "km", "en"),
		model("khmer", true, time.Hour, "km"), model("newer", true, 0, "km"),
	}
	broken := model("broken", false, 0, "km")
	broken.Status.Conditions[0].Status, broken.Status.Conditions[0].Message = metav1.ConditionFalse, "No trained data"
	unchecked := model("unchecked", false, 0, "km")
	unchecked.Status.Conditions = nil
	models = append(models, broken, unchecked)

	for name, test := range map[string]struct {
		name         string
		languages    []string
		want, reason string
	}{
		"the one that is named":                        {name: "eng", want: "eng"},
		"the one that is named, whatever it reads":     {name: "eng", languages: []string{"km"}, want: "eng"},
		"the oldest default one":                       {want: "khmer"},
		"the default one where it reads the languages": {languages: []string{"KM"}, want: "khmer"},
		"another where the default one does not":       {languages: []string{"km", "en"}, want: "khm-eng"},
		"none that does not exist":                     {name: "nosuch", want: "nosuch", reason: v1alpha1.ReasonModelNotFound},
		"none for a language that nobody reads":        {languages: []string{"km", "fr"}, reason: v1alpha1.ReasonModelNotFound},
		"none that is broken":                          {name: "broken", want: "broken", reason: v1alpha1.ReasonModelNotReady},
		"none that was not checked":                    {name: "unchecked", want: "unchecked", reason: v1alpha1.ReasonModelNotReady},
	} {
		t.Run("takes "+name, func(t *testing.T) {
			got := modelsAmong(models, &v1alpha1.OcrJob{Spec: v1alpha1.OcrJobSpec{Model: test.name, Languages: test.languages}}, nil)
			if got.Model != test.want || got.Reason != test.reason || (got.Reason == "") != (got.Problem == "") {
				t.Errorf("model = %+v", got)
			}
		})
	}
	if got := modelsAmong(nil, &v1alpha1.OcrJob{}, nil); got.Reason != v1alpha1.ReasonModelNotFound {
		t.Errorf("without models: %+v", got)
	}
}

// aiModel is one that the plan standard may use, with three pages for one.
func aiModel(name string, location v1alpha1.ModelLocation) v1alpha1.OcrModel {
	return v1alpha1.OcrModel{ObjectMeta: metav1.ObjectMeta{Name: name}, Spec: v1alpha1.OcrModelSpec{
		Engine: v1alpha1.EngineOpenAI, Languages: []string{"km", "en", "fr"},
		OpenAI: &v1alpha1.OpenAIModel{Location: location, Plans: []v1alpha1.ModelPlan{{Name: "standard", PagesPerPage: new(int32(3))}, {Name: "enterprise"}}}}}
}

func TestAIModelsAreChosenByThoseWhoMayUseThem(t *testing.T) {
	recognizer := func(name string, isDefault bool, languages ...string) v1alpha1.OcrModel {
		return v1alpha1.OcrModel{ObjectMeta: metav1.ObjectMeta{Name: name}, Spec: v1alpha1.OcrModelSpec{
			Engine: v1alpha1.EngineTesseract, Tesseract: &v1alpha1.TesseractModel{TrainedData: "khm"}, Default: &isDefault, Languages: languages},
			Status: v1alpha1.OcrModelStatus{Conditions: []metav1.Condition{{Type: v1alpha1.ConditionReady, Status: metav1.ConditionTrue}}}}
	}
	broken := recognizer("broken", false, "la")
	broken.Status.Conditions[0].Status, broken.Status.Conditions[0].Message = metav1.ConditionFalse, "No trained data"
	// By name they come before all others, and they read more: no reason to choose one that nobody has asked for.
	models := []v1alpha1.OcrModel{
		aiModel("a-hosted", v1alpha1.LocationExternal), aiModel("b-vision", v1alpha1.LocationInCluster), aiModel("c-vision", v1alpha1.LocationInCluster),
		recognizer("khm-eng", false, "km", "en"), recognizer("khmer", true, "km"), broken,
	}
	organization := func(plan string, external bool) *v1alpha1.Organization {
		return &v1alpha1.Organization{Spec: v1alpha1.OrganizationSpec{PlanRef: plan, AI: &v1alpha1.AISettings{AllowExternal: &external}}}
	}
	const (
		notAllowed = v1alpha1.ReasonModelNotAllowed
		notOutside = v1alpha1.ReasonExternalModelNotAllowed
	)
	free, standard, open, enterprise := organization("free", true), organization("standard", false), organization("standard", true), organization("enterprise", false)
	for name, test := range map[string]struct {
		organization *v1alpha1.Organization
		model        string
		correct      v1alpha1.Correction
		languages    []string
		want         Models
	}{
		"one that is named reads, and another stands by": {standard, "b-vision", "", nil, Models{Model: "b-vision", Recognizer: "khmer", PagesPerPage: 3}},
		"a plan without a rule counts a page as one":     {enterprise, "b-vision", "", nil, Models{Model: "b-vision", Recognizer: "khmer", PagesPerPage: 1}},
		"the one that stands by reads the languages":     {standard, "b-vision", "", []string{"km", "en"}, Models{Model: "b-vision", Recognizer: "khm-eng", PagesPerPage: 3}},
		"it is the default one where none does":          {standard, "b-vision", "", []string{"fr"}, Models{Model: "b-vision", Recognizer: "khmer", PagesPerPage: 3}},
		"it has to be ready": {standard, "b-vision", "", []string{"la"},
			Models{Model: "b-vision", Recognizer: "broken", PagesPerPage: 3, Reason: v1alpha1.ReasonModelNotReady}},
		"without correction it is as with auto": {standard, "b-vision", v1alpha1.CorrectOff, nil, Models{Model: "b-vision", Recognizer: "khmer", PagesPerPage: 3}},
		"one that the plan does not have":       {free, "b-vision", "", nil, Models{Model: "b-vision", Recognizer: "khmer", PagesPerPage: 1, Reason: notAllowed, Forbidden: true}},
		"one that is outside": {standard, "a-hosted", "", nil,
			Models{Model: "a-hosted", Recognizer: "khmer", PagesPerPage: 3, Reason: notOutside, Forbidden: true}},
		"one that is outside, and that is allowed": {open, "a-hosted", "", nil, Models{Model: "a-hosted", Recognizer: "khmer", PagesPerPage: 3}},
		"none on its own":                          {open, "", "", nil, Models{Model: "khmer"}},
		"none for languages that no other reads":   {open, "", "", []string{"fr"}, Models{Reason: v1alpha1.ReasonModelNotFound}},
		"one that is not there":                    {standard, "nosuch", "", nil, Models{Model: "nosuch", Reason: v1alpha1.ReasonModelNotFound}},

		"the first that may be used corrects":         {standard, "", v1alpha1.CorrectAI, nil, Models{Model: "khmer", Corrector: "b-vision"}},
		"one outside may be the first":                {open, "", v1alpha1.CorrectAI, nil, Models{Model: "khmer", Corrector: "a-hosted"}},
		"one that is named corrects":                  {standard, "c-vision", v1alpha1.CorrectAI, nil, Models{Model: "khmer", Corrector: "c-vision"}},
		"one of Tesseract that is named is corrected": {standard, "khm-eng", v1alpha1.CorrectAI, nil, Models{Model: "khm-eng", Corrector: "b-vision"}},
		"what is corrected reads the languages":       {standard, "c-vision", v1alpha1.CorrectAI, []string{"en"}, Models{Model: "khm-eng", Corrector: "c-vision"}},
		"nothing is corrected that nobody reads":      {standard, "c-vision", v1alpha1.CorrectAI, []string{"fr"}, Models{Reason: v1alpha1.ReasonModelNotFound}},
		"a corrector outside":                         {standard, "a-hosted", v1alpha1.CorrectAI, nil, Models{Model: "khmer", Corrector: "a-hosted", Reason: notOutside, Forbidden: true}},
		"a corrector that the plan does not have": {free, "b-vision", v1alpha1.CorrectAI, nil,
			Models{Model: "khmer", Corrector: "b-vision", Reason: notAllowed, Forbidden: true}},
		"no corrector at all":                {free, "", v1alpha1.CorrectAI, nil, Models{Model: "khmer", Reason: notAllowed, Forbidden: true}},
		"nobody's job, which does not begin": {nil, "b-vision", "", nil, Models{Model: "b-vision", Recognizer: "khmer"}},
	} {
		t.Run(name, func(t *testing.T) {
			job := &v1alpha1.OcrJob{Spec: v1alpha1.OcrJobSpec{Model: test.model, Correct: test.correct, Languages: test.languages}}
			got := modelsAmong(models, job, test.organization)
			if (got.Problem == "") != (got.Reason == "") {
				t.Errorf("the problem is %q, the reason %q", got.Problem, got.Reason)
			}
			if got.Problem = ""; got != test.want {
				t.Errorf("got  %+v\nwant %+v", got, test.want)
			}
			slices.Reverse(models)
			if got := modelsAmong(models, job, test.organization); got.Model != test.want.Model || got.Corrector != test.want.Corrector {
				t.Errorf("in another order of the list: %+v", got)
			}
		})
	}
	t.Run("only ones outside", func(t *testing.T) {
		job := &v1alpha1.OcrJob{Spec: v1alpha1.OcrJobSpec{Correct: v1alpha1.CorrectAI}}
		some := []v1alpha1.OcrModel{aiModel("a-hosted", v1alpha1.LocationExternal), recognizer("khmer", true, "km")}
		if got := modelsAmong(some, job, standard); got.Reason != notOutside || !got.Forbidden {
			t.Errorf("got %+v", got)
		}
		if got := modelsAmong(some[1:], job, standard); got.Reason != notAllowed || !got.Forbidden {
			t.Errorf("without any: %+v", got)
		}
	})
	t.Run("a job goes on as it was admitted", func(t *testing.T) {
		job := &v1alpha1.OcrJob{Spec: v1alpha1.OcrJobSpec{Model: "b-vision"}}
		job.Status.Model, job.Status.Recognizer, job.Status.PagesPerPage = "b-vision", "khm-eng", 7
		want := Models{Model: "b-vision", Recognizer: "khm-eng", PagesPerPage: 7}
		if got := modelsAmong(models, job, free); got != want {
			t.Errorf("without permission: %+v", got)
		}
		if got := modelsAmong([]v1alpha1.OcrModel{recognizer("khm-eng", false, "km")}, job, standard); got != want {
			t.Errorf("without the AI model: %+v", got)
		}
		if got := modelsAmong(nil, job, standard); got.Reason != v1alpha1.ReasonModelNotFound || got.Forbidden {
			t.Errorf("without any model: %+v", got)
		}
	})
}
