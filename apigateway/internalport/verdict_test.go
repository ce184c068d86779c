package internalport

import (
	"testing"

	"github.com/openplp/khocr/api/v1alpha1"
	"github.com/openplp/khocr/internal/document"
)

func TestNextStep(t *testing.T) {
	for _, c := range []struct {
		name      string
		reason    string
		attempt   int
		fallsBack bool
		want      step
	}{
		{"a text that is believed", "", 1, true, use},
		{"a text that is believed the second time", "", 2, false, use},
		{"a text that is not believed", document.AIGuardUnlike, 1, true, askAgain},
		{"a text that is not believed, and no fallback is wanted", document.AIGuardUnlike, 1, false, askAgain},
		{"again not believed", document.AIGuardScript, 2, true, fallBack},
		{"again not believed, and no fallback is wanted", document.AIGuardScript, 2, false, fail},
		{"a refusal", document.AIRefused, 1, true, askAgain},
		{"half an answer", document.AICutOff, 1, true, askAgain},
		{"nothing", document.AIEmpty, 1, true, askAgain},
		{"an answer without end", document.AITooLong, 1, true, askAgain},
		{"the relay is away", document.AIUnavailable, 1, true, askAgain},
		{"the relay is still away", document.AIUnavailable, 2, true, fallBack},
		{"the time is over", document.AITimeout, 1, true, fallBack},
		{"the time is over, and no fallback is wanted", document.AITimeout, 1, false, fail},
		{"the key is wrong", document.AIUnauthorized, 1, true, fallBack},
		{"nobody is there, which the relay has tried", document.AIUnreachable, 1, true, fallBack},
		{"too many questions, which the relay has waited for", document.AIRateLimited, 1, true, fallBack},
		{"no money is left", document.AICostLimit, 1, true, fallBack},
		{"no money is left, and no fallback is wanted", document.AICostLimit, 1, false, fail},
	} {
		if got := nextStep(c.reason, c.attempt, c.fallsBack); got != c.want {
			t.Errorf("%s: %d, want %d", c.name, got, c.want)
		}
	}
	for reason := range document.AIReasons() {
		for _, fallsBack := range []bool{true, false} {
			if got := nextStep(reason, maxAttempts, fallsBack); got == use || got == askAgain {
				t.Errorf("%s in the end: %d", reason, got)
			}
		}
	}
}

func TestWhatOneLineTellsOfTheOthers(t *testing.T) {
	for reason, want := range map[string]bool{
		"": false, document.AIEmpty: false, document.AIGuardUnlike: false, document.AIRefused: false, document.AITimeout: false,
		document.AIUnavailable: true, document.AIUnauthorized: true, document.AIKeyMissing: true, document.AIUnreachable: true, document.AIBusy: true,
	} {
		if got := hopeless(reason); got != want {
			t.Errorf("%q: %v", reason, got)
		}
	}
}

func TestRoleOf(t *testing.T) {
	for name, c := range map[string]struct {
		status            v1alpha1.OcrJobStatus
		role              document.AIRole
		model, recognizer string
	}{
		"none":        {v1alpha1.OcrJobStatus{Model: "khmer"}, "", "", "khmer"},
		"not yet":     {v1alpha1.OcrJobStatus{}, "", "", "asked"},
		"a reader":    {v1alpha1.OcrJobStatus{Model: "gemma", Recognizer: "khmer"}, document.RoleReader, "gemma", "khmer"},
		"a corrector": {v1alpha1.OcrJobStatus{Model: "khmer", Corrector: "gemma"}, document.RoleCorrector, "gemma", "khmer"},
	} {
		job := &v1alpha1.OcrJob{Spec: v1alpha1.OcrJobSpec{Model: "asked"}, Status: c.status}
		if role, model := roleOf(job); role != c.role || model != c.model || recognizerOf(job) != c.recognizer {
			t.Errorf("%s: %q by %q over %q", name, role, model, recognizerOf(job))
		}
	}
}

func TestMayAsk(t *testing.T) {
	model := func(location v1alpha1.ModelLocation, plan string) *v1alpha1.OcrModel {
		return &v1alpha1.OcrModel{Spec: v1alpha1.OcrModelSpec{Engine: v1alpha1.EngineOpenAI,
			OpenAI: &v1alpha1.OpenAIModel{Location: location, Plans: []v1alpha1.ModelPlan{{Name: plan}}}}}
	}
	organization := func(allowed *bool) *v1alpha1.Organization {
		return &v1alpha1.Organization{Spec: v1alpha1.OrganizationSpec{PlanRef: "standard", AI: &v1alpha1.AISettings{AllowExternal: allowed}}}
	}
	for name, c := range map[string]struct {
		organization *v1alpha1.Organization
		model        *v1alpha1.OcrModel
		want         string
	}{
		"in the cluster":                {organization(nil), model(v1alpha1.LocationInCluster, "standard"), ""},
		"elsewhere":                     {organization(nil), model(v1alpha1.LocationExternal, "standard"), document.AINotOptedIn},
		"elsewhere, which is not meant": {organization(new(false)), model(v1alpha1.LocationExternal, "standard"), document.AINotOptedIn},
		"elsewhere, as is meant":        {organization(new(true)), model(v1alpha1.LocationExternal, "standard"), ""},
		"of another plan":               {organization(new(true)), model(v1alpha1.LocationInCluster, "enterprise"), document.AINotAllowed},
		"gone":                          {organization(new(true)), nil, document.AIModelNotFound},
		"another engine's by now":       {organization(nil), &v1alpha1.OcrModel{Spec: v1alpha1.OcrModelSpec{Engine: v1alpha1.EngineTesseract}}, document.AIModelNotFound},
	} {
		if got := mayAsk(c.organization, c.model); got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}
