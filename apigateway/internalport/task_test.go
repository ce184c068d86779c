package internalport

import (
	"testing"

	"github.com/openplp/khocr/api/v1alpha1"
	"github.com/openplp/khocr/internal/document"
	"github.com/openplp/khocr/internal/workerport"
)

func TestTaskOf(t *testing.T) {
	model := func(spec v1alpha1.OpenAIModel) *v1alpha1.OcrModel {
		return &v1alpha1.OcrModel{Spec: v1alpha1.OcrModelSpec{Engine: v1alpha1.EngineOpenAI, OpenAI: &spec}}
	}
	reader := workerport.AITask{Role: document.RoleReader, MaxSide: 2048, MediaType: "image/jpeg", TimeoutSeconds: 300 + 2*120 + 30, AtOnce: 4}
	for name, c := range map[string]struct {
		role  document.AIRole
		model *v1alpha1.OcrModel
		want  workerport.AITask
	}{
		"of a model that says nothing":     {document.RoleReader, model(v1alpha1.OpenAIModel{}), reader},
		"of a model that is gone":          {document.RoleReader, nil, reader},
		"of a model of another engine now": {document.RoleReader, &v1alpha1.OcrModel{}, reader},
		"of a model that says all": {document.RoleReader, model(v1alpha1.OpenAIModel{TimeoutSeconds: new(int32(10)), Concurrency: new(int32(2)),
			Image: &v1alpha1.ModelImage{MaxSide: new(int32(1024)), Format: "png"}}),
			workerport.AITask{Role: document.RoleReader, MaxSide: 1024, MediaType: "image/png", TimeoutSeconds: 300 + 2*10 + 30, AtOnce: 2}},
		"of a corrector": {document.RoleCorrector, model(v1alpha1.OpenAIModel{Concurrency: new(int32(100))}),
			workerport.AITask{Role: document.RoleCorrector, MaxSide: 2048, MediaType: "image/jpeg", TimeoutSeconds: 570, AtOnce: 4, UnsureBelow: 75, MaxLines: 20}},
	} {
		if got := taskOf(c.role, c.model); *got != c.want {
			t.Errorf("%s: %+v, want %+v", name, *got, c.want)
		}
	}
}
