package main

import (
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/openplp/khocr/api/v1alpha1"
	"github.com/openplp/khocr/apigateway/gatewaytest"
)

// testAIModel converts by an AI model that is there for the plan, and by one that would take pages out of the cluster.
func testAIModel(t *testing.T, platform *platform) {
	p := platform.person(t, "by-ai", 2)
	p.write("a.pdf", "b.pdf")
	for name, location := range map[string]v1alpha1.ModelLocation{"inside": v1alpha1.LocationInCluster, "outside": v1alpha1.LocationExternal} {
		model := &v1alpha1.OcrModel{ObjectMeta: metav1.ObjectMeta{Name: name}, Spec: v1alpha1.OcrModelSpec{
			DisplayName: v1alpha1.LocalizedText{En: "Vision " + name}, Engine: v1alpha1.EngineOpenAI, Languages: []string{"km"},
			OpenAI: &v1alpha1.OpenAIModel{BaseURL: "https://models.example.test/v1", Model: "m", Location: location,
				Price: &v1alpha1.ModelPrice{PerPage: "0.01"}, Plans: []v1alpha1.ModelPlan{{Name: "tested", PagesPerPage: new(int32(2))}}},
		}}
		if err := p.Client.Create(t.Context(), model); err != nil {
			t.Fatal(err)
		}
		model.Status.Conditions = []metav1.Condition{{Type: v1alpha1.ConditionReady, Status: metav1.ConditionFalse, Reason: "Unreachable", LastTransitionTime: metav1.Now()}}
		p.UpdateStatus(t, model)
	}

	if status, run := p.run("convert", "a.pdf", "--model", "outside"); status != exitKey || !strings.Contains(run.errs.String(), "leave the cluster") {
		t.Errorf("status %d: %s", status, &run.errs)
	}
	if status, run := p.run("convert", "a.pdf", "--model", "khocr", "--fallback", "none"); status != exitFailed || !strings.Contains(run.errs.String(), "fallback=none needs an AI model") {
		t.Errorf("status %d: %s", status, &run.errs)
	}
	_, run := p.run("models")
	for _, want := range []string{
		"inside ai no (unreachable) yes stay 0.01 USD a page; counts as 2 pages km Vision inside",
		"outside ai no (unreachable) no (external_model_not_allowed) leave the cluster 0.01 USD a page; counts as 2 pages km Vision outside",
		"khocr ocr",
	} {
		if listed := strings.Join(strings.Fields(run.out.String()), " "); !strings.Contains(listed, want) {
			t.Errorf("%q is not in\n%s%s", want, &run.out, &run.errs)
		}
	}
	for flag, want := range map[string]string{"--model": "inside\tVision inside", "--fallback": "none", "--correct": "ai"} {
		if _, run := p.run("__complete", "convert", flag, ""); !strings.Contains(run.out.String(), want+"\n") || strings.Contains(run.out.String(), "outside") {
			t.Errorf("for %s a shell offers\n%s", flag, &run.out)
		}
	}

	for _, test := range []struct {
		document string
		flags    []string
		says     string
		spec     v1alpha1.OcrJobSpec
	}{
		{"a.pdf", []string{"--model", "inside"}, "a.pdf: done: a.json; inside read 2 pages, the recogniser 1 others, 0 failed",
			v1alpha1.OcrJobSpec{Model: "inside"}},
		{"b.pdf", []string{"--model", "inside", "--json"}, `"ai":{"model":"inside","pages":2,"others":1}`, v1alpha1.OcrJobSpec{Model: "inside"}},
		{"b.pdf", []string{"--correct", "ai", "--format", "text", "--fallback", "default"}, "1 others",
			v1alpha1.OcrJobSpec{Correct: v1alpha1.CorrectAI, Fallback: v1alpha1.FallbackDefault}},
	} {
		run := p.start(append([]string{"convert", test.document}, test.flags...)...)
		job := p.awaitJobs(1)[0]
		if job.Spec.Model != test.spec.Model || job.Spec.Correct != test.spec.Correct || job.Spec.Fallback != test.spec.Fallback {
			t.Errorf("%q asks for %+v", test.flags, job.Spec)
		}
		if test.spec.Model == "" {
			p.complete(&job)
		} else {
			p.completeWithAI(&job)
		}
		gatewaytest.Eventually(t, "khocr ends", run.ended)
		corrected := test.spec.Correct != ""
		if said := run.out.String() + run.errs.String(); run.ProcessState.ExitCode() != 0 || strings.Contains(said, test.says) == corrected {
			t.Errorf("%q: status %d: %s", test.flags, run.ProcessState.ExitCode(), said)
		}
	}
}
